//! Whom an address belongs to: a credential, or one attempt.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::{
    journey::service::{Service, Tenants},
    providers::{
        inbound::{Door, Inbound},
        provider::Provider,
    },
    random::is_id,
    store::{Addressee, StoreError},
};

/// An address that is known.
#[derive(Clone)]
pub struct Address {
    /// The service of the tenant that it belongs to.
    pub service: Service,
    /// The credential that it belongs to, or that serves the attempt.
    pub provider: Arc<dyn Provider>,
    /// The attempt, for an address of its own.
    pub attempt: Option<Addressee>,
    /// The secret part.
    pub token: String,
}

impl Address {
    /// Finds the owner of `/webhooks/<provider>/<token>`, whichever tenant's it is. None if there is no such address; nobody learns which
    /// part was wrong.
    pub async fn find(tenants: &Tenants, look_ups: &Semaphore, provider: &str, token: &str) -> Result<Option<Self>, StoreError> {
        // Every door of every tenant is tried, so that the time does not tell which credentials there are.
        let doors = tenants.iter().flat_map(|service| service.providers().iter().map(move |one| (service, one)));
        let opened = doors.filter(|(_, one)| one.id() == provider).fold(None, |found, (service, one)| match one.inbound() {
            Inbound::Credential(door) if door.opens(token) => Some((service, one)),
            _ => found,
        });
        if let Some((service, one)) = opened {
            let (service, provider) = (service.clone(), one.clone());
            return Ok(Some(Self { service, provider, attempt: None, token: token.to_owned() }));
        }
        // No other text was ever given to a provider, so the store need not be read for it.
        if !is_id(token, "whk") {
            return Ok(None);
        }
        // It is never closed.
        let _place = look_ups.acquire().await;
        Self::of_attempt(tenants, provider, token).await
    }

    /// The store knows tokens by keyed hash only, so the time of the look-up tells nothing of them.
    async fn of_attempt(tenants: &Tenants, provider: &str, token: &str) -> Result<Option<Self>, StoreError> {
        let by_attempt = |one: &&Arc<dyn Provider>| one.id() == provider && matches!(one.inbound(), Inbound::Attempt);
        if !tenants.iter().flat_map(Service::providers).any(|one| by_attempt(&one)) {
            return Ok(None);
        }
        for (tenant, journey_id) in tenants.shared().store.any_by_ref(tenants.ids(), "token", token).await? {
            let Some(service) = tenants.get(&tenant) else { continue };
            let Some(kept) = service.store().journey(&tenant, &journey_id).await? else { continue };
            let attempt = kept.journey.attempts.iter().find(|attempt| attempt.webhook_token.expose() == token);
            let serves = service.provider_of(&kept.journey.routing).ok().filter(|one| by_attempt(&one));
            if let (Some(attempt), Some(provider)) = (attempt, serves) {
                let attempt = Addressee { journey_id, attempt_id: attempt.id.clone() };
                let service = service.clone();
                return Ok(Some(Self { service, provider, attempt: Some(attempt), token: token.to_owned() }));
            }
        }
        Ok(None)
    }

    /// Where a credential's messages come in; none for an address of an attempt.
    pub(super) fn door(&self) -> Option<&Door> {
        match self.provider.inbound() {
            Inbound::Credential(door) if self.attempt.is_none() => Some(door),
            _ => None,
        }
    }
}
