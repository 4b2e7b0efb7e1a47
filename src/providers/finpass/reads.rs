//! Finpass's read calls.

use super::ID;
use crate::providers::http::{ReadCall, read_calls};

read_calls! { ID;
    /// The plain product's report, which is also the only way to learn its state.
    JSON_REPORT = Read("fetch_json_report", "api/v1/services/account-aggregator/fetch-json-report");
    /// The analysed product's state.
    STATUS = Read("aa_bsa_status", "api/v1/aa-bsa-journey/status");
    /// The analysed product's data.
    STATEMENT_RESULT = Read("statement_result", "api/v1/aa-bsa-journey/statement-result");
    /// The analysed product's analysis.
    ANALYSIS_JSON = Read("analysis_json", "api/v1/aa-bsa-journey/analysis-json");
}
