//! Leaves one log line for each failure of a provider, whichever rpc or background task met it. It stands around every adapter, so a new
//! method cannot forget it. A failure that an adapter itself gets over is logged by [`failure`] in its place.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    capability::ProviderProduct,
    error::{ErrorKind, ProviderError},
    inbound::{Inbound, Owner, Reading},
    message_content::MessageContent,
    provider::{
        Analysis, Beginning, Body, Call, CustomerUrl, Document, Found, Latest, Observation, Opened, Opening, PartOf, Plan,
        PlanFault, Provider, Redirected, References, Target,
    },
};
use crate::{
    data::{ReadContext, Rows},
    journey::{
        fair_use::TemplateTerms,
        model::{Ask, Attempt, DayRange, Journey},
    },
    pb,
};

/// Which work a call was made for, as far as it is known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Concerned<'a> {
    /// The journey's id.
    pub journey_id: Option<&'a str>,
    /// The attempt's id.
    pub attempt_id: Option<&'a str>,
    /// The consent's id.
    pub consent_id: Option<&'a str>,
    /// The fetch's id.
    pub fetch_id: Option<&'a str>,
}

impl<'a> Concerned<'a> {
    fn attempt(journey: &'a Journey, attempt: &'a Attempt) -> Self {
        Self { journey_id: Some(&journey.id), attempt_id: Some(&attempt.id), ..Self::default() }
    }

    fn target(target: &Target<'a>) -> Self {
        Self {
            consent_id: Some(&target.consent.id),
            fetch_id: target.fetch.map(|fetch| fetch.id.as_str()),
            ..Self::attempt(target.journey, target.attempt)
        }
    }
}

/// Writes the line of a failure.
pub(super) fn failure(error: &ProviderError, credential: &str, concerned: Concerned<'_>) {
    let exchange = error.exchange.as_deref();
    let answer = exchange.and_then(|exchange| exchange.answer);
    macro_rules! line {
        ($level:ident) => {
            tracing::$level!(
                provider = error.provider,
                credential,
                stage = error.stage,
                reason = error.kind.reason_name(),
                provider_code = error.code.as_deref(),
                effect = error.effect.name(),
                x_request_id = exchange.map(|exchange| tracing::field::display(exchange.x_request_id)),
                http_status = answer.map(|answer| answer.http_status),
                form = answer.map(|answer| answer.form),
                bytes = answer.map(|answer| answer.bytes),
                retry_after_ms = error.retry_after.map(|pause| u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)),
                detail = (!error.detail.is_empty()).then_some(&*error.detail),
                journey_id = concerned.journey_id,
                attempt_id = concerned.attempt_id,
                consent_id = concerned.consent_id,
                fetch_id = concerned.fetch_id,
                "provider call failed"
            )
        };
    }
    if is_news(error.kind) { line!(info) } else { line!(warn) }
}

/// Refusals that say how a journey stands. They are part of its life; the rest is for an operator to look into if it happens often.
fn is_news(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotReady
            | ErrorKind::DataExpired
            | ErrorKind::Revoked
            | ErrorKind::Rejected
            | ErrorKind::NoAccounts
            | ErrorKind::UnknownReference
            | ErrorKind::Unsupported
    )
}

/// An adapter whose failures are logged.
pub(super) struct Logged<P>(pub P);

impl<P: Provider> Logged<P> {
    fn note<T>(&self, result: Result<T, ProviderError>, concerned: Concerned<'_>) -> Result<T, ProviderError> {
        result.inspect_err(|error| failure(error, self.0.credential(), concerned))
    }
}

