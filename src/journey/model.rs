//! The tree of a journey: journey -> attempts -> consents -> fetches, as it is kept (sealed) in the store. Provider ids live here and
//! never leave through the contract.

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Serialize};

use super::{
    attempt_step::AttemptStep,
    calls::ProviderCall,
    data_life::DataLife,
    fair_use::Frequency,
    withdraw::{Delivery, Purge},
};
use crate::data::personal::{Personal, sealed, sealed_option};
pub use crate::pb::{
    AttemptState, Certainty, ConsentMode, ConsentState, FactSource, FetchState, InstitutionHealth, JourneyState, Product,
    Purpose, RoutingCause, StepState,
};

/// A closed range of days; an end that is `None` is not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayRange {
    /// The first day.
    pub from: Option<Date>,
    /// The last day.
    pub to: Option<Date>,
}

/// Who is asked, as StartJourney took it after validation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Customer {
    /// Ten digits.
    #[serde(default, with = "sealed_option")]
    pub mobile: Option<Personal<String>>,
    /// Ten characters, upper case.
    #[serde(default, with = "sealed_option")]
    pub pan: Option<Personal<String>>,
    /// Email address.
    #[serde(default, with = "sealed_option")]
    pub email: Option<Personal<String>>,
    /// Virtual user address at an aggregator.
    #[serde(default, with = "sealed_option")]
    pub vua: Option<Personal<String>>,
    /// Full name, for the holder match only.
    #[serde(default, with = "sealed_option")]
    pub name: Option<Personal<String>>,
    /// The caller's reference of the customer.
    pub customer_reference: Option<String>,
    /// Aadhaar number or virtual id: digits only.
    #[serde(default, with = "sealed_option")]
    pub aadhaar: Option<Personal<String>>,
    /// Fifteen characters, upper case.
    #[serde(default, with = "sealed_option")]
    pub gstin: Option<Personal<String>>,
    /// Date of birth.
    #[serde(default, with = "sealed_option")]
    pub date_of_birth: Option<Personal<Date>>,
}

/// One consent asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentAsk {
    /// What for.
    pub purpose: Purpose,
    /// The named template, if the caller named one.
    pub template: Option<String>,
    /// The days asked for, if the caller stated them.
    pub data_range: Option<DayRange>,
}

/// A valid StartJourney.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Who.
    pub customer: Customer,
    /// What for; at least one.
    pub consents: Vec<ConsentAsk>,
    /// What is wanted; at least one.
    pub products: Vec<Product>,
    /// FIP ids to lead the customer to.
    pub institutions: Vec<String>,
    /// Where the browser goes afterwards.
    #[serde(default, with = "sealed_option")]
    pub redirect_url: Option<Personal<String>>,
    /// The caller's reference of the journey.
    pub client_reference: Option<String>,
}

/// Why a state is believed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it was learnt.
    pub as_of: Timestamp,
    /// How.
    pub source: FactSource,
    /// The provider's own word.
    pub text: String,
}

/// One institution's row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Institution {
    /// FIP id.
    pub fip: String,
    /// Its health.
    pub health: InstitutionHealth,
    /// Sharing through the aggregator.
    pub aa: StepState,
    /// Sharing by uploaded statement.
    pub pdf: StepState,
}

/// The upload of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PdfProgress {
    /// The step.
    pub state: StepState,
    /// Statements expected.
    pub expected: i32,
    /// Statements uploaded.
    pub uploaded: i32,
    /// Statements read.
    pub processed: i32,
    /// Statements that have brought their data.
    #[serde(default)]
    pub fetched: i32,
}

