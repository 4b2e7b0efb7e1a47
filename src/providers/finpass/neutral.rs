//! The figures of Finpass' analysis in the neutral form. Its documentation names the period, the summary and the income; obligations,
//! monthly cash flow and risk flags are announced without names, so theirs are assumed. Other names are those of a look-alike of
//! Finpass' file analysis (`summary_card`, `cash_flow`, `emi_obligations`, ...) and assumed too.

use crate::{
    pb,
    providers::{
        figures::{fraction, score},
        ledger::{Group, Ledger, Place, assumed, stated},
        lenient::{Members, day},
        months::{self, Names},
    },
};

/// The names of a month's figures: all assumed.
const MONTH: Names = Names {
    credits: &["total_credits", "total_credit", "credits"],
    debits: &["total_debits", "total_debit", "debits"],
    opening: &["opening_balance"],
    closing: &["closing_balance"],
    average: &["average_balance", "avg_balance"],
};

/// The figures that an analysis has.
pub(super) fn core(data: &Members<'_>) -> pb::AnalyticsCore {
    let (summary, card) = (data.object(&["summary"]), data.object(&["summary_card"]));
    let mut ledger = Ledger::default();
    let mut totals = ledger.group("");
    let period = period(&data.object(&["analysis_period"]));
    let counted = card.object(&["transaction_summary"]);
    let total_credits = totals.sum("total_credits", &[stated(&summary, "total_credits"), assumed(&counted, "total_credits")]);
    let total_debits = totals.sum("total_debits", &[stated(&summary, "total_debits"), assumed(&counted, "total_debits")]);
    let totals_method = totals.method();
    if period.is_some() {
        // The names of its two ends are a guess.
        ledger.assumed.push("period".to_owned());
    }
    pb::AnalyticsCore {
        period,
        total_credits,
        total_debits,
        totals_method,
        income: some(income(ledger.group("income"), data)),
        obligations: some(obligations(ledger.group("obligations"), data)),
        balances: some(balances(ledger.group("balances"), &summary, &card)),
        bounces: some(bounces(ledger.group("bounces"), data)),
        movements: None,
        cash_flow: cash_flow(ledger.group("cash_flow"), data),
        assumed_fields: ledger.assumed,
        rounded_fields: ledger.rounded,
        ..pb::AnalyticsCore::default()
    }
}

/// A group in which nothing stands is not there.
fn some<T: Default + PartialEq>(group: T) -> Option<T> {
    (group != T::default()).then_some(group)
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

fn income(mut group: Group<'_>, data: &Members<'_>) -> pb::AnalyticsIncome {
    let (income, salary) = (data.object(&["income"]), data.object(&["salary_analysis"]));
    let average = [stated(&income, "average_monthly_income"), assumed(&salary, "monthly_salary")];
    // The list is documented, the names of its entries are not.
    let credits = [assumed(&income, "identified_salary_credits"), assumed(&salary, "salary_transactions")];
    pb::AnalyticsIncome {
        average_monthly: group.average("average_monthly", &average),
        stability_score: group.read("stability_score", &[stated(&income, "income_stability_score")], score).unwrap_or_default(),
        salary_credits: group.read("salary_credits", &credits, |raw| months::salary_credits(Some(raw))).unwrap_or_default(),
        method: group.method(),
    }
}

fn obligations(mut group: Group<'_>, data: &Members<'_>) -> pb::AnalyticsObligations {
    // The ratio's name is documented; in which block it stands is not.
    let block = data.object(&["obligations", "fixed_obligations"]);
    let emi = data.object(&["emi_obligations"]);
    let ratio = [
        assumed(&block, "fixed_obligations_ratio"),
        assumed(&block, "foir"),
        assumed(data, "fixed_obligations_ratio"),
        assumed(data, "foir"),
    ];
    let either = |name: &'static str| -> [Place<'_>; 2] { [assumed(&block, name), assumed(&emi, name)] };
    pb::AnalyticsObligations {
        ratio: group.read("ratio", &ratio, fraction).unwrap_or_default(),
        emi_count: group.count("emi_count", &either("total_emi_count")),
        emi_amount: group.sum("emi_amount", &either("total_emi_amount")),
        monthly_emi_amount: group.average("monthly_emi_amount", &either("monthly_emi_burden")),
        method: group.method(),
    }
}

fn balances(mut group: Group<'_>, summary: &Members<'_>, card: &Members<'_>) -> pb::AnalyticsBalances {
    let (card, sums) = (card.object(&["balance_summary"]), card.object(&["financial_summary"]));
    let average = [stated(summary, "average_monthly_balance"), assumed(&card, "average_balance")];
    let minimum = [stated(summary, "minimum_monthly_balance"), assumed(&card, "min_balance")];
    let maximum = [assumed(summary, "maximum_monthly_balance"), assumed(&card, "max_balance")];
    pb::AnalyticsBalances {
        average: group.average("average", &average),
        minimum: group.sum("minimum", &minimum),
        maximum: group.sum("maximum", &maximum),
        average_last_three_months: group.average("average_last_three_months", &[assumed(&sums, "abb_last_3_months")]),
        volatility: String::new(),
        method: group.method(),
    }
}

fn bounces(mut group: Group<'_>, data: &Members<'_>) -> pb::AnalyticsBounces {
    let (scoring, emi) = (data.object(&["scoring_data"]), data.object(&["emi_obligations"]));
    let flags = group.read("flags", &[assumed(data, "risk_flags")], |raw| months::risk_flags(Some(raw))).unwrap_or_default();
    let stated_count = group.count("bounce_count", &[assumed(&scoring, "bounce_count"), assumed(&emi, "total_bounces")]);
    // A flag that counts bounces is the same figure in another place.
    let flagged = || flags.iter().find(|flag| flag.code.contains("BOUNCE")).and_then(|flag| flag.count);
    let bounce_count = stated_count.or_else(|| {
        let count = flagged()?;
        group.note("bounce_count", "risk_flags", true);
        Some(count)
    });
    pb::AnalyticsBounces { bounce_count, flags, method: group.method(), ..pb::AnalyticsBounces::default() }
}

