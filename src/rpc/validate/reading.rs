//! Requests that read financial data.

use jiff::civil::Date;

use super::Check;
use crate::{
    data::{filter::Filter, time::Day},
    journey::{
        error::Failure,
        service::{ChangesQuery, DataQuery, Demand, FetchChoice, LatestQuery, ReportChoice, StreamQuery},
    },
    pb::{self, ChangesMode, CompletenessDemand, FiType, ReportFormat, View},
    random::is_id,
};

const MAX_ACCOUNTS: usize = 50;
const MAX_FI_TYPES: usize = 50;
const MIN_PAGE: i32 = 16 * 1024;
const MAX_PAGE: i32 = 3 * 1024 * 1024;

impl Check {
    fn view(&mut self, number: i32) -> View {
        match View::try_from(number) {
            Ok(View::Unspecified) => View::Masked,
            Ok(view) => view,
            Err(_) => {
                self.add("view", "must be MASKED, FULL or SUMMARY");
                View::Masked
            }
        }
    }

    fn demand(&mut self, number: i32, accept_assumed_range: bool) -> Demand {
        let require_complete = match CompletenessDemand::try_from(number) {
            Ok(demand) => demand == CompletenessDemand::RequireComplete,
            Err(_) => {
                self.add("completeness", "must be ALLOW_PARTIAL or REQUIRE_COMPLETE");
                false
            }
        };
        Demand { require_complete, accept_assumed_range }
    }

    fn page_bytes(&mut self, bytes: i32) -> usize {
        let page = if bytes == 0 { MAX_PAGE } else { bytes };
        self.require((MIN_PAGE..=MAX_PAGE).contains(&page), "page_bytes", "must be 0 or 16384 to 3145728");
        usize::try_from(page).unwrap_or_default()
    }

    fn accounts(&mut self, ids: &[String]) {
        self.require(ids.len() <= MAX_ACCOUNTS, "account_ids", "must be at most 50");
        for (number, id) in ids.iter().take(MAX_ACCOUNTS).enumerate() {
            self.require(is_id(id, "acc"), &format!("account_ids[{number}]"), "must be an account's id");
        }
    }

    fn fi_types(&mut self, numbers: &[i32]) -> Vec<FiType> {
        self.require(numbers.len() <= MAX_FI_TYPES, "fi_types", "must be at most 50");
        let mut fi_types = Vec::new();
        for (place, number) in numbers.iter().take(MAX_FI_TYPES).enumerate() {
            match FiType::try_from(*number) {
                Ok(FiType::Unspecified) | Err(_) => self.add(format!("fi_types[{place}]"), "must be a known kind of account"),
                Ok(fi_type) => fi_types.push(fi_type),
            }
        }
        fi_types
    }

    fn filter(&mut self, account_ids: Vec<String>, fi_types: &[i32], days: Option<pb::DateRange>) -> Filter {
        self.accounts(&account_ids);
        let fi_types = self.fi_types(fi_types);
        let range = days.and_then(|days| self.range("transaction_range", days)).unwrap_or_default();
        let days = range.from.zip(range.to).map(|(from, to)| (first_from(from), last_until(to)));
        Filter { account_ids, fi_types, days }
    }
}

/// Rows have days of the years 1000 to 9999 only, so an earlier day chooses as the first of them does.
fn first_from(day: Date) -> Day {
    calendar_day(day).unwrap_or(Day { year: 1000, month: 1, day: 1 })
}

/// A last day before the year 1000 is before every row.
fn last_until(day: Date) -> Day {
    calendar_day(day).unwrap_or(Day { year: 999, month: 12, day: 31 })
}

fn calendar_day(day: Date) -> Option<Day> {
    Day::new(u16::try_from(day.year()).ok()?, u8::try_from(day.month()).ok()?, u8::try_from(day.day()).ok()?)
}

/// FetchData as a query.
pub(crate) fn data(request: pb::FetchDataRequest) -> Result<DataQuery, Failure> {
    let mut check = Check::default();
    let view = check.view(request.view);
    let demand = check.demand(request.completeness, request.accept_assumed_range);
    let page_bytes = check.page_bytes(request.page_bytes);
    let filter = check.filter(request.account_ids, &request.fi_types, request.transaction_range);
    check.finish(DataQuery {
        choice: FetchChoice { consent_id: request.consent_id, fetch_id: request.fetch_id, view_only_too: false },
        demand,
        view,
        filter,
        page_bytes,
        page_token: request.page_token,
    })
}

