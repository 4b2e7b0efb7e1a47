//! What a stored message does: it wakes the journeys that it concerns, together with the note that it did. Nothing of it is believed; the
//! look that follows asks the provider.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

use super::{Inbox, hints::Wake, read_back::ReadBack, take::Take};
use crate::{
    journey::{
        data_life::shortest,
        model::{AttemptState, Consent, ConsentState, Journey},
        service::Service,
        sharing::view_only,
    },
    providers::{
        inbound::{Reading, WebhookHint},
        message_content::MessageContent,
        provider::Provider,
    },
    store::{Message, MessageState, Settled, StoreError},
};

/// The pauses of a message that waits for something unknown: the first, and the longest.
const PARKED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

/// What to do with a message.
pub(super) enum Decision {
    /// Write this down.
    Settle(Settled),
    /// Work that takes a while, in a task of its own.
    Work(Work),
}

impl Decision {
    fn work(work: Work) -> Self {
        Self::Work(work)
    }
}

/// Work on a message before it is settled.
pub(super) enum Work {
    /// Ask the provider first.
    ReadBack(Box<ReadBack>),
    /// Add what the message holds to its journey.
    Take(Box<Take>),
}

impl Work {
    /// Notes that this process is at work on the message.
    pub(super) fn claim(&self, inbox: &Inbox) -> Settled {
        match self {
            Self::ReadBack(job) => job.claim(inbox),
            Self::Take(job) => job.claim(inbox),
        }
    }

    /// Does the work and settles the message.
    pub(super) async fn run(self, inbox: &Inbox) {
        match self {
            Self::ReadBack(job) => job.run(inbox).await,
            Self::Take(job) => job.run(inbox).await,
        }
    }
}

impl Inbox {
    /// Decides about a message by what it says and what the store knows. No provider is asked.
    pub(super) async fn decide(&self, message: &Message) -> Result<Decision, StoreError> {
        let service = self.service(&message.tenant)?;
        let body = match service.store().message_body(message).await {
            Ok(Some(body)) => body,
            Ok(None) => return Ok(Decision::Settle(Settled::new(message, MessageState::Applied))),
            // Damaged, or sealed under another key: others must not wait behind it.
            Err(StoreError::Unreadable(_)) => return Ok(Decision::Settle(self.quarantine(message, "DAMAGED"))),
            Err(error) => return Err(error),
        };
        let Some(provider) = reader(service, message) else {
            return Ok(Decision::Settle(self.quarantine(message, "NO_CREDENTIAL")));
        };
        match provider.read_webhook(&body) {
            Reading::About(hint) => {
                let content = || provider.message_content(&body, message.received_at);
                self.about(service, message, hint, content).await
            }
            Reading::Nobody => Ok(Decision::Settle(Settled::new(message, MessageState::Applied))),
            Reading::Unreadable => Ok(Decision::Settle(self.quarantine(message, "UNREADABLE"))),
        }
    }

    async fn about(
        &self,
        service: &Service,
        message: &Message,
        hint: WebhookHint,
        content: impl FnOnce() -> MessageContent,
    ) -> Result<Decision, StoreError> {
        let now = service.clock().now();
        let journeys = match &message.attempt {
            // The address itself says whom it concerns; what else the message names is not believed.
            Some(attempt) => vec![attempt.journey_id.clone()],
            None => named(service, message, &hint).await?,
        };
        if journeys.is_empty() {
            return Ok(Decision::Settle(self.park(message, &hint, now)));
        }
        if message.verified {
            self.shared().arrivals.note(&service.tenant().id, &message.credential, now);
        }
        let mut trees = Vec::new();
        // Only these two need the tree.
        if hint.opening_ref.is_some() || hint.holds_data {
            for journey_id in &journeys {
                trees.extend(service.store().journey(&message.tenant, journey_id).await?.map(|kept| kept.journey));
            }
        }
        if let Some(decision) = self.undecided(message, &hint, &trees, now) {
            return Ok(decision);
        }
        tracing::info!(provider = %message.provider, kind = hint.kind, count = journeys.len(), "a message wakes its journeys");
        let mut settled = Settled::new(message, MessageState::Applied);
        if hint.holds_data {
            settled.purge_at = Some(data_end(service, message, &hint, &trees, now));
            settled.data_of = journeys.first().cloned();
        }
        if message.verified {
            settled.wakes = journeys;
        } else {
            self.hint(message, journeys, now, &mut settled);
            return Ok(Decision::Settle(settled));
        }
        // Only what is proven adds to a journey, and only where the message means exactly one.
        let content = if settled.wakes.len() == 1 { content() } else { MessageContent::default() };
        if content.is_empty() {
            return Ok(Decision::Settle(settled));
        }
        Ok(Decision::work(Work::Take(Box::new(Take { message: message.clone(), hint, content, settled }))))
    }

    /// Lets an unproved message wake its journeys, as often as such messages may. One that comes too soon is decided about again later.
    fn hint(&self, message: &Message, journeys: Vec<String>, now: Timestamp, settled: &mut Settled) {
        for journey_id in journeys {
            match self.hints.wake(&journey_id, message.received_at, now) {
                Wake::Now => settled.wakes.push(journey_id),
                Wake::Done => {}
                Wake::At(next) => {
                    settled.state = MessageState::New;
                    settled.next_at = settled.next_at.max(Some(next));
                }
            }
        }
    }

