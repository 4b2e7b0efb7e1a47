//! What each story of the sandbox must come to at the gateway: one table, and the stories that need more than a row.

mod awkward;
mod lost;
mod monitoring;
mod outcomes;
mod resume;
mod webhooks;

use sangam::{pb, sandbox::SandboxConfig};

use crate::harness::World;

/// A world in which many journeys may look at once: the sandbox's limit a minute is not what these tests are about.
pub async fn roomy() -> World {
    roomy_with(|_| ()).await
}

/// The same; `change` alters the gateway's configuration.
pub async fn roomy_with(change: impl FnOnce(&mut sangam::config::Config)) -> World {
    World::with(SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() }, change).await
}

/// Opens a journey; the customer has not decided.
pub async fn opened(world: &World, request: pb::StartJourneyRequest) -> pb::StartJourneyResponse {
    world.client.clone().start_journey(request).await.unwrap().into_inner()
}

/// A consent to ask for, by the tenant's name of a template.
pub fn ask(purpose: pb::Purpose, template: &str) -> pb::ConsentAsk {
    pb::ConsentAsk { purpose: purpose.into(), template: template.to_owned(), ..Default::default() }
}
