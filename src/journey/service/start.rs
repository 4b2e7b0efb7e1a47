//! StartJourney: choose a credential, plan, write the intent, open.

use std::sync::Arc;

use super::{OpenedJourney, Service};
use crate::{
    journey::{
        error::{Failure, JourneyError, Violation},
        machine::attempt_may,
        model::{Ask, AttemptState, Evidence, FactSource, Journey, JourneyState, Routing, RoutingCause},
        progress::Progress,
    },
    providers::provider::{Call, Plan, PlanFault, Provider},
    store::{Claim, Guard, Versioned},
};

/// A valid StartJourney.
#[derive(Debug, Clone)]
pub struct StartCommand {
    /// The id that the journey gets.
    pub journey_id: String,
    /// Whether `journey_id` comes from an earlier try of the same request that sent nothing. That journey may be missing in the store.
    pub repeats: bool,
    /// The caller's request id, under which nothing may be sent twice. Empty where nothing is sent.
    pub request_id: String,
    /// What is asked.
    pub ask: Ask,
    /// The provider, if named.
    pub provider: Option<String>,
    /// The credential, if named.
    pub credential: Option<String>,
    /// Go on without inputs that cannot be honoured.
    pub allow_ignored: bool,
    /// What to do if another journey of the same client reference is open.
    pub on_open: OnOpen,
    /// The journey that this one takes the place of.
    pub supersedes: Option<String>,
    /// Where the work notes the journey once it is written.
    pub progress: Progress,
}

impl StartCommand {
    /// The request on whose behalf it is done.
    pub fn claim(&self) -> Claim<'_> {
        Claim { request_id: &self.request_id }
    }
}

/// What to do if another journey of the same client reference is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnOpen {
    /// Refuse.
    #[default]
    Reject,
    /// Answer the open one.
    Reuse,
    /// Open a second one.
    New,
}

/// A journey that was opened, or was open.
#[derive(Debug, Clone)]
pub struct Started {
    /// The journey with its URL.
    pub opened: OpenedJourney,
    /// Whether it was open already.
    pub reused: bool,
}

impl Service {
    /// Opens a journey.
    pub async fn start(&self, call: Call, command: StartCommand) -> Result<Started, Failure> {
        self.allow_redirect(command.ask.redirect_url.as_ref().map(|url| url.expose().as_str()))?;
        let (provider, mut plan, cause) = self.route(&command)?;
        if !plan.ignored.is_empty() && !command.allow_ignored {
            let violations = plan
                .ignored
                .iter()
                .map(|field| Violation::new(*field, "the provider cannot honour this input; leave it out or set allow_ignored"));
            return Err(JourneyError::InputNotSupported(violations.collect()).into());
        }
        self.honour_fair_use(call, provider.as_ref(), &mut plan).await?;
        let mut journey = self.new_journey(&command, provider.as_ref(), &plan, cause);
        if let Some(old) = &command.supersedes {
            self.may_supersede(old, &journey).await?;
        }
        let claim = command.claim();
        let guard = match command.on_open {
            OnOpen::New => Guard::Off,
            OnOpen::Reject | OnOpen::Reuse => Guard::UnlessOpen { except: command.supersedes.as_deref() },
        };
        let insert = match self.earlier_try(&command).await? {
            Some(earlier) => self.insert_again(claim, &mut journey, guard, earlier).await?,
            None => self.insert(claim, &mut journey, guard).await?,
        };
        match insert {
            Some(open) if command.on_open == OnOpen::Reuse => {
                command.progress.journey(&open);
                let opened = self.resume(call, claim, &open, command.ask.redirect_url.clone()).await?;
                return Ok(Started { opened, reused: true });
            }
            Some(open) => return Err(Failure::from(JourneyError::OpenJourney).of(&open)),
            None => command.progress.journey(&journey.id),
        }
        if let Some(old) = &command.supersedes {
            self.supersede(old, &journey.id).await?;
        }
        let opened = self.open_attempt(call, provider.as_ref(), &journey, &command.ask, &plan).await?;
        Ok(Started { opened, reused: false })
    }

    /// The journey of an earlier try of the same request, of which nothing was sent.
    async fn earlier_try(&self, command: &StartCommand) -> Result<Option<Versioned>, Failure> {
        if !command.repeats {
            return Ok(None);
        }
        let earlier = self.parts.store.journey(&self.parts.tenant.id, &command.journey_id).await?;
        match earlier {
            Some(found) if !matches!(found.journey.state, JourneyState::Failed | JourneyState::Created) => {
                Err(Failure::from(JourneyError::JourneyState(found.journey.state)).of(&command.journey_id))
            }
            earlier => Ok(earlier),
        }
    }

    /// Refuses to send a customer back where the operator does not let him be sent.
    pub(super) fn allow_redirect(&self, url: Option<&str>) -> Result<(), JourneyError> {
        let allowed = url.is_none_or(|url| self.parts.tenant.redirects.allow(url));
        if allowed { Ok(()) } else { Err(JourneyError::RedirectNotAllowed) }
    }