#[async_trait]
impl<P: Provider> Provider for Logged<P> {
    fn id(&self) -> &'static str {
        self.0.id()
    }

    fn credential(&self) -> &str {
        self.0.credential()
    }

    fn products(&self) -> &[ProviderProduct] {
        self.0.products()
    }

    fn plan(&self, ask: &Ask) -> Result<Plan, PlanFault> {
        self.0.plan(ask)
    }

    fn refusal(&self, call: Call, beginning: Beginning) -> Option<ProviderError> {
        let refusal = self.0.refusal(call, beginning);
        if let Some(error) = &refusal {
            failure(error, self.0.credential(), Concerned::default());
        }
        refusal
    }

    fn held(&self) -> Option<std::time::Duration> {
        self.0.held()
    }

    fn resume_calls(&self) -> bool {
        self.0.resume_calls()
    }

    fn divide(&self, body: &Body, part_of: PartOf<'_>, parts: usize) -> Result<Vec<Option<Body>>, ProviderError> {
        self.0.divide(body, part_of, parts)
    }

    async fn terms(&self, call: Call, template: &str) -> TemplateTerms {
        self.0.terms(call, template).await
    }

    async fn open(&self, call: Call, opening: Opening<'_>) -> Result<Opened, ProviderError> {
        let concerned = Concerned { attempt_id: Some(opening.attempt_id), ..Concerned::default() };
        let opened = self.note(self.0.open(call, opening).await, concerned)?;
        if let Err(error) = &opened.customer_url {
            failure(error, self.0.credential(), concerned);
        }
        Ok(opened)
    }

    async fn look_up(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        references: &References,
    ) -> Result<Option<Found>, ProviderError> {
        // The journey is made for the look-up and may never be kept, so its ids would lead nowhere.
        self.note(self.0.look_up(call, journey, attempt, references).await, Concerned::default())
    }

    async fn fresh_url(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        redirect_url: Option<&str>,
    ) -> Result<Option<CustomerUrl>, ProviderError> {
        self.note(self.0.fresh_url(call, journey, attempt, redirect_url).await, Concerned::attempt(journey, attempt))
    }

    async fn observe(&self, call: Call, journey: &Journey, attempt: &Attempt) -> Observation {
        let seen = self.0.observe(call, journey, attempt).await;
        if let Some(error) = &seen.fault {
            failure(error, self.0.credential(), Concerned::attempt(journey, attempt));
        }
        seen
    }

    async fn request_data(
        &self,
        call: Call,
        target: Target<'_>,
        range: Option<DayRange>,
    ) -> Result<Option<String>, ProviderError> {
        self.note(self.0.request_data(call, target, range).await, Concerned::target(&target))
    }

    async fn revoke(&self, call: Call, target: Target<'_>) -> Result<(), ProviderError> {
        self.note(self.0.revoke(call, target).await, Concerned::target(&target))
    }

    async fn delete_data(&self, call: Call, target: Target<'_>) -> Result<(), ProviderError> {
        self.note(self.0.delete_data(call, target).await, Concerned::target(&target))
    }

    async fn fetch(&self, call: Call, target: Target<'_>) -> Result<Body, ProviderError> {
        self.note(self.0.fetch(call, target).await, Concerned::target(&target))
    }

    async fn latest(&self, call: Call, target: Target<'_>) -> Result<Latest, ProviderError> {
        self.note(self.0.latest(call, target).await, Concerned::target(&target))
    }

    fn read_data(&self, provider_product: &str, body: &[u8], context: &ReadContext<'_>) -> Result<Rows, ProviderError> {
        self.note(self.0.read_data(provider_product, body, context), Concerned::default())
    }

    async fn analysis(&self, call: Call, target: Target<'_>) -> Result<Analysis, ProviderError> {
        self.note(self.0.analysis(call, target).await, Concerned::target(&target))
    }

    async fn document(&self, call: Call, target: Target<'_>, format: pb::ReportFormat) -> Result<Document, ProviderError> {
        self.note(self.0.document(call, target, format).await, Concerned::target(&target))
    }

    async fn resolve_redirect(&self, call: Call, query: &str) -> Result<Option<Redirected>, ProviderError> {
        self.note(self.0.resolve_redirect(call, query).await, Concerned::default())
    }

    fn inbound(&self) -> Inbound<'_> {
        self.0.inbound()
    }

    fn read_webhook(&self, body: &[u8]) -> Reading {
        self.0.read_webhook(body)
    }

    fn message_content(&self, body: &Bytes, received_at: Timestamp) -> MessageContent {
        self.0.message_content(body, received_at)
    }

    async fn owner_of(&self, call: Call, journey: &Journey, attempt: &Attempt, reference: &str) -> Result<Owner, ProviderError> {
        self.note(self.0.owner_of(call, journey, attempt, reference).await, Concerned::attempt(journey, attempt))
    }
}
