#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::{fs, path::PathBuf};

use tempfile::TempDir;

use super::*;
use crate::{
    config::{
        Access, ApiKeyCaller, Cache, DEFAULT_TOML, DataLifeDays, Deadlines, FairUse, JwtIssuer, Listen, ListenTls, Memory,
        MtlsCaller, Poller, RangeMonths, Seal, Store, Telemetry, TenantLimits, Watch, Webhook,
    },
    pb::Purpose,
    providers::{finpass, finpro, settings::LimitsConfig},
};

pub(super) struct Files {
    directory: TempDir,
}

impl Files {
    pub(super) fn new() -> Self {
        let directory = TempDir::new().unwrap();
        fs::write(directory.path().join("seal.key"), "11".repeat(32)).unwrap();
        fs::write(directory.path().join("secret"), "opensesame\n").unwrap();
        Self { directory }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The least that is needed.
    pub(super) fn least(&self) -> String {
        let (key, secret) = (self.path("seal.key"), self.path("secret"));
        format!(
            "[seal]\nkey_file = {key:?}\n[tenant.finpass.main]\nbase_url = \"https://api.finpass.example\"\n\
             api_key = {{ file = {secret:?} }}\napi_secret = {{ file = {secret:?} }}\n"
        )
    }
}

pub(super) fn faults_of(result: Result<Config, Faults>) -> Vec<(String, String)> {
    result.unwrap_err().iter().map(|fault| (fault.path.clone(), fault.message.clone())).collect()
}

#[test]
fn the_least_configuration_is_the_defaults_and_one_credential() {
    let config = Config::from_toml_str(&Files::new().least()).unwrap();
    assert_eq!(config.listen, Listen::default());
    assert_eq!(config.tenant.providers.finpass.len(), 1);
    assert_eq!(config.warnings(), Vec::<String>::new());
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_the_defaults() {
    let files = Files::new();
    let file = files.path("sangam.toml");
    fs::write(&file, format!("{}\n[poller]\nfirst_ms = 7\nconcurrency = 3\n", files.least())).unwrap();
    let env = [
        ("SANGAM__POLLER__CONCURRENCY", "5"),
        ("SANGAM__LISTEN__INSECURE", "true"),
        ("SANGAM__LISTEN__GRPC", "0.0.0.0:50051"),
        ("SANGAM__TENANT__FINPASS__MAIN__BASE_URL", "https://other.example"),
        ("SANGAM_POLLER_FIRST_MS", "not ours"),
        ("HOME", "/"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(Some(&file), env.into_iter()).unwrap();
    assert_eq!((config.poller.first_ms, config.poller.concurrency), (7, 5));
    assert_eq!(config.poller.max_ms, Poller::default().max_ms);
    assert_eq!(config.tenant.providers.finpass["main"].base_url, "https://other.example");
    assert_eq!(config.warnings().len(), 1);
    assert!(config.warnings()[0].starts_with("listen.grpc is 0.0.0.0:50051"));
}

#[test]
fn a_list_in_the_environment_has_commas() {
    let secret = Files::new();
    let env = [
        ("SANGAM__TENANT__FINPRO__MAIN__REPORT_HOSTS", "a.example, b.example"),
        ("SANGAM__SEAL__KEY_FILE", secret.path("seal.key").to_str().unwrap()),
        ("SANGAM__TENANT__FINPRO__MAIN__BASE_URL", "https://finpro.example"),
        ("SANGAM__TENANT__FINPRO__MAIN__CLIENT_ID", "12345"),
        ("SANGAM__TENANT__FINPRO__MAIN__ORGANISATION_ID", "LENDER"),
        ("SANGAM__TENANT__FINPRO__MAIN__APP_IDENTIFIER", "app"),
        ("SANGAM__TENANT__FINPRO__MAIN__CLIENT_SECRET__FILE", secret.path("secret").to_str().unwrap()),
        ("SANGAM__TENANT__FINPRO__MAIN__PRODUCTS__UNDERWRITING", "LOAN01"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(None, env.into_iter()).unwrap();
    let credential = &config.tenant.providers.finpro["main"];
    assert_eq!(credential.report_hosts, ["a.example", "b.example"]);
    assert_eq!(credential.client_id, "12345");
}

#[test]
fn every_fault_of_form_and_of_meaning_is_reported_at_once_and_none_quotes_a_value() {
    let text = r#"
        lisen = 1
        [listen]
        grcp = "127.0.0.1:1"
        webhook = "TOPSECRET"
        max_streams = "TOPSECRET"
        [deadlines]
        default_ms = 5000
        max_ms = 10
        [poller]
        concurrency = 0
        first_ms = -3
        [webhook]
        public_base_url = "http://TOPSECRET.example"
        [telemetry]
        otlp_endpoint = "TOPSECRET"
        [tenant]
        default_provider = "TOPSECRET"
        [tenant.finpro.Main]
        client_secret = "TOPSECRET"
        style = "TOPSECRET"
        report_hosts = 5
    "#;
    let faults = faults_of(Config::from_toml_str(text));
    let paths: Vec<_> = faults.iter().map(|(path, _)| path.as_str()).collect();
    for path in [
        "lisen",
        "listen.grcp",
        "listen.webhook",
        "listen.max_streams",
        "deadlines.max_ms",
        "poller.concurrency",
        "poller.first_ms",
        "seal.key_file",
        "webhook.public_base_url",
        "telemetry.otlp_endpoint",
        "tenant.default_provider",
        "tenant.finpro.Main",
        "tenant.finpro.Main.client_secret",
        "tenant.finpro.Main.style",
        "tenant.finpro.Main.report_hosts",
        "tenant.finpro.Main.base_url",
        "tenant.finpro.Main.products",
    ] {
        assert_eq!(paths.iter().filter(|found| **found == path).count(), 1, "{path} in {faults:#?}");
    }
    let shown = Config::from_toml_str(text).unwrap_err().to_string();
    assert!(!shown.contains("TOPSECRET"), "{shown}");
    assert!(shown.contains("lisen: is no known setting; did you mean `listen`?"), "{shown}");
    assert!(shown.contains("listen.grcp: is no known setting; did you mean `grpc`?"), "{shown}");
    assert!(shown.contains("tenant.finpro.Main.client_secret: must be a table"), "{shown}");
}

#[test]
fn a_file_that_is_no_toml_or_is_not_there_is_one_fault() {
    let faults = faults_of(Config::from_toml_str("[listen]\ngrpc = TOPSECRET"));
    assert_eq!(faults.len(), 1);
    assert!(faults[0].1.contains("line 2") && !faults[0].1.contains("TOPSECRET"), "{faults:?}");
    let missing = Files::new().path("missing.toml");
    assert_eq!(faults_of(Config::load(Some(&missing), std::iter::empty())).len(), 1);
}

#[test]
fn no_credential_and_an_open_listener_are_faults() {
    let faults = faults_of(Config::from_toml_str("[listen]\ngrpc = \"0.0.0.0:1\""));
    let paths: Vec<_> = faults.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["listen.grpc", "seal.key_file", "tenant"]);
}

#[test]
fn the_default_file_parses_to_exactly_the_defaults() {
    let mut faults = Faults::default();
    let config = Config::structure(parse(DEFAULT_TOML, &mut faults), &mut faults);
    assert_eq!(faults, Faults::default());
    let (default, tenant) = (Config::default(), Tenant::default());
    assert_eq!(config.listen, default.listen);
    assert_eq!((config.access, Access::default().is_on()), (default.access, false));
    assert_eq!(config.store, default.store);
    assert_eq!(config.seal, default.seal);
    assert_eq!(config.cache, default.cache);
    assert_eq!(config.deadlines, default.deadlines);
    assert_eq!(config.poller, default.poller);
    assert_eq!(config.watch, default.watch);
    assert_eq!(config.webhook, default.webhook);
    assert_eq!(config.telemetry, default.telemetry);
    assert_eq!((config.tenant.id, config.tenant.full_view), (tenant.id, tenant.full_view));
    assert_eq!((config.tenant.retain_evidence, tenant.retain_evidence), (false, false));
    assert_eq!(
        (config.tenant.journey_keep_days, config.tenant.receipt_keep_days),
        (tenant.journey_keep_days, tenant.receipt_keep_days)
    );
    assert_eq!((config.tenant.redirects, config.tenant.limits), (tenant.redirects, tenant.limits));
    assert_eq!(config.tenant.default_provider, tenant.default_provider);
    assert_eq!(config.tenant.data_life_days, tenant.data_life_days);
    assert_eq!(config.tenant.range_months, tenant.range_months);
    assert!(config.tenant.providers.finpro.is_empty() && config.tenant.providers.finpass.is_empty());
}

/// The default file with its examples switched on.
fn uncommented() -> String {
    let lines = DEFAULT_TOML.lines().map(|line| match line.strip_prefix('#') {
        Some(setting) if !setting.starts_with(' ') => setting,
        _ => line,
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_examples_of_the_default_file_are_well_apart_from_their_secrets() {
    let text = uncommented();
    let faults = faults_of(Config::from_toml_str(&text));
    let secrets = faults.iter().filter(|(_, message)| message.contains("cannot be read: ") || message.contains("is not set"));
    assert_eq!(secrets.count(), faults.len(), "{faults:#?}");
    assert_eq!(faults.len(), 11, "{faults:#?}");
}

/// The names of a section's settings, as the code knows them.
fn names<T: DeserializeOwned>() -> Vec<String> {
    let table: Map<String, Value> = [("no_such_setting".to_owned(), Value::new(None, 1))].into_iter().collect();
    let error = Value::new(None, table).try_deserialize::<T>().err().unwrap().to_string();
    error.split('`').skip(3).step_by(2).map(str::to_owned).collect()
}

/// A table of the default file with its examples, by its path.
fn has(settings: &Map<String, Value>, path: &str, name: &str) -> bool {
    let mut table = settings.clone();
    for part in path.split('.') {
        table = table.remove(part).unwrap().into_table().unwrap();
    }
    table.contains_key(name)
}

#[test]
fn the_default_file_names_every_setting() {
    let mut faults = Faults::default();
    let settings = parse(&uncommented(), &mut faults);
    let known = [
        ("listen", names::<Listen>()),
        ("listen.tls", names::<ListenTls>()),
        ("access", names::<Access>()),
        ("access.mtls.underwriting", names::<MtlsCaller>()),
        ("access.jwt.corporate", names::<JwtIssuer>()),
        ("access.api_keys.collections", names::<ApiKeyCaller>()),
        ("store", names::<Store>()),
        ("seal", names::<Seal>()),
        ("cache", names::<Cache>()),
        ("memory", names::<Memory>()),
        ("deadlines", names::<Deadlines>()),
        ("poller", names::<Poller>()),
        ("watch", names::<Watch>()),
        ("webhook", names::<Webhook>()),
        ("telemetry", names::<Telemetry>()),
        ("tenant", names::<Tenant>()),
        ("tenant.limits", names::<TenantLimits>()),
        ("tenant.data_life_days", names::<DataLifeDays>()),
        ("tenant.range_months", names::<RangeMonths>()),
        ("tenant.fair_use", names::<FairUse>()),
        ("tenant.finpro.main", names::<finpro::Config>()),
        ("tenant.finpro.main.analytics", names::<finpro::AnalyticsJourneys>()),
        ("tenant.finpro.main.webhook", names::<finpro::WebhookConfig>()),
        ("tenant.finpro.main.limits", names::<LimitsConfig>()),
        ("tenant.finpass.main", names::<finpass::Config>()),
    ];
    for (path, names) in known {
        assert!(!names.is_empty(), "{path}");
        for name in names {
            // The limits of both providers are alike and shown once.
            let shown_above = path == "tenant.finpass.main" && name == "limits";
            // An issuer has one of two, so the other stands in a second example.
            let shown_below = path == "access.jwt.corporate" && has(&settings, "access.jwt.partner", &name);
            assert!(shown_above || shown_below || has(&settings, path, &name), "{path}.{name} is not in default.toml");
        }
    }
    // Two templates show the settings that exclude each other.
    for name in names::<finpro::TemplateFacts>() {
        let shown = ["LOAN01", "MONITOR01"].map(|id| has(&settings, &format!("tenant.finpro.main.templates.{id}"), &name));
        assert!(shown.contains(&true), "templates: {name} is not in default.toml");
    }
}

#[test]
fn an_unknown_purpose_has_the_shortest_life_and_no_range() {
    let tenant = Tenant::default();
    assert_eq!(tenant.data_life_days.of(Purpose::Unspecified), 1);
    assert_eq!(tenant.data_life_days.of(Purpose::Underwriting), 30);
    assert_eq!(tenant.range_months.of(Purpose::Unspecified), None);
}
