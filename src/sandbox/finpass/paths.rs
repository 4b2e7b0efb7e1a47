//! Finpass' paths. Calls are counted under them too: `finpass:` and the path.

pub(super) const AA_INIT: &str = "/api/v1/services/account-aggregator/init";
pub(super) const AA_REPORT: &str = "/api/v1/services/account-aggregator/fetch-json-report";
pub(super) const AA_PDF: &str = "/api/v1/services/account-aggregator/fetch-statement-pdf";
pub(super) const AA_REFRESH: &str = "/api/v1/services/account-aggregator/refresh-data";
/// Finpass' own pages still cite this older path in places.
pub(super) const AA_REFRESH_OLD: &str = "/api/v1/account-aggregator/refresh-data";
pub(super) const BSA_INIT: &str = "/api/v1/aa-bsa-journey/init";
pub(super) const BSA_STATUS: &str = "/api/v1/aa-bsa-journey/status";
pub(super) const BSA_STATEMENT: &str = "/api/v1/aa-bsa-journey/statement-result";
pub(super) const BSA_ANALYSIS: &str = "/api/v1/aa-bsa-journey/analysis-json";
