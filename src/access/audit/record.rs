//! What is put on record. Its fields are ids of ours and words from closed lists, by their types: there is no field that a reference of
//! a caller, a name or a number of a customer, or any text of a provider could get into.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::row::TEXTS;
use crate::{
    pb::{ErrorReason, FactSource, ProviderDelivery, PurgeReason, Purpose, View},
    random::is_id,
};

/// An id that this gateway gave out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(Box<str>);

impl Id {
    /// The id, if the text has the form of one.
    pub fn of(text: &str) -> Option<Self> {
        ["jrn", "att", "cns", "fch"].into_iter().any(|prefix| is_id(text, prefix)).then(|| Self(text.into()))
    }
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// The gateway by itself, in the background or because of a provider's word.
    Gateway,
    /// A caller, by the name that he proved.
    Caller(Arc<str>),
}

impl Who {
    /// At most 128 characters of the alphabet in which services are named.
    fn word(&self) -> String {
        let named = |c: &char| c.is_ascii_alphanumeric() || matches!(c, ':' | '.' | '_' | '-' | '/' | '@');
        match self {
            Self::Gateway => "gateway".to_owned(),
            Self::Caller(name) => name.chars().filter(named).take(128).collect(),
        }
    }
}

macro_rules! acts {
    ($($(#[doc = $doc:literal])+ $act:ident = $word:literal,)+) => {
        /// What is done.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Act {
            $($(#[doc = $doc])+ $act,)+
        }

        impl Act {
            /// Every act.
            pub const ALL: &[Self] = &[$(Self::$act,)+];

            /// The word of the log.
            pub const fn word(self) -> &'static str {
                match self {
                    $(Self::$act => $word,)+
                }
            }
        }
    };
}

acts! {
    /// The call StartJourney.
    StartJourney = "START_JOURNEY",
    /// The call ResumeJourney.
    ResumeJourney = "RESUME_JOURNEY",
    /// The call CancelJourney.
    CancelJourney = "CANCEL_JOURNEY",
    /// The call RefreshData.
    RefreshData = "REFRESH_DATA",
    /// The call RevokeConsent.
    RevokeConsent = "REVOKE_CONSENT",
    /// The call PurgeData.
    PurgeData = "PURGE_DATA",
    /// The call AdoptConsent.
    AdoptConsent = "ADOPT_CONSENT",
    /// A provider is asked for its latest data, by the call FetchChanges in the mode PROVIDER.
    AskLatest = "ASK_LATEST",
    /// The call FetchData: one page.
    FetchData = "FETCH_DATA",
    /// The call StreamData.
    StreamData = "STREAM_DATA",
    /// The call FetchChanges: one page.
    FetchChanges = "FETCH_CHANGES",
    /// The call FetchAnalytics.
    FetchAnalytics = "FETCH_ANALYTICS",
    /// The call FetchReport.
    FetchReport = "FETCH_REPORT",
    /// The call GetEvidence.
    GetEvidence = "GET_EVIDENCE",
    /// A consent was learnt to be given, or to be in force again.
    ConsentActive = "CONSENT_ACTIVE",
    /// A consent was learnt to be held.
    ConsentPaused = "CONSENT_PAUSED",
    /// A consent was learnt to be refused.
    ConsentRejected = "CONSENT_REJECTED",
    /// A consent is withdrawn: by the customer, or by a caller.
    ConsentRevoked = "CONSENT_REVOKED",
    /// A consent was learnt to have ended.
    ConsentExpired = "CONSENT_EXPIRED",
    /// A consent was learnt to have failed.
    ConsentFailed = "CONSENT_FAILED",
    /// A consent was given after its journey was given up, and is withdrawn at once.
    LateApprovalRevoked = "LATE_APPROVAL_REVOKED",
    /// A provider was told that a consent is withdrawn.
    ToldRevoke = "PROVIDER_TOLD_REVOKE",
    /// A provider was told to delete the data of a consent.
    ToldDelete = "PROVIDER_TOLD_DELETE_DATA",
    /// Data is asked for under a consent.
    DataRequested = "DATA_REQUESTED",
    /// What a fetch brought is removed.
    DataPurged = "DATA_PURGED",
    /// A journey is forgotten.
    JourneyPurged = "JOURNEY_PURGED",
    /// Rows before this one could be neither written nor held any longer: the log of the gateway says how many.
    RecordsLost = "RECORDS_LOST",
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is about to be done.
    Asked,
    /// It is done.
    Done,
    /// It was refused, or failed, with this reason.
    Failed(ErrorReason),
    /// How far a provider has heard it.
    Delivery(ProviderDelivery),
}

impl Outcome {
    fn word(self) -> &'static str {
        match self {
            Self::Asked => "ASKED",
            Self::Done | Self::Delivery(ProviderDelivery::Done) => "OK",
            Self::Failed(reason) => reason.as_str_name().trim_start_matches("ERROR_REASON_"),
            Self::Delivery(state) => state.as_str_name().trim_start_matches("PROVIDER_DELIVERY_"),
        }
    }
}

/// One thing that is put on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The tenant.
    pub tenant: Arc<str>,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub who: Who,
    /// What.
    pub act: Act,
    /// With what result.
    pub outcome: Outcome,
    /// The journey.
    pub journey: Option<Id>,
    /// The attempt.
    pub attempt: Option<Id>,
    /// The consents.
    pub consents: Vec<Id>,
    /// The fetches.
    pub fetches: Vec<Id>,
    /// What the consents are for.
    pub purposes: Vec<Purpose>,
    /// The view that was shown.
    pub view: Option<View>,
    /// How it was learnt.
    pub source: Option<FactSource>,
    /// Why it was removed.
    pub reason: Option<PurgeReason>,
    /// The call.
    pub call: Option<Uuid>,
}

