//! Defaults, file and environment, laid over each other, read and checked.

use std::path::Path;

use config::{File, FileFormat, Map, Source, Value, ValueKind};
use serde::de::DeserializeOwned;

use super::{Config, Faults, Tenant, read, tenant};
use crate::providers::TenantProviders;

const PREFIX: &str = "SANGAM__";

/// The sections, in the order of the default file.
pub(super) const SECTIONS: [&str; 14] = [
    "listen",
    "access",
    "store",
    "seal",
    "audit",
    "cache",
    "memory",
    "deadlines",
    "poller",
    "watch",
    "webhook",
    "telemetry",
    "tenant",
    "tenants",
];

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
        let (tenant, several) = take_tenants(&mut settings, faults);
        let config = Self {
            listen: take(&mut settings, "listen", faults),
            access: take(&mut settings, "access", faults),
            store: take(&mut settings, "store", faults),
            seal: take(&mut settings, "seal", faults),
            audit: take(&mut settings, "audit", faults),
            cache: take(&mut settings, "cache", faults),
            memory: take(&mut settings, "memory", faults),
            deadlines: take(&mut settings, "deadlines", faults),
            poller: take(&mut settings, "poller", faults),
            watch: take(&mut settings, "watch", faults),
            webhook: take(&mut settings, "webhook", faults),
            telemetry: take(&mut settings, "telemetry", faults),
            tenant,
            several,
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
        for (path, tenant) in self.paths().zip(self.tenants()) {
            if asks && tenant.full_view {
                let advice = "callers are authenticated: grant the scope `pii.read` to those who may see it instead";
                faults.add(format!("{path}.full_view"), advice);
            }
        }
        self.store.validate(faults);
        self.seal.validate(faults);
        self.audit.validate(faults);
        self.cache.validate(faults);
        self.memory.validate(faults);
        self.deadlines.validate(faults);
        self.poller.validate(faults);
        self.watch.validate(faults);
        self.webhook.validate(faults);
        self.telemetry.validate(faults);
        let mut doors = Vec::new();
        for (path, tenant) in self.paths().zip(self.tenants()) {
            doors.extend(tenant.validate(&path, faults));
        }
        // Across all tenants: by its token alone it is told whose a message is.
        for (place, (path, door)) in doors.iter().enumerate() {
            if doors.iter().take(place).any(|(_, other)| other.is_the_same_as(door)) {
                faults.add(format!("{path}.webhook.token"), "must differ from the token of every other credential");
            }
        }
    }

    /// Where each of [`Config::tenants`] stands.
    pub(crate) fn paths(&self) -> impl Iterator<Item = String> {
        let one = self.several.is_empty().then(|| "tenant".to_owned());
        one.into_iter().chain(self.several.iter().map(|tenant| format!("tenants.{}", tenant.id)))
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

/// The tenant of a gateway of one, or the tenants of a gateway of several.
fn take_tenants(settings: &mut Map<String, Value>, faults: &mut Faults) -> (Tenant, Vec<Tenant>) {
    let (one, several) = (settings.remove("tenant"), settings.remove("tenants"));
    if one.is_some() && several.is_some() {
        faults.add("tenants", "must not stand beside `tenant`: the one is for a gateway of one tenant, the other for several");
    }
    let one = one.map(|value| read_tenant("tenant", value, faults)).unwrap_or_default();
    let tables = match several.map(|value| value.kind) {
        Some(ValueKind::Table(tables)) => tables,
        Some(_) => {
            faults.add("tenants", "must hold a table for each tenant: [tenants.<id>]");
            Map::new()
        }
        None => Map::new(),
    };
    let mut several = Vec::new();
    for (id, value) in tables {
        let path = format!("tenants.{id}");
        if matches!(&value.kind, ValueKind::Table(settings) if settings.contains_key("id")) {
            faults.add(format!("{path}.id"), "must be left out: the name of the table is the id");
        }
        several.push(Tenant { id, ..read_tenant(&path, value, faults) });
    }
    several.sort_by(|one, other| one.id.cmp(&other.id));
    (one, several)
}

/// A tenant's own settings with its credentials per provider.
fn read_tenant(path: &str, mut value: Value, faults: &mut Faults) -> Tenant {
    let mut credentials = Map::new();
    if let ValueKind::Table(settings) = &mut value.kind {
        for provider in tenant::PROVIDERS {
            credentials.extend(settings.remove_entry(provider));
        }
    }
    for (provider, named) in &credentials {
        if let ValueKind::Table(named) = &named.kind {
            for name in named.keys().filter(|name| !tenant::is_plain_name(name)) {
                faults.add(format!("{path}.{provider}.{name}"), "a credential's name is made of a-z, 0-9, `_` and `-`");
            }
        }
    }
    let credentials = Value::new(None, ValueKind::Table(credentials));
    let providers: TenantProviders = read::section(path, credentials, faults).unwrap_or_default();
    Tenant { providers, ..read::section(path, value, faults).unwrap_or_default() }
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
mod tenants_tests;
#[cfg(test)]
mod tests;
