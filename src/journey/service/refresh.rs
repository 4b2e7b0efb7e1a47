//! RefreshData: a new fetch on a live consent. What can be refused is refused here, before the provider is called, on the very tree
//! that the new fetch is written into: of two callers at once only one sends.

use std::time::Duration;

use jiff::Timestamp;

use super::{Service, request::Asker};
use crate::{
    journey::{
        error::{Failure, JourneyError, Violation},
        fair_use::Frequency,
        frequency::frequency_left,
        model::{Asking, Consent, ConsentState, FactSource, Fetch, FetchState, FetchTrigger, Journey, LaterFetches},
        sharing::is_live,
        withdraw::given_up,
    },
    providers::provider::Call,
    store::Claim,
};

/// When to ask again while the provider itself collects the first data of a consent.
const FIRST_BY_PROVIDER: Duration = Duration::from_secs(5);

impl Service {
    /// Asks for a new fetch; `request_id` is the caller's, so that the fetch is found again by it. Answers the tree and the fetch's id.
    pub async fn refresh(
        &self,
        call: Call,
        journey_id: &str,
        consent_id: &str,
        request_id: &str,
    ) -> Result<(Journey, String), Failure> {
        let tenant = self.parts.tenant.id.clone();
        let journey = self.load(&tenant, journey_id).await?;
        let fail = |error: JourneyError| Failure::from(error).of(journey_id);
        let provider = self.provider_of(&journey.routing).map_err(fail)?;
        let consent_id = choose(&journey, consent_id).map_err(fail)?.id.clone();
        if !self.product_of(&journey).map_err(fail)?.is_some_and(|product| product.refreshes) {
            let violation =
                Violation::new("journey_id", "the provider's product cannot fetch anew; ListProviders names those that can");
            return Err(fail(JourneyError::CapabilityMissing(vec![violation])));
        }
        let claim = Some(Claim { request_id });
        let (journey, written) =
            self.change_for(claim, &tenant, journey_id, |journey| self.write_down(journey, &consent_id, request_id)).await?;
        let (fetch_id, send) = written.map_err(fail)?;
        if !send {
            return Ok((journey, fetch_id));
        }
        let (journey, result) = self
            .request_data(call, provider.as_ref(), &journey, &fetch_id, Asker::Caller)
            .await
            .map_err(|failure| failure.of(journey_id))?;
        if let Err(error) = result {
            // The provider may know something of the consent that we do not.
            if let Err(error) = self.nudge(journey_id).await {
                tracing::warn!(%error, "the journey is not looked at");
            }
            return Err(fail(error.into()));
        }
        Ok((journey, fetch_id))
    }

    /// The fetch that an earlier call with this request id wrote down.
    pub fn refreshed<'a>(journey: &'a Journey, request_id: &str) -> Option<(&'a Consent, &'a Fetch)> {
        let mut pairs = journey.consents.iter().flat_map(|consent| consent.fetches.iter().map(move |fetch| (consent, fetch)));
        pairs.find(|(_, fetch)| fetch.request_id.as_deref() == Some(request_id))
    }

    /// How often the framework lets a consent of its purpose be fetched.
    fn outer_limit(&self, consent: &Consent) -> Option<Frequency> {
        let rule = self.parts.rules.of(consent.purpose).filter(|_| self.parts.tenant.enforce_fair_use);
        rule.and_then(|rule| rule.frequency).filter(|_| consent.periodic)
    }

    /// Writes the intent; answers the fetch, and whether it is to be sent.
    fn write_down(&self, journey: &mut Journey, consent_id: &str, request_id: &str) -> Result<(String, bool), JourneyError> {
        if let Some((_, fetch)) = Self::refreshed(journey, request_id) {
            // Another process is at it, or was.
            return Ok((fetch.id.clone(), false));
        }
        let now = self.parts.clock.now();
        let consent = journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound)?;
        if given_up(journey, consent) {
            return Err(JourneyError::JourneyState(journey.state));
        }
        may_refresh(consent, self.outer_limit(consent), now)?;
        let merge = self.merge(FactSource::Gateway);
        let mut fetch = merge.new_fetch(consent);
        fetch.asked = Asking::Open;
        fetch.request_id = Some(request_id.to_owned());
        let id = fetch.id.clone();
        let consent =
            journey.consents.iter_mut().find(|consent| consent.id == consent_id).ok_or(JourneyError::ConsentNotFound)?;
        consent.fetches.push(fetch);
        Ok((id, true))
    }
}

/// The consent that a caller means: the named one, the only one, or the only one that is live.
fn choose<'a>(journey: &'a Journey, consent_id: &str) -> Result<&'a Consent, JourneyError> {
    if !consent_id.is_empty() {
        return journey.consent(consent_id).ok_or(JourneyError::ConsentNotFound);
    }
    let mut consents = journey.consents.iter().filter(|consent| !consent.uploaded);
    if let (Some(only), None) = (consents.next(), consents.next()) {
        return Ok(only);
    }
    let mut live = journey.consents.iter().filter(|consent| !consent.uploaded && consent.state == ConsentState::Active);
    match (live.next(), live.next()) {
        (Some(only), None) => Ok(only),
        _ => {
            Err(JourneyError::InvalidFields(vec![Violation::new("consent_id", "is required: the journey has several consents")]))
        }
    }
}

