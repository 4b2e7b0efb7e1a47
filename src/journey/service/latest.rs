//! FetchChanges in mode PROVIDER: asking the provider for what it calls the latest data of a consent. It gives that once, so its answer is
//! kept as it came before anybody is given a part of it; every page is read from what is kept.

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{LatestQuery, Service};
use crate::{
    journey::{
        error::{Failure, JourneyError, Violation},
        machine::fetch_usable,
        model::{Consent, ConsentMode, ConsentState, Journey},
        sharing::{is_live, view_only},
        withdraw::given_up,
    },
    memory::Room,
    providers::{
        call_notes::{self, CallNote},
        provider::{Call, Latest, Target},
    },
    store::KeptIncrement,
};

impl Service {
    /// The consent whose latest data may be asked for, or given again, now.
    pub fn latest_consent(&self, journey: &Journey, query: &LatestQuery) -> Result<String, Failure> {
        let consent = self.periodic_consent(journey, &query.consent_id);
        consent.map(|consent| consent.id.clone()).map_err(|error| Failure::from(error).of(&journey.id))
    }

    fn periodic_consent<'a>(&self, journey: &'a Journey, consent_id: &str) -> Result<&'a Consent, JourneyError> {
        if !self.product_of(journey)?.is_some_and(|product| product.latest_changes) {
            let violation =
                Violation::new("mode", "the provider's product cannot be asked for what is new; DIFF compares fetches");
            return Err(JourneyError::CapabilityMissing(vec![violation]));
        }
        let consent = choose(journey, consent_id)?;
        if given_up(journey, consent) {
            return Err(JourneyError::JourneyEnded(journey.state));
        }
        match consent.state {
            ConsentState::Revoked => return Err(JourneyError::ConsentRevoked),
            ConsentState::Rejected | ConsentState::Failed => return Err(JourneyError::JourneyEnded(journey.state)),
            // A paused or ended one brings nothing new, which is refused before the provider is asked; what is kept of it is given.
            ConsentState::Active | ConsentState::Paused | ConsentState::Expired => {}
            _ => return Err(JourneyError::DataNotReady(self.parts.pace.first)),
        }
        match consent.mode {
            // What it allows is not told yet.
            ConsentMode::Unspecified => Err(JourneyError::DataNotReady(self.parts.pace.first)),
            _ if view_only(consent) => Err(JourneyError::ViewOnly),
            _ if !consent.periodic => Err(JourneyError::ConsentNotPeriodic),
            _ => Ok(consent),
        }
    }

    /// Whether the answer to a request is kept.
    pub async fn has_latest(&self, journey_id: &str, consent_id: &str, request_id: &str) -> Result<bool, Failure> {
        let kept = self.parts.store.increment(&self.parts.tenant.id, request_id).await?;
        match kept {
            None => Ok(false),
            Some(kept) if kept.journey_id == journey_id && kept.consent_id == consent_id => Ok(true),
            Some(_) => Err(JourneyError::RequestIdReused.into()),
        }
    }

    /// Asks the provider for the latest data of a consent, unless that was done for this request, and keeps the answer. Answers whether it
    /// was kept before. To be called once at a time for a request id.
    pub async fn ask_latest(&self, journey_id: &str, consent_id: &str, request_id: &str) -> Result<bool, Failure> {
        if self.has_latest(journey_id, consent_id, request_id).await? {
            return Ok(true);
        }
        let journey = self.load(&self.parts.tenant.id, journey_id).await?;
        let asked = self.ask_and_keep(&journey, consent_id, request_id).await;
        asked.map(|()| false).map_err(|error| Failure::from(error).of(journey_id))
    }

    async fn ask_and_keep(&self, journey: &Journey, consent_id: &str, request_id: &str) -> Result<(), JourneyError> {
        let consent = journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound)?;
        is_live(consent, self.parts.clock.now())?;
        let attempt = journey.attempts.iter().find(|attempt| attempt.id == consent.attempt_id);
        let attempt = attempt.ok_or(JourneyError::Internal("a consent without an attempt"))?;
        let provider = self.provider_of(&journey.routing)?;
        // Not the caller's time: an answer that comes too late for the caller is kept for the repeat.
        let call = Call { deadline: Instant::now() + self.parts.pace.look_limit };
        let asking = provider.latest(call, Target { journey, attempt, consent, fetch: None, accounts: &[] });
        let (latest, calls) = call_notes::collect(asking).await;
        if latest.is_err() {
            self.note_calls_of(journey, &attempt.id, &calls).await;
        }
        let latest = self.heeded(journey, consent_id, latest.map_err(JourneyError::from)).await?;
        // Until it is stored.
        let _room = match &latest {
            Latest::Data(body) => body.room.clone(),
            Latest::Nothing { .. } => Room::default(),
        };
        let increment = self.increment_of(journey, consent, latest);
        let (tenant, store) = (&journey.tenant, &self.parts.store);
        if let Err(error) = store.put_increment(tenant, request_id, &increment).await {
            tracing::error!(%error, journey_id = %journey.id, consent_id, "an answer that is not given again is not kept");
            self.note_calls_of(journey, &attempt.id, &calls).await;
            return Err(JourneyError::OutcomeUnknown);
        }
        // The answer is kept first: it is not given again.
        self.note_calls_of(journey, &attempt.id, &calls).await;
        // Withdrawn while the answer was on its way: the fence has passed before it was there.
        let now = self.load(tenant, &journey.id).await.map_err(|failure| failure.error)?;
        if now.consent(consent_id).is_none_or(|consent| consent.state == ConsentState::Revoked) {
            store.drop_increments(tenant, consent_id).await?;
            return Err(JourneyError::ConsentRevoked);
        }
        Ok(())
    }

    /// Keeps a call's id with the attempt. Without it the log has the id.
    async fn note_calls_of(&self, journey: &Journey, attempt_id: &str, calls: &[CallNote]) {
        let noted = self.change(&journey.tenant, &journey.id, |journey| journey.note_calls(attempt_id, calls)).await;
        if let Err(failure) = noted {
            tracing::warn!(error = ?failure.error, journey_id = %journey.id, "failed to keep the ids of provider calls");
        }
    }

    fn increment_of(&self, journey: &Journey, consent: &Consent, latest: Latest) -> KeptIncrement {
        let (body, endpoint, received_at) = match latest {
            Latest::Data(body) => (Some(body.bytes), body.endpoint, body.received_at),
            Latest::Nothing { endpoint, received_at } => (None, endpoint, received_at),
        };
        KeptIncrement {
            journey_id: journey.id.clone(),
            consent_id: consent.id.clone(),
            body,
            endpoint: endpoint.to_owned(),
            received_at,
            purge_at: self.increment_end(consent),
        }
    }

    /// As long as the data of the consent's newest fetch. If that is over, the provider has a newer one that is not seen yet: a day, as for
    /// data whose end is not known.
    fn increment_end(&self, consent: &Consent) -> Timestamp {
        let now = self.parts.clock.now();
        let newest = consent.fetches.iter().filter(|fetch| fetch_usable(fetch.state)).max_by_key(|fetch| fetch.requested_at);
        let end = newest.map(|fetch| self.purge_date(fetch.data_expires_at)).filter(|end| *end > now);
        let end = end.unwrap_or_else(|| now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now));
        let life = consent.data_life.and_then(|life| life.end(now));
        life.map_or(end, |(life, _)| life.min(end))
    }
}

