//! Several tenants in one configuration.
#![allow(clippy::unwrap_used)]

use super::{
    super::{Config, Faults},
    tests::{Files, faults_of},
};

/// The tables of a tenant, whose messages come in under a token.
fn tenant(files: &Files, id: &str, token: &str) -> String {
    let (secret, token_file) = (files.path("secret"), files.path(&format!("token-{id}")));
    std::fs::write(&token_file, token).unwrap();
    format!(
        "[tenants.{id}.finpro.main]\nbase_url = \"https://{id}.example\"\nclient_id = \"id\"\nclient_secret = {{ file = {secret:?} }}\n\
         organisation_id = \"org\"\napp_identifier = \"app\"\nproducts = {{ underwriting = \"LOAN01\" }}\n\
         webhook = {{ token = {{ file = {token_file:?} }} }}\n"
    )
}

fn seal(files: &Files) -> String {
    format!("[seal]\nkey_file = {:?}\n", files.path("seal.key"))
}

const TOKENS: [&str; 2] = ["aaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbb"];

fn paths(result: Result<Config, Faults>) -> Vec<String> {
    faults_of(result).into_iter().map(|(path, _)| path).collect()
}

#[test]
fn each_table_is_a_tenant_whose_id_is_its_name() {
    let files = Files::new();
    let more = "[tenants.acme]\nredirects = [\"https://app.acme.example/return\"]\n[tenants.acme.limits]\ncalls_per_second = 5\n";
    let text = format!("{}{}{}{more}", seal(&files), tenant(&files, "bharat", TOKENS[1]), tenant(&files, "acme", TOKENS[0]));
    let config = Config::from_toml_str(&text).unwrap();
    let ids: Vec<_> = config.tenants().iter().map(|tenant| tenant.id.as_str()).collect();
    assert_eq!(ids, ["acme", "bharat"]);
    assert!(config.only_tenant().is_none());
    assert_eq!(config.several[0].limits.calls_per_second, Some(5));
    assert_eq!(config.several[0].redirects, ["https://app.acme.example/return"]);
    assert_eq!(config.several[1].providers.finpro["main"].base_url, "https://bharat.example");
    assert_eq!(config.several[1].limits.calls_per_second, None);
}

#[test]
fn one_tenant_is_the_tenant_of_whoever_is_not_asked_who_he_is() {
    let files = Files::new();
    let config = Config::from_toml_str(&files.least()).unwrap();
    assert_eq!(config.only_tenant().map(|tenant| tenant.id.as_str()), Some("default"));
    let config = Config::from_toml_str(&format!("{}{}", seal(&files), tenant(&files, "acme", TOKENS[0]))).unwrap();
    assert_eq!(config.only_tenant().map(|tenant| tenant.id.as_str()), Some("acme"));
}

#[test]
fn one_and_several_do_not_go_together_and_an_id_stands_once() {
    let files = Files::new();
    let both = format!("{}{}", files.least(), tenant(&files, "acme", TOKENS[0]));
    assert_eq!(paths(Config::from_toml_str(&both)), ["tenants"]);
    let named = format!("{}{}[tenants.acme]\nid = \"acme\"\n", seal(&files), tenant(&files, "acme", TOKENS[0]));
    assert_eq!(paths(Config::from_toml_str(&named)), ["tenants.acme.id"]);
    let wrong = format!("{}tenants = 5\n{}", "", seal(&files));
    assert!(paths(Config::from_toml_str(&wrong)).contains(&"tenants".to_owned()));
    let odd = format!("{}{}", seal(&files), tenant(&files, "Acme", TOKENS[0]));
    assert_eq!(paths(Config::from_toml_str(&odd)), ["tenants.Acme"]);
}

#[test]
fn two_tenants_may_not_share_a_token_and_nothing_of_it_is_shown() {
    let files = Files::new();
    let text = format!("{}{}{}", seal(&files), tenant(&files, "acme", TOKENS[0]), tenant(&files, "bharat", TOKENS[0]));
    let faults = faults_of(Config::from_toml_str(&text));
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].0, "tenants.bharat.finpro.main.webhook.token");
    assert!(!faults[0].1.contains(TOKENS[0]));
}

#[test]
fn faults_of_a_tenant_say_whose_they_are() {
    let files = Files::new();
    let more = "[tenants.acme]\ndefault_provider = \"finpass\"\nnonsense = 1\n\
                redirects = [\"http://app.example/x\", \"https://*.example/x\", \"https://a.example/#x\", \"https://u@a.example\", \"x\"]\n\
                [tenants.acme.limits]\ncalls_per_second = 0\nconcurrent_calls = 0\n[tenants.acme.data_life_days]\nmonitoring = 0\n\
                [tenants.empty]\n[tenants.empty.limits]\nburst = 5\n";
    let text = format!("{}{}{more}", seal(&files), tenant(&files, "acme", TOKENS[0]));
    let expected = [
        "tenants.acme.data_life_days.monitoring",
        "tenants.acme.default_provider",
        "tenants.acme.limits.calls_per_second",
        "tenants.acme.limits.concurrent_calls",
        "tenants.acme.nonsense",
        "tenants.acme.redirects[0]",
        "tenants.acme.redirects[1]",
        "tenants.acme.redirects[2]",
        "tenants.acme.redirects[3]",
        "tenants.acme.redirects[4]",
        "tenants.empty",
        "tenants.empty.limits.burst",
    ];
    assert_eq!(paths(Config::from_toml_str(&text)), expected);
}

#[test]
fn the_environment_reaches_a_tenants_table() {
    let files = Files::new();
    let file = files.path("sangam.toml");
    std::fs::write(&file, format!("{}{}", seal(&files), tenant(&files, "acme", TOKENS[0]))).unwrap();
    let env = [
        ("SANGAM__TENANTS__ACME__FINPRO__MAIN__BASE_URL", "https://other.example"),
        ("SANGAM__TENANTS__ACME__REDIRECTS", "https://a.example/x, https://b.example/y"),
        ("SANGAM__TENANTS__ACME__LIMITS__WATCH_STREAMS", "7"),
    ];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = Config::load(Some(&file), env.into_iter()).unwrap();
    assert_eq!(config.several[0].providers.finpro["main"].base_url, "https://other.example");
    assert_eq!(config.several[0].redirects, ["https://a.example/x", "https://b.example/y"]);
    assert_eq!(config.several[0].limits.watch_streams, Some(7));
}
