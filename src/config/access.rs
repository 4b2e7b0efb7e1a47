//! Who may call.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use config::{Value, ValueKind};
use jiff::Timestamp;
use serde::Deserialize;

use super::{Faults, Listen, load, read, tenant::is_plain_name, webhook::check_url};
use crate::access::{Scope, Scopes, api_key, jwt::Keys};

/// The section `access`. Callers are asked who they are as soon as one way is set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Access {
    /// Milliseconds after which files of certificates, keys and key sets are looked at again.
    pub reload_ms: u64,
    /// Seconds by which the clocks of issuers may differ from ours.
    pub leeway_seconds: u32,
    /// Most tokens that are remembered as good.
    pub token_cache: u64,
    /// Milliseconds after which an issuer may be asked again for a key that is not known.
    pub unknown_key_pause_ms: u64,
    /// A file with more API keys, in the form of `api_keys`; read anew when it changes.
    pub api_keys_file: Option<PathBuf>,
    /// Callers by certificate, by their names.
    pub mtls: BTreeMap<String, MtlsCaller>,
    /// Issuers of tokens.
    pub jwt: BTreeMap<String, JwtIssuer>,
    /// Callers by API key, by their names.
    pub api_keys: BTreeMap<String, ApiKeyCaller>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            reload_ms: 5_000,
            leeway_seconds: 30,
            token_cache: 10_000,
            unknown_key_pause_ms: 10_000,
            api_keys_file: None,
            mtls: BTreeMap::new(),
            jwt: BTreeMap::new(),
            api_keys: BTreeMap::new(),
        }
    }
}

/// A caller that is known by a name in its certificate.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MtlsCaller {
    /// The tenant that it calls for.
    pub tenant: String,
    /// What it may.
    pub scopes: Vec<String>,
    /// SPIFFE ids, each in full.
    pub spiffe_ids: Vec<String>,
    /// DNS names among the certificate's subject alternative names, each in full.
    pub dns_names: Vec<String>,
}

/// An issuer of tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JwtIssuer {
    /// The claim `iss`, letter by letter.
    pub issuer: String,
    /// What the claim `aud` must be or hold.
    pub audience: String,
    /// A file with the issuer's public keys (JSON Web Key Set); read anew when it changes.
    pub jwks_file: Option<PathBuf>,
    /// The address of the same.
    pub jwks_url: Option<String>,
    /// Seconds after which the address is asked again.
    pub refresh_seconds: u64,
    /// The tenant of every token of the issuer.
    pub tenant: Option<String>,
    /// The claim that names the tenant.
    pub tenant_claim: Option<String>,
    /// The claim with the scopes; `scope` or `scp` if it is left out.
    pub scope_claim: Option<String>,
}

/// A caller that is known by API keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeyCaller {
    /// The tenant that it calls for.
    pub tenant: String,
    /// What it may.
    pub scopes: Vec<String>,
    /// Its keys: several while they change.
    pub keys: Vec<ApiKeyHash>,
}

/// An API key, as its hash.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ApiKeyHash {
    /// The SHA-256 of the key, 64 hexadecimal digits.
    pub sha256: String,
    /// From when on the key is worth nothing, such as "2027-03-31T00:00:00Z".
    pub expire_time: Option<Timestamp>,
}

impl Access {
    /// Whether callers are asked who they are.
    pub fn is_on(&self) -> bool {
        self.api_keys_file.is_some() || !self.mtls.is_empty() || !self.jwt.is_empty() || !self.api_keys.is_empty()
    }

    pub(super) fn validate(&self, listen: &Listen, serves: &dyn Fn(&str) -> bool, faults: &mut Faults) {
        faults.at_least_one("access.reload_ms", self.reload_ms);
        if self.leeway_seconds > 300 {
            faults.add("access.leeway_seconds", "must be at most 300");
        }
        for (way, names) in [
            ("mtls", self.mtls.keys().collect::<Vec<_>>()),
            ("jwt", self.jwt.keys().collect()),
            ("api_keys", self.api_keys.keys().collect()),
        ] {
            for name in names.into_iter().filter(|name| !is_plain_name(name)) {
                faults.add(format!("access.{way}.{name}"), "a name is made of a-z, 0-9, `_` and `-`, 1 to 64 of them");
            }
        }
        if !self.mtls.is_empty() && listen.tls.as_ref().is_none_or(|tls| tls.client_ca_files.is_empty()) {
            faults
                .add("access.mtls", "needs `listen.tls.client_ca_files`: without an authority no certificate is worth anything");
        }
        let mut names = BTreeSet::new();
        for (name, caller) in &self.mtls {
            caller.validate(&format!("access.mtls.{name}"), serves, &mut names, faults);
        }
        let mut issuers = BTreeSet::new();
        for (name, issuer) in &self.jwt {
            issuer.validate(&format!("access.jwt.{name}"), serves, faults);
            if !issuers.insert(&issuer.issuer) {
                faults.add(format!("access.jwt.{name}.issuer"), "stands under another name already");
            }
        }
        check_api_keys("access.api_keys", &self.api_keys, serves, faults);
        if let Some(path) = &self.api_keys_file {
            let text = std::fs::read(path).map_err(|error| format!("cannot be read: {}", error.kind()));
            if let Err(cause) = text.and_then(|text| read_api_keys(&text, serves)) {
                faults.add("access.api_keys_file", cause);
            }
        }
    }
}

