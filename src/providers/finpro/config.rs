//! The configuration of one FinPro credential.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName};
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use url::Url;

use crate::{
    config::{Faults, SecretSource},
    data::words,
    journey::fair_use::Frequency,
    providers::{
        hosts::HostRules,
        http::Limits,
        inbound::{Door, Signature},
        settings::{self, LimitsConfig},
    },
};

/// The two ways in which FinPro serves a tenant. FinPro switches it for the whole tenant, and its answers to the same request
/// differ, so it must be known before the first call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Style {
    /// Consents first, then data by consent.
    #[default]
    Consent,
    /// One transaction through aggregator and uploaded statement.
    Orchestration,
}

/// How a template lets data be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// Kept until its life ends.
    Store,
    /// Looked at only.
    View,
}

/// How often a template lets data be fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FetchType {
    /// Once.
    #[serde(alias = "ONE_TIME")]
    Onetime,
    /// Again and again.
    Periodic,
}

/// Who asks for data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum FiFetch {
    /// We do, from the first fetch on.
    Manual,
    /// FinPro does.
    Automatic,
    /// FinPro does the first time, we do afterwards.
    #[serde(alias = "AUTO MANUAL")]
    AutoManual,
}

/// FinPro's ids ("journeyID") of the analyses set up for a tenant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AnalyticsJourneys {
    /// Of the JSON analysis.
    pub json: Option<String>,
    /// Of the XML analysis.
    pub xml: Option<String>,
    /// Of the Excel analysis.
    pub excel: Option<String>,
}

/// What is known of a consent template (FinPro: product). What is left out is read from FinPro's list of products.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TemplateFacts {
    /// STORE or VIEW.
    pub mode: Option<Mode>,
    /// ONETIME or PERIODIC.
    pub fetch_type: Option<FetchType>,
    /// MANUAL, AUTOMATIC or AUTO_MANUAL.
    pub fi_fetch: Option<FiFetch>,
    /// How many days up to the day of asking the template covers. Not together with `range_from`.
    pub range_days: Option<u16>,
    /// The first day that the template covers.
    pub range_from: Option<Date>,
    /// The last day that the template covers.
    pub range_to: Option<Date>,
    /// How many days data may be kept after it was fetched.
    pub data_life_days: Option<u32>,
    /// How many days a consent lasts.
    pub consent_life_days: Option<u32>,
    /// How often data may be fetched.
    pub frequency: Option<Frequency>,
    /// The kinds of account, such as DEPOSIT.
    pub fi_types: Vec<String>,
    /// The framework's consent template that it follows, such as CT048, where wider limits of fair use hang on it.
    pub fair_use: Option<String>,
    /// Analyses of this template's data, where they differ from the tenant's.
    pub analytics: AnalyticsJourneys,
}

/// The address for FinPro's messages, as it was set in its portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookConfig {
    /// The secret part of the address.
    pub token: SecretSource,
    /// The secrets that sign: one, or two while one takes the other's place. Without any, messages are hints.
    pub hmac_secrets: Vec<SecretSource>,
}

/// The header with the signature.
const SIGNATURE: HeaderName = HeaderName::from_static("x-webhook-signature");

impl WebhookConfig {
    fn check(&self, path: &str, faults: &mut Faults) -> Option<Door> {
        let token = self.token.load(&format!("{path}.token"), faults);
        if token.as_ref().is_some_and(|token| !is_address_token(token.expose_secret())) {
            faults.add(
                format!("{path}.token"),
                "must be 24 to 128 letters, digits, `_` and `-`, as `openssl rand -hex 24` prints them",
            );
        }
        if self.hmac_secrets.len() > 2 {
            faults.add(format!("{path}.hmac_secrets"), "must be one secret, or two while they are changed");
        }
        let place = |at: usize| format!("{path}.hmac_secrets[{at}]");
        let secrets = self.hmac_secrets.iter().enumerate().filter_map(|(at, secret)| secret.load(&place(at), faults));
        let secrets: Vec<SecretString> = secrets.collect();
        let signature = (!secrets.is_empty()).then(|| Signature::new(SIGNATURE, &secrets));
        // A secret that cannot be read must not turn the signature off; the fault above ends the start.
        Some(Door::new(&token?, signature))
    }
}