/// The named consent, or the only periodic one.
fn choose<'a>(journey: &'a Journey, consent_id: &str) -> Result<&'a Consent, JourneyError> {
    if !consent_id.is_empty() {
        return journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound);
    }
    let mut periodic = journey.consents.iter().filter(|consent| consent.periodic);
    match (periodic.next(), periodic.next()) {
        (Some(only), None) => Ok(only),
        (Some(_), Some(_)) => {
            let violation = Violation::new("consent_id", "is required: the journey has several periodic consents");
            Err(JourneyError::InvalidFields(vec![violation]))
        }
        // None is; the first one says why.
        (None, _) => journey.consents.first().ok_or(JourneyError::ConsentNotFound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::testing;

    fn periodic(id: &str, periodic: bool) -> Consent {
        Consent { id: id.to_owned(), periodic, ..testing::consent(ConsentState::Active) }
    }

    #[test]
    fn the_only_periodic_consent_need_not_be_named() {
        let mut journey = testing::journey();
        let chosen = |journey: &Journey, id: &str| choose(journey, id).map(|consent| consent.id.clone());
        journey.consents = vec![periodic("cns_1", false), periodic("cns_2", true)];
        assert_eq!(chosen(&journey, "").as_deref(), Ok("cns_2"));
        assert_eq!(chosen(&journey, "cns_1").as_deref(), Ok("cns_1"));
        assert_eq!(chosen(&journey, "cns_3"), Err(JourneyError::ConsentNotFound));
        journey.consents.push(periodic("cns_3", true));
        assert!(matches!(chosen(&journey, ""), Err(JourneyError::InvalidFields(list)) if list[0].field == "consent_id"));
        journey.consents.truncate(1);
        assert_eq!(chosen(&journey, "").as_deref(), Ok("cns_1"));
    }
}