/// One opening at a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// `att_...`; also what a provider gets as our account reference.
    pub id: String,
    /// Its state.
    pub state: AttemptState,
    /// Why.
    pub evidence: Evidence,
    /// When it was written down.
    pub created_at: Timestamp,
    /// Under which account reference the provider knows it, where that is not our own id: it was opened by another system.
    #[serde(default)]
    pub account_ref: Option<String>,
    /// The provider's id of the opening, where it has one apart from consents: an orchestration id or a client id.
    pub provider_ref: Option<String>,
    /// The unguessable part of the attempt's own webhook address.
    #[serde(with = "sealed")]
    pub webhook_token: Personal<String>,
    /// Until when the URL works.
    pub url_expires_at: Option<Timestamp>,
    /// Institutions.
    pub institutions: Vec<Institution>,
    /// The aggregator step.
    pub aa: StepState,
    /// The upload step.
    pub pdf: Option<PdfProgress>,
    /// Whether everything was skipped.
    pub skipped: bool,
    /// Why it failed, as an error reason's name.
    pub failure_reason: Option<String>,
    /// Uploaded statements that a signed message named. Polls only count them.
    #[serde(default)]
    pub statements: Vec<UploadedStatement>,
    /// The newest calls that were made at the provider for it, oldest first, at most [`super::calls::MOST_CALLS`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ProviderCall>,
    /// Since when the provider has answered every poll by "unknown reference", while it did. It stays in an attempt that failed for this.
    #[serde(default)]
    pub unknown_since: Option<Timestamp>,
    /// The steps that the provider reports, in its order.
    #[serde(default)]
    pub steps: Vec<AttemptStep>,
    /// The way that the provider chose, in its own word.
    #[serde(default)]
    pub route: Option<String>,
}

/// What became of the call with which a fetch was asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Asking {
    /// The provider fetches by itself.
    #[default]
    ByProvider,
    /// Written down; the call has not been answered.
    Open,
    /// The provider does it.
    Applied,
    /// The answer was lost: the provider may do it. Never sent again.
    Unknown,
    /// The provider refused; nothing happened there.
    Refused,
}

/// Who asks the provider to collect data once a consent is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum FetchTrigger {
    /// The provider, by itself.
    #[default]
    Provider,
    /// The gateway, once, after approval.
    Gateway,
}

/// Who asks for the data of a consent after its first fetch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LaterFetches {
    /// Not known, or there are none.
    #[default]
    Unknown,
    /// The provider, by itself.
    Provider,
    /// A caller, by RefreshData.
    Caller,
}

/// One consent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// `cns_...`.
    pub id: String,
    /// Which attempt brought it.
    pub attempt_id: String,
    /// What for.
    pub purpose: Purpose,
    /// The provider's template (product) id.
    pub template: String,
    /// The days the caller asked for.
    pub asked_range: Option<DayRange>,
    /// The days the template covers, where told.
    pub template_range: Option<DayRange>,
    /// Its state.
    pub state: ConsentState,
    /// Why.
    pub evidence: Evidence,
    /// How data may be kept.
    pub mode: ConsentMode,
    /// True if the provider's list of templates, which states the mode, could not be read and the configuration sets neither mode nor data
    /// life. Nothing may be stored until the list is read.
    #[serde(default)]
    pub mode_untold: bool,
    /// Whether data may be fetched again.
    pub periodic: bool,
    /// Who triggers the first fetch.
    pub trigger: FetchTrigger,
    /// Who triggers the later ones.
    #[serde(default)]
    pub later: LaterFetches,
    /// For how long its data may be kept, by template or configuration.
    #[serde(default)]
    pub data_life: Option<DataLife>,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
    /// How sure that is.
    pub expires_certainty: Certainty,
    /// The provider's consent handle.
    pub handle: Option<String>,
    /// The provider's consent id; none until approval.
    pub provider_ref: Option<String>,
    /// True for the stand-in consent of statements that the customer uploaded.
    pub uploaded: bool,
    /// How often data may be fetched, where known.
    #[serde(default)]
    pub frequency: Option<Frequency>,
    /// What the provider is told of it.
    #[serde(default)]
    pub deliveries: Vec<Delivery>,
    /// Since when it is ACTIVE without a break, as the gateway saw it; `None` in any other state and in older trees.
    #[serde(default)]
    pub active_since: Option<Timestamp>,
    /// Whether no data session has begun within the time limit. Counts only while `fetches` is empty.
    #[serde(default)]
    pub fetch_overdue: bool,
    /// Data sessions, oldest first.
    pub fetches: Vec<Fetch>,
}

