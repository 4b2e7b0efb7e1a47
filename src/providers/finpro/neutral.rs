//! The figures of FinPro's analysis in the neutral form. Documented are only the names of one sample: `bankingAnalysis.overallAnalysis`
//! with a handful of figures, and the dictionary of monthly figures, without the place where the months stand. Everything else that is
//! read is marked assumed. Figures that each organisation configures otherwise stay in the document.

use serde_json::value::RawValue;

use crate::{
    pb,
    providers::{
        figures::{flag, fraction, number, score},
        ledger::{Group, Ledger, assumed, stated},
        lenient::Members,
        months::{self, Names},
    },
};

/// The names of a month's figures; those of balances are from the dictionary, credits and debits are by analogy.
const MONTH: Names = Names {
    credits: &["totalNetCreditTransactionAmount", "totalCreditAmount", "totalCredit"],
    debits: &["totalNetDebitTransactionAmount", "totalDebitAmount", "totalDebit"],
    opening: &["openingBalance", "firstDayOpeningBalance"],
    closing: &["closingBalance"],
    average: &["avgBalance", "averageDailyClosingBalance", "monthlyABB"],
};

/// The figures that a document has.
pub(super) fn core(document: &RawValue) -> pb::AnalyticsCore {
    let top = Members::within(Some(document));
    let banking = top.object(&["bankingAnalysis"]);
    let overall = banking.object(&["overallAnalysis"]);
    let mut ledger = Ledger::default();
    let mut totals = ledger.group("");
    let total_credits = totals.sum("total_credits", &[stated(&overall, "totalNetCreditTransactionAmount")]);
    let total_debits = totals.sum("total_debits", &[stated(&overall, "totalNetDebitTransactionAmount")]);
    let totals_method = totals.method();
    pb::AnalyticsCore {
        total_credits,
        total_debits,
        totals_method,
        income: some(income(ledger.group("income"), &overall)),
        obligations: some(obligations(ledger.group("obligations"), &overall)),
        balances: some(balances(ledger.group("balances"), &overall)),
        bounces: some(bounces(ledger.group("bounces"), &overall, &banking.object(&["bounceAnalysis"]))),
        movements: some(movements(ledger.group("movements"), &overall)),
        cash_flow: cash_flow(ledger.group("cash_flow"), &banking, &top),
        assumed_fields: ledger.assumed,
        rounded_fields: ledger.rounded,
        ..pb::AnalyticsCore::default()
    }
}

/// A group in which nothing stands is not there.
fn some<T: Default + PartialEq>(group: T) -> Option<T> {
    (group != T::default()).then_some(group)
}

fn income(mut group: Group<'_>, overall: &Members<'_>) -> pb::AnalyticsIncome {
    pb::AnalyticsIncome {
        average_monthly: group.average("average_monthly", &[stated(overall, "monthlyAvgNetCreditAmount")]),
        stability_score: group.read("stability_score", &[assumed(overall, "incomeStabilityScore")], score).unwrap_or_default(),
        salary_credits: Vec::new(),
        method: group.method(),
    }
}

fn obligations(mut group: Group<'_>, overall: &Members<'_>) -> pb::AnalyticsObligations {
    let ratio = [assumed(overall, "fixedObligationsRatio"), assumed(overall, "foir")];
    pb::AnalyticsObligations {
        ratio: group.read("ratio", &ratio, fraction).unwrap_or_default(),
        emi_count: group.count("emi_count", &[stated(overall, "totalEmiTxns")]),
        emi_amount: group.sum("emi_amount", &[assumed(overall, "totalEmiAmount")]),
        monthly_emi_amount: group.average("monthly_emi_amount", &[assumed(overall, "monthlyAvgEmiAmount")]),
        method: group.method(),
    }
}

