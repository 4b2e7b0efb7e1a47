//! The tenant, and its credentials at the providers.

use std::path::PathBuf;

use serde::Deserialize;
use url::Url;

use super::{Faults, TenantLimits};
use crate::{
    journey::fair_use::{BUILT_IN, Period, Rules},
    pb::Purpose,
    providers::{TenantProviders, finpass, finpro, inbound::Door, settings::is_loopback},
};

/// The tables of `tenant` that belong to providers.
pub(super) const PROVIDERS: [&str; 2] = [finpro::ID, finpass::ID];

/// Most characters of an address that a customer is sent back to.
const MAX_REDIRECT: usize = 2_000;

/// The section `tenant`, and each table `tenants.<id>`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Tenant {
    /// The tenant's id, as it stands beside each journey in the store. Never change it: journeys of another id are not found.
    pub id: String,
    /// Opens the FULL view, which shows personal data, to every caller.
    pub full_view: bool,
    /// Keeps the provider's own bytes of each fetch beside its rows, sealed, until the same date.
    pub retain_evidence: bool,
    /// Days for which a journey is kept after the last of its data is gone and its last consent has ended.
    pub journey_keep_days: u32,
    /// Days for which it is kept that something was removed, and why.
    pub receipt_keep_days: u32,
    /// The provider that serves a journey whose caller names none; it may be left out when there is only one.
    pub default_provider: Option<String>,
    /// Days for which data may be kept, per purpose, where the provider does not tell. Such dates are marked ASSUMED.
    pub data_life_days: DataLifeDays,
    /// Months of data that a consent covers, per purpose, where neither caller nor provider tells. Marked ASSUMED; unset: unknown.
    pub range_months: RangeMonths,
    /// Where a customer may be sent back to, each written exactly as callers give it.
    pub redirects: Vec<String>,
    /// How much its callers may do.
    pub limits: TenantLimits,
    /// The framework's outer limits.
    pub fair_use: FairUse,
    /// Credentials per provider.
    #[serde(skip)]
    pub providers: TenantProviders,
}

impl Default for Tenant {
    fn default() -> Self {
        Self {
            id: "default".to_owned(),
            full_view: false,
            retain_evidence: false,
            journey_keep_days: 180,
            receipt_keep_days: 365,
            default_provider: None,
            data_life_days: DataLifeDays::default(),
            range_months: RangeMonths::default(),
            redirects: Vec::new(),
            limits: TenantLimits::default(),
            fair_use: FairUse::default(),
            providers: TenantProviders::default(),
        }
    }
}

/// The section `tenant.fair_use`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FairUse {
    /// What becomes of a breach.
    pub mode: FairUseMode,
    /// A file with other rules than the built-in ones.
    pub rules_file: Option<PathBuf>,
}

/// What becomes of a breach of fair use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FairUseMode {
    /// It is refused.
    #[default]
    Enforce,
    /// It is logged and noted.
    Report,
}

impl FairUse {
    /// The rules in force; the error says what is wrong with the file.
    pub fn rules(&self) -> Result<Rules, String> {
        let Some(path) = &self.rules_file else { return Rules::read(BUILT_IN) };
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the file {} cannot be read: {}", path.display(), error.kind()))?;
        Rules::read(&text)
    }
}

/// Days of data life per purpose.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DataLifeDays {
    /// For UNDERWRITING.
    pub underwriting: u32,
    /// For MONITORING.
    pub monitoring: u32,
    /// For COLLECTION.
    pub collection: u32,
    /// For WEALTH.
    pub wealth: u32,
    /// For BUDGETING.
    pub budgeting: u32,
    /// For ONE_TIME.
    pub one_time: u32,
}

impl Default for DataLifeDays {
    fn default() -> Self {
        Self { underwriting: 30, monitoring: 31, collection: 90, wealth: 90, budgeting: 90, one_time: 1 }
    }
}

impl DataLifeDays {
    /// The days for a purpose; the shortest of all where the purpose is not told.
    pub fn of(&self, purpose: Purpose) -> u32 {
        match purpose {
            Purpose::Underwriting => self.underwriting,
            Purpose::Monitoring => self.monitoring,
            Purpose::Collection => self.collection,
            Purpose::Wealth => self.wealth,
            Purpose::Budgeting => self.budgeting,
            Purpose::OneTime => self.one_time,
            Purpose::Unspecified => self.all().map(|(_, days)| days).into_iter().min().unwrap_or_default(),
        }
    }

    fn all(&self) -> [(&'static str, u32); 6] {
        [
            ("underwriting", self.underwriting),
            ("monitoring", self.monitoring),
            ("collection", self.collection),
            ("wealth", self.wealth),
            ("budgeting", self.budgeting),
            ("one_time", self.one_time),
        ]
    }
}

/// Months of data per purpose.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RangeMonths {
    /// For UNDERWRITING.
    pub underwriting: Option<u32>,
    /// For MONITORING.
    pub monitoring: Option<u32>,
    /// For COLLECTION.
    pub collection: Option<u32>,
    /// For WEALTH.
    pub wealth: Option<u32>,
    /// For BUDGETING.
    pub budgeting: Option<u32>,
    /// For ONE_TIME.
    pub one_time: Option<u32>,
}