fn cash_flow(mut group: Group<'_>, data: &Members<'_>) -> Option<pb::AnalyticsCashFlow> {
    let flow = data.object(&["cash_flow"]);
    // The first list says more about a month than the last.
    let places: [(&Members<'_>, &'static str); 3] =
        [(data, "monthly_cash_flow"), (data, "monthwise_metrics"), (&flow, "monthly_summary")];
    let read =
        |(within, name): (&Members<'_>, &'static str)| Some((months::cash_flow(&mut group, within.raw(&[name]), &MONTH)?, name));
    let (months, name) = places.into_iter().find_map(read)?;
    group.note("months", name, true);
    Some(pb::AnalyticsCashFlow { months, method: group.method() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(data: &str) -> pb::AnalyticsCore {
        core(&Members::of(data.as_bytes()).unwrap())
    }

    fn minor(money: &Option<pb::Money>) -> Option<i64> {
        money.as_ref().map(|money| money.minor_units)
    }

    #[test]
    fn the_documented_figures_are_exact_and_the_rest_is_told() {
        let core = of(r#"{"client_id":"bsa_1","analysis_period":{"from":"2025-01-01","to":"2025-12-31"},
            "summary":{"total_credits":600000,"total_debits":550000,"average_monthly_balance":21000.505,"minimum_monthly_balance":1500},
            "income":{"average_monthly_income":50000,"income_stability_score":88,"identified_salary_credits":[{"month":"2025-12","amount":50000}]},
            "obligations":{"fixed_obligations_ratio":0.31},
            "monthly_cash_flow":[{"month":"2025-12","total_credits":50000,"total_debits":15500,"net":34500}],
            "risk_flags":[{"flag":"emi_bounce","count":2}]}"#);
        assert_eq!((minor(&core.total_credits), minor(&core.total_debits)), (Some(60_000_000), Some(55_000_000)));
        assert_eq!(core.period.unwrap().to.unwrap(), pb::Date { year: 2025, month: 12, day: 31 });
        let income = core.income.unwrap();
        assert_eq!((minor(&income.average_monthly), income.stability_score.as_str()), (Some(5_000_000), "88"));
        assert_eq!(income.salary_credits[0].month, Some(pb::CalendarMonth { year: 2025, month: 12 }));
        assert_eq!(income.method, "provider: average_monthly_income, income_stability_score, identified_salary_credits");
        assert_eq!(core.obligations.unwrap().ratio, "0.31");
        let balances = core.balances.unwrap();
        assert_eq!([&balances.average, &balances.minimum, &balances.maximum].map(minor), [Some(2_100_050), Some(150_000), None]);
        let bounces = core.bounces.unwrap();
        assert_eq!((bounces.bounce_count, bounces.flags[0].code.as_str()), (Some(2), "EMI_BOUNCE"));
        let cash_flow = core.cash_flow.unwrap();
        assert_eq!(minor(&cash_flow.months[0].debits), Some(1_550_000));
        assert_eq!(cash_flow.method, "provider: monthly_cash_flow");
        assert_eq!(
            core.assumed_fields,
            ["period", "income.salary_credits", "obligations.ratio", "bounces.flags", "bounces.bounce_count", "cash_flow.months"]
        );
        assert_eq!(core.rounded_fields, ["balances.average"]);
        assert_eq!(core.movements, None);
    }

    #[test]
    fn names_of_the_look_alike_are_read_as_assumed() {
        let core = of(r#"{"summary_card":{"balance_summary":{"average_balance":10,"max_balance":20,"min_balance":5},
                "transaction_summary":{"total_credits":7,"total_debits":8},"financial_summary":{"abb_last_3_months":9}},
            "salary_analysis":{"monthly_salary":4},"emi_obligations":{"total_emi_count":3,"total_emi_amount":6,"monthly_emi_burden":2,"total_bounces":1},
            "cash_flow":{"monthly_summary":[{"month":"2025-12","total_credit":7,"total_debit":8}]}}"#);
        assert_eq!((minor(&core.total_credits), minor(&core.total_debits)), (Some(700), Some(800)));
        let balances = core.balances.unwrap();
        assert_eq!(
            [&balances.average, &balances.minimum, &balances.maximum, &balances.average_last_three_months].map(minor),
            [Some(1_000), Some(500), Some(2_000), Some(900)]
        );
        let obligations = core.obligations.unwrap();
        assert_eq!((obligations.emi_count, minor(&obligations.emi_amount)), (Some(3), Some(600)));
        assert_eq!(core.bounces.unwrap().bounce_count, Some(1));
        assert_eq!(minor(&core.cash_flow.unwrap().months[0].credits), Some(700));
        assert_eq!(core.assumed_fields.len(), 12, "each of them: {:?}", core.assumed_fields);
    }

    #[test]
    fn other_shapes_have_no_figures() {
        for data in [
            "{}",
            r#"{"summary":[],"income":7,"obligations":null}"#,
            r#"{"summary":{"total_credits":1.005},"income":{"income_stability_score":101,"identified_salary_credits":[]},"risk_flags":[{}]}"#,
            r#"{"monthly_cash_flow":[{"month":"never","total_credits":1}],"obligations":{"fixed_obligations_ratio":"high"}}"#,
        ] {
            assert_eq!(of(data), pb::AnalyticsCore::default(), "{data}");
        }
    }
}
