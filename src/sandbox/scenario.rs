//! Which story a customer's mobile number tells: one table for every simulator.

/// A story, chosen by the last two digits of the mobile number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each variant's meaning stands once, in the table below")]
pub enum Scenario {
    Normal,
    FetchTimesOut,
    OneAccountDenied,
    NoData,
    DataDeleted,
    AaFailsPdfWorks,
    PartialPdf,
    BothSkipped,
    ExcelAsLink,
    NestedError,
    FlatError,
    NoErrorCodes,
    HolderAsObject,
    FloatNoise,
    JointHolders,
    NegativeBalances,
    DoesNotReconcile,
    DoubledRows,
    SharedRowIds,
    MissingSections,
    NullsAndBlanks,
    ProfileOnly,
    DayMonthSwapped,
    BookedAfterMidnight,
    SchemaVersion2,
    Huge,
    ServerFaultOnce,
    SlowFetch,
    TamperedPdf,
    CustomerUnknownToAa,
    TooManyRequestsOnce,
    HtmlErrorOnce,
    WebhooksDoubled,
    WebhooksLost,
    NoAccountFound,
    ConsentAnswerLost,
    FetchAnswerLost,
    AnalyticsLate,
    AllAccountsDenied,
    MissingQuarter,
    QuietMonth,
    MissingRow,
    OtherHolder,
    LargeAccount,
    EveryKind,
    SecondFails,
    SecondHasNoData,
    SecondNotAttempted,
    PartialStep,
    AccountsNotListed,
}

/// The table: last two digits, story, what happens. Any other digits are a normal customer.
pub const TABLE: &[(&str, Scenario, &str)] = &[
    ("01", Scenario::Normal, "everything works; the customer decides on the page"),
    ("02", Scenario::FetchTimesOut, "after approval the data session ends in TIMEOUT for every account"),
    ("03", Scenario::OneAccountDenied, "the second account is denied by its bank, the others are delivered"),
    ("04", Scenario::NoData, "the consent is approved, but no linked account has data"),
    ("05", Scenario::DataDeleted, "the data was fetched and is deleted before it can be read"),
    (
        "06",
        Scenario::AaFailsPdfWorks,
        "orchestration: the account aggregator fails and the customer uploads every statement as PDF",
    ),
    ("07", Scenario::PartialPdf, "orchestration: the account aggregator fails and the customer uploads one of two statements"),
    ("08", Scenario::BothSkipped, "orchestration: whatever the customer does, both ways end skipped"),
    ("09", Scenario::ExcelAsLink, "the Excel report comes as a link that needs no credentials, not as bytes"),
    ("10", Scenario::NestedError, "reading data fails with {status, error: {code, message}}"),
    ("11", Scenario::FlatError, "reading data fails with {status: failure, message}"),
    ("12", Scenario::NoErrorCodes, "errors come without the provider's own code in status"),
    ("13", Scenario::HolderAsObject, "a single holder is a bare object, not an array"),
    ("14", Scenario::FloatNoise, "running balances carry float noise such as 83760.759999999995"),
    ("15", Scenario::JointHolders, "the first account has two holders"),
    ("16", Scenario::NegativeBalances, "the current account is overdrawn"),
    ("17", Scenario::DoesNotReconcile, "running balances do not follow the order of the rows"),
    ("18", Scenario::DoubledRows, "rows come twice and ids are used again within an account"),
    ("19", Scenario::SharedRowIds, "two accounts carry the same rows with the same ids"),
    ("20", Scenario::MissingSections, "sections are {} or absent, account by account"),
    ("21", Scenario::NullsAndBlanks, "missing values are null, empty, blank or NA"),
    ("22", Scenario::ProfileOnly, "every account has its profile and nothing else"),
    ("23", Scenario::DayMonthSwapped, "some rows have day and month swapped between timestamp and value date"),
    ("24", Scenario::BookedAfterMidnight, "all rows are booked just after midnight in India: another day in UTC"),
    ("25", Scenario::SchemaVersion2, "field names of version 2 of the FI schemas"),
    ("26", Scenario::Huge, "some thirty thousand rows"),
    ("27", Scenario::ServerFaultOnce, "the first read of the data fails with a server fault"),
    ("28", Scenario::SlowFetch, "the fetch stays unfinished for five looks more than usual"),
    ("29", Scenario::TamperedPdf, "like 06, and a statement was tampered with"),
    ("30", Scenario::CustomerUnknownToAa, "opening the journey fails: the account aggregator does not know the customer"),
    ("31", Scenario::TooManyRequestsOnce, "the first read of the data is refused with 429"),
    ("32", Scenario::HtmlErrorOnce, "the first read of the data meets a proxy's HTML page with 502"),
    ("33", Scenario::WebhooksDoubled, "every webhook comes twice, and events of one moment in reverse order"),
    ("34", Scenario::WebhooksLost, "no webhook arrives"),
    ("35", Scenario::NoAccountFound, "the customer approves, but no account is discovered: the consent stays pending"),
    ("36", Scenario::ConsentAnswerLost, "the journey is opened, but the answer to that call is lost behind a 504"),
    (
        "37",
        Scenario::FetchAnswerLost,
        "the fetch is started, but the answer to the first such call is lost behind a 504, and so is the first of the latest data",
    ),
    ("38", Scenario::AnalyticsLate, "analytics are not ready at the first two looks"),
    ("39", Scenario::AllAccountsDenied, "every bank denies the data"),
    ("40", Scenario::MissingQuarter, "the first account has no rows of three months in which money moved"),
    ("41", Scenario::QuietMonth, "nothing happens on the first account in one month"),
    ("42", Scenario::MissingRow, "one rent payment is missing in the first account: the running balance breaks there"),
    ("43", Scenario::OtherHolder, "every account is somebody else's"),
    (
        "44",
        Scenario::EveryKind,
        "FinPro: beside the deposits an account of every other kind, from mutual funds to returns of the goods and services tax",
    ),
    ("46", Scenario::SecondFails, "orchestration: the data fetch of every consent but the first fails"),
    ("47", Scenario::SecondHasNoData, "orchestration: no consent but the first brings data"),
    ("48", Scenario::SecondNotAttempted, "orchestration: the data of no consent but the first is asked for"),
    ("49", Scenario::PartialStep, "orchestration: every consent's data comes, and the aggregator's step is PARTIAL"),
    (
        "50",
        Scenario::AccountsNotListed,
        "orchestration: no consent lists its accounts, so that their rows cannot be told apart by consent",
    ),
    ("45", Scenario::LargeAccount, "the first account has more than a hundred thousand rows"),
];