/// StreamData as a query.
pub(in crate::rpc) fn stream(request: pb::StreamDataRequest) -> Result<StreamQuery, Failure> {
    let mut check = Check::default();
    let view = check.view(request.view);
    let demand = check.demand(request.completeness, request.accept_assumed_range);
    let filter = check.filter(request.account_ids, &request.fi_types, request.transaction_range);
    check.finish(StreamQuery {
        choice: FetchChoice { consent_id: request.consent_id, fetch_id: request.fetch_id, view_only_too: true },
        demand,
        view,
        filter,
    })
}

/// FetchChanges, by who says what has changed.
#[derive(Debug)]
pub(in crate::rpc) enum Changes {
    /// The gateway, of two fetches.
    Between(ChangesQuery),
    /// The provider.
    Latest(LatestQuery),
}

/// FetchChanges as a query.
pub(in crate::rpc) fn changes(request: pb::FetchChangesRequest) -> Result<Changes, Failure> {
    let mut check = Check::default();
    let mode = ChangesMode::try_from(request.mode);
    check.require(mode.is_ok(), "mode", "must be DIFF or PROVIDER");
    let view = check.view(request.view);
    let page_bytes = check.page_bytes(request.page_bytes);
    if mode == Ok(ChangesMode::Provider) {
        check.request_id(&request.request_id);
        check.require(request.since_fetch_id.is_empty(), "since_fetch_id", "must be empty in mode PROVIDER");
        check.require(request.fetch_id.is_empty(), "fetch_id", "must be empty in mode PROVIDER");
        return check.finish(Changes::Latest(LatestQuery {
            consent_id: request.consent_id,
            request_id: request.request_id,
            view,
            page_bytes,
            page_token: request.page_token,
        }));
    }
    check.require(!request.since_fetch_id.is_empty(), "since_fetch_id", "is required");
    check.require(request.request_id.is_empty(), "request_id", "must be empty in mode DIFF");
    check.finish(Changes::Between(ChangesQuery {
        consent_id: request.consent_id,
        since_fetch_id: request.since_fetch_id,
        fetch_id: request.fetch_id,
        view,
        page_bytes,
        page_token: request.page_token,
    }))
}

/// The accounts of an analysis.
pub(in crate::rpc) fn account_ids(ids: &[String]) -> Result<(), Failure> {
    let mut check = Check::default();
    check.accounts(ids);
    check.finish(())
}

/// Which document a FetchReport is about: one by its id, or one by its format.
pub(in crate::rpc) fn report(request: &pb::FetchReportRequest) -> Result<ReportChoice, Failure> {
    let mut check = Check::default();
    check.accounts(&request.account_ids);
    let format = ReportFormat::try_from(request.format);
    check.require(format.is_ok(), "format", "must be JSON, XML, EXCEL or PDF");
    let format = format.unwrap_or_default();
    let by_format = format != ReportFormat::Unspecified;
    check.require(!by_format || request.report_id.is_empty(), "report_id", "must be empty where `format` is set");
    for (field, id, kind) in [("consent_id", &request.consent_id, "cns"), ("fetch_id", &request.fetch_id, "fch")] {
        check.require(id.is_empty() || by_format, field, "must be empty unless `format` is set");
        check.require(id.is_empty() || is_id(id, kind), field, "must be an id that the gateway has given out");
    }
    let choice =
        FetchChoice { consent_id: request.consent_id.clone(), fetch_id: request.fetch_id.clone(), ..FetchChoice::default() };
    check.finish(if by_format { ReportChoice::Format(format, choice) } else { ReportChoice::Listed(request.report_id.clone()) })
}

#[cfg(test)]
mod tests {
    use super::{super::tests::fields, *};

    #[test]
    fn a_report_is_named_by_id_or_by_format() {
        let request = |report_id: &str, format: i32, fetch_id: &str| pb::FetchReportRequest {
            report_id: report_id.to_owned(),
            format,
            fetch_id: fetch_id.to_owned(),
            ..Default::default()
        };
        let excel = ReportFormat::Excel.into();
        let chosen = report(&request("", excel, "")).unwrap();
        assert_eq!(chosen, ReportChoice::Format(ReportFormat::Excel, FetchChoice::default()));
        assert_eq!(report(&request("rep_x", 0, "")).unwrap(), ReportChoice::Listed("rep_x".to_owned()));
        assert_eq!(fields(report(&request("rep_x", excel, "")).unwrap_err()), ["report_id"]);
        assert_eq!(fields(report(&request("", 77, "")).unwrap_err()), ["format"]);
        assert_eq!(fields(report(&request("", excel, "x")).unwrap_err()), ["fetch_id"]);
        assert_eq!(fields(report(&request("rep_x", 0, "x")).unwrap_err()), ["fetch_id", "fetch_id"]);
    }

