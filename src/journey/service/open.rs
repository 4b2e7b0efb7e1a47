//! Opens an attempt at a provider: the intent is written first, then the provider is called once, then the outcome is written.

use secrecy::SecretString;

use super::Service;
use crate::{
    journey::{
        apply,
        error::{Failure, JourneyError},
        model::{
            Ask, Attempt, AttemptState, Certainty, Consent, ConsentMode, ConsentState, Evidence, FactSource, Journey, StepState,
        },
    },
    providers::{
        call_notes,
        error::{Effect, ErrorKind, ProviderError},
        provider::{Call, Opened, Opening, Plan, Provider},
    },
    random::new_id,
};

/// A journey with an URL for its customer.
#[derive(Debug, Clone)]
pub struct OpenedJourney {
    /// The tree.
    pub journey: Journey,
    /// The attempt to which the URL leads.
    pub attempt_id: String,
    /// The URL.
    pub customer_url: SecretString,
}

/// The outcome of an opening could not be written down. Unless nothing happened at the provider, the request must never be done again:
/// what became of it is told from the journey.
fn unwritten(failure: Failure, result: &Result<Opened, ProviderError>) -> Failure {
    match result {
        Err(error) if error.effect == Effect::None => failure,
        _ => {
            tracing::error!(error = ?failure.error, "the outcome of an opening is not written down");
            JourneyError::Unwritten.into()
        }
    }
}

impl Service {
    /// A new attempt with its consents, not yet sent.
    pub(super) fn new_attempt(&self, plan: &Plan) -> (Attempt, Vec<Consent>) {
        let now = self.parts.clock.now();
        let random = self.parts.random.as_ref();
        let evidence = Evidence { as_of: now, source: FactSource::Gateway, text: String::new() };
        let attempt = Attempt {
            id: new_id(random, "att"),
            state: AttemptState::Created,
            evidence: evidence.clone(),
            created_at: now,
            account_ref: None,
            provider_ref: None,
            webhook_token: new_id(random, "whk").into(),
            url_expires_at: None,
            institutions: Vec::new(),
            aa: StepState::Unspecified,
            pdf: None,
            skipped: false,
            failure_reason: None,
            statements: Vec::new(),
            calls: Vec::new(),
            unknown_since: None,
            steps: Vec::new(),
            route: None,
        };
        let consents = plan.consents.iter().map(|planned| Consent {
            id: new_id(random, "cns"),
            attempt_id: attempt.id.clone(),
            purpose: planned.purpose,
            template: planned.template.clone(),
            asked_range: planned.data_range,
            template_range: None,
            state: ConsentState::Pending,
            evidence: evidence.clone(),
            mode: ConsentMode::Unspecified,
            periodic: false,
            trigger: Default::default(),
            later: Default::default(),
            data_life: None,
            expires_at: None,
            expires_certainty: Certainty::Unspecified,
            handle: None,
            provider_ref: None,
            uploaded: false,
            frequency: None,
            deliveries: Vec::new(),
            active_since: None,
            mode_untold: false,
            fetch_overdue: false,
            fetches: Vec::new(),
        });
        (attempt.clone(), consents.collect())
    }

    /// Calls the provider for an attempt that is written down already.
    pub(super) async fn open_attempt(
        &self,
        call: Call,
        provider: &dyn Provider,
        journey: &Journey,
        ask: &Ask,
        plan: &Plan,
    ) -> Result<OpenedJourney, Failure> {
        let Some(attempt) = journey.last_attempt() else {
            return Err(Failure::from(JourneyError::Internal("a journey without an attempt")).of(&journey.id));
        };
        let webhook_url = self
            .parts
            .tenant
            .webhook_base
            .as_ref()
            .map(|base| format!("{base}/webhooks/{}/{}", journey.routing.provider, attempt.webhook_token.expose()));
        let opening = Opening { ask, plan, attempt_id: &attempt.id, webhook_url: webhook_url.as_deref() };
        let (result, calls) = call_notes::collect(provider.open(call, opening)).await;
        let (journey, ()) = self
            .change(&journey.tenant, &journey.id, |journey| {
                journey.note_calls(&attempt.id, &calls);
                match &result {
                    Ok(opened) => self.note_opened(journey, &attempt.id, opened),
                    Err(error) => self.note_failed(journey, &attempt.id, error),
                }
            })
            .await
            .map_err(|failure| unwritten(failure, &result).of(&journey.id))?;
        match result {
            Ok(Opened { customer_url: Ok(customer_url), .. }) => {
                Ok(OpenedJourney { journey, attempt_id: attempt.id.clone(), customer_url: customer_url.url })
            }
            Ok(Opened { customer_url: Err(error), .. }) | Err(error) => Err(Failure::from(error).of(&journey.id)),
        }
    }

    fn note_opened(&self, journey: &mut Journey, attempt_id: &str, opened: &Opened) {
        let evidence = Evidence { as_of: self.parts.clock.now(), source: FactSource::Read, text: opened.provider_text.clone() };
        let mut handles = opened.handles.iter();
        for consent in journey.consents.iter_mut().filter(|consent| consent.attempt_id == attempt_id) {
            consent.handle = handles.next().cloned().or(consent.handle.take());
            consent.evidence = evidence.clone();
        }
        if let Some(attempt) = journey.attempts.iter_mut().find(|attempt| attempt.id == attempt_id) {
            // Given up while the call was under way: it stays so.
            if attempt.state != AttemptState::Cancelled {
                attempt.state = AttemptState::AwaitingCustomer;
                attempt.evidence = evidence;
            }
            attempt.provider_ref = opened.provider_ref.clone();
            match &opened.customer_url {
                Ok(customer_url) => attempt.url_expires_at = customer_url.expires_at,
                // Opened, and the customer cannot be sent there: a caller resumes the journey for an URL that works.
                Err(error) => attempt.failure_reason = Some(error.kind.reason_name().to_owned()),
            }
        }
    }

    fn note_failed(&self, journey: &mut Journey, attempt_id: &str, error: &ProviderError) {
        let Some(attempt) = journey.attempts.iter_mut().find(|attempt| attempt.id == attempt_id) else { return };
        if attempt.state == AttemptState::Cancelled {
            return;
        }
        attempt.state = match error.effect {
            // The provider may hold an opening that we do not know: the background looks it up.
            Effect::Unknown => AttemptState::OutcomeUnknown,
            Effect::Applied if matches!(error.kind, ErrorKind::ResponseInvalid | ErrorKind::ResponseTooLarge) => {
                AttemptState::OutcomeUnknown
            }
            Effect::None | Effect::Applied => AttemptState::Failed,
        };
        attempt.failure_reason = Some(error.kind.reason_name().to_owned());
        attempt.evidence =
            Evidence { as_of: self.parts.clock.now(), source: FactSource::Read, text: error.code.clone().unwrap_or_default() };
    }

    /// What merging facts needs.
    pub(crate) fn merge(&self, source: FactSource) -> apply::Merge<'_> {
        apply::Merge { now: self.parts.clock.now(), source, random: self.parts.random.as_ref(), assume: &self.parts.assume }
    }
}