impl RangeMonths {
    /// The months assumed for a purpose.
    pub fn of(&self, purpose: Purpose) -> Option<u32> {
        match purpose {
            Purpose::Underwriting => self.underwriting,
            Purpose::Monitoring => self.monitoring,
            Purpose::Collection => self.collection,
            Purpose::Wealth => self.wealth,
            Purpose::Budgeting => self.budgeting,
            Purpose::OneTime => self.one_time,
            Purpose::Unspecified => None,
        }
    }
}

impl Tenant {
    /// Notes every fault under `path`; answers where its credentials' messages come in, with the path of each credential.
    pub(super) fn validate(&self, path: &str, faults: &mut Faults) -> Vec<(String, Door)> {
        if !is_plain_name(&self.id) {
            let place = if path == "tenant" { "tenant.id" } else { path };
            faults.add(place, "must be 1 to 64 characters of a-z, 0-9, `_` and `-`");
        }
        for (purpose, days) in self.data_life_days.all() {
            if !(1..=3650).contains(&days) {
                faults.add(format!("{path}.data_life_days.{purpose}"), "must be 1 to 3650");
            }
        }
        for (name, days) in [("journey_keep_days", self.journey_keep_days), ("receipt_keep_days", self.receipt_keep_days)] {
            if !(1..=3650).contains(&days) {
                faults.add(format!("{path}.{name}"), "must be 1 to 3650");
            }
        }
        for purpose in [
            Purpose::Underwriting,
            Purpose::Monitoring,
            Purpose::Collection,
            Purpose::Wealth,
            Purpose::Budgeting,
            Purpose::OneTime,
        ] {
            if self.range_months.of(purpose).is_some_and(|months| !(1..=120).contains(&months)) {
                let name = purpose.as_str_name().trim_start_matches("PURPOSE_").to_ascii_lowercase();
                faults.add(format!("{path}.range_months.{name}"), "must be 1 to 120");
            }
        }
        match self.fair_use.rules() {
            Ok(rules) => self.validate_data_life(path, &rules, faults),
            Err(message) => faults.add(format!("{path}.fair_use.rules_file"), message),
        }
        self.validate_default_provider(path, faults);
        check_redirects(&self.redirects, path, faults);
        self.limits.validate(path, faults);
        self.providers.check(path, faults)
    }

    /// A life that is only assumed must not be longer than any consent of the purpose can allow.
    fn validate_data_life(&self, path: &str, rules: &Rules, faults: &mut Faults) {
        if self.fair_use.mode == FairUseMode::Report {
            return;
        }
        for purpose in (1..).map_while(|number| Purpose::try_from(number).ok()) {
            let limit = rules.of(purpose).and_then(|rule| rule.data_life);
            if let Some(limit) = limit.filter(|limit| Period::days(self.data_life_days.of(purpose)).exceeds(*limit)) {
                let name = purpose.as_str_name().trim_start_matches("PURPOSE_").to_ascii_lowercase();
                faults.add(format!("{path}.data_life_days.{name}"), format!("must be at most {limit}, by the rules of fair use"));
            }
        }
    }

    fn validate_default_provider(&self, path: &str, faults: &mut Faults) {
        let Some(default) = &self.default_provider else { return };
        let has_credential = match default.as_str() {
            finpro::ID => !self.providers.finpro.is_empty(),
            finpass::ID => !self.providers.finpass.is_empty(),
            _ => return faults.add(format!("{path}.default_provider"), format!("is not one of {}", PROVIDERS.join(", "))),
        };
        if !has_credential {
            faults.add(format!("{path}.default_provider"), format!("has no credential: there is no [{path}.{default}.<name>]"));
        }
    }
}

/// A customer may be sent to these alone, so each is one address in full.
fn check_redirects(redirects: &[String], path: &str, faults: &mut Faults) {
    for (place, text) in redirects.iter().enumerate() {
        let place = format!("{path}.redirects[{place}]");
        let Ok(url) = Url::parse(text) else {
            faults.add(place, "is no URL");
            continue;
        };
        if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
            faults.add(place, "must begin with https:// (http:// only for loopback)");
        } else if url.host_str().is_none_or(|host| host.contains('*')) || text.contains('*') {
            faults.add(place, "must be one address in full: no part of it stands for another");
        } else if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            faults.add(place, "must hold no user, password or fragment");
        } else if text.len() > MAX_REDIRECT || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            faults.add(place, "must be at most 2,000 visible characters");
        }
    }
}

/// Whether a name may stand in the store and in a dotted path.
pub(super) fn is_plain_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-'))
}
