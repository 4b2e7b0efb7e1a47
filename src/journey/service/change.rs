//! Changes a tree: read, change, write if nobody else wrote meanwhile; otherwise once more on the new tree. A change is a pure function
//! of the tree, so doing it again is safe.

use jiff::{SignedDuration, Timestamp};
use tracing::Instrument;

use super::{Change, Service};
use crate::{
    journey::{
        apply, derive, due,
        error::{Failure, JourneyError},
        model::Journey,
        on_record, transaction, withdraw,
    },
    store::{Changed, Claim, Guard, StoreError, Versioned},
};

/// So many writers of one journey at once do not happen; a loop that never ends must not either.
pub(super) const TRIES: usize = 16;
/// When the background finishes what another process began and did not end.
const AFTER_CRASH: SignedDuration = SignedDuration::from_secs(10);

impl Service {
    /// Applies `change` to a journey and keeps the result; answers the tree and what `change` answered.
    pub async fn change<T>(
        &self,
        tenant: &str,
        journey_id: &str,
        change: impl FnMut(&mut Journey) -> T,
    ) -> Result<(Journey, T), Failure> {
        self.change_for(None, tenant, journey_id, change).await
    }

    /// The same on behalf of a request, which must still be this process's: for what is sent afterwards.
    pub(super) async fn change_for<T>(
        &self,
        claim: Option<Claim<'_>>,
        tenant: &str,
        journey_id: &str,
        mut change: impl FnMut(&mut Journey) -> T,
    ) -> Result<(Journey, T), Failure> {
        for _ in 0..TRIES {
            let read = self.parts.store.journey(tenant, journey_id).instrument(tracing::info_span!("store.read"));
            let Some(Versioned { mut journey, version }) = read.await? else {
                return Err(JourneyError::JourneyNotFound.into());
            };
            let before = journey.clone();
            let now = self.parts.clock.now();
            let answer = change(&mut journey);
            let offers = self.offers(&journey);
            withdraw::conclude(&mut journey, offers, now);
            let news = apply::finish(&before, &mut journey, now);
            journey.purge_at = Some(self.parts.tenant.keep.journey_until(&journey, now));
            let due = self.due(&journey, now);
            let store = &self.parts.store;
            // Before the tree is written: after a crash in between, what is kept ends early and never late.
            for (under, end) in transaction::shortened(&before, &journey) {
                store.shorten(tenant, &under, end).await?;
            }
            let write = async {
                match claim {
                    Some(claim) => store.save_intent(claim, &journey, version, due, now).await,
                    None => store.save_journey(&journey, version, due, now).await,
                }
            };
            let written = write.instrument(tracing::info_span!("store.write")).await;
            if written.is_err() {
                // The commit may have succeeded, so every cached copy of the journey counts as outdated, here and at other replicas.
                self.parts.caches.epochs.raise(&journey.id);
                self.tell_others(&journey, true);
            }
            if written? {
                // Who writes it is the one who wrote the change; of many at once that is one.
                on_record::news(&before, &journey, now).into_iter().for_each(|record| self.parts.audit.note(record));
                self.after_commit(&journey, news).await;
                return Ok((journey, answer));
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Makes the background look at a journey now.
    pub async fn nudge(&self, journey_id: &str) -> Result<(), StoreError> {
        self.parts.store.wake_journey(&self.parts.tenant.id, journey_id, self.parts.clock.now()).await?;
        self.parts.wake.notify_one();
        Ok(())
    }

    /// Keeps a new journey on behalf of a request, unless another one stands in its way; answers that one.
    pub(super) async fn insert(
        &self,
        claim: Claim<'_>,
        journey: &mut Journey,
        guard: Guard<'_>,
    ) -> Result<Option<String>, Failure> {
        let now = self.parts.clock.now();
        journey.state = derive::state(journey);
        journey.purge_at = Some(self.parts.tenant.keep.journey_until(journey, now));
        let open = self
            .parts
            .store
            .insert_intent(Some(claim), journey, guard, self.first_due(now), now)
            .instrument(tracing::info_span!("store.write"))
            .await?;
        if open.is_none() {
            self.tell_others(journey, true);
            self.announce(journey);
        }
        Ok(open)
    }

    /// Writes a new tree over the journey of an earlier try of the same request, of which nothing was sent, as [`Self::insert`] does.
    pub(super) async fn insert_again(
        &self,
        claim: Claim<'_>,
        journey: &mut Journey,
        guard: Guard<'_>,
        earlier: Versioned,
    ) -> Result<Option<String>, Failure> {
        let Versioned { journey: earlier, version } = earlier;
        let now = self.parts.clock.now();
        (journey.created_at, journey.sequence) = (earlier.created_at, earlier.sequence + 1);
        journey.state = derive::state(journey);
        journey.purge_at = Some(self.parts.tenant.keep.journey_until(journey, now));
        let due = self.first_due(now);
        let write = self.parts.store.reopen_intent(claim, journey, version, guard, due, now);
        let open = write.instrument(tracing::info_span!("store.write")).await?;
        if open.is_none() {
            self.parts.caches.epochs.raise(&journey.id);
            self.tell_others(journey, true);
            self.announce(journey);
        }
        Ok(open)
    }

    /// A new journey is not looked at while the opening call itself is under way, unless this process dies in it.
    fn first_due(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add(SignedDuration::try_from(self.parts.pace.look_limit).unwrap_or_default()).ok()
    }

    /// When the background looks next: for what is on its way, or to finish what was taken back.
    pub(crate) fn due(&self, journey: &Journey, now: Timestamp) -> Option<Timestamp> {
        // Whoever took something back also removes it; this is for a process that dies in between.
        let sweep = (!withdraw::unswept(journey).is_empty()).then(|| now.checked_add(AFTER_CRASH).ok()).flatten();
        let (tenant, credential) = (&self.parts.tenant.id, journey.routing.credential.as_str());
        let pace = self.parts.arrivals.paced(&self.parts.pace, tenant, credential, now);
        [due::next_poll(journey, &pace, now), withdraw::next_delivery(journey, now), sweep].into_iter().flatten().min()
    }

    async fn after_commit(&self, journey: &Journey, news: bool) {
        self.parts.caches.epochs.raise(&journey.id);
        self.tell_others(journey, news);
        self.sweep_fenced(journey).await;
        if news {
            tracing::info!(journey_id = %journey.id, state = journey.state.as_str_name(), sequence = journey.sequence, "journey changed");
            self.announce(journey);
        }
        // The background sleeps until the earliest due time it knows; a new one may be earlier.
        self.parts.wake.notify_one();
        // A message may have waited for what this journey has learnt.
        self.tell_inbox();
    }

    fn tell_others(&self, journey: &Journey, news: bool) {
        self.parts.store.tell(Changed {
            tenant: journey.tenant.clone(),
            journey_id: journey.id.clone(),
            sequence: journey.sequence,
            news,
        });
    }

    fn announce(&self, journey: &Journey) {
        // Without a listener there is nobody to tell.
        let _ = self.parts.changes.send(Change {
            tenant: self.parts.tenant.id.clone(),
            journey_id: journey.id.clone(),
            sequence: journey.sequence,
        });
    }
}
