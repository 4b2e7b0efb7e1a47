//! What a provider adapter is. One value of it stands for one credential of the tenant at one provider. It keeps no state of a
//! journey: everything it needs comes in, everything it learns goes out as facts.

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;
use tokio::time::Instant;

use super::{
    capability::ProviderProduct,
    error::ProviderError,
    http::OutboundResponse,
    inbound::{Inbound, Owner, Reading},
    judge::Origin,
    message_content::MessageContent,
};
use crate::{
    data::{Provenance, ReadContext, Rows, as_kept},
    journey::{
        data_life::DataLife,
        fair_use::{Frequency, TemplateTerms},
        model::{
            Ask, Attempt, AttemptState, Certainty, Consent, ConsentMode, ConsentState, DayRange, Fetch, FetchState, FetchTrigger,
            FetchedAccount, Institution, Journey, LaterFetches, PdfProgress, Purpose, StepState,
        },
    },
    memory::Room,
    pb,
};

/// What one call may take.
#[derive(Debug, Clone, Copy)]
pub struct Call {
    /// When the answer must be there. Every provider call made for it ends by then.
    pub deadline: Instant,
}

/// A piece of work that begins with a write to the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beginning {
    /// An opening of an attempt.
    Opening,
    /// A request for data.
    Fetch,
}

/// One consent of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedConsent {
    /// What for.
    pub purpose: Purpose,
    /// The provider's template (product) id that stands for the purpose.
    pub template: String,
    /// The days the caller asked for.
    pub data_range: Option<DayRange>,
}

/// How an ask would be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The provider's product.
    pub provider_product: &'static str,
    /// What is asked, in the order of the request.
    pub consents: Vec<PlannedConsent>,
    /// Paths of inputs that cannot be honoured, such as `customer.vua`.
    pub ignored: Vec<&'static str>,
    /// What the caller should know about the product.
    pub notes: Vec<String>,
}

/// Why an ask cannot be served by this credential at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlanFault {
    /// Fields that are wrong for this provider: path and a text without the value.
    Fields(Vec<(String, String)>),
    /// The provider has no such purpose or product.
    Unsupported(Vec<(String, String)>),
}

/// What opening an attempt needs.
#[derive(Debug, Clone)]
pub struct Opening<'a> {
    /// The ask.
    pub ask: &'a Ask,
    /// The plan made for it.
    pub plan: &'a Plan,
    /// The attempt's id, sent as our account reference.
    pub attempt_id: &'a str,
    /// Where the provider reports, if a public address is configured.
    pub webhook_url: Option<&'a str>,
}

/// An URL to show to a customer: a secret.
#[derive(Debug, Clone)]
pub struct CustomerUrl {
    /// The URL, exactly as the provider gave it.
    pub url: SecretString,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
}

/// A provider's own names for something that another system opened.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The consent handle, or the client id.
    pub handle: Option<String>,
    /// The consent id.
    pub consent: Option<String>,
    /// The orchestration id.
    pub orchestration: Option<String>,
}

/// What was looked up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// Under which account reference it was opened.
    pub account: Option<String>,
    /// The provider's id of the opening, if it has one.
    pub provider_ref: Option<String>,
    /// The consent handle.
    pub handle: Option<String>,
    /// The consent id.
    pub consent_ref: Option<String>,
    /// The provider's template.
    pub template: Option<String>,
}

/// What opening brought.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Where the customer goes. An answer whose URL cannot be used still names what it has opened: those names are kept, so that the
    /// opening can be polled, resumed and revoked.
    pub customer_url: Result<CustomerUrl, ProviderError>,
    /// The provider's id of the opening, if it has one.
    pub provider_ref: Option<String>,
    /// A consent handle for each planned consent, in order; empty where the provider tells them later or not at all.
    pub handles: Vec<String>,
    /// The provider's own word for the state.
    pub provider_text: String,
}