/// Whether a text can be the secret part of an address: not to be guessed, and the same in every spelling of an address.
fn is_address_token(text: &str) -> bool {
    (24..=128).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// `[tenant.finpro.<name>]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The address that FinPro handed out, path prefix included.
    pub base_url: String,
    /// The tenant's style.
    pub style: Style,
    /// Header `client_id`.
    pub client_id: String,
    /// Header `client_secret`.
    pub client_secret: SecretSource,
    /// Header `organisationId`.
    pub organisation_id: String,
    /// Header `appIdentifier`.
    pub app_identifier: String,
    /// The aggregator's handle behind the `@` of a customer's default address; `onemoney` if empty.
    pub aa_handle: String,
    /// Template ids by purpose (`underwriting`, `monitoring`, `collection`, `wealth`, `budgeting`, `one_time`).
    pub products: BTreeMap<String, String>,
    /// What is known of templates, by id. A template named here can be asked for by name.
    pub templates: BTreeMap<String, TemplateFacts>,
    /// The analyses set up for the tenant.
    pub analytics: AnalyticsJourneys,
    /// The hosts from which a report's pre-signed link may be fetched, each in full or as `*.` and a suffix.
    pub report_hosts: Vec<String>,
    /// The hosts of the URLs that FinPro gives for customers, each in full or as `*.` and a suffix. Empty lets every public host name pass.
    pub customer_url_hosts: Vec<String>,
    /// Where FinPro's messages come in; without it they have no address.
    pub webhook: Option<WebhookConfig>,
    /// Times and sizes.
    pub limits: LimitsConfig,
}

/// The names of purposes as configuration writes them.
pub const PURPOSES: [&str; 6] = ["underwriting", "monitoring", "collection", "wealth", "budgeting", "one_time"];

/// A valid configuration.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where FinPro is.
    pub base_url: Url,
    /// The tenant's style.
    pub style: Style,
    /// The headers of every call.
    pub credentials: HeaderMap,
    /// The aggregator's handle, without `@`.
    pub aa_handle: String,
    /// Template ids by purpose.
    pub products: BTreeMap<String, String>,
    /// Template facts by id.
    pub templates: BTreeMap<String, TemplateFacts>,
    /// The tenant's analyses.
    pub analytics: AnalyticsJourneys,
    /// Hosts of reports.
    pub report_hosts: HostRules,
    /// Hosts of customers' URLs.
    pub customer_url_hosts: HostRules,
    /// Where messages come in.
    pub door: Option<Door>,
    /// Times and sizes.
    pub limits: Limits,
}

/// Whether FinPro accepts the text as an identifier (template, account reference, transaction reference).
pub(super) fn is_plain(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    !text.is_empty() && text.len() <= 128 && text.bytes().all(plain)
}

impl Config {
    /// Checks everything at once; `path` is where this section stands, such as `tenant.finpro.main`.
    pub fn check(&self, path: &str, faults: &mut Faults) -> Option<Settings> {
        let before = faults.iter().count();
        let base_url = settings::base_url(&self.base_url, &format!("{path}.base_url"), faults);
        let credentials = self.credentials(path, faults);
        let aa_handle = if self.aa_handle.is_empty() { "onemoney" } else { self.aa_handle.trim_start_matches('@') };
        if !is_plain(aa_handle) {
            faults.add(format!("{path}.aa_handle"), "must hold letters, digits, `_`, `-` and `.` only");
        }
        self.check_templates(path, faults);
        let report_hosts = HostRules::check(&self.report_hosts, &format!("{path}.report_hosts"), faults);
        let customer_url_hosts = HostRules::check(&self.customer_url_hosts, &format!("{path}.customer_url_hosts"), faults);
        let door = self.webhook.as_ref().and_then(|webhook| webhook.check(&format!("{path}.webhook"), faults));
        let limits = self.limits.check(&format!("{path}.limits"), faults);
        (faults.iter().count() == before).then_some(Settings {
            base_url: base_url?,
            style: self.style,
            credentials,
            aa_handle: aa_handle.to_owned(),
            products: self.products.clone(),
            templates: self.templates.clone(),
            analytics: self.analytics.clone(),
            report_hosts,
            customer_url_hosts,
            door,
            limits,
        })
    }