/// Whether a consent allows a new fetch now.
fn may_refresh(consent: &Consent, limit: Option<Frequency>, now: Timestamp) -> Result<(), JourneyError> {
    // Also by its date: the provider's word of the end can be late.
    is_live(consent, now)?;
    if consent.uploaded {
        return Err(JourneyError::ConsentEnded);
    }
    if let Some(open) = consent.fetches.iter().find(|fetch| !fetch.settled) {
        return Err(JourneyError::FetchInProgress(open.id.clone()));
    }
    let came = |fetch: &Fetch| matches!(fetch.state, FetchState::Ready | FetchState::Partial | FetchState::Empty);
    if !consent.periodic && consent.fetches.iter().any(came) {
        return Err(JourneyError::ConsentUsed);
    }
    by_mode(consent)?;
    frequency_left(consent, limit, now).map_err(JourneyError::FrequencySpent).map(drop)
}

/// Whether the template's fetch mode leaves a new fetch to callers.
fn by_mode(consent: &Consent) -> Result<(), JourneyError> {
    match consent.later {
        LaterFetches::Provider => {
            let violation =
                Violation::new("consent_id", "the provider collects the data of this consent by itself; wait for its next fetch");
            Err(JourneyError::CapabilityMissing(vec![violation]))
        }
        LaterFetches::Caller if consent.trigger == FetchTrigger::Provider && consent.fetches.is_empty() => {
            Err(JourneyError::DataNotReady(FIRST_BY_PROVIDER))
        }
        LaterFetches::Caller | LaterFetches::Unknown => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::testing;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn every_reason_why_a_consent_is_not_fetched_anew() {
        let check = |state, change: fn(&mut Consent)| {
            let mut consent = testing::consent(state);
            consent.periodic = true;
            consent.fetches.push(testing::fetch(FetchState::Ready, true));
            change(&mut consent);
            may_refresh(&consent, None, at(100)).err()
        };
        use ConsentState as C;
        assert_eq!(check(C::Active, |_| ()), None);
        assert_eq!(check(C::Pending, |_| ()), Some(JourneyError::ConsentPending));
        assert_eq!(check(C::Paused, |_| ()), Some(JourneyError::ConsentPaused));
        assert_eq!(check(C::Revoked, |_| ()), Some(JourneyError::ConsentRevoked));
        for state in [C::Rejected, C::Expired, C::Failed] {
            assert_eq!(check(state, |_| ()), Some(JourneyError::ConsentEnded));
        }
        assert_eq!(check(C::Active, |consent| consent.expires_at = Some(at(100))), Some(JourneyError::ConsentEnded));
        assert_eq!(check(C::Active, |consent| consent.periodic = false), Some(JourneyError::ConsentUsed));
        let failed = check(C::Active, |consent| {
            consent.periodic = false;
            consent.fetches = vec![testing::fetch(FetchState::Failed, true)];
        });
        assert_eq!(failed, None, "what brought nothing may be tried again");
        let open = check(C::Active, |consent| consent.fetches.push(testing::fetch(FetchState::Requested, false)));
        assert_eq!(open, Some(JourneyError::FetchInProgress("fch_1".to_owned())));
    }

    #[test]
    fn each_fetch_mode_has_its_way_to_new_data() {
        let ask = |trigger, later, fetches: &[FetchState]| {
            let mut consent = testing::consent(ConsentState::Active);
            (consent.periodic, consent.trigger, consent.later) = (true, trigger, later);
            consent.fetches = fetches.iter().map(|state| testing::fetch(*state, true)).collect();
            may_refresh(&consent, None, at(100)).err()
        };
        let (provider, gateway) = (FetchTrigger::Provider, FetchTrigger::Gateway);
        for fetches in [&[][..], &[FetchState::Ready], &[FetchState::Failed]] {
            let automatic = ask(provider, LaterFetches::Provider, fetches);
            assert!(matches!(automatic, Some(JourneyError::CapabilityMissing(_))), "{automatic:?}");
        }
        let first = ask(provider, LaterFetches::Caller, &[]);
        assert_eq!(first, Some(JourneyError::DataNotReady(FIRST_BY_PROVIDER)), "the provider's first fetch comes");
        assert_eq!(ask(provider, LaterFetches::Caller, &[FetchState::Ready]), None);
        assert_eq!(ask(gateway, LaterFetches::Caller, &[]), None);
        assert_eq!(ask(gateway, LaterFetches::Caller, &[FetchState::Ready]), None);
    }

    #[test]
    fn the_consent_may_be_left_out_where_there_is_no_doubt() {
        let mut journey = testing::journey();
        assert_eq!(choose(&journey, "").unwrap().id, "cns_1");
        assert!(matches!(choose(&journey, "cns_x"), Err(JourneyError::ConsentNotFound)));
        let mut second = testing::consent(ConsentState::Active);
        second.id = "cns_2".to_owned();
        journey.consents.push(second);
        assert_eq!(choose(&journey, "").unwrap().id, "cns_2");
        journey.consents[0].state = ConsentState::Active;
        assert!(matches!(choose(&journey, ""), Err(JourneyError::InvalidFields(_))));
    }
}
