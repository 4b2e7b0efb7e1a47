//! One look at one journey: tell what was taken back, observe, ask for data where that is left to us, pick up what is there.

use super::steps;
use crate::{
    journey::{
        apply::Brought,
        error::Failure,
        model::{Asking, Attempt, AttemptState, FactSource, Journey},
        service::{Asker, Service},
        unknown,
    },
    providers::{
        call_notes::{self, CallNote},
        error::ErrorKind,
        provider::{Call, Provider},
    },
};

pub(super) async fn look(service: &Service, call: Call, tenant: &str, journey_id: &str) -> Result<(), Failure> {
    let journey = service.load(tenant, journey_id).await?;
    // What a process that died has left undone.
    service.sweep_fenced(&journey).await;
    // Fetches whose body a poll brought, which this look does not pick up a second time.
    let mut tried: Vec<String> = Vec::new();
    match service.provider_of(&journey.routing) {
        Ok(provider) => {
            // First: nobody should wait for it because something else fails.
            service.deliver(call, provider.as_ref(), &journey).await?;
            for attempt_id in steps::attempts_to_observe(&journey) {
                let brought = observe(service, call, provider.as_ref(), &journey, &attempt_id).await?;
                // At once: a body that is held while the next one waits for room could keep it waiting.
                if !brought.is_empty() {
                    tried.extend(brought.iter().map(|(fetch_id, _)| fetch_id.clone()));
                    pick_up_brought(service, call, tenant, journey_id, brought).await?;
                }
            }
            request_data(service, call, provider.as_ref(), tenant, journey_id).await?;
        }
        Err(error) => tracing::error!(?error, "the credential of this journey is not configured any more"),
    }
    pick_up(service, call, tenant, journey_id, &tried).await?;
    // Last, so that what this look has brought counts; also sets the next due time.
    let pace = service.pace().clone();
    service
        .change(tenant, journey_id, |journey| {
            journey.looks = journey.looks.saturating_add(1);
            steps::end_overdue(journey, service.clock().now(), &pace);
        })
        .await?;
    Ok(())
}

async fn observe(
    service: &Service,
    call: Call,
    provider: &dyn Provider,
    journey: &Journey,
    attempt_id: &str,
) -> Result<Brought, Failure> {
    let Some(attempt) = journey.attempts.iter().find(|attempt| attempt.id == attempt_id) else {
        return Ok(Brought::new());
    };
    let (seen, calls) = call_notes::collect(provider.observe(call, journey, attempt)).await;
    // The opening call itself may still be under way; and an opening that was lost may not be there.
    let opening = matches!(attempt.state, AttemptState::Created | AttemptState::OutcomeUnknown);
    if seen.is_empty() {
        return match seen.fault {
            Some(error) if !opening => note_unobservable(service, journey, attempt, error.kind, &calls).await,
            _ => Ok(Brought::new()),
        };
    }
    // What the other reads brought is kept, whatever became of the one that failed.
    let (_, brought) = service
        .change(&journey.tenant, &journey.id, |journey| {
            journey.note_calls(attempt_id, &calls);
            service.merge(FactSource::Poll).observation(journey, attempt_id, seen.clone())
        })
        .await?;
    Ok(brought)
}

/// A provider that goes on not knowing its own opening has ended it; every other fault passes.
async fn note_unobservable(
    service: &Service,
    journey: &Journey,
    attempt: &Attempt,
    kind: ErrorKind,
    calls: &[CallNote],
) -> Result<Brought, Failure> {
    if kind == ErrorKind::UnknownReference {
        let now = service.clock().now();
        let note = |journey: &mut Journey| {
            journey.note_calls(&attempt.id, calls);
            unknown::note(journey, &attempt.id, now, kind.reason_name());
        };
        service.change(&journey.tenant, &journey.id, note).await?;
    }
    Ok(Brought::new())
}

/// Asks for data where the template leaves it to us. The intent is written before the call, so that a lost answer never leads to a
/// second request.
async fn request_data(
    service: &Service,
    call: Call,
    provider: &dyn Provider,
    tenant: &str,
    journey_id: &str,
) -> Result<(), Failure> {
    let journey = service.load(tenant, journey_id).await?;
    for consent_id in steps::consents_to_request(&journey, service.clock().now()) {
        let (journey, fetch_id) = service
            .change(tenant, journey_id, |journey| {
                let merge = service.merge(FactSource::Gateway);
                // Another replica or an earlier look may have asked meanwhile.
                if !steps::consents_to_request(journey, service.clock().now()).contains(&consent_id) {
                    return None;
                }
                let consent = journey.consents.iter_mut().find(|consent| consent.id == consent_id)?;
                if let Some(fetch) = consent.fetches.iter_mut().find(|fetch| fetch.postponed) {
                    fetch.postponed = false;
                    return Some(fetch.id.clone());
                }
                let mut fetch = merge.new_fetch(consent);
                fetch.asked = Asking::Open;
                let id = fetch.id.clone();
                consent.fetches.push(fetch);
                Some(id)
            })
            .await?;
        let Some(fetch_id) = fetch_id else { continue };
        // What came of it stands in the tree and in the log.
        let _ = service.request_data(call, provider, &journey, &fetch_id, Asker::Background).await?;
    }
    Ok(())
}

/// Picks up the fetches whose bodies a poll brought.
async fn pick_up_brought(service: &Service, call: Call, tenant: &str, journey_id: &str, brought: Brought) -> Result<(), Failure> {
    let journey = service.load(tenant, journey_id).await?;
    let due = steps::fetches_to_pick_up(&journey, service.clock().now());
    for (fetch_id, body) in brought.into_iter().filter(|(fetch_id, _)| due.contains(fetch_id)) {
        // The failure stands in the tree and in the log already; the next look tries again.
        let _ = service.pick_up(call, tenant, journey_id, &fetch_id, Some(body)).await;
    }
    Ok(())
}

/// Picks up the fetches that are there, without those that were tried in this look.
async fn pick_up(service: &Service, call: Call, tenant: &str, journey_id: &str, tried: &[String]) -> Result<(), Failure> {
    let journey = service.load(tenant, journey_id).await?;
    let due = steps::fetches_to_pick_up(&journey, service.clock().now());
    for fetch_id in due.iter().filter(|fetch_id| !tried.contains(fetch_id)) {
        let _ = service.pick_up(call, tenant, journey_id, fetch_id, None).await;
    }
    Ok(())
}
