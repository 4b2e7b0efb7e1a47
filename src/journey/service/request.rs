//! Asks a provider to collect data for a fetch that is written down already. Sent once: what became of a lost answer is read back where
//! the provider can be asked for it, and given up where not.

use super::Service;
use crate::{
    journey::{
        error::Failure,
        model::{Asking, Consent, Evidence, FactSource, Fetch, FetchState, Journey},
    },
    providers::{
        call_notes,
        error::{Effect, ErrorKind, ProviderError},
        provider::{Call, Provider, Target},
    },
};

/// Who wants the fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// The background, for the first fetch of a consent: a refusal is kept, so that it is not asked again and again.
    Background,
    /// A caller, who is told of a refusal: the tree then holds nothing of it.
    Caller,
}

impl Service {
    /// Sends the request of a fetch, and notes what came of it.
    pub(crate) async fn request_data(
        &self,
        call: Call,
        provider: &dyn Provider,
        journey: &Journey,
        fetch_id: &str,
        asker: Asker,
    ) -> Result<(Journey, Result<(), ProviderError>), Failure> {
        let Some((attempt, consent, fetch)) = super::pick_up::locate(journey, fetch_id) else {
            return Ok((journey.clone(), Ok(())));
        };
        let target = Target { journey, attempt, consent, fetch: Some(fetch), accounts: &[] };
        let (result, calls) = call_notes::collect(provider.request_data(call, target, consent.asked_range)).await;
        let findable = self.product_of(journey).ok().flatten().is_some_and(|product| product.finds_lost_fetches);
        let now = self.parts.clock.now();
        let (journey, ()) = self
            .change(&journey.tenant, &journey.id, |journey| {
                journey.note_calls(&attempt.id, &calls);
                let mine = |consent: &&mut Consent| consent.fetches.iter().any(|fetch| fetch.id == fetch_id);
                let Some(consent) = journey.consents.iter_mut().find(mine) else { return };
                let evidence = |text: &str| Evidence { as_of: now, source: FactSource::Read, text: text.to_owned() };
                let Some(fetch) = consent.fetches.iter_mut().find(|fetch| fetch.id == fetch_id) else { return };
                match &result {
                    Ok(session) => {
                        fetch.asked = Asking::Applied;
                        fetch.provider_ref = session.clone().or(fetch.provider_ref.take());
                    }
                    // A look has seen its session meanwhile.
                    Err(_) if fetch.provider_ref.is_some() => {}
                    Err(error) if error.effect == Effect::None => {
                        if asker == Asker::Caller {
                            consent.fetches.retain(|fetch| fetch.id != fetch_id);
                        } else if passing(error.kind) {
                            // The tree stays as it is, so that the pauses between the polls grow.
                            fetch.postponed = true;
                        } else {
                            refuse(fetch, error, evidence(error.code.as_deref().unwrap_or_default()));
                        }
                    }
                    // It may have arrived.
                    Err(_) if findable => fetch.asked = Asking::Unknown,
                    Err(_) => fetch.lose(evidence("outcome unknown")),
                }
            })
            .await?;
        Ok((journey, result.map(drop)))
    }
}

fn refuse(fetch: &mut Fetch, error: &ProviderError, evidence: Evidence) {
    fetch.asked = Asking::Refused;
    (fetch.state, fetch.settled) = (FetchState::Failed, true);
    fetch.failure_reason = Some(error.kind.reason_name().to_owned());
    fetch.evidence = evidence;
}

/// Faults after which the same request may work later.
fn passing(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable
            | ErrorKind::RateLimited
            | ErrorKind::Timeout
            | ErrorKind::NoRoom
            | ErrorKind::Credentials
            | ErrorKind::NotReady
    )
}
