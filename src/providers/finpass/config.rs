//! The configuration of one Finpass credential.

use http::HeaderMap;
use secrecy::ExposeSecret;
use serde::Deserialize;
use url::Url;

use crate::{
    config::{Faults, SecretSource},
    providers::{
        hosts::HostRules,
        http::Limits,
        settings::{self, LimitsConfig},
    },
};

/// `[tenant.finpass.<name>]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where Finpass is; the documented host is `https://api.finpass.ai`.
    pub base_url: String,
    /// Header `x-api-key`.
    pub api_key: SecretSource,
    /// Header `x-api-secret`.
    pub api_secret: SecretSource,
    /// The hosts of the URLs that Finpass gives for customers, each in full or as `*.` and a suffix. Empty lets every public host name pass.
    pub customer_url_hosts: Vec<String>,
    /// Times and sizes.
    pub limits: LimitsConfig,
}

/// A valid configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where Finpass is.
    pub base_url: Url,
    /// The headers of every call.
    pub credentials: HeaderMap,
    /// Hosts of customers' URLs.
    pub customer_url_hosts: HostRules,
    /// Times and sizes.
    pub limits: Limits,
}

impl Config {
    /// Checks everything at once; `path` is where this section stands, such as `tenant.finpass.main`.
    pub fn check(&self, path: &str, faults: &mut Faults) -> Option<Settings> {
        let before = faults.iter().count();
        let base_url = settings::base_url(&self.base_url, &format!("{path}.base_url"), faults);
        let mut credentials = HeaderMap::new();
        for (header, field, source) in [("x-api-key", "api_key", &self.api_key), ("x-api-secret", "api_secret", &self.api_secret)]
        {
            let place = format!("{path}.{field}");
            if let Some(secret) = source.load(&place, faults) {
                settings::secret_header(&mut credentials, header, secret.expose_secret(), &place, faults);
            }
        }
        let customer_url_hosts = HostRules::check(&self.customer_url_hosts, &format!("{path}.customer_url_hosts"), faults);
        let limits = self.limits.check(&format!("{path}.limits"), faults);
        (faults.iter().count() == before).then_some(Settings { base_url: base_url?, credentials, customer_url_hosts, limits })
    }
}