fn balances(mut group: Group<'_>, overall: &Members<'_>) -> pb::AnalyticsBalances {
    // The sample has one name of each; the others are the dictionary's names for a month.
    let minimum = [stated(overall, "minimumEodBalance"), assumed(overall, "minEodBalance"), assumed(overall, "minimumBalance")];
    let maximum = [stated(overall, "maximumBalance"), assumed(overall, "maximumEodBalance"), assumed(overall, "maxEodBalance")];
    let average = [assumed(overall, "averageBalance"), assumed(overall, "avgBalance")];
    pb::AnalyticsBalances {
        average: group.average("average", &average),
        minimum: group.sum("minimum", &minimum),
        maximum: group.sum("maximum", &maximum),
        average_last_three_months: group.average("average_last_three_months", &[stated(overall, "averageBalanceLast3Months")]),
        volatility: group.read("volatility", &[stated(overall, "volatilityOfBalance")], number).unwrap_or_default(),
        method: group.method(),
    }
}

fn bounces(mut group: Group<'_>, overall: &Members<'_>, block: &Members<'_>) -> pb::AnalyticsBounces {
    let count = [assumed(block, "totalBounceCount"), assumed(block, "totalBounces"), assumed(block, "bounceCount")];
    pb::AnalyticsBounces {
        bounce_count: group.count("bounce_count", &count),
        penalty_count: group.count("penalty_count", &[assumed(overall, "totalBankPenaltyTxns")]),
        penalties_detected: group.read("penalties_detected", &[stated(overall, "bankPenaltiesDetected")], flag),
        penalty_amount: group.sum("penalty_amount", &[assumed(overall, "totalBankPenaltyAmount")]),
        flags: Vec::new(),
        method: group.method(),
    }
}

fn movements(mut group: Group<'_>, overall: &Members<'_>) -> pb::AnalyticsMovements {
    pb::AnalyticsMovements {
        cash_deposits: group.sum("cash_deposits", &[stated(overall, "totalCashDepositAmount")]),
        upi_outward: group.sum("upi_outward", &[stated(overall, "totalOutwardUpiAmount")]),
        loan_credits: group.sum("loan_credits", &[stated(overall, "totalLoanCreditAmount")]),
        method: group.method(),
    }
}

