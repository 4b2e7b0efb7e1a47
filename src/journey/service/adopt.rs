//! Binds an opening whose answer was lost to the provider's id that a message named: once, and only if the provider's own word allows it.

use super::Service;
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::{Attempt, AttemptState, Evidence, FactSource, Journey},
    },
    providers::{inbound::Owner, provider::Call},
};

/// What a message names.
#[derive(Debug, Clone, Copy)]
pub struct Named<'a> {
    /// The journey.
    pub journey_id: &'a str,
    /// The attempt.
    pub attempt_id: &'a str,
    /// The provider's id.
    pub reference: &'a str,
    /// Whether the provider has said, provably, that the id is the attempt's.
    pub vouched: bool,
}

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adoption {
    /// The attempt has the id now.
    Bound,
    /// There is nothing to bind any more.
    Over,
    /// The id is another customer's, or another journey's: left alone.
    Refused,
    /// The provider does not tell yet.
    Later,
}

impl Service {
    /// Reads the opening back and binds it.
    pub async fn adopt(&self, call: Call, named: Named<'_>) -> Result<Adoption, Failure> {
        let tenant = self.parts.tenant.id.clone();
        let journey = self.load(&tenant, named.journey_id).await?;
        let Some(attempt) = waiting(&journey, named.attempt_id) else { return Ok(Adoption::Over) };
        let bound = self.parts.store.journeys_by_ref(&tenant, &journey.routing.provider, named.reference).await?;
        if !bound.is_empty() {
            return Ok(refused(&journey));
        }
        let provider = self.provider_of(&journey.routing).map_err(|error: JourneyError| Failure::from(error).of(&journey.id))?;
        match provider.owner_of(call, &journey, attempt, named.reference).await {
            Ok(Owner::Customer) => {}
            Ok(Owner::Untold) if named.vouched => {}
            Ok(Owner::Stranger) => return Ok(refused(&journey)),
            Ok(Owner::Untold) => return Ok(Adoption::Later),
            Err(_) => return Ok(Adoption::Later),
        }
        let now = self.parts.clock.now();
        let (_, done) = self
            .change(&tenant, named.journey_id, |journey| {
                // Judged on the tree that is written: of two messages at once only one binds.
                if waiting(journey, named.attempt_id).is_none() {
                    return false;
                }
                let Some(attempt) = journey.attempts.iter_mut().find(|attempt| attempt.id == named.attempt_id) else {
                    return false;
                };
                attempt.provider_ref = Some(named.reference.to_owned());
                attempt.state = AttemptState::AwaitingCustomer;
                attempt.failure_reason = None;
                attempt.evidence = Evidence { as_of: now, source: FactSource::Webhook, text: "found".to_owned() };
                true
            })
            .await?;
        tracing::info!(journey_id = %journey.id, attempt_id = %named.attempt_id, "a lost opening is found by a message");
        Ok(if done { Adoption::Bound } else { Adoption::Over })
    }
}

/// The attempt, if its answer is still lost.
fn waiting<'a>(journey: &'a Journey, attempt_id: &str) -> Option<&'a Attempt> {
    let lost = |attempt: &&Attempt| attempt.state == AttemptState::OutcomeUnknown && attempt.provider_ref.is_none();
    journey.attempts.iter().find(|attempt| attempt.id == attempt_id).filter(lost)
}

fn refused(journey: &Journey) -> Adoption {
    tracing::warn!(journey_id = %journey.id, "a message names an opening of somebody else: nothing is bound");
    Adoption::Refused
}