    fn date(year: i32, month: i32, day: i32) -> Option<pb::Date> {
        Some(pb::Date { year, month, day })
    }

    fn range(from: Option<pb::Date>, to: Option<pb::Date>) -> pb::FetchDataRequest {
        pb::FetchDataRequest { transaction_range: Some(pb::DateRange { from, to }), ..Default::default() }
    }

    #[test]
    fn every_fault_of_a_read_is_named_at_once() {
        let request = pb::FetchDataRequest {
            view: 9,
            completeness: 9,
            page_bytes: 5,
            account_ids: vec!["acc_1".to_owned(), format!("acc_{}", "0".repeat(26)), format!("txn_{}", "0".repeat(26))],
            fi_types: vec![1, 0, 99_999],
            ..range(date(2025, 2, 30), date(2025, 3, 1))
        };
        assert_eq!(
            fields(data(request).unwrap_err()),
            [
                "view",
                "completeness",
                "page_bytes",
                "account_ids[0]",
                "account_ids[2]",
                "fi_types[1]",
                "fi_types[2]",
                "transaction_range.from",
                "transaction_range",
            ]
        );
    }

    #[test]
    fn a_stream_names_its_faults_too() {
        let request = pb::StreamDataRequest {
            view: 9,
            completeness: 9,
            account_ids: vec!["x".to_owned()],
            fi_types: vec![0],
            transaction_range: Some(pb::DateRange::default()),
            ..Default::default()
        };
        let wanted = ["view", "completeness", "account_ids[0]", "fi_types[0]", "transaction_range"];
        assert_eq!(fields(stream(request).unwrap_err()), wanted);
    }

    #[test]
    fn changes_need_something_to_compare_with() {
        let request = pb::FetchChangesRequest { view: 9, page_bytes: 5, ..Default::default() };
        assert_eq!(fields(changes(request).unwrap_err()), ["view", "page_bytes", "since_fetch_id"]);
        let id = "5f0c6b3a-2f9f-4b6e-9d0e-3a54c1f0a7b1".to_owned();
        let request = pb::FetchChangesRequest { mode: 9, request_id: id, since_fetch_id: "fch".to_owned(), ..Default::default() };
        assert_eq!(fields(changes(request).unwrap_err()), ["mode", "request_id"]);
    }

    #[test]
    fn the_providers_own_word_needs_a_request_id_and_names_no_fetch() {
        let request = pb::FetchChangesRequest {
            mode: ChangesMode::Provider.into(),
            request_id: "5".to_owned(),
            since_fetch_id: "fch".to_owned(),
            fetch_id: "fch".to_owned(),
            page_bytes: 5,
            ..Default::default()
        };
        let wanted = ["page_bytes", "request_id", "since_fetch_id", "fetch_id"];
        assert_eq!(fields(changes(request).unwrap_err()), wanted);
        let request_id = "5f0c6b3a-2f9f-4b6e-9d0e-3a54c1f0a7b1".to_owned();
        let good = pb::FetchChangesRequest { mode: ChangesMode::Provider.into(), request_id, ..Default::default() };
        assert!(matches!(changes(good), Ok(Changes::Latest(_))));
    }

    #[test]
    fn half_and_reversed_ranges_and_too_long_lists_are_refused() {
        for bad in [range(None, None), range(date(2025, 1, 1), None), range(date(2025, 1, 2), date(2025, 1, 1))] {
            assert_eq!(fields(data(bad).unwrap_err()), ["transaction_range"]);
        }
        let many = pb::FetchDataRequest {
            account_ids: vec![format!("acc_{}", "0".repeat(26)); 51],
            fi_types: vec![1; 51],
            ..Default::default()
        };
        assert_eq!(fields(data(many).unwrap_err()), ["account_ids", "fi_types"]);
    }

    #[test]
    fn a_range_becomes_days_and_years_without_rows_choose_none() {
        let days = |from, to| data(range(from, to)).unwrap().filter.days.unwrap();
        let day = |year, month, day| Day { year, month, day };
        assert_eq!(days(date(2025, 1, 2), date(2025, 1, 2)), (day(2025, 1, 2), day(2025, 1, 2)));
        let (first, last) = days(date(1, 1, 1), date(2, 1, 1));
        assert!(first > last);
        assert!(data(pb::FetchDataRequest::default()).unwrap().filter.is_empty());
    }
}