/// What one poll of an attempt brought. A poll takes several reads: what one of them brought counts, whatever became of the others.
#[derive(Debug, Clone, Default)]
pub struct Observation {
    /// The attempt itself.
    pub attempt: Option<AttemptFact>,
    /// Consents, each by handle, consent id or template.
    pub consents: Vec<ConsentFact>,
    /// The first read that failed.
    pub fault: Option<ProviderError>,
}

impl Observation {
    /// A poll that failed as a whole.
    pub fn failed(error: ProviderError) -> Self {
        Self { fault: Some(error), ..Self::default() }
    }

    /// Whether it holds no fact.
    pub fn is_empty(&self) -> bool {
        self.attempt.is_none() && self.consents.is_empty()
    }

    /// Adds a failed read; the first one is kept.
    pub(super) fn note(&mut self, fault: Option<ProviderError>) {
        if self.fault.is_none() {
            self.fault = fault;
        }
    }
}

impl From<Result<Self, ProviderError>> for Observation {
    fn from(read: Result<Self, ProviderError>) -> Self {
        read.unwrap_or_else(Self::failed)
    }
}

/// What was seen of an attempt.
#[derive(Debug, Clone)]
pub struct AttemptFact {
    /// Its state.
    pub state: AttemptState,
    /// The provider's word.
    pub text: String,
    /// Institutions, where told.
    pub institutions: Vec<Institution>,
    /// The aggregator step.
    pub aa: StepState,
    /// The upload step.
    pub pdf: Option<PdfProgress>,
    /// Whether everything was skipped.
    pub skipped: bool,
    /// The steps that the provider reports, in its order.
    pub steps: Vec<StepFact>,
    /// The way that the provider chose, in its own word.
    pub route: Option<String>,
}

/// What was seen of one step of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFact {
    /// The provider's word for the step, in upper case.
    pub kind: String,
    /// Its state.
    pub state: StepState,
    /// The provider's word for the state.
    pub text: String,
}

/// What was seen of one consent. `None` means that nothing was said.
#[derive(Debug, Clone, Default)]
pub struct ConsentFact {
    /// The provider's handle.
    pub handle: Option<String>,
    /// The provider's consent id.
    pub consent_ref: Option<String>,
    /// The provider's template id.
    pub template: Option<String>,
    /// True for the stand-in consent of uploaded statements.
    pub uploaded: bool,
    /// Its state.
    pub state: Option<ConsentState>,
    /// The provider's word.
    pub text: String,
    /// How data may be kept.
    pub mode: Option<ConsentMode>,
    /// Whether the mode is not told because the provider's list could not be read; `None` where nobody looked.
    pub mode_untold: Option<bool>,
    /// Whether data may be fetched again.
    pub periodic: Option<bool>,
    /// Who triggers the first fetch.
    pub trigger: Option<FetchTrigger>,
    /// Who triggers the later ones.
    pub later: Option<LaterFetches>,
    /// For how long data may be kept: the shortest of template and configuration.
    pub data_life: Option<DataLife>,
    /// How often data may be fetched.
    pub frequency: Option<Frequency>,
    /// When it ends.
    pub expires_at: Option<(Timestamp, Certainty)>,
    /// The days its template covers.
    pub template_range: Option<DayRange>,
    /// Its data sessions, oldest first.
    pub fetches: Vec<FetchFact>,
}

/// What was seen of one data session.
#[derive(Debug, Clone)]
pub struct FetchFact {
    /// The provider's session, where it has ids for them. A fact without one is about the consent's newest session.
    pub session: Option<String>,
    /// Its state.
    pub state: FetchState,
    /// Whether nothing more comes by itself.
    pub settled: bool,
    /// The provider's word.
    pub text: String,
    /// Its accounts, where listed; an empty list says nothing.
    pub accounts: Vec<FetchedAccount>,
    /// When the provider fetched the data.
    pub fetched_at: Option<Timestamp>,
    /// When its data must be gone, by the provider's own word.
    pub data_expires_at: Option<(Timestamp, Certainty)>,
    /// The body, where the look itself brought it: it is then not fetched a second time.
    pub body: Option<Body>,
}

