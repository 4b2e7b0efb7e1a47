//! What a customer's story means for Finpass.

use super::{
    faults::ReadFault,
    report::{ReportStyle, Sections},
};
use crate::sandbox::scenario::Scenario;

/// How a data request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Outcome {
    /// With data.
    #[default]
    Data,
    /// No account delivered anything.
    NoData,
    /// The bank or the aggregator failed.
    Failed,
    /// The data session ran out, or the data is no longer kept.
    Expired,
}

/// What happens in a session, told by the customer's mobile number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Script {
    /// Looks at a data request that still find it under way.
    pub looks_until_ready: u32,
    /// Looks after approval that find no data request at all (underwriting).
    pub looks_until_requested: u32,
    /// How data requests end.
    pub outcome: Outcome,
    /// The customer approves, but the consent stays undecided since no account was found.
    pub approval_is_lost: bool,
    /// How the report looks.
    pub style: ReportStyle,
    /// What the first read of data meets.
    pub read_fault: Option<ReadFault>,
    /// Init fails.
    pub init_is_refused: bool,
    /// Init works, but its answer is lost.
    pub init_answer_is_lost: bool,
    /// The first refresh-data works, but its answer is lost.
    pub refresh_answer_is_lost: bool,
}

impl Script {
    /// The script of a story where data usually takes `pending_polls` looks. Stories of the other provider's oddities change nothing.
    pub fn of(scenario: Scenario, pending_polls: u32) -> Self {
        let usual = Self { looks_until_ready: pending_polls, ..Self::default() };
        let styled = |style| Self { style, ..usual };
        let sectioned = |sections| styled(ReportStyle { sections, ..ReportStyle::default() });
        match scenario {
            Scenario::FetchTimesOut | Scenario::DataDeleted => Self { outcome: Outcome::Expired, ..usual },
            Scenario::NoData | Scenario::AllAccountsDenied => Self { outcome: Outcome::NoData, ..usual },
            Scenario::NestedError | Scenario::FlatError | Scenario::NoErrorCodes => Self { outcome: Outcome::Failed, ..usual },
            Scenario::OneAccountDenied => sectioned(Sections::SecondFailed),
            Scenario::MissingSections => sectioned(Sections::MissingInTurn),
            Scenario::ProfileOnly => sectioned(Sections::ProfileOnly),
            Scenario::NullsAndBlanks => styled(ReportStyle { hides_opening_date: true, ..ReportStyle::default() }),
            Scenario::FloatNoise => styled(ReportStyle { float_noise: true, ..ReportStyle::default() }),
            Scenario::ServerFaultOnce => Self { read_fault: Some(ReadFault::ServerError), ..usual },
            Scenario::TooManyRequestsOnce => Self { read_fault: Some(ReadFault::TooManyRequests), ..usual },
            Scenario::HtmlErrorOnce => Self { read_fault: Some(ReadFault::Html), ..usual },
            Scenario::SlowFetch => Self { looks_until_ready: pending_polls + 5, looks_until_requested: 1, ..usual },
            Scenario::AnalyticsLate => Self { looks_until_ready: pending_polls + 2, ..usual },
            Scenario::NoAccountFound => Self { approval_is_lost: true, ..usual },
            Scenario::CustomerUnknownToAa => Self { init_is_refused: true, ..usual },
            Scenario::ConsentAnswerLost => Self { init_answer_is_lost: true, ..usual },
            Scenario::FetchAnswerLost => Self { refresh_answer_is_lost: true, ..usual },
            _ => usual,
        }
    }
}
