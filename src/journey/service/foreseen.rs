//! Refusals that are known before a write begins: the provider's breaker is open, its quota is used up, or a limit is reached. They are found
//! before anything is stored, so that a provider that is gone costs no journey, no intent and no event. An operator can end what causes them.

use std::sync::Arc;

use super::{Service, StartCommand, resume::may_resume};
use crate::{
    journey::error::{Failure, JourneyError, Violation},
    providers::provider::{Beginning, Call, Provider},
};

impl Service {
    /// Ends the pauses of a provider's credential, or of every one of its credentials. Returns the names of those that were paused.
    pub fn resume_calls(&self, provider: &str, credential: &str) -> Result<Vec<String>, JourneyError> {
        let at_provider: Vec<_> = self.parts.providers.iter().filter(|known| known.id() == provider).collect();
        if at_provider.is_empty() {
            return Err(self.unknown_provider());
        }
        let named = |known: &&Arc<dyn Provider>| credential.is_empty() || known.credential() == credential;
        let chosen: Vec<_> = at_provider.into_iter().filter(named).collect();
        if chosen.is_empty() {
            let violation = Violation::new("credential", "the tenant has no credential of this name at the provider");
            return Err(JourneyError::InvalidFields(vec![violation]));
        }
        let resumed =
            chosen.into_iter().filter(|known| known.resume_calls()).map(|known| known.credential().to_owned()).collect();
        // The polls of a paused credential wait for the end of the pause.
        self.wake_background();
        Ok(resumed)
    }

    /// Waits until a refusal that is known beforehand may be answered.
    pub async fn pace_refusal(&self, call: Call) {
        self.parts.refusals.turn(call.deadline).await;
    }

    /// Why the opening of a journey would not be sent if it began now. `None` also where it would fail for another reason, which then counts.
    pub fn foreseen_opening(&self, call: Call, command: &StartCommand) -> Option<Failure> {
        self.allow_redirect(command.ask.redirect_url.as_ref().map(|url| url.expose().as_str())).ok()?;
        let (provider, plan, _) = self.route(command).ok()?;
        if !plan.ignored.is_empty() && !command.allow_ignored {
            return None;
        }
        provider.refusal(call, Beginning::Opening).map(Failure::from)
    }

    /// The same for work on a journey that exists.
    pub async fn foreseen(&self, call: Call, journey_id: &str, beginning: Beginning) -> Option<Failure> {
        let journey = self.load(&self.parts.tenant.id, journey_id).await.ok()?;
        match beginning {
            Beginning::Opening => may_resume(&journey).ok()?,
            Beginning::Fetch => self.product_of(&journey).ok()?.filter(|product| product.refreshes).map(drop)?,
        }
        let provider = self.provider_of(&journey.routing).ok()?;
        provider.refusal(call, beginning).map(|error| Failure::from(error).of(journey_id))
    }
}