/// The dictionary has `cashflow.monthly` for an account and an `overall` beside the accounts; where both stand within a document is not
/// told. The months of one account are those of everything only where there is one account.
fn cash_flow(mut group: Group<'_>, banking: &Members<'_>, top: &Members<'_>) -> Option<pb::AnalyticsCashFlow> {
    let within = |root: &Members<'_>| {
        let overall = root.object(&["overall"]);
        let accounts = root.list(&["accounts"]);
        let only = if let [only] = accounts[..] { Some(only) } else { None };
        let analysed = [overall.clone(), overall.object(&["analysis"]), Members::within(only).object(&["analysis"])];
        analysed.iter().find_map(|members| months::cash_flow(&mut group, members.object(&["cashflow"]).raw(&["monthly"]), &MONTH))
    };
    let months = [banking, top].into_iter().find_map(within)?;
    group.note("months", "cashflow.monthly", true);
    Some(pb::AnalyticsCashFlow { months, method: group.method() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(document: &str) -> pb::AnalyticsCore {
        core(&RawValue::from_string(document.to_owned()).unwrap())
    }

    fn minor(money: &Option<pb::Money>) -> Option<i64> {
        money.as_ref().map(|money| money.minor_units)
    }

    const DOCUMENTED: &str = r#"{"bankingAnalysis":{"overallAnalysis":{"totalNetDebitTransactionAmount":1000.5,
        "totalNetCreditTransactionAmount":900.0,"averageBalanceLast3Months":500.125,"maximumBalance":83760.759999999995,
        "minimumEodBalance":10.0,"volatilityOfBalance":0.1,"monthlyAvgNetCreditAmount":"300.0","totalOutwardUpiAmount":200.0,
        "totalLoanCreditAmount":0,"totalCashDepositAmount":0.07,"totalEmiTxns":0,"bankPenaltiesDetected":false},"bounceAnalysis":{}},"rawData":{}}"#;

    #[test]
    fn the_documented_figures_are_exact_and_nothing_of_them_is_assumed() {
        let core = of(DOCUMENTED);
        assert_eq!((minor(&core.total_credits), minor(&core.total_debits)), (Some(90_000), Some(100_050)));
        assert_eq!(core.totals_method, "provider: totalNetCreditTransactionAmount, totalNetDebitTransactionAmount");
        let income = core.income.unwrap();
        assert_eq!(
            (minor(&income.average_monthly), income.method.as_str()),
            (Some(30_000), "provider: monthlyAvgNetCreditAmount")
        );
        let obligations = core.obligations.unwrap();
        assert_eq!((obligations.emi_count, obligations.emi_amount, obligations.ratio.as_str()), (Some(0), None, ""));
        let balances = core.balances.unwrap();
        assert_eq!(
            [&balances.average, &balances.minimum, &balances.maximum, &balances.average_last_three_months].map(minor),
            [None, Some(1_000), Some(8_376_076), Some(50_012)]
        );
        assert_eq!(balances.volatility, "0.1");
        assert_eq!(
            balances.method,
            "provider: minimumEodBalance, maximumBalance, averageBalanceLast3Months, volatilityOfBalance"
        );
        let bounces = core.bounces.unwrap();
        assert_eq!((bounces.bounce_count, bounces.penalties_detected), (None, Some(false)));
        let movements = core.movements.unwrap();
        assert_eq!(
            [&movements.cash_deposits, &movements.upi_outward, &movements.loan_credits].map(minor),
            [Some(7), Some(20_000), Some(0)]
        );
        assert_eq!(core.cash_flow, None);
        assert_eq!((core.assumed_fields, core.rounded_fields), (vec![], vec!["balances.average_last_three_months".to_owned()]));
    }

    #[test]
    fn months_are_read_where_they_stand_for_everything() {
        let month = r#"{"year":2025,"month":12,"openingBalance":1,"closingBalance":2.5,"avgBalance":1.755,"totalCredit":7}"#;
        for document in [
            format!(r#"{{"bankingAnalysis":{{"overall":{{"cashflow":{{"monthly":[{month}]}}}}}}}}"#),
            format!(r#"{{"accounts":[{{"analysis":{{"cashflow":{{"monthly":[{month}]}}}}}}],"overall":{{}}}}"#),
        ] {
            let core = of(&document);
            let cash_flow = core.cash_flow.unwrap();
            assert_eq!(cash_flow.method, "provider: cashflow.monthly");
            let [month] = &cash_flow.months[..] else { panic!("{document}") };
            assert_eq!(month.month, Some(pb::CalendarMonth { year: 2025, month: 12 }));
            assert_eq!(
                [&month.credits, &month.debits, &month.opening_balance, &month.closing_balance, &month.average_balance]
                    .map(minor),
                [Some(700), None, Some(100), Some(250), Some(176)]
            );
            assert_eq!(core.assumed_fields, ["cash_flow.months"]);
            assert_eq!(core.rounded_fields, ["cash_flow.months.average_balance"]);
        }
        let account = format!(r#"{{"analysis":{{"cashflow":{{"monthly":[{month}]}}}}}}"#);
        assert_eq!(
            of(&format!(r#"{{"accounts":[{account},{account}]}}"#)).cash_flow,
            None,
            "one account's months are not all accounts'"
        );
    }

    #[test]
    fn guessed_names_are_told() {
        let core = of(
            r#"{"bankingAnalysis":{"overallAnalysis":{"foir":31,"totalEmiAmount":5,"averageBalance":2},"bounceAnalysis":{"totalBounces":3}}}"#,
        );
        assert_eq!(core.obligations.as_ref().unwrap().ratio, "0.31");
        assert_eq!(core.bounces.as_ref().unwrap().bounce_count, Some(3));
        assert_eq!(
            core.assumed_fields,
            ["obligations.ratio", "obligations.emi_amount", "balances.average", "bounces.bounce_count"]
        );
    }

    #[test]
    fn other_shapes_have_no_figures() {
        for document in [
            "{}",
            r#"{"fiAnalytics":{"x":[1]}}"#,
            r#"{"bankingAnalysis":[]}"#,
            r#"{"bankingAnalysis":{"overallAnalysis":"x","overall":[[]],"accounts":[null]}}"#,
            r#"{"bankingAnalysis":{"overallAnalysis":{"totalNetCreditTransactionAmount":{},"totalEmiTxns":-1,"volatilityOfBalance":[]}}}"#,
        ] {
            assert_eq!(of(document), pb::AnalyticsCore::default(), "{document}");
        }
    }
}