/// A body of financial data as the provider sent it.
#[derive(Clone)]
pub struct Body {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type.
    pub media_type: &'static str,
    /// The call that brought them, by the adapter's name for it.
    pub endpoint: &'static str,
    /// When they came.
    pub received_at: Timestamp,
    /// What is reserved for the bytes and for what is made of them.
    pub room: Room,
}

/// Without what it holds.
impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Body").field("bytes", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Body {
    /// A body of JSON, as every provider sends it.
    pub(super) fn json(origin: Origin, response: OutboundResponse) -> Self {
        let OutboundResponse { body: bytes, room, .. } = response;
        Self { bytes, media_type: "application/json", endpoint: origin.stage, received_at: as_kept(origin.now), room }
    }
}

/// Where a session's data or analysis is to be had.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The journey.
    pub journey: &'a Journey,
    /// The attempt.
    pub attempt: &'a Attempt,
    /// The consent.
    pub consent: &'a Consent,
    /// The fetch; none for an analysis that is not bound to one.
    pub fetch: Option<&'a Fetch>,
    /// Link references of the accounts to analyse; empty means all. Only given to a product that names
    /// [`super::capability::BY_ACCOUNT`] among its inputs.
    pub accounts: &'a [String],
}

/// The part of a divided body that an account with this link reference belongs to; `None` leaves the account out.
pub type PartOf<'a> = &'a (dyn Fn(Option<&str>) -> Option<usize> + Sync);

/// What a provider calls the latest data of a consent.
#[derive(Debug, Clone)]
pub enum Latest {
    /// Accounts, as the provider sent them.
    Data(Body),
    /// There is nothing new.
    Nothing {
        /// The call that said so, by the adapter's name for it.
        endpoint: &'static str,
        /// When it did.
        received_at: Timestamp,
    },
}

/// An analysis.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The figures that every provider has.
    pub core: pb::AnalyticsCore,
    /// The provider's whole analysis as one JSON document.
    pub document: Bytes,
    /// Which call brought it, and when.
    pub provenance: Provenance,
}

/// A document, whole.
#[derive(Debug, Clone)]
pub struct Document {
    /// The bytes.
    pub bytes: Bytes,
    /// The media type.
    pub media_type: &'static str,
    /// Which call brought it, and when.
    pub provenance: Provenance,
}

/// What the query of a customer's return says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirected {
    /// The provider's id in it: handle or orchestration id.
    pub reference: String,
    /// What it says.
    pub outcome: pb::RedirectOutcome,
    /// The provider's code.
    pub code: Option<String>,
    /// Whether the provider vouched for it; otherwise it is the browser's word.
    pub confirmed: bool,
}