    /// An opening whose answer is lost, or still on its way, and that the message could bind.
    fn undecided(&self, message: &Message, hint: &WebhookHint, trees: &[Journey], now: Timestamp) -> Option<Decision> {
        let reference = hint.opening_ref.as_ref()?;
        let attempt_id = message.attempt.as_ref().map(|attempt| &attempt.attempt_id).or(hint.attempt_id.as_ref())?;
        let (journey, attempt) =
            trees.iter().find_map(|tree| Some((tree, tree.attempts.iter().find(|attempt| attempt.id == *attempt_id)?)))?;
        if attempt.provider_ref.is_some() {
            return None;
        }
        match attempt.state {
            AttemptState::OutcomeUnknown => Some(Decision::work(Work::ReadBack(Box::new(ReadBack {
                message: message.clone(),
                journey_id: journey.id.clone(),
                attempt_id: attempt.id.clone(),
                reference: reference.clone(),
                // Signed by the provider, and naming the attempt by the reference that only it was given.
                vouched: message.verified && hint.attempt_id.as_ref() == Some(attempt_id),
            })))),
            // The opening call is still under way: its answer decides.
            AttemptState::Created => Some(Decision::Settle(self.again(message, now))),
            _ => None,
        }
    }

    /// A message that is tried again after a growing pause, until its age limit.
    pub(super) fn again(&self, message: &Message, now: Timestamp) -> Settled {
        if self.is_too_old(message, now) {
            return self.quarantine(message, "UNDECIDED");
        }
        // At the pace of the looks, since a look is what would decide it otherwise.
        let pace = &self.shared().pace;
        Settled { next_at: later(now, (pace.first, pace.longest), message.tries), ..Settled::new(message, MessageState::New) }
    }

    fn park(&self, message: &Message, hint: &WebhookHint, now: Timestamp) -> Settled {
        if self.is_too_old(message, now) {
            return self.quarantine(message, "NOBODY_KNOWS_IT");
        }
        tracing::info!(provider = %message.provider, kind = hint.kind, "a message waits for its journey");
        Settled {
            next_at: later(now, PARKED, message.tries),
            waits_for: references(message, hint),
            purge_at: hint.data_expires_at.filter(|end| hint.holds_data && *end < message.purge_at),
            ..Settled::new(message, MessageState::Parked)
        }
    }

    fn is_too_old(&self, message: &Message, now: Timestamp) -> bool {
        now.duration_since(message.received_at) >= self.settings.park
    }

    /// Puts a message aside for the operator. One that came to an attempt's own address still wakes its journey: the address says enough.
    fn quarantine(&self, message: &Message, reason: &'static str) -> Settled {
        tracing::warn!(provider = %message.provider, credential = %message.credential, reason, "a message is in quarantine");
        let now = self.shared().clock.now();
        let journeys = message.attempt.iter().map(|attempt| attempt.journey_id.clone());
        let may = |journey_id: &String| message.verified || self.hints.wake(journey_id, message.received_at, now) == Wake::Now;
        Settled { wakes: journeys.filter(may).collect(), ..Settled::new(message, MessageState::Quarantined) }
    }
}

/// The adapter that reads the message: its credential's, or another one of the same provider.
fn reader<'a>(service: &'a Service, message: &Message) -> Option<&'a Arc<dyn Provider>> {
    let of_provider = || service.providers().iter().filter(|one| one.id() == message.provider);
    of_provider().find(|one| one.credential() == message.credential).or_else(|| of_provider().next())
}

/// The journeys that a message names: by our attempt id, or by a provider's id.
async fn named(service: &Service, message: &Message, hint: &WebhookHint) -> Result<Vec<String>, StoreError> {
    let mut journeys = Vec::new();
    for (kind, value) in references(message, hint) {
        journeys.extend(service.store().journeys_by_ref(&message.tenant, &kind, &value).await?);
    }
    journeys.sort();
    journeys.dedup();
    Ok(journeys)
}

/// When pushed data must be gone: with its consent's, by the provider's word or by what is assumed. A hint's word never makes it longer.
fn data_end(service: &Service, message: &Message, hint: &WebhookHint, trees: &[Journey], now: Timestamp) -> Timestamp {
    let named = |value: &Option<String>| value.as_ref().is_some_and(|value| hint.provider_refs.contains(value));
    let consents = || trees.iter().flat_map(|tree| &tree.consents).filter(|one| named(&one.handle) || named(&one.provider_ref));
    let kept = |consent: &Consent| consent.state != ConsentState::Revoked && !view_only(consent);
    if !consents().all(kept) {
        return now;
    }
    let life = consents().map(|consent| service.assumptions().data_life(consent.purpose)).min();
    let life = life.unwrap_or_else(|| service.assumptions().data_life(Default::default()));
    let assumed = later(message.received_at, (life, life), 0).unwrap_or(message.purge_at);
    let known = shortest(consents().filter_map(|consent| consent.data_life), message.received_at).map(|(_, end)| end);
    match hint.data_expires_at {
        Some(end) if message.verified => known.map_or(end, |known| end.min(known)),
        Some(end) => end.min(known.unwrap_or(assumed)),
        None => known.unwrap_or(assumed),
    }
}

/// The references of a message by kind, as the store knows them.
fn references(message: &Message, hint: &WebhookHint) -> Vec<(String, String)> {
    let ours = hint.attempt_id.iter().map(|id| ("attempt".to_owned(), id.clone()));
    ours.chain(hint.provider_refs.iter().map(|id| (message.provider.clone(), id.clone()))).collect()
}

/// After a pause that doubles with each try.
fn later(from: Timestamp, (first, longest): (Duration, Duration), tries: u32) -> Option<Timestamp> {
    let pause = first.saturating_mul(2u32.saturating_pow(tries.min(20))).min(longest);
    SignedDuration::try_from(pause).ok().and_then(|pause| from.checked_add(pause).ok())
}
