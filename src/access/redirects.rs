//! Where a customer may be sent back to.

use std::collections::BTreeSet;

use url::Url;

/// The addresses that a tenant's callers may send a customer back to. Whoever could choose any other would let the tenant's own provider
/// account lead customers to strangers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Redirects {
    /// Any address: for a gateway that nobody but its own machine reaches, and whose operator lists none.
    Any,
    /// These, to the letter. No part of one stands for another.
    Listed(BTreeSet<String>),
}

impl Default for Redirects {
    fn default() -> Self {
        Self::Listed(BTreeSet::new())
    }
}

impl Redirects {
    /// What a list means; `open` lets an empty one mean any address.
    pub fn new(listed: &[String], open: bool) -> Self {
        if listed.is_empty() && open {
            return Self::Any;
        }
        // Also in the form in which a browser writes it, such as with the slash behind a bare host.
        let forms = listed.iter().flat_map(|text| [Some(text.clone()), Url::parse(text).ok().map(String::from)]);
        Self::Listed(forms.flatten().collect())
    }

    /// Whether a customer may be sent there. Compared as text and not by its parts: what two parsers read differently is never equal here.
    pub fn allow(&self, url: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(listed) => listed.contains(url),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_is_allowed_to_the_letter_only() {
        let listed = ["https://app.lender.example/return", "https://app.lender.example/return?from=aa", "https://bare.example"];
        let redirects = Redirects::new(&listed.map(str::to_owned), true);
        for good in listed.into_iter().chain(["https://bare.example/"]) {
            assert!(redirects.allow(good), "{good}");
        }
        for bad in [
            "http://app.lender.example/return",
            "HTTPS://app.lender.example/return",
            "https://APP.lender.example/return",
            "https://app.lender.example:443/return",
            "https://app.lender.example:8443/return",
            "https://app.lender.example./return",
            "https://app.lender.example/return/",
            "https://app.lender.example/return/x",
            "https://app.lender.example/Return",
            "https://app.lender.example/x/../return",
            "https://app.lender.example/%72eturn",
            "https://app.lender.example//return",
            "https://app.lender.example/return?",
            "https://app.lender.example/return?x=1",
            "https://app.lender.example/return?from=aa&x=1",
            "https://app.lender.example/return?from=AA",
            "https://app.lender.example/return#x",
            "https://app.lender.example\\@evil.example/return",
            "https://app.lender.example@evil.example/return",
            "https://user@app.lender.example/return",
            "https://app.lender.example.evil.example/return",
            "https://evil.example/https://app.lender.example/return",
            "https:/app.lender.example/return",
            "https:app.lender.example/return",
            "//app.lender.example/return",
            " https://app.lender.example/return",
            "https://app.lender.example/return\n",
            "https://app.lender.example/re\tturn",
            "https://sub.app.lender.example/return",
            "https://lender.example/return",
            "https://bare.example/x",
            "",
        ] {
            assert!(!redirects.allow(bad), "{bad:?}");
        }
    }

    #[test]
    fn without_a_list_nothing_is_allowed_unless_nobody_else_reaches_the_gateway() {
        assert!(!Redirects::new(&[], false).allow("https://lender.example/return"));
        assert!(!Redirects::default().allow("https://lender.example/return"));
        assert!(Redirects::new(&[], true).allow("https://lender.example/return"));
    }
}
