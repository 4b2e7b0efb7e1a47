//! ResumeJourney: a fresh URL for the same attempt where the provider mints one, else a new attempt under the same journey.

use super::{OpenedJourney, Service, start::fault_error};
use crate::{
    data::personal::{Personal, exposed},
    journey::{
        error::{Failure, JourneyError},
        model::{AttemptState, Evidence, FactSource, Journey, JourneyState},
    },
    providers::{
        call_notes,
        provider::{Call, CustomerUrl, Provider},
    },
    store::Claim,
};

impl Service {
    /// A fresh URL.
    pub async fn resume(
        &self,
        call: Call,
        claim: Claim<'_>,
        journey_id: &str,
        redirect_url: Option<Personal<String>>,
    ) -> Result<OpenedJourney, Failure> {
        let tenant = self.parts.tenant.id.clone();
        let journey = self.load(&tenant, journey_id).await?;
        // Also the one that the journey was opened with: it may have been taken off the list since.
        let redirect = redirect_url.as_ref().or(journey.ask.redirect_url.as_ref()).map(|url| url.expose().as_str());
        self.allow_redirect(redirect).map_err(|error| Failure::from(error).of(journey_id))?;
        may_resume(&journey).map_err(|error| Failure::from(error).of(journey_id))?;
        let provider = self.provider_of(&journey.routing).map_err(|error| Failure::from(error).of(journey_id))?;
        match self.fresh_url(call, provider.as_ref(), &journey, exposed(&redirect_url)).await? {
            Some(opened) => Ok(opened),
            None => self.reopen(call, claim, provider.as_ref(), journey, redirect_url).await,
        }
    }

    /// The URL of an attempt that is open already, minted anew where the provider can; it changes nothing but the attempt's state.
    pub(crate) async fn fresh_url(
        &self,
        call: Call,
        provider: &dyn Provider,
        journey: &Journey,
        redirect_url: Option<&str>,
    ) -> Result<Option<OpenedJourney>, Failure> {
        let Some(attempt) = journey.last_attempt() else { return Ok(None) };
        let redirect = redirect_url.or(exposed(&journey.ask.redirect_url));
        let (minted, calls) = call_notes::collect(provider.fresh_url(call, journey, attempt, redirect)).await;
        let minted = minted.map_err(|error| Failure::from(error).of(&journey.id))?;
        let Some(CustomerUrl { url, expires_at }) = minted else { return Ok(None) };
        let now = self.parts.clock.now();
        let (journey, ()) = self
            .change(&journey.tenant, &journey.id, |journey| {
                if let Some(attempt) = journey.attempts.last_mut() {
                    if attempt.state == AttemptState::Abandoned {
                        attempt.state = AttemptState::AwaitingCustomer;
                        attempt.created_at = now;
                        attempt.evidence = Evidence { as_of: now, source: FactSource::Gateway, text: "resumed".to_owned() };
                    }
                    attempt.url_expires_at = expires_at;
                    attempt.note_calls(&calls);
                }
            })
            .await?;
        let attempt_id = journey.last_attempt().map(|attempt| attempt.id.clone()).unwrap_or_default();
        Ok(Some(OpenedJourney { journey, attempt_id, customer_url: url }))
    }

    /// A new attempt; the one before counts as abandoned.
    async fn reopen(
        &self,
        call: Call,
        claim: Claim<'_>,
        provider: &dyn Provider,
        journey: Journey,
        redirect_url: Option<Personal<String>>,
    ) -> Result<OpenedJourney, Failure> {
        let mut ask = journey.ask.clone();
        ask.redirect_url = redirect_url.or(ask.redirect_url);
        let mut plan = provider.plan(&ask).map_err(|fault| Failure::from(fault_error(fault)).of(&journey.id))?;
        self.honour_fair_use(call, provider, &mut plan).await.map_err(|failure| failure.of(&journey.id))?;
        let (attempt, consents) = self.new_attempt(&plan);
        let now = self.parts.clock.now();
        let (journey, allowed) = self
            .change_for(Some(claim), &journey.tenant, &journey.id, |journey| {
                // Checked on the tree that is written, so that of two resumes at once only one opens an attempt.
                may_resume(journey)?;
                if journey.attempts.last().is_some_and(|last| last.created_at == attempt.created_at && last.id != attempt.id) {
                    return Err(JourneyError::JourneyState(journey.state));
                }
                for open in journey.attempts.iter_mut().filter(|open| open.state == AttemptState::AwaitingCustomer) {
                    open.state = AttemptState::Abandoned;
                    open.evidence = Evidence { as_of: now, source: FactSource::Gateway, text: "resumed".to_owned() };
                }
                journey.attempts.push(attempt.clone());
                journey.consents.extend(consents.iter().cloned());
                Ok(())
            })
            .await?;
        allowed.map_err(|error| Failure::from(error).of(&journey.id))?;
        self.open_attempt(call, provider, &journey, &ask, &plan).await
    }
}

pub(super) fn may_resume(journey: &Journey) -> Result<(), JourneyError> {
    match journey.state {
        JourneyState::AwaitingCustomer | JourneyState::Abandoned => Ok(()),
        // A second opening beside an unknown one could ask the customer twice.
        JourneyState::OutcomeUnknown | JourneyState::Created => Err(JourneyError::OutcomeUnknown),
        state => Err(JourneyError::JourneyState(state)),
    }
}
