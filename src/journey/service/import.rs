//! AdoptConsent: a consent that another system opened becomes a journey of its own.

use super::{Service, StartCommand};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::{AttemptState, Evidence, FactSource, Journey},
    },
    providers::{
        call_notes,
        error::ErrorKind,
        provider::{Call, Found, References},
    },
    store::Guard,
};

impl Service {
    /// Looks the consent up, and keeps a journey for it if it is the customer's and nobody's yet.
    pub async fn import(&self, call: Call, command: StartCommand, references: References) -> Result<Journey, Failure> {
        let (provider, plan, cause) = self.route(&command)?;
        for name in [&references.handle, &references.consent, &references.orchestration].into_iter().flatten() {
            self.is_nobodys(provider.id(), name).await?;
        }
        let mut journey = self.new_journey(&command, provider.as_ref(), &plan, cause);
        let Some(attempt) = journey.attempts.first().cloned() else {
            return Err(JourneyError::Internal("a journey without an attempt").into());
        };
        let (found, calls) = call_notes::collect(provider.look_up(call, &journey, &attempt, &references)).await;
        journey.note_calls(&attempt.id, &calls);
        let found = match found {
            Ok(found) => found,
            Err(error) if error.kind == ErrorKind::UnknownReference => None,
            Err(error) => return Err(error.into()),
        };
        let Some(found) = found else { return Err(JourneyError::ConsentNotFound.into()) };
        for name in [&found.handle, &found.consent_ref, &found.provider_ref].into_iter().flatten() {
            self.is_nobodys(provider.id(), name).await?;
        }
        self.lay_down(&mut journey, found);
        self.insert(command.claim(), &mut journey, Guard::Off).await?;
        command.progress.journey(&journey.id);
        // What it is and what it has brought is learnt as of any other journey.
        self.nudge(&journey.id).await.map_err(|error| Failure::from(error).of(&journey.id))?;
        Ok(journey)
    }

    async fn is_nobodys(&self, provider: &str, name: &str) -> Result<(), Failure> {
        match self.parts.store.journeys_by_ref(&self.parts.tenant.id, provider, name).await?.first() {
            Some(holder) => Err(Failure::from(JourneyError::ConsentKnown).of(holder)),
            None => Ok(()),
        }
    }

    fn lay_down(&self, journey: &mut Journey, found: Found) {
        let now = self.parts.clock.now();
        if let Some(attempt) = journey.attempts.first_mut() {
            // Open until the provider says otherwise, which the first look learns.
            attempt.state = AttemptState::AwaitingCustomer;
            attempt.evidence = Evidence { as_of: now, source: FactSource::Read, text: "adopted".to_owned() };
            attempt.account_ref = found.account;
            attempt.provider_ref = found.provider_ref;
        }
        if let Some(consent) = journey.consents.first_mut() {
            (consent.handle, consent.provider_ref) = (found.handle, found.consent_ref);
        }
    }
}