impl Scenario {
    /// The story of the customer with this mobile number.
    pub fn of(mobile: &str) -> Self {
        TABLE.iter().find(|(digits, ..)| mobile.ends_with(digits)).map_or(Self::Normal, |(_, scenario, _)| *scenario)
    }

    /// The `dataFetchStatus` of every consent of an orchestration but the first, where it differs from that of the first.
    pub fn of_later_consents(self) -> Option<&'static str> {
        match self {
            Self::SecondFails => Some("FAILED"),
            Self::SecondHasNoData => Some("NO_DATA"),
            Self::SecondNotAttempted => Some("NOT_ATTEMPTED"),
            _ => None,
        }
    }

    /// A synthetic mobile number of a customer with this story.
    pub fn mobile(self) -> String {
        let digits = TABLE.iter().find(|(_, scenario, _)| *scenario == self).map_or("01", |(digits, ..)| digits);
        format!("90000000{digits}")
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_row_of_the_table_has_its_own_digits_and_story() {
        let digits: HashSet<_> = TABLE.iter().map(|(digits, ..)| digits).collect();
        let stories: HashSet<_> = TABLE.iter().map(|(_, scenario, _)| scenario).collect();
        assert_eq!((digits.len(), stories.len()), (TABLE.len(), TABLE.len()));
        for (digits, scenario, _) in TABLE {
            assert_eq!(Scenario::of(&format!("91234567{digits}")), *scenario);
            assert_eq!(Scenario::of(&scenario.mobile()), *scenario);
        }
    }

    #[test]
    fn unlisted_digits_are_a_normal_customer() {
        assert_eq!(Scenario::of("9000000099"), Scenario::Normal);
        assert_eq!(Scenario::of(""), Scenario::Normal);
    }
}
