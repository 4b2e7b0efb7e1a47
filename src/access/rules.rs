//! Which scope each method needs, as the contract's own descriptor says.

use std::{collections::HashMap, sync::LazyLock};

use super::Scope;
use crate::contract::CONTRACT;

/// The scopes by the methods' paths. A method that is not among them is nobody's.
static RULES: LazyLock<HashMap<&'static str, Scope>> = LazyLock::new(|| {
    let named = CONTRACT.methods.iter().filter(|method| method.path.starts_with("/sangam.v1."));
    named.filter_map(|method| Some((method.path.as_str(), Scope::named(&method.required_scope)?))).collect()
});

/// The scope that a method needs; none for what is no method of the contract.
pub fn required(path: &str) -> Option<Scope> {
    RULES.get(path).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_of_the_contract_needs_the_scope_that_it_names_and_nothing_else_is_known() {
        assert!(CONTRACT.methods.len() > 15);
        for method in &CONTRACT.methods {
            assert_eq!(required(&method.path).map(Scope::name), Some(method.required_scope.as_str()), "{}", method.path);
        }
        for path in
            ["", "/", "/sangam.v1.JourneyService/", "/sangam.v1.JourneyService/getStatus", "//sangam.v1.JourneyService/GetStatus"]
        {
            assert_eq!(required(path), None, "{path}");
        }
    }
}