    /// Only what was lost or has ended is superseded, and only by its own caller's reference.
    async fn may_supersede(&self, old: &str, journey: &Journey) -> Result<(), Failure> {
        let old = self.load(&self.parts.tenant.id, old).await?;
        let wrong = |text: &str| JourneyError::InvalidFields(vec![Violation::new("supersedes", text)]);
        if old.ask.client_reference.is_none() || old.ask.client_reference != journey.ask.client_reference {
            return Err(wrong("must be a journey with the same client_reference").into());
        }
        match old.state {
            // By an earlier try of this request.
            _ if old.superseded_by.as_ref() == Some(&journey.id) => Ok(()),
            JourneyState::OutcomeUnknown | JourneyState::Failed | JourneyState::Abandoned if old.superseded_by.is_none() => {
                Ok(())
            }
            state => Err(Failure::from(JourneyError::JourneyState(state)).of(&old.id)),
        }
    }

    /// Gives the old journey up: what may still come of it is not wanted any more.
    async fn supersede(&self, old: &str, by: &str) -> Result<(), Failure> {
        let now = self.parts.clock.now();
        self.change(&self.parts.tenant.id, old, |journey| {
            journey.superseded_by = Some(by.to_owned());
            for attempt in &mut journey.attempts {
                // One that failed as unknown could be reopened otherwise.
                if attempt_may(attempt.state, AttemptState::Cancelled) || attempt.failed_as_unknown() {
                    attempt.state = AttemptState::Cancelled;
                    attempt.evidence = Evidence { as_of: now, source: FactSource::Gateway, text: "superseded".to_owned() };
                }
            }
        })
        .await?;
        Ok(())
    }

    pub(super) fn new_journey(
        &self,
        command: &StartCommand,
        provider: &dyn Provider,
        plan: &Plan,
        cause: RoutingCause,
    ) -> Journey {
        let now = self.parts.clock.now();
        let (attempt, consents) = self.new_attempt(plan);
        Journey {
            id: command.journey_id.clone(),
            tenant: self.parts.tenant.id.to_string(),
            ask: command.ask.clone(),
            routing: Routing { provider: provider.id().to_owned(), credential: provider.credential().to_owned(), cause },
            provider_product: plan.provider_product.to_owned(),
            ignored_inputs: plan.ignored.iter().map(|field| (*field).to_owned()).collect(),
            notes: plan.notes.clone(),
            attempts: vec![attempt],
            consents,
            state: JourneyState::Created,
            state_at: now,
            created_at: now,
            sequence: 1,
            looks: 0,
            superseded_by: None,
            purge_at: None,
        }
    }

    /// The credential that serves the ask: the named one, else the first of the provider whose plan fits.
    pub(super) fn route(&self, command: &StartCommand) -> Result<(Arc<dyn Provider>, Plan, RoutingCause), Failure> {
        let (name, cause) = self.provider_name(command)?;
        let mut candidates: Vec<_> = self.parts.providers.iter().filter(|provider| provider.id() == name).collect();
        if let Some(credential) = &command.credential {
            candidates.retain(|provider| provider.credential() == credential);
            if candidates.is_empty() {
                let violation = Violation::new("credential", "the tenant has no credential of this name at the provider");
                return Err(JourneyError::InvalidFields(vec![violation]).into());
            }
        }
        let mut first_fault = None;
        for provider in candidates {
            match provider.plan(&command.ask) {
                Ok(plan) => return Ok((provider.clone(), plan, cause)),
                Err(fault) => {
                    first_fault.get_or_insert(fault);
                }
            }
        }
        Err(match first_fault {
            Some(fault) => fault_error(fault),
            None => self.unknown_provider(),
        }
        .into())
    }

    fn provider_name(&self, command: &StartCommand) -> Result<(String, RoutingCause), Failure> {
        let known = |name: &str| self.parts.providers.iter().any(|provider| provider.id() == name);
        if let Some(name) = &command.provider {
            return if known(name) { Ok((name.clone(), RoutingCause::Named)) } else { Err(self.unknown_provider().into()) };
        }
        let default = match &self.parts.tenant.default_provider {
            Some(name) => Some(name.clone()),
            // With one provider there is nothing to choose.
            None => {
                let mut names: Vec<_> = self.parts.providers.iter().map(|provider| provider.id()).collect();
                names.dedup();
                match names.as_slice() {
                    [only] => Some((*only).to_owned()),
                    _ => None,
                }
            }
        };
        match default.filter(|name| known(name)) {
            Some(name) => Ok((name, RoutingCause::Default)),
            None => Err(self.unknown_provider().into()),
        }
    }

    pub(super) fn unknown_provider(&self) -> JourneyError {
        let mut known: Vec<String> = self.parts.providers.iter().map(|provider| provider.id().to_owned()).collect();
        known.dedup();
        JourneyError::UnknownProvider { field: "provider", known }
    }
}

/// A plan's fault as an error.
pub(super) fn fault_error(fault: PlanFault) -> JourneyError {
    let violations =
        |faults: Vec<(String, String)>| faults.into_iter().map(|(field, text)| Violation::new(field, text)).collect();
    match fault {
        PlanFault::Fields(faults) => JourneyError::InvalidFields(violations(faults)),
        PlanFault::Unsupported(faults) => JourneyError::CapabilityMissing(violations(faults)),
    }
}