/// One credential at one provider.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The provider's id.
    fn id(&self) -> &'static str;
    /// The name of the tenant's credential.
    fn credential(&self) -> &str;
    /// What can be had with it.
    fn products(&self) -> &[ProviderProduct];
    /// How an ask would be served. Makes no call; names every fault at once.
    fn plan(&self, ask: &Ask) -> Result<Plan, PlanFault>;
    /// What the first call of this work would be refused with if it began now, without being sent: while the breaker is open, during a pause,
    /// or beyond the rate. Makes no call.
    fn refusal(&self, call: Call, beginning: Beginning) -> Option<ProviderError>;
    /// What is left of the time in which no call of this credential is sent: while the breaker is open, or during a pause. Makes no call.
    fn held(&self) -> Option<std::time::Duration>;
    /// Ends every pause of this credential's calls, on an operator's word. Returns whether there was one.
    fn resume_calls(&self) -> bool;
    /// What can be learnt of a template, by a read if that is needed; what cannot be had stays unknown.
    async fn terms(&self, call: Call, template: &str) -> TemplateTerms;
    /// Opens an attempt. A write: sent once.
    async fn open(&self, call: Call, opening: Opening<'_>) -> Result<Opened, ProviderError>;
    /// Looks up what another system opened: it is found only if it is the customer's of `journey`, which is made for it and not kept yet. What
    /// the provider does not know is `Ok(None)` or [`super::error::ErrorKind::UnknownReference`].
    async fn look_up(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        references: &References,
    ) -> Result<Option<Found>, ProviderError>;
    /// Mints a fresh URL for the same attempt; `Ok(None)` where the provider cannot and a new attempt is needed.
    async fn fresh_url(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        redirect_url: Option<&str>,
    ) -> Result<Option<CustomerUrl>, ProviderError>;
    /// Polls an attempt. A read that fails costs no fact of another read. That a consent is withdrawn is returned before any further read
    /// is begun, so that a slow one does not hold it up; the next poll makes up for what was left out.
    async fn observe(&self, call: Call, journey: &Journey, attempt: &Attempt) -> Observation;
    /// Asks the provider to collect data; answers its session id if it has one. A write: sent once.
    async fn request_data(
        &self,
        call: Call,
        target: Target<'_>,
        range: Option<DayRange>,
    ) -> Result<Option<String>, ProviderError>;
    /// Withdraws a consent. May be sent again: that it is withdrawn already, or has ended, is a success.
    async fn revoke(&self, call: Call, target: Target<'_>) -> Result<(), ProviderError>;
    /// Deletes all data of a consent. May be sent again.
    async fn delete_data(&self, call: Call, target: Target<'_>) -> Result<(), ProviderError>;
    /// Fetches the data of a session.
    async fn fetch(&self, call: Call, target: Target<'_>) -> Result<Body, ProviderError>;
    /// Divides the body of an attempt that is served as a whole: `parts` bodies, each with the accounts that `part_of` gives it and `None`
    /// where it has none. Makes no call. A provider whose attempts have one consent answers `Unsupported`.
    fn divide(&self, body: &Body, part_of: PartOf<'_>, parts: usize) -> Result<Vec<Option<Body>>, ProviderError>;
    /// Fetches what is new in a consent's data since the provider was last asked. It forgets what it has given: a write, sent once. Where
    /// it has no such call the product says so by `latest_changes`, and this answers `Unsupported`.
    async fn latest(&self, call: Call, target: Target<'_>) -> Result<Latest, ProviderError>;
    /// Reads a body of financial data into neutral rows. Makes no call.
    fn read_data(&self, provider_product: &str, body: &[u8], context: &ReadContext<'_>) -> Result<Rows, ProviderError>;
    /// Fetches the analysis of a consent's data.
    async fn analysis(&self, call: Call, target: Target<'_>) -> Result<Analysis, ProviderError>;
    /// Fetches one document of the analysis.
    async fn document(&self, call: Call, target: Target<'_>, format: pb::ReportFormat) -> Result<Document, ProviderError>;
    /// Reads the query of a customer's return; `Ok(None)` if it is none of this provider. It may ask the provider what the query says.
    async fn resolve_redirect(&self, call: Call, query: &str) -> Result<Option<Redirected>, ProviderError>;
    /// Where this credential's messages come in, and what proves them.
    fn inbound(&self) -> Inbound<'_>;
    /// Reads whom a message concerns. Believes nothing else of it; total over any bytes.
    fn read_webhook(&self, body: &[u8]) -> Reading;
    /// Reads what a message holds beside the news, once it is proven to come from the provider. Total over any bytes.
    fn message_content(&self, body: &Bytes, received_at: Timestamp) -> MessageContent;
    /// Reads an opening back by a reference that a message named for an attempt whose own answer was lost: is it the attempt's customer's?
    async fn owner_of(&self, call: Call, journey: &Journey, attempt: &Attempt, reference: &str) -> Result<Owner, ProviderError>;
}
