//! Requests of the writes that change a journey that is there.

use std::sync::Arc;

use sangam::{
    pb::{self, Product, Purpose},
    sandbox::SandboxConfig,
};
use tonic::Status;

use crate::{
    harness::{ShiftedClock, World, start_request},
    offers::Offer,
};

/// The sandbox's effects by call.
pub const FI_REQUEST: &str = "finpro:/fi/request";
pub const REFRESH: &str = "finpass:/api/v1/services/account-aggregator/refresh-data";
pub const REVOKE: &str = "finpro:/revokeconsent";
pub const DELETE: &str = "finpro:/fidata";

/// Another day, within the life of the data and the frequency of the sandbox's templates.
pub const DAY: i64 = 24;

pub fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// A world whose clock is turned by hand, at the gateway and at the providers, with room for many calls.
pub async fn world() -> (World, Arc<ShiftedClock>) {
    let clock = Arc::new(ShiftedClock::default());
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    (World::both_at(clock.clone(), sandbox, |_| ()).await, clock)
}

/// Opens a monitoring journey.
pub fn monitoring(provider: &str, credential: &str, digits: &str) -> pb::StartJourneyRequest {
    let mut request = start_request(provider, credential, digits, &[Product::Data]);
    request.consents[0].purpose = Purpose::Monitoring.into();
    request
}

/// A monitoring journey of an offer, READY and kept.
pub async fn ready(world: &World, offer: &Offer, digits: &str) -> pb::Journey {
    let journey_id = world.approved(monitoring(&offer.provider, &offer.credential, digits)).await;
    world.until_picked_up(&journey_id).await
}

pub fn refresh(journey_id: &str) -> pb::RefreshDataRequest {
    pb::RefreshDataRequest { request_id: uuid(), journey_id: journey_id.to_owned(), consent_id: String::new() }
}

pub fn revoke(journey_id: &str) -> pb::RevokeConsentRequest {
    pb::RevokeConsentRequest {
        request_id: uuid(),
        journey_id: journey_id.to_owned(),
        consent_ids: Vec::new(),
        all_consents: true,
    }
}

pub fn cancel(journey_id: &str) -> pb::CancelJourneyRequest {
    pb::CancelJourneyRequest { request_id: uuid(), journey_id: journey_id.to_owned() }
}

pub fn purge(journey_id: &str, consent_id: &str) -> pb::PurgeDataRequest {
    pb::PurgeDataRequest {
        request_id: uuid(),
        journey_id: journey_id.to_owned(),
        consent_id: consent_id.to_owned(),
        fetch_ids: Vec::new(),
    }
}

impl World {
    pub async fn refresh(&self, request: pb::RefreshDataRequest) -> Result<pb::RefreshDataResponse, Status> {
        Ok(self.client.clone().refresh_data(request).await?.into_inner())
    }

    pub async fn revoke(&self, request: pb::RevokeConsentRequest) -> Result<pb::RevokeConsentResponse, Status> {
        Ok(self.client.clone().revoke_consent(request).await?.into_inner())
    }

    pub async fn cancel(&self, request: pb::CancelJourneyRequest) -> Result<pb::CancelJourneyResponse, Status> {
        Ok(self.client.clone().cancel_journey(request).await?.into_inner())
    }

    pub async fn purge(&self, request: pb::PurgeDataRequest) -> Result<pb::PurgeDataResponse, Status> {
        Ok(self.client.clone().purge_data(request).await?.into_inner())
    }

    /// What should not be there any more.
    pub async fn overdue(&self) -> pb::ListOverdueResponse {
        self.client.clone().list_overdue(pb::ListOverdueRequest {}).await.unwrap().into_inner()
    }
}
