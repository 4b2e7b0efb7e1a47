//! Changes a tree: read, change, write if nobody else wrote meanwhile; otherwise once more on the new tree. A change is a pure function
//! of the tree, so doing it again is safe.

use jiff::{SignedDuration, Timestamp};

use super::{Change, Service};
use crate::{
    journey::{
        apply, derive,
        error::{Failure, JourneyError},
        model::{AttemptState, ConsentState, FetchState, Journey, JourneyState},
    },
    store::{Changed, StoreError, Versioned},
};

/// So many writers of one journey at once do not happen; a loop that never ends must not either.
const TRIES: usize = 16;

impl Service {
    /// Applies `change` to a journey and keeps the result; answers the tree and what `change` answered.
    pub async fn change<T>(
        &self,
        tenant: &str,
        journey_id: &str,
        mut change: impl FnMut(&mut Journey) -> T,
    ) -> Result<(Journey, T), Failure> {
        for _ in 0..TRIES {
            let Some(Versioned { mut journey, version }) = self.parts.store.journey(tenant, journey_id).await? else {
                return Err(JourneyError::JourneyNotFound.into());
            };
            let before = journey.clone();
            let now = self.parts.clock.now();
            let answer = change(&mut journey);
            let news = apply::finish(&before, &mut journey, now);
            let due = self.due(&journey, now);
            if self.parts.store.save_journey(&journey, version, due, now).await? {
                self.after_commit(&before, &journey, news).await;
                return Ok((journey, answer));
            }
        }
        Err(StoreError::Contended.into())
    }

    /// Makes the background look at a journey now.
    pub async fn nudge(&self, journey_id: &str) -> Result<(), StoreError> {
        self.parts.store.wake_journey(&self.parts.tenant.id, journey_id, self.parts.clock.now()).await?;
        self.wake.notify_one();
        Ok(())
    }

    /// Keeps a new journey, unless another one of its client reference is open; answers that one. `except` does not count.
    pub(super) async fn insert_unless_open(
        &self,
        journey: &mut Journey,
        except: Option<&str>,
    ) -> Result<Option<String>, Failure> {
        let now = self.parts.clock.now();
        journey.state = derive::state(journey);
        let open = self.parts.store.insert_unless_open(journey, except, self.first_due(now), now).await?;
        if open.is_none() {
            self.tell_others(journey, true);
            self.announce(journey);
        }
        Ok(open)
    }

    /// Keeps a new journey.
    pub(super) async fn insert(&self, journey: &mut Journey) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        journey.state = derive::state(journey);
        self.parts.store.insert_journey(journey, self.first_due(now), now).await?;
        self.tell_others(journey, true);
        self.announce(journey);
        Ok(())
    }

    /// A new journey is not looked at while the opening call itself is under way, unless this process dies in it.
    fn first_due(&self, now: Timestamp) -> Option<Timestamp> {
        now.checked_add(SignedDuration::try_from(self.parts.pace.look_limit).unwrap_or_default()).ok()
    }

    /// When the background looks next.
    pub(crate) fn due(&self, journey: &Journey, now: Timestamp) -> Option<Timestamp> {
        let pace = &self.parts.pace;
        let ended = journey.consents.iter().all(|consent| {
            matches!(consent.state, ConsentState::Rejected | ConsentState::Revoked | ConsentState::Failed)
                || (consent.state == ConsentState::Expired && consent.fetches.iter().all(|fetch| fetch.settled))
                || journey.attempts.iter().any(|attempt| {
                    attempt.id == consent.attempt_id && matches!(attempt.state, AttemptState::Failed | AttemptState::Cancelled)
                })
        });
        let open = journey.attempts.iter().any(|attempt| {
            matches!(
                attempt.state,
                AttemptState::Created | AttemptState::AwaitingCustomer | AttemptState::OutcomeUnknown | AttemptState::Abandoned
            )
        });
        let forgotten =
            now.duration_since(journey.state_at) > SignedDuration::try_from(pace.forget_after).unwrap_or(SignedDuration::MAX);
        if (ended && !open) || forgotten {
            return None;
        }
        let waiting_for_pick_up = journey.consents.iter().flat_map(|consent| &consent.fetches).any(|fetch| {
            fetch.settled && matches!(fetch.state, FetchState::Ready | FetchState::Partial) && fetch.picked_up_at.is_none()
        });
        let settled = derive::settled(journey) && !waiting_for_pick_up;
        let pause = match journey.state {
            JourneyState::Abandoned if settled => pace.pause_of_abandoned(journey.looks),
            _ => pace.pause(journey.looks, settled),
        };
        let pause = SignedDuration::try_from(pause).ok()?;
        now.checked_add(pause).ok()
    }

    async fn after_commit(&self, before: &Journey, journey: &Journey, news: bool) {
        self.parts.caches.epochs.raise(&journey.id);
        self.tell_others(journey, news);
        self.fence_revoked(before, journey).await;
        if news {
            tracing::info!(journey_id = %journey.id, state = journey.state.as_str_name(), sequence = journey.sequence, "journey changed");
            self.announce(journey);
        }
        // The background sleeps until the earliest due time it knows; a new one may be earlier.
        self.wake.notify_one();
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
        let _ = self.changes.send(Change {
            tenant: journey.tenant.clone(),
            journey_id: journey.id.clone(),
            sequence: journey.sequence,
        });
    }

    /// What a withdrawn consent brought goes at once. Reads are fenced by the tree even if this fails; the purge date then removes it.
    async fn fence_revoked(&self, before: &Journey, journey: &Journey) {
        for consent in journey.consents.iter().filter(|consent| consent.state == ConsentState::Revoked) {
            if before.consent(&consent.id).is_some_and(|old| old.state == ConsentState::Revoked) {
                continue;
            }
            if let Err(error) = self.parts.store.drop_pushed_data(&journey.tenant, &journey.id).await {
                tracing::error!(%error, journey_id = %journey.id, "pushed data of a withdrawn consent is not removed yet");
            }
            if let Err(error) = self.parts.store.drop_increments(&journey.tenant, &consent.id).await {
                tracing::error!(%error, consent_id = %consent.id, "a withdrawn answer is not removed yet");
            }
            for fetch in &consent.fetches {
                if let Err(error) = self.parts.store.drop_fetch(&journey.tenant, &fetch.id).await {
                    tracing::error!(%error, fetch_id = %fetch.id, "a withdrawn fetch is not removed yet");
                }
            }
        }
    }
}
