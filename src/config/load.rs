//! Defaults, file and environment, laid over each other, read and checked.

use std::path::Path;

use config::{File, FileFormat, Map, Source, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{Config, Faults, Tenant, read, tenant};
use crate::providers::TenantProviders;

const PREFIX: &str = "SANGAM__";

/// The sections, in the order of the default file.
pub(super) const SECTIONS: [&str; 12] =
    ["listen", "access", "store", "seal", "audit", "cache", "deadlines", "poller", "watch", "webhook", "telemetry", "tenant"];

impl Config {
    /// Reads the file, if one is given, and the environment over it. Everything wrong is reported at once: what cannot be read, what
    /// is not known, what makes no sense, and secrets that are not there.
    pub fn load(path: Option<&Path>, env: impl Iterator<Item = (String, String)>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let mut settings = Map::new();
        if let Some(path) = path {
            match std::fs::read_to_string(path) {
                Ok(text) => settings = parse(&text, &mut faults),
                Err(error) => faults.add("--config", format!("{} cannot be read: {}", path.display(), error.kind())),
            }
        }
        // Without the file nothing sensible can be said about the rest.
        if !faults.is_empty() {
            return Err(faults);
        }
        for (name, value) in env {
            if let Some(path) = name.strip_prefix(PREFIX) {
                set(&mut settings, &path.to_ascii_lowercase(), value);
            }
        }
        Self::read(settings)
    }

    /// Reads the text of a configuration file, without any environment.
    pub fn from_toml_str(text: &str) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let settings = parse(text, &mut faults);
        if faults.is_empty() { Self::read(settings) } else { Err(faults) }
    }

    fn read(settings: Map<String, Value>) -> Result<Self, Faults> {
        let mut faults = Faults::default();
        let config = Self::structure(settings, &mut faults);
        let mut meaning = Faults::default();
        config.validate(&mut meaning);
        let faults = faults.and_of_meaning(meaning);
        if faults.is_empty() { Ok(config) } else { Err(faults.sorted()) }
    }

    /// Reads every section as far as it can be read.
    pub(super) fn structure(mut settings: Map<String, Value>, faults: &mut Faults) -> Self {
        let (mut tenant, providers) = split_tenant(settings.remove("tenant"), faults);
        tenant.providers = providers;
        let config = Self {
            listen: take(&mut settings, "listen", faults),
            access: take(&mut settings, "access", faults),
            store: take(&mut settings, "store", faults),
            seal: take(&mut settings, "seal", faults),
            audit: take(&mut settings, "audit", faults),
            cache: take(&mut settings, "cache", faults),
            deadlines: take(&mut settings, "deadlines", faults),
            poller: take(&mut settings, "poller", faults),
            watch: take(&mut settings, "watch", faults),
            webhook: take(&mut settings, "webhook", faults),
            telemetry: take(&mut settings, "telemetry", faults),
            tenant,
        };
        for name in settings.into_keys() {
            let message = read::unknown(&name, SECTIONS.into_iter());
            faults.add(name, message);
        }
        config
    }

    fn validate(&self, faults: &mut Faults) {
        let asks = self.access.is_on();
        self.listen.validate(asks, faults);
        self.access.validate(&self.listen, &|tenant| self.tenant_ids().any(|served| served == tenant), faults);
        if asks && self.tenant.full_view {
            faults
                .add("tenant.full_view", "callers are authenticated: grant the scope `pii.read` to those who may see it instead");
        }
        self.store.validate(faults);
        self.seal.validate(faults);
        self.audit.validate(faults);
        self.cache.validate(faults);
        self.deadlines.validate(faults);
        self.poller.validate(faults);
        self.watch.validate(faults);
        self.webhook.validate(faults);
        self.telemetry.validate(faults);
        self.tenant.validate(faults);
    }
}

/// Reads the text of a file; notes why it is no TOML, without quoting it.
pub(super) fn parse(text: &str, faults: &mut Faults) -> Map<String, Value> {
    File::from_str(text, FileFormat::Toml).collect().unwrap_or_else(|error| {
        let text = error.to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let (place, cause) = (lines.next().unwrap_or_default(), lines.next_back().unwrap_or_default());
        faults.add("--config", format!("{place}: {cause}"));
        Map::new()
    })
}

fn take<T: DeserializeOwned + Default>(settings: &mut Map<String, Value>, name: &str, faults: &mut Faults) -> T {
    let section = settings.remove(name);
    section.and_then(|value| read::section(name, value, faults)).unwrap_or_default()
}

/// The tenant's own settings, and its credentials per provider.
fn split_tenant(value: Option<Value>, faults: &mut Faults) -> (Tenant, TenantProviders) {
    let Some(mut value) = value else { return Default::default() };
    let mut credentials = Map::new();
    if let ValueKind::Table(settings) = &mut value.kind {
        for provider in tenant::PROVIDERS {
            credentials.extend(settings.remove_entry(provider));
        }
    }
    for (provider, named) in &credentials {
        if let ValueKind::Table(named) = &named.kind {
            for name in named.keys().filter(|name| !tenant::is_plain_name(name)) {
                faults.add(format!("tenant.{provider}.{name}"), "a credential's name is made of a-z, 0-9, `_` and `-`");
            }
        }
    }
    let credentials = Value::new(None, ValueKind::Table(credentials));
    (read::section("tenant", value, faults).unwrap_or_default(), read::section("tenant", credentials, faults).unwrap_or_default())
}

/// Lays one variable of the environment over the settings; `path` has `__` between its parts.
fn set(settings: &mut Map<String, Value>, path: &str, text: String) {
    let origin = read::ENVIRONMENT.to_owned();
    let Some((first, rest)) = path.split_once("__") else {
        settings.insert(path.to_owned(), Value::new(Some(&origin), text));
        return;
    };
    let place = settings.entry(first.to_owned()).or_insert_with(|| Value::new(None, Map::<String, Value>::new()));
    if !matches!(place.kind, ValueKind::Table(_)) {
        *place = Value::new(None, Map::<String, Value>::new());
    }
    if let ValueKind::Table(table) = &mut place.kind {
        set(table, rest, text);
    }
}

#[cfg(test)]
mod tests;
