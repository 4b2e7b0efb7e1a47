//! Lists of hosts in a configuration: a full name such as `files.example`, or `*.files.example` for every name below it.

use url::Host;

use super::vocabulary::{is_personal, other};
use crate::config::Faults;

/// Why a URL that came from outside is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    /// What is wrong with it, without a part of it.
    pub cause: &'static str,
    /// Its host as it may be shown, where the rules do not allow that.
    pub host: Option<String>,
}

impl From<&'static str> for Unfit {
    fn from(cause: &'static str) -> Self {
        Self { cause, host: None }
    }
}

impl Unfit {
    /// A host that the rules do not allow.
    pub fn host(cause: &'static str, host: &str) -> Self {
        Self { cause, host: Some(shown(host)) }
    }

    /// The cause and the host in one text, for a log.
    pub fn detail(&self) -> String {
        match &self.host {
            Some(host) => format!("{}: {host}", self.cause),
            None => self.cause.to_owned(),
        }
    }
}

/// Host rules that passed [`HostRules::check`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostRules(Vec<String>);

impl HostRules {
    /// Reads the rules of the setting `path`, and notes every rule that is none.
    pub fn check(rules: &[String], path: &str, faults: &mut Faults) -> Self {
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| !is_rule(rule)) {
            let cause = match rule.contains("://") || rule.contains(':') {
                true => "must be a host name without scheme and port",
                false => "must be a host name in lower case, or `*.` and a name of at least two labels",
            };
            faults.add(format!("{path}[{index}]"), cause);
        }
        Self(rules.to_vec())
    }

    /// Whether there is no rule.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a rule allows a host, which is in lower case as a parsed URL has it.
    pub fn allow(&self, host: &str) -> bool {
        self.0.iter().any(|rule| match rule.strip_prefix("*.") {
            Some(suffix) => {
                host.strip_suffix(suffix).is_some_and(|below| below.strip_suffix('.').is_some_and(|name| !name.is_empty()))
            }
            None => rule == host,
        })
    }
}

/// A host of a URL that came from outside, as it may be shown. A label that can be a person's number shows as `*`, which is also how a rule
/// would have to name it.
pub fn shown(host: &str) -> String {
    let labels: Vec<&str> = host.split('.').map(|label| if is_personal(label) { "*" } else { label }).collect();
    let shown = labels.join(".");
    if is_personal(&shown) { other(host) } else { shown }
}

/// A `*` stands for whole labels at the front and nowhere else, above at least two labels: `*.com` would be every company.
fn is_rule(text: &str) -> bool {
    match text.strip_prefix("*.") {
        Some(suffix) => is_host(suffix) && suffix.contains('.'),
        None => is_host(text),
    }
}

/// Whether the text is a full host name as a parsed URL has it; the parser itself lets a `*` pass.
fn is_host(text: &str) -> bool {
    let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-'));
    let labels = text.split('.').all(|label| !label.is_empty());
    plain && labels && matches!(Host::parse(text), Ok(Host::Domain(domain)) if domain == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(texts: &[&str]) -> HostRules {
        let mut faults = Faults::default();
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let rules = HostRules::check(&texts, "p", &mut faults);
        assert!(faults.is_empty(), "{texts:?}");
        rules
    }

    #[test]
    fn a_full_name_allows_itself_only() {
        let rules = rules(&["s3.ap-south-1.amazonaws.com"]);
        assert!(rules.allow("s3.ap-south-1.amazonaws.com"));
        for other in ["x.s3.ap-south-1.amazonaws.com", "xs3.ap-south-1.amazonaws.com", "amazonaws.com", ""] {
            assert!(!rules.allow(other), "{other}");
        }
    }

    #[test]
    fn a_suffix_allows_every_name_below_it() {
        let rules = rules(&["*.s3.ap-south-1.amazonaws.com"]);
        for below in ["bucket.s3.ap-south-1.amazonaws.com", "a.b.s3.ap-south-1.amazonaws.com"] {
            assert!(rules.allow(below), "{below}");
        }
        for other in [
            "s3.ap-south-1.amazonaws.com",
            "evils3.ap-south-1.amazonaws.com",
            ".s3.ap-south-1.amazonaws.com",
            "bucket.s3.ap-south-1.amazonaws.com.evil.example",
        ] {
            assert!(!rules.allow(other), "{other}");
        }
    }

    #[test]
    fn a_shown_host_holds_no_number() {
        assert_eq!(shown("s3.ap-south-1.amazonaws.com"), "s3.ap-south-1.amazonaws.com");
        assert_eq!(shown("bucket-123456789012.s3.ap-south-1.amazonaws.com"), "*.s3.ap-south-1.amazonaws.com");
        assert_eq!(shown("aaapa0001a.evil.example"), "*.evil.example");
        assert!(shown("98765.43210.example").starts_with("*.*."));
        assert!(shown("9876.5432.10.example").starts_with("OTHER-"));
    }

    #[test]
    fn a_rule_that_is_none_is_a_fault_with_its_place() {
        for bad in [
            "",
            "*",
            "*.",
            "*.com",
            "*.*.example",
            "a.*.example",
            "*a.example",
            "UP.example",
            "a.example:443",
            "https://a.example",
            "a.example/",
            "127.0.0.1",
            "[::1]",
            "a..example",
            ".example",
            "a b.example",
            "a.example.",
            "*.127.0.0.1",
        ] {
            let mut faults = Faults::default();
            HostRules::check(&["ok.example".to_owned(), bad.to_owned()], "p", &mut faults);
            let places: Vec<_> = faults.iter().map(|fault| fault.path.clone()).collect();
            assert_eq!(places, ["p[1]"], "{bad}");
        }
    }
}