/// One account inside a data session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FetchedAccount {
    /// FIP id.
    pub fip: String,
    /// "XXXX" and the last four characters.
    pub masked_number: String,
    /// The provider's link reference.
    pub link_ref: String,
    /// Whether it came.
    pub state: FetchState,
    /// WEBHOOK where only a signed message named the account; UNSPECIFIED where a poll did.
    #[serde(default)]
    pub source: FactSource,
}

/// A bank statement that the customer uploaded, as a signed message describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadedStatement {
    /// The bank, by the provider's short code; empty if the message has none.
    pub institution: String,
    /// The provider's word for the kind of account; empty if the message has none.
    pub account_type: String,
    /// "XXXX" and the last four characters.
    pub masked_number: String,
    /// The first day of the statement.
    pub from: Option<Date>,
    /// The last day of the statement.
    pub to: Option<Date>,
    /// When the message came; set when it is merged into a journey.
    pub as_of: Option<Timestamp>,
}

/// One data session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// `fch_...`.
    pub id: String,
    /// The provider's session id or refresh id, where it has one.
    pub provider_ref: Option<String>,
    /// Its state.
    pub state: FetchState,
    /// Whether nothing more comes.
    pub settled: bool,
    /// Why.
    pub evidence: Evidence,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// The days asked for.
    pub requested_range: DayRange,
    /// How sure that is.
    pub range_certainty: Certainty,
    /// When the provider fetched its data, where it says so.
    #[serde(default)]
    pub fetched_at: Option<Timestamp>,
    /// When its data must be gone.
    pub data_expires_at: Option<Timestamp>,
    /// How sure that is.
    pub data_expires_certainty: Certainty,
    /// Accounts as listed for this session.
    pub accounts: Vec<FetchedAccount>,
    /// When the snapshot was picked up.
    pub picked_up_at: Option<Timestamp>,
    /// Accounts in the snapshot.
    pub account_count: u32,
    /// Transactions in the snapshot.
    pub transaction_count: u64,
    /// Why the last pick-up failed, as an error reason's name.
    pub pick_up_failure: Option<String>,
    /// What became of our asking for it.
    #[serde(default)]
    pub asked: Asking,
    /// The caller's request id that asked for it.
    #[serde(default)]
    pub request_id: Option<String>,
    /// Why it failed, as an error reason's name, where we know.
    #[serde(default)]
    pub failure_reason: Option<String>,
    /// That what it brought is removed before its time.
    #[serde(default)]
    pub purge: Option<Purge>,
    /// Id of the fetch whose snapshot holds the rows of this one. Set at the pick-up of an attempt that is served as a whole: the fetch's own
    /// id, or another one's where the rows of both consents cannot be told apart.
    #[serde(default)]
    pub rows_with: Option<String>,
    /// Whether the provider refused the request for a passing reason, so that a later poll repeats it. Nothing has happened there.
    #[serde(default)]
    pub postponed: bool,
    /// The message (`msg_...`) that brought its data, where the provider sent them without being asked.
    #[serde(default)]
    pub pushed_by: Option<String>,
}

impl Consent {
    /// Whether the provider collects its data by itself, now and later.
    pub fn is_automatic(&self) -> bool {
        match self.later {
            LaterFetches::Provider => true,
            LaterFetches::Caller => false,
            // Kept before it was asked for.
            LaterFetches::Unknown => self.trigger == FetchTrigger::Provider,
        }
    }
}

impl Attempt {
    /// Under which account reference the provider knows it.
    pub fn account(&self) -> &str {
        self.account_ref.as_deref().unwrap_or(&self.id)
    }
}

