//! Whom an address belongs to: a credential, or one attempt.

use std::sync::Arc;

use crate::{
    journey::service::Service,
    providers::{
        inbound::{Door, Inbound},
        provider::Provider,
    },
    store::{Addressee, StoreError},
};

/// An address that is known.
#[derive(Clone)]
pub struct Address {
    /// The credential that it belongs to, or that serves the attempt.
    pub provider: Arc<dyn Provider>,
    /// The attempt, for an address of its own.
    pub attempt: Option<Addressee>,
    /// The secret part.
    pub token: String,
}

impl Address {
    /// Finds the owner of `/webhooks/<provider>/<token>`. None if there is no such address; nobody learns which part was wrong.
    pub async fn find(service: &Service, provider: &str, token: &str) -> Result<Option<Self>, StoreError> {
        // Every door is tried, so that the time does not tell which credentials there are.
        let opened = service.providers().iter().filter(|one| one.id() == provider).fold(None, |found, one| match one.inbound() {
            Inbound::Credential(door) if door.opens(token) => Some(one.clone()),
            _ => found,
        });
        if let Some(provider) = opened {
            return Ok(Some(Self { provider, attempt: None, token: token.to_owned() }));
        }
        Self::of_attempt(service, provider, token).await
    }

    /// The store knows tokens by keyed hash only, so the time of the look-up tells nothing of them.
    async fn of_attempt(service: &Service, provider: &str, token: &str) -> Result<Option<Self>, StoreError> {
        let by_attempt = |one: &&Arc<dyn Provider>| one.id() == provider && matches!(one.inbound(), Inbound::Attempt);
        if !service.providers().iter().any(|one| by_attempt(&one)) {
            return Ok(None);
        }
        let tenant = &service.tenant().id;
        for journey_id in service.store().journeys_by_ref(tenant, "token", token).await? {
            let Some(kept) = service.store().journey(tenant, &journey_id).await? else { continue };
            let attempt = kept.journey.attempts.iter().find(|attempt| attempt.webhook_token.expose() == token);
            let serves = service.provider_of(&kept.journey.routing).ok().filter(|one| by_attempt(&one));
            if let (Some(attempt), Some(provider)) = (attempt, serves) {
                let attempt = Addressee { journey_id, attempt_id: attempt.id.clone() };
                return Ok(Some(Self { provider, attempt: Some(attempt), token: token.to_owned() }));
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
