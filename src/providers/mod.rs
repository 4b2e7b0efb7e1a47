//! The providers: one folder each, with the same file names. A third provider is one more folder and its lines here.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use self::{
    http::{Outward, ReadCall},
    inbound::Door,
    logged::Logged,
    provider::Provider,
};
use crate::{clock::SharedClock, config::Faults};

pub mod call_notes;
pub mod capability;
mod customer_url;
pub(crate) mod download;
pub mod error;
mod figures;
pub mod finpass;
pub mod finpro;
pub mod hosts;
pub mod http;
pub mod inbound;
pub(crate) mod judge;
mod ledger;
mod lenient;
mod logged;
mod markup;
pub mod message_content;
mod months;
pub mod provider;
mod resolve;
pub mod settings;
mod shape;
pub mod vocabulary;
mod workbook;

/// A provider that the gateway knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its id in the contract.
    pub id: &'static str,
    /// Its name for people.
    pub display_name: &'static str,
    /// Every read call of its adapter.
    pub reads: &'static [ReadCall],
    /// Whether its id of an opening is a handle, which AdoptConsent takes as such. Otherwise it is the id of an orchestrated transaction.
    pub opening_is_handle: bool,
}

/// Every provider, in the order of its id.
pub const ALL: [Known; 2] = [
    Known { id: finpass::ID, display_name: "Finpass", reads: finpass::READS, opening_is_handle: true },
    Known { id: finpro::ID, display_name: "FinPro (MoneyOne)", reads: finpro::READS, opening_is_handle: false },
];

/// A tenant's credentials at each provider, by name: `[tenant.<provider>.<name>]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TenantProviders {
    /// FinPro.
    pub finpro: BTreeMap<String, finpro::Config>,
    /// Finpass.
    pub finpass: BTreeMap<String, finpass::Config>,
}

impl TenantProviders {
    /// Checks every credential; `path` is where the tenant stands, such as `tenant`. Answers the doors of those credentials that have one,
    /// each with the path of its credential.
    pub fn check(&self, path: &str, faults: &mut Faults) -> Vec<(String, Door)> {
        let mut doors = Vec::new();
        for (name, config) in &self.finpro {
            let path = format!("{path}.{}.{name}", finpro::ID);
            let door = config.check(&path, faults).and_then(|settings| settings.door);
            doors.extend(door.map(|door| (path, door)));
        }
        for (name, config) in &self.finpass {
            config.check(&format!("{path}.{}.{name}", finpass::ID), faults);
        }
        if self.finpro.is_empty() && self.finpass.is_empty() {
            faults.add(path, "has no credential at any provider");
        }
        doors
    }
}

/// Makes every credential of a tenant ready, in the order of provider and name; every fault of every credential is answered at once. `path`
/// is where the tenant stands.
pub fn build(
    tenant: &TenantProviders,
    path: &str,
    outward: &Outward,
    clock: SharedClock,
) -> Result<Vec<Arc<dyn Provider>>, Faults> {
    let mut faults = Faults::default();
    let mut built: Vec<Arc<dyn Provider>> = Vec::new();
    for finpass in finpass::build_all(&tenant.finpass, path, outward, &clock, &mut faults) {
        built.push(Arc::new(Logged(finpass)));
    }
    for finpro in finpro::build_all(&tenant.finpro, path, outward, &clock, &mut faults) {
        built.push(Arc::new(Logged(finpro)));
    }
    if faults.is_empty() { Ok(built) } else { Err(faults) }
}

#[cfg(all(test, feature = "sandbox"))]
mod odd_answers;
#[cfg(all(test, feature = "sandbox"))]
#[allow(clippy::unwrap_used)]
mod walk_tests;