impl Fetch {
    /// Whether we asked for it and do not know under which session it runs, if it runs at all.
    pub fn is_lost(&self) -> bool {
        self.provider_ref.is_none() && !self.postponed && matches!(self.asked, Asking::Open | Asking::Unknown)
    }

    /// Gives up what was asked for without an answer. A session that is seen after all reopens it.
    pub fn lose(&mut self, evidence: Evidence) {
        self.asked = Asking::Unknown;
        (self.state, self.settled) = (FetchState::Failed, true);
        self.failure_reason = Some("OUTCOME_UNKNOWN".to_owned());
        self.evidence = evidence;
    }

    /// Whether a part of it did not come. A provider may call a session done in which one bank denied its account.
    pub fn came_in_part(&self) -> bool {
        let came = |account: &FetchedAccount| matches!(account.state, FetchState::Ready | FetchState::Empty);
        self.state == FetchState::Partial || !self.accounts.iter().all(came)
    }
}

/// Why a provider was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// Provider id.
    pub provider: String,
    /// The tenant's credential.
    pub credential: String,
    /// What decided.
    pub cause: RoutingCause,
}

impl Routing {
    /// The name of the lane in which the background polls the journey: one for each credential of a tenant.
    pub fn lane(&self) -> String {
        lane_name(&self.provider, &self.credential)
    }
}

/// The name of a credential's lane. It is a column of the store, so it never changes.
pub fn lane_name(provider: &str, credential: &str) -> String {
    format!("{provider}/{credential}")
}

/// The whole tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Journey {
    /// `jrn_...`.
    pub id: String,
    /// Whose it is.
    pub tenant: String,
    /// What was asked.
    pub ask: Ask,
    /// Who serves it.
    pub routing: Routing,
    /// The provider's product that serves it.
    pub provider_product: String,
    /// Inputs left out.
    pub ignored_inputs: Vec<String>,
    /// Notes on the product.
    pub notes: Vec<String>,
    /// Openings, oldest first.
    pub attempts: Vec<Attempt>,
    /// Consents, oldest first.
    pub consents: Vec<Consent>,
    /// The derived state, kept to notice its changes.
    pub state: JourneyState,
    /// When it last changed.
    pub state_at: Timestamp,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Rises by one with every change.
    pub sequence: i64,
    /// How often the background has looked since the last change; spaces its looks.
    pub looks: u32,
    /// The journey that took its place.
    #[serde(default)]
    pub superseded_by: Option<String>,
    /// When it is forgotten, should nothing change it before.
    #[serde(default)]
    pub purge_at: Option<Timestamp>,
}

impl Journey {
    /// The newest attempt.
    pub fn last_attempt(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// A consent by its id.
    pub fn consent(&self, id: &str) -> Option<&Consent> {
        self.consents.iter().find(|consent| consent.id == id)
    }

    /// Under what it stands in the way of another journey while it is open: the caller's reference together with each purpose.
    pub fn guards(&self) -> impl Iterator<Item = (&'static str, String)> {
        let reference = self.ask.client_reference.as_deref();
        let one = |reference: &str, purpose: Purpose| ("client and purpose", format!("{} {reference}", purpose.as_str_name()));
        self.ask.consents.iter().filter_map(move |ask| Some(one(reference?, ask.purpose)))
    }

    /// When the first of the consents that are in force ends.
    pub fn first_expiry(&self) -> Option<Timestamp> {
        let in_force = |consent: &&Consent| matches!(consent.state, ConsentState::Active | ConsentState::Paused);
        self.consents.iter().filter(in_force).filter_map(|consent| consent.expires_at).min()
    }

    /// The consents of an attempt.
    pub fn consents_of<'a>(&'a self, attempt_id: &'a str) -> impl Iterator<Item = &'a Consent> {
        self.consents.iter().filter(move |consent| consent.attempt_id == attempt_id)
    }
}
