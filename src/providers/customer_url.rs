//! Judges the URL that a provider gives for its customer. The caller opens it in the customer's browser, so a URL that another party slipped
//! into an answer would lead the customer to a foreign page.

use url::{Host, Url};

use super::hosts::{HostRules, Unfit};

/// The longest URL that is passed on.
const LONGEST: usize = 8192;

/// Which URLs of one credential pass.
#[derive(Debug, Clone, Default)]
pub(super) struct UrlRules {
    /// The allowed hosts; without any, every public host name passes.
    pub hosts: HostRules,
    /// Whether the provider itself is a simulator on this machine: then `http` and hosts of this machine pass as well.
    pub loopback: bool,
}

impl UrlRules {
    /// Fails with the cause and the host at most. The URL itself is passed on untouched: it holds a token.
    pub(super) fn check(&self, text: &str) -> Result<(), Unfit> {
        if text.len() > LONGEST {
            return Err("the customer's URL is too long".into());
        }
        // A parser forgives these, and browsers do so differently.
        if text.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
            return Err("the customer's URL holds characters that no URL has".into());
        }
        let url = Url::parse(text).map_err(|_| "the customer's URL is no URL")?;
        let (scheme, rest) = text.split_once("://").ok_or("the customer's URL has no `//`")?;
        let secure = scheme.eq_ignore_ascii_case("https");
        let simulated = self.loopback && scheme.eq_ignore_ascii_case("http");
        if !secure && !simulated {
            return Err("the customer's URL is no https URL".into());
        }
        // The text up to the path must be the host, and a port at most: no user name, nothing encoded, nothing that the parser mended.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let host = url.host_str().unwrap_or_default();
        let (name, port) = match url.port_or_known_default() {
            Some(port) => (authority.strip_suffix(&format!(":{port}")).unwrap_or(authority), port),
            None => (authority, 0),
        };
        if host.is_empty() || port == 0 || !name.eq_ignore_ascii_case(host) {
            return Err("the host of the customer's URL is not written plainly".into());
        }
        if self.loopback && super::settings::is_loopback(&url) {
            return Ok(());
        }
        match url.host() {
            Some(Host::Domain(name)) if self.hosts.is_empty() && is_public_name(name) => Ok(()),
            Some(Host::Domain(name)) if !self.hosts.is_empty() && self.hosts.allow(name) => Ok(()),
            Some(Host::Domain(name)) => Err(Unfit::host("the host of the customer's URL is not in `customer_url_hosts`", name)),
            _ => Err("the host of the customer's URL is an address".into()),
        }
    }
}

/// Names that mean nothing in the public DNS, or something else in each network (RFC 6761, RFC 6762, RFC 8375, ICANN on `internal`).
const PRIVATE: [&str; 6] = ["localhost", "local", "internal", "home.arpa", "invalid", "onion"];

fn is_public_name(name: &str) -> bool {
    let below = |zone: &str| name == zone || name.strip_suffix(zone).is_some_and(|rest| rest.ends_with('.'));
    name.contains('.') && !name.ends_with('.') && !PRIVATE.iter().any(|zone| below(zone))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Faults;

    fn rules(hosts: &[&str], loopback: bool) -> UrlRules {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        let mut faults = Faults::default();
        let hosts = HostRules::check(&hosts, "p", &mut faults);
        assert!(faults.is_empty());
        UrlRules { hosts, loopback }
    }

    #[test]
    fn documented_urls_pass_untouched() {
        for url in [
            "https://webrd.onemoney.in/uat/v2/?ecreq=a%2Bb==&reqdate=250320251650008&fi=Zm9v&requestorType=dHxl",
            "https://orch.crif.com/web-redirect/#/aa-webview?requestId=opaque",
            "https://aa.example:8443/x?redirect=https://user@lender.example/",
            "HTTPS://AA.example",
            "https://aa.example:443/",
        ] {
            assert_eq!(rules(&[], false).check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn no_url_passes_that_a_browser_reads_otherwise() {
        for url in [
            "",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://aa.example/",
            "ftp://aa.example/",
            "//aa.example/",
            "/relative",
            "https:aa.example/",
            "https:/aa.example/",
            "https:///aa.example/",
            "https://",
            "https://?x",
            "https://:443/",
            "https://user@aa.example/",
            "https://user:pw@aa.example/",
            "https://@aa.example/",
            "https://aa.example@evil.example/",
            "https://aa.example\\@evil.example/",
            "https:\\\\aa.example/",
            "https://aa.example\\.evil.example/",
            "https://aa.example/\\evil.example",
            "https://aa%2Eexample/",
            "https://aa.example:/",
            "https://aa.example:0/",
            "https://aa.example:99999/",
            "https://a b.example/",
            " https://aa.example/",
            "https://aa.example/\n",
            "https://aa.exa\tmple/",
            "https://aa.example/\0",
            "https://aa.example/\u{7f}",
            "https://аа.example/",
            "https://aa\u{3002}example/",
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://[::1]/",
            "https://203.0.113.7/",
            "https://localhost/",
            "https://x.localhost/",
            "https://intranet/",
            "https://metadata.google.internal/",
            "https://printer.local/",
            "https://aa.example./",
        ] {
            let unfit = rules(&[], false).check(url).unwrap_err();
            assert!(url.len() < 9 || !unfit.detail().contains(url), "{url}: {unfit:?}");
        }
        assert!(rules(&[], false).check(&format!("https://aa.example/{}", "x".repeat(LONGEST))).is_err());
    }

    #[test]
    fn a_list_of_hosts_lets_no_other_host_pass() {
        let rules = rules(&["*.onemoney.in", "aa.example"], false);
        for good in ["https://webrd.onemoney.in/x", "https://aa.example/x", "https://WEBRD.onemoney.in:8443/"] {
            assert_eq!(rules.check(good), Ok(()), "{good}");
        }
        for bad in [
            "https://onemoney.in/",
            "https://evilonemoney.in/",
            "https://x.aa.example/",
            "https://evil.example/?webrd.onemoney.in",
        ] {
            assert!(rules.check(bad).unwrap_err().cause.contains("customer_url_hosts"), "{bad}");
        }
        let unfit = rules.check("https://evil.example/?token=SECRET").unwrap_err();
        assert_eq!(unfit.host.as_deref(), Some("evil.example"));
    }

    #[test]
    fn plain_http_passes_for_a_simulator_on_this_machine_only() {
        for url in ["http://127.0.0.1:4000/page?x=1", "http://localhost:1/", "http://[::1]:9/", "https://127.0.0.1:4000/"] {
            assert_eq!(rules(&["aa.example"], true).check(url), Ok(()), "{url}");
            assert!(rules(&[], false).check(url).is_err(), "{url}");
        }
        assert!(rules(&[], true).check("http://10.0.0.1/").is_err());
    }
}