impl Record {
    /// Something that was done, and nothing else known of it.
    pub fn new(tenant: &str, at: Timestamp, who: Who, act: Act) -> Self {
        Self {
            tenant: tenant.into(),
            at,
            who,
            act,
            outcome: Outcome::Done,
            journey: None,
            attempt: None,
            consents: Vec::new(),
            fetches: Vec::new(),
            purposes: Vec::new(),
            view: None,
            source: None,
            reason: None,
            call: None,
        }
    }

    /// Its texts, in the order of [`TEXTS`].
    pub(super) fn texts(&self) -> [String; TEXTS.len()] {
        let ids = |ids: &[Id]| ids.iter().map(|id| id.0.as_ref()).collect::<Vec<_>>().join(",");
        let id = |id: &Option<Id>| id.as_ref().map(|id| id.0.to_string()).unwrap_or_default();
        let purposes = self.purposes.iter().map(|purpose| purpose.as_str_name().trim_start_matches("PURPOSE_"));
        [
            self.who.word(),
            self.act.word().to_owned(),
            self.outcome.word().to_owned(),
            id(&self.journey),
            id(&self.attempt),
            ids(&self.consents),
            ids(&self.fetches),
            purposes.collect::<Vec<_>>().join(","),
            self.view.map(|view| word(view.as_str_name(), "VIEW_")).unwrap_or_default(),
            self.source.map(|source| word(source.as_str_name(), "FACT_SOURCE_")).unwrap_or_default(),
            self.reason.map(|reason| word(reason.as_str_name(), "PURGE_REASON_")).unwrap_or_default(),
            self.call.map(|call| call.hyphenated().to_string()).unwrap_or_default(),
        ]
    }
}

fn word(name: &str, prefix: &str) -> String {
    name.trim_start_matches(prefix).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn only_ids_of_ours_are_ids() {
        assert!(Id::of(&format!("jrn_{}", "0".repeat(26))).is_some());
        for text in ["", "jrn_", "9000000001", "AAAPA0001A", "cns_9000000001", &format!("txn_{}", "0".repeat(26))] {
            assert_eq!(Id::of(text), None, "{text}");
        }
    }

    #[test]
    fn every_act_has_a_word_of_its_own() {
        let words: BTreeSet<_> = Act::ALL.iter().map(|act| act.word()).collect();
        assert_eq!(words.len(), Act::ALL.len());
        assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')));
    }

    #[test]
    fn a_callers_name_is_cut_down_to_the_alphabet_of_names() {
        let who = Who::Caller("jwt:under writing\n\"x\" <y>".into());
        assert_eq!(who.word(), "jwt:underwritingxy");
        assert_eq!(Who::Caller("a".repeat(500).into()).word().len(), 128);
    }
}
