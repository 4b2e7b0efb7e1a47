//! What a caller may.

use super::scope_names::NAMES;

/// One thing that a caller may. The contract names one for each method by its option `required_scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Reads journeys and their states.
    JourneysRead,
    /// Opens, changes and ends journeys and consents.
    JourneysWrite,
    /// Reads financial data, without what is personal in it.
    DataRead,
    /// Reads the providers' own bytes.
    EvidenceRead,
    /// Reads which providers there are and what they can do.
    ProvidersRead,
    /// Reads what shows a person in full: the FULL view, documents as bytes. No method needs it by itself.
    PiiRead,
    /// Reads what concerns the operation of the gateway for the tenant: what is overdue, providers' own references.
    OpsRead,
    /// Changes what concerns the operation of the gateway for the tenant: ends pauses of a provider's calls.
    OpsWrite,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 8] = [
        Self::JourneysRead,
        Self::JourneysWrite,
        Self::DataRead,
        Self::EvidenceRead,
        Self::ProvidersRead,
        Self::PiiRead,
        Self::OpsRead,
        Self::OpsWrite,
    ];

    /// The name as the contract, tokens and the configuration write it.
    pub const fn name(self) -> &'static str {
        // Both are as long, and in one order.
        #[allow(clippy::indexing_slicing)]
        NAMES[self as usize]
    }

    /// The scope of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Every scope.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Whether a scope is among them.
    pub const fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// The same without one scope.
    pub const fn without(self, scope: Scope) -> Self {
        Self(self.0 & !scope.bit())
    }
}

impl Scopes {
    /// Whether none is among them.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_has_a_name_of_its_own_and_is_found_by_it() {
        for scope in Scope::ALL {
            assert_eq!(Scope::named(scope.name()), Some(scope));
            assert!(Scopes::from_iter([scope]).has(scope) && !Scopes::all().without(scope).has(scope));
        }
        assert_eq!(Scope::named("admin"), None);
        assert_eq!((Scope::JourneysRead.name(), Scope::DataRead.name()), ("journeys.read", "data.read"));
        assert_eq!((Scope::PiiRead.name(), Scope::OpsRead.name()), ("pii.read", "ops.read"));
    }

    #[test]
    fn a_method_without_a_scope_or_with_an_unknown_one_is_not_built() {
        use crate::access::scope_names::fault;
        assert_eq!(fault("JourneyService.New", "").unwrap(), "JourneyService.New names no (required_scope)");
        assert!(fault("JourneyService.New", "admin").unwrap().contains("which is none of journeys.read, "));
        assert_eq!(fault("JourneyService.New", "data.read"), None);
    }
}
