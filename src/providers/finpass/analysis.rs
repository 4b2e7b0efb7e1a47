//! The analysis of the analysed product. Some of its blocks are documented by prose only; what is read from them is marked assumed.

use bytes::Bytes;

use super::envelope;
use crate::{
    data::Provenance,
    pb,
    providers::{
        error::{ErrorKind, ProviderError},
        figures::{Beyond, fraction, rupees},
        http::OutboundResponse,
        judge::Origin,
        lenient::{Members, day},
        provider::Analysis,
    },
};

/// Reads the answer of `aa-bsa-journey/analysis-json`.
pub(super) fn read(origin: Origin, response: &OutboundResponse, client_id: &str) -> Result<Analysis, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.data();
    if data.text(&["client_id"]).is_some_and(|told| told != client_id) {
        return Err(origin.unusable("the answer is about another session"));
    }
    let blocks = ["summary", "income", "analysis_period"];
    let raw = answer.data.filter(|_| data.raw(&blocks).is_some());
    let raw = raw.ok_or_else(|| origin.error(ErrorKind::NotReady).with_detail("a success without an analysis"))?;
    Ok(Analysis {
        core: core(&data),
        document: Bytes::copy_from_slice(raw.get().as_bytes()),
        provenance: Provenance::read_now(origin.stage, origin.now),
    })
}

fn core(data: &Members<'_>) -> pb::AnalyticsCore {
    let (summary, income) = (data.object(&["summary"]), data.object(&["income"]));
    let period = period(&data.object(&["analysis_period"]));
    let ratio = ratio(data);
    let mut assumed = Vec::new();
    // The names inside these two are a guess.
    if period.is_some() {
        assumed.push("period".to_owned());
    }
    if ratio.is_some() {
        assumed.push("fixed_obligations_ratio".to_owned());
    }
    pb::AnalyticsCore {
        period,
        total_credits: rupees(summary.raw(&["total_credits"]), Beyond::Refuse),
        total_debits: rupees(summary.raw(&["total_debits"]), Beyond::Refuse),
        average_balance: rupees(summary.raw(&["average_monthly_balance"]), Beyond::Round),
        minimum_balance: rupees(summary.raw(&["minimum_monthly_balance"]), Beyond::Refuse),
        maximum_balance: rupees(summary.raw(&["maximum_monthly_balance"]), Beyond::Refuse),
        average_monthly_income: rupees(income.raw(&["average_monthly_income"]), Beyond::Round),
        fixed_obligations_ratio: ratio.unwrap_or_default(),
        assumed_fields: assumed,
    }
}

fn period(period: &Members<'_>) -> Option<pb::DateRange> {
    let end = |names: &[&str]| {
        let day = day(period.instant(names)?);
        Some(pb::Date { year: day.year().into(), month: day.month().into(), day: day.day().into() })
    };
    let range = pb::DateRange {
        from: end(&["from", "start", "start_date", "from_date"]),
        to: end(&["to", "end", "end_date", "to_date"]),
    };
    (range != pb::DateRange::default()).then_some(range)
}

/// The share of income that is bound, wherever it stands.
fn ratio(data: &Members<'_>) -> Option<String> {
    let name = ["fixed_obligations_ratio", "foir"];
    let block = data.object(&["obligations", "fixed_obligations"]);
    fraction(block.raw(&name).or_else(|| data.raw(&name)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{finpass::testing, http::CallKind};

    fn analysis(body: &str) -> Result<Analysis, ProviderError> {
        read(testing::origin(CallKind::Read), &testing::response(200, body), "bsa_1")
    }

    #[test]
    fn the_figures_are_exact() {
        let body = r#"{"success":true,"message":"ok","data":{"client_id":"bsa_1","analysis_period":{"from":"2025-01-01","to":"2025-12-31"},
            "summary":{"total_credits":600000,"total_debits":550000,"average_monthly_balance":21000.5,"minimum_monthly_balance":1500},
            "income":{"average_monthly_income":50000,"income_stability_score":88,"identified_salary_credits":[]},
            "obligations":{"fixed_obligations_ratio":0.31},"monthly_cash_flow":[],"risk_flags":[]}}"#;
        let analysis = analysis(body).unwrap();
        let core = analysis.core;
        let minor = |money: &Option<pb::Money>| money.as_ref().map(|money| money.minor_units);
        assert_eq!(
            [&core.total_credits, &core.total_debits, &core.average_balance, &core.minimum_balance, &core.average_monthly_income]
                .map(minor),
            [Some(60_000_000), Some(55_000_000), Some(2_100_050), Some(150_000), Some(5_000_000)]
        );
        assert_eq!(core.fixed_obligations_ratio, "0.31");
        assert_eq!(core.period.unwrap().to.unwrap(), pb::Date { year: 2025, month: 12, day: 31 });
        assert_eq!(core.assumed_fields, ["period", "fixed_obligations_ratio"]);
        assert!(analysis.document.starts_with(b"{\"client_id\""));
    }

    #[test]
    fn what_is_no_analysis_is_an_error() {
        for (status, body, kind) in [
            (409, r#"{"success":false,"error_code":"ANALYSIS_NOT_READY"}"#, ErrorKind::NotReady),
            (200, r#"{"success":true,"data":{}}"#, ErrorKind::NotReady),
            (200, r#"{"success":true,"data":{"client_id":"bsa_2","summary":{}}}"#, ErrorKind::ResponseInvalid),
            (404, r#"{"success":false,"error_code":"SESSION_NOT_FOUND"}"#, ErrorKind::UnknownReference),
        ] {
            let found = read(testing::origin(CallKind::Read), &testing::response(status, body), "bsa_1");
            assert_eq!(found.unwrap_err().kind, kind, "{body}");
        }
        for body in testing::hostile() {
            assert!(read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c").is_err());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "c");
        }
    }
}