    fn credentials(&self, path: &str, faults: &mut Faults) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(secret) = self.client_secret.load(&format!("{path}.client_secret"), faults) {
            let place = format!("{path}.client_secret");
            settings::secret_header(&mut headers, "client_secret", secret.expose_secret(), &place, faults);
        }
        // Header names are case-insensitive; FinPro writes organisationId and appIdentifier.
        let named = [
            ("client_id", "client_id", &self.client_id),
            ("organisationid", "organisation_id", &self.organisation_id),
            ("appidentifier", "app_identifier", &self.app_identifier),
        ];
        for (header, field, value) in named {
            settings::secret_header(&mut headers, header, value, &format!("{path}.{field}"), faults);
        }
        headers
    }

    fn check_templates(&self, path: &str, faults: &mut Faults) {
        for (purpose, template) in &self.products {
            if !PURPOSES.contains(&purpose.as_str()) {
                faults.add(
                    format!("{path}.products.{purpose}"),
                    format!("is no purpose; the purposes are {}", PURPOSES.join(", ")),
                );
            }
            if !is_plain(template) {
                faults.add(format!("{path}.products.{purpose}"), "must hold letters, digits, `_`, `-` and `.` only");
            }
        }
        if self.products.is_empty() && self.templates.is_empty() {
            faults.add(format!("{path}.products"), "must name at least one template");
        }
        for (template, facts) in &self.templates {
            let place = format!("{path}.templates.{template}");
            if !is_plain(template) {
                faults.add(&place, "must hold letters, digits, `_`, `-` and `.` only");
            }
            if facts.range_days.is_some() && facts.range_from.is_some() {
                faults.add(&place, "set either `range_days` or `range_from`");
            }
            for period in [facts.data_life_days, facts.consent_life_days].into_iter().flatten() {
                if !(1..=36_500).contains(&period) {
                    faults.add(&place, "`data_life_days` and `consent_life_days` must be 1 to 36500");
                }
            }
            if facts.frequency.is_some_and(|frequency| frequency.count == 0) {
                faults.add(format!("{place}.frequency.count"), "must be at least 1");
            }
            for word in facts.fi_types.iter().filter(|word| words::fi_type(word).is_none()) {
                // A word of a configuration is nobody's secret, and the operator looks for it.
                faults.add(format!("{place}.fi_types"), format!("{word} is no FI type"));
            }
            if matches!((facts.range_from, facts.range_to), (Some(from), Some(to)) if from > to) {
                faults.add(&place, "`range_from` lies after `range_to`");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(config: &Config) -> Vec<String> {
        let mut faults = Faults::default();
        let built = config.check("tenant.finpro.main", &mut faults);
        assert_eq!(built.is_some(), faults.is_empty());
        faults.iter().map(|fault| fault.path.replace("tenant.finpro.main.", "")).collect()
    }

    fn good(secret: &std::path::Path) -> Config {
        std::fs::write(secret, "s3cret-value\n").unwrap();
        Config {
            base_url: "https://fiu-uat.example/finpro_uat".to_owned(),
            client_id: "id".to_owned(),
            client_secret: SecretSource::from_file(secret),
            organisation_id: "org".to_owned(),
            app_identifier: "[\"in.example.app\"]".to_owned(),
            products: BTreeMap::from([("underwriting".to_owned(), "PROD01".to_owned())]),
            ..Config::default()
        }
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut config = good(&dir.path().join("secret"));
        assert!(paths(&config).is_empty());
        config.base_url = "http://fiu.example".to_owned();
        config.client_id = String::new();
        let short = std::mem::take(&mut config.client_secret);
        config.aa_handle = "@a b".to_owned();
        config.products = BTreeMap::from([("lending".to_owned(), "PROD 01".to_owned())]);
        config.report_hosts =
            vec!["*.com".to_owned(), "https://a.example".to_owned(), "10.0.0.1".to_owned(), "a.example:1".to_owned()];
        config.templates = BTreeMap::from([(
            "PROD01".to_owned(),
            TemplateFacts { range_days: Some(1), range_from: Some("2025-01-01".parse().unwrap()), ..TemplateFacts::default() },
        )]);
        let secret = config.client_secret.clone();
        config.webhook = Some(WebhookConfig { token: short, hmac_secrets: vec![secret.clone(), secret.clone(), secret] });
        let expected = [
            "base_url",
            "client_secret",
            "client_id",
            "aa_handle",
            "products.lending",
            "products.lending",
            "templates.PROD01",
            "report_hosts[0]",
            "report_hosts[1]",
            "report_hosts[2]",
            "report_hosts[3]",
            "webhook.token",
            "webhook.hmac_secrets",
            "webhook.hmac_secrets[0]",
            "webhook.hmac_secrets[1]",
            "webhook.hmac_secrets[2]",
        ];
        assert_eq!(paths(&config), expected);
    }

    #[test]
    fn no_secret_shows() {
        let dir = tempfile::tempdir().unwrap();
        let mut faults = Faults::default();
        let settings = good(&dir.path().join("secret")).check("p", &mut faults).unwrap();
        assert!(!format!("{settings:?}").contains("s3cret-value"));
        assert_eq!(settings.credentials.get("client_secret").unwrap(), "s3cret-value");
    }
}
