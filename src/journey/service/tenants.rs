//! The services of all tenants of the process.

use std::{collections::BTreeMap, sync::Arc};

use super::{Service, Shared};
use crate::{
    access::TenantId,
    journey::{fair_queue::FairQueue, model::lane_name, on_record},
    store::{Lane, StoreError},
};

/// One service for each tenant, by its id. What belongs to one tenant can be reached through its own service only. Cheap to clone.
#[derive(Clone)]
pub struct Tenants(Arc<Known>);

struct Known {
    shared: Arc<Shared>,
    first: Service,
    services: BTreeMap<TenantId, Service>,
    ids: Vec<TenantId>,
}

impl Tenants {
    /// The services, of one tenant or more, each under the id of its tenant. All are made over the same `shared`.
    pub fn new(shared: Arc<Shared>, first: Service, others: impl IntoIterator<Item = Service>) -> Self {
        let all = std::iter::once(first.clone()).chain(others);
        let services: BTreeMap<_, _> = all.map(|service| (service.tenant().id.clone(), service)).collect();
        let ids = services.keys().cloned().collect();
        Self(Arc::new(Known { shared, first, services, ids }))
    }

    /// The tenant of that name; without a name the only one. The error says which there are.
    pub fn chosen(&self, name: Option<&str>) -> Result<&Service, String> {
        let all = || self.ids().iter().map(TenantId::as_str).collect::<Vec<_>>().join(", ");
        match name {
            Some(name) => self.get(name).ok_or_else(|| format!("there is no such tenant; there are {}", all())),
            None if self.ids().len() > 1 => Err(format!("there are several tenants; name one by --tenant: {}", all())),
            None => Ok(self.first()),
        }
    }

    /// The tenant that the configuration names first.
    pub fn first(&self) -> &Service {
        &self.0.first
    }

    /// The service of a tenant.
    pub fn get(&self, tenant: &str) -> Option<&Service> {
        self.0.services.get(tenant)
    }

    /// Every tenant's service, by the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.0.services.values()
    }

    /// The tenants that this process serves. What belongs to any other one is left to whoever serves it.
    pub fn ids(&self) -> &[TenantId] {
        &self.0.ids
    }

    /// A queue that divides so many slots among the tenants' credentials, each of which has a lane.
    pub fn fair_queue(&self, capacity: usize) -> FairQueue {
        FairQueue::new(
            capacity,
            self.iter().map(|service| {
                let tenant = service.tenant();
                let names = service.providers().iter().map(|one| lane_name(one.id(), one.credential()));
                (tenant.poll_weight, names.map(|name| Lane { tenant: tenant.id.to_string(), name }).collect())
            }),
        )
    }

    /// What all of them share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    /// Removes whatever is past its date, whosever it is: also of a tenant that nobody serves any more. Answers how much.
    pub(crate) async fn purge_past(&self) -> Result<u64, StoreError> {
        let now = self.0.shared.clock.now();
        let served = self.clone();
        let receipt_until = move |tenant: &str| {
            let keep = served.get(tenant).map(|service| service.tenant().keep).unwrap_or_default();
            keep.receipt_until(now)
        };
        let mut receipts = Vec::new();
        let gone = self.0.shared.store.purge_with(now, &receipt_until, &mut receipts).await;
        for (tenant, receipt) in &receipts {
            self.0.shared.audit.note(on_record::purged(tenant, receipt));
        }
        gone
    }
}