impl MtlsCaller {
    fn validate<'a>(&'a self, path: &str, serves: &dyn Fn(&str) -> bool, names: &mut BTreeSet<&'a str>, faults: &mut Faults) {
        check_rights(path, &self.tenant, &self.scopes, serves, faults);
        if self.spiffe_ids.is_empty() && self.dns_names.is_empty() {
            faults.add(path, "must have `spiffe_ids` or `dns_names`");
        }
        for id in &self.spiffe_ids {
            let rest = id.strip_prefix("spiffe://").and_then(|rest| rest.split_once('/'));
            if rest.is_none_or(|(domain, path)| domain.is_empty() || path.is_empty()) || id.contains('*') {
                faults.add(
                    format!("{path}.spiffe_ids"),
                    "each must be a whole SPIFFE id, such as spiffe://lender.example/underwriting",
                );
            }
        }
        for name in &self.dns_names {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_');
            if name.is_empty() || !name.bytes().all(plain) {
                faults.add(format!("{path}.dns_names"), "each must be a whole DNS name in small letters; patterns are not known");
            }
        }
        for (list, all) in [("spiffe_ids", &self.spiffe_ids), ("dns_names", &self.dns_names)] {
            if all.iter().any(|name| !names.insert(name)) {
                faults.add(format!("{path}.{list}"), "holds a name that stands twice: it can be one caller's only");
            }
        }
    }
}

impl JwtIssuer {
    /// Seconds after which the address is asked again.
    pub fn refresh_seconds(&self) -> u64 {
        if self.refresh_seconds == 0 { 300 } else { self.refresh_seconds }
    }

    fn validate(&self, path: &str, serves: &dyn Fn(&str) -> bool, faults: &mut Faults) {
        for (name, text) in [("issuer", &self.issuer), ("audience", &self.audience)] {
            if text.is_empty() {
                faults.add(format!("{path}.{name}"), "is required");
            }
        }
        match (&self.jwks_file, &self.jwks_url) {
            (Some(file), None) => {
                let read = std::fs::read(file).map_err(|error| format!("cannot be read: {}", error.kind()));
                if let Err(cause) = read.and_then(|text| Keys::read(&text).map_err(str::to_owned)) {
                    faults.add(format!("{path}.jwks_file"), cause);
                }
            }
            (None, Some(url)) => check_url(&format!("{path}.jwks_url"), url, faults),
            _ => faults.add(path, "must have exactly one of `jwks_file` and `jwks_url`"),
        }
        if self.refresh_seconds != 0 && !(10..=86_400).contains(&self.refresh_seconds) {
            faults.add(format!("{path}.refresh_seconds"), "must be 10 to 86400");
        }
        match (&self.tenant, &self.tenant_claim) {
            (Some(tenant), None) => check_tenant(path, tenant, serves, faults),
            (None, Some(claim)) if !claim.is_empty() => {}
            _ => faults.add(path, "must have exactly one of `tenant` and `tenant_claim`"),
        }
    }
}

/// Reads a file of API keys: one table a caller, as under `access.api_keys`.
pub fn read_api_keys(text: &[u8], serves: &dyn Fn(&str) -> bool) -> Result<BTreeMap<String, ApiKeyCaller>, String> {
    let mut faults = Faults::default();
    let text = std::str::from_utf8(text).map_err(|_| "is no text".to_owned())?;
    let settings = load::parse(text, &mut faults);
    let settings = Value::new(None, ValueKind::Table(settings));
    let callers: BTreeMap<String, ApiKeyCaller> = read::section("file", settings, &mut faults).unwrap_or_default();
    for name in callers.keys().filter(|name| !is_plain_name(name)) {
        faults.add(format!("file.{name}"), "a name is made of a-z, 0-9, `_` and `-`, 1 to 64 of them");
    }
    check_api_keys("file", &callers, serves, &mut faults);
    if faults.is_empty() {
        return Ok(callers);
    }
    Err(faults.iter().map(|fault| format!("{}: {}", fault.path, fault.message)).collect::<Vec<_>>().join("; "))
}

fn check_api_keys(path: &str, callers: &BTreeMap<String, ApiKeyCaller>, serves: &dyn Fn(&str) -> bool, faults: &mut Faults) {
    let mut hashes = Vec::new();
    for (name, caller) in callers {
        let path = format!("{path}.{name}");
        check_rights(&path, &caller.tenant, &caller.scopes, serves, faults);
        if caller.keys.is_empty() {
            faults.add(format!("{path}.keys"), "must have at least one key; `sangam api-key` makes one");
        }
        for key in &caller.keys {
            match api_key::read_hash(&key.sha256) {
                Some(hash) => hashes.push((path.clone(), hash)),
                None => {
                    faults.add(format!("{path}.keys"), "`sha256` must be 64 hexadecimal digits, as `sangam api-key` prints them")
                }
            }
        }
    }
    for path in api_key::twice(hashes.iter().map(|(path, hash)| (path.as_str(), *hash))) {
        faults.add(format!("{path}.keys"), "holds a key that stands twice");
    }
}

fn check_rights(path: &str, tenant: &str, scopes: &[String], serves: &dyn Fn(&str) -> bool, faults: &mut Faults) {
    check_tenant(path, tenant, serves, faults);
    if scopes.is_empty() {
        faults.add(format!("{path}.scopes"), "must name at least one scope");
    }
    if scopes.iter().any(|name| Scope::named(name).is_none()) {
        let known = Scope::ALL.map(Scope::name).join(", ");
        faults.add(format!("{path}.scopes"), format!("holds a scope that is not known; known are {known}"));
    }
}

fn check_tenant(path: &str, tenant: &str, serves: &dyn Fn(&str) -> bool, faults: &mut Faults) {
    if !serves(tenant) {
        faults.add(format!("{path}.tenant"), "must be the id of a tenant that is served here");
    }
}

/// The scopes of a list of names.
pub fn scopes(names: &[String]) -> Scopes {
    names.iter().filter_map(|name| Scope::named(name)).collect()
}
