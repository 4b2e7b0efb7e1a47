//! Claims due journeys lane by lane, and polls them.

use std::{panic::AssertUnwindSafe, time::Duration};

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use tokio::{
    task::JoinSet,
    time::{Instant, timeout},
};
use tracing::Instrument;

use super::{LONGEST_SLEEP, look};
use crate::{
    journey::{
        fair_queue::{FairQueue, Slot},
        model::lane_name,
        service::{Service, Tenants},
    },
    providers::provider::Call,
    store::{ClaimedJourney, DueLane, Lane, Look, Share, StoreError},
    telemetry::metrics::words::ProviderWord,
};

/// Most journeys of one claim, so that a write transaction stays short.
const BATCH: usize = 256;
/// A poll's calls end at its limit; what is left then is a write or two.
const POLL_MARGIN: Duration = Duration::from_secs(10);
/// The store showed due journeys, and another replica has claimed them meanwhile.
const CONTENDED: Duration = Duration::from_millis(20);

/// Begins a poll of every due journey for which its lane has a slot. Returns for how long there is nothing more to begin unless a poll ends
/// or the background is woken. A journey is claimed first, so that neither this process nor another one polls it twice at a time.
pub(super) async fn begin_due(tenants: &Tenants, queue: &FairQueue, polls: &mut JoinSet<()>) -> Result<Duration, StoreError> {
    let shared = tenants.shared();
    loop {
        let now = shared.clock.now();
        let (wanting, pause) = due(tenants, shared.store.due_lanes(tenants.ids(), now).await?, now);
        let mut slots = queue.take(&wanting, BATCH);
        if slots.is_empty() {
            return Ok(pause);
        }
        let most = SignedDuration::try_from(shared.pace.look_limit + POLL_MARGIN).unwrap_or_default();
        let until = now.checked_add(most).unwrap_or(now);
        let claimed = shared.store.claim_due(&shares(&slots), Look { now, until }).await?;
        if claimed.is_empty() {
            return Ok(pause.min(CONTENDED));
        }
        for ClaimedJourney { lane, journey_id } in claimed {
            // Only what is of these tenants was claimed, and no more than there are slots.
            let Some(service) = tenants.get(&lane.tenant).cloned() else { continue };
            let Some(place) = slots.iter().position(|slot| *slot.lane() == lane) else { continue };
            let slot = slots.swap_remove(place).begin();
            let span = tracing::info_span!("background.look", journey_id = %journey_id);
            shared.links.link(&journey_id, &span);
            polls.spawn(poll_once(service, slot, journey_id).instrument(span));
        }
    }
}

/// The lanes that may be polled now, and when there may be others.
fn due(tenants: &Tenants, lanes: Vec<DueLane>, now: Timestamp) -> (Vec<Lane>, Duration) {
    let (mut wanting, mut pause) = (Vec::new(), LONGEST_SLEEP);
    let mut delays: Vec<(ProviderWord, Duration)> = Vec::new();
    for DueLane { lane, due_at } in lanes {
        if let Ok(delay) = Duration::try_from(now.duration_since(due_at)) {
            delays.push((provider_of(&lane), delay));
            match held(tenants, &lane) {
                // Its polls would be refused without being sent, each after reading and writing its journey.
                Some(left) => pause = pause.min(left),
                None => wanting.push(lane),
            }
        } else {
            pause = pause.min(Duration::try_from(due_at.duration_since(now)).unwrap_or_default());
        }
    }
    tenants.shared().tallies.note_delays(&delays);
    (wanting, pause.max(Duration::from_millis(1)))
}

/// What is left of the time in which the lane's credential sends no call: while the breaker is open, or during a pause.
fn held(tenants: &Tenants, lane: &Lane) -> Option<Duration> {
    let providers = tenants.get(&lane.tenant)?.providers();
    providers.iter().find(|one| lane_name(one.id(), one.credential()) == lane.name)?.held()
}

fn provider_of(lane: &Lane) -> ProviderWord {
    ProviderWord::of(lane.name.split('/').next().unwrap_or_default())
}

fn shares(slots: &[Slot]) -> Vec<Share> {
    let mut shares: Vec<Share> = Vec::new();
    for slot in slots {
        match shares.iter_mut().find(|share| share.lane == *slot.lane()) {
            Some(share) => share.limit += 1,
            None => shares.push(Share { lane: slot.lane().clone(), limit: 1 }),
        }
    }
    shares
}

/// One poll, and its end in the store, whatever became of it.
async fn poll_once(service: Service, slot: Slot, journey_id: String) {
    let _active = service.tallies().look();
    let tenant = slot.lane().tenant.clone();
    let limit = service.pace().look_limit;
    let call = Call { deadline: Instant::now() + limit };
    let poll = timeout(limit + POLL_MARGIN, look::look(&service, call, &tenant, &journey_id));
    match AssertUnwindSafe(poll).catch_unwind().await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(failure))) => tracing::warn!(error = ?failure.error, "poll failed"),
        Ok(Err(_)) => tracing::warn!("poll timed out"),
        Err(_) => tracing::error!("poll panicked"),
    }
    // If this fails, the claim ends by its time.
    if let Err(error) = service.store().end_look(&tenant, &journey_id).await {
        tracing::warn!(%error, "failed to store the end of a poll");
    }
}
