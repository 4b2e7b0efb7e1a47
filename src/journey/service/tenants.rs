//! The services of all tenants of the process.

use std::{collections::BTreeMap, sync::Arc};

use super::Service;

/// One service for each tenant, by its id. What belongs to one tenant can be reached through its own service only. Cheap to clone.
#[derive(Clone)]
pub struct Tenants(Arc<BTreeMap<Box<str>, Service>>);

impl Tenants {
    /// The services, each under the id of its tenant.
    pub fn new(services: impl IntoIterator<Item = Service>) -> Self {
        let named = services.into_iter().map(|service| (service.tenant().id.as_str().into(), service));
        Self(Arc::new(named.collect()))
    }

    /// The service of a tenant.
    pub fn get(&self, tenant: &str) -> Option<&Service> {
        self.0.get(tenant)
    }

    /// Every tenant's service, by the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Service> {
        self.0.values()
    }
}
