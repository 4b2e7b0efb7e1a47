//! Lists of an analysis: months of cash flow, salary credits, warnings. A list that is not what it seems is left out whole, since half
//! a list would be a wrong one; the document has it.

use std::collections::HashSet;

use serde_json::value::RawValue;

use super::{
    figures::{count, rupees},
    ledger::Group,
    lenient::{Members, elements, scalar, word},
    vocabulary::vetted,
};
use crate::pb::{CalendarMonth, Money, MonthlyCashFlow, RiskFlag, SalaryCredit};

/// Most months; ten years. Longer lists are nobody's cash flow.
const MOST_MONTHS: usize = 120;
/// Most entries of the other lists.
const MOST_ENTRIES: usize = 1_000;

/// The names of a month's figures.
#[derive(Debug, Clone, Copy)]
pub struct Names {
    /// The sum of credits.
    pub credits: &'static [&'static str],
    /// The sum of debits.
    pub debits: &'static [&'static str],
    /// The balance at the beginning.
    pub opening: &'static [&'static str],
    /// The balance at the end.
    pub closing: &'static [&'static str],
    /// The average balance.
    pub average: &'static [&'static str],
}

/// The months of a cash flow; none if the list has no month, one twice, or anything else in it.
pub fn cash_flow(group: &mut Group<'_>, raw: Option<&RawValue>, names: &Names) -> Option<Vec<MonthlyCashFlow>> {
    let entries = bounded(raw, MOST_MONTHS)?;
    let mut seen = HashSet::new();
    let mut months = Vec::new();
    let mut rounded = false;
    for entry in entries {
        let entry = Members::within(Some(entry));
        let month = month(&entry)?;
        if !seen.insert((month.year, month.month)) {
            return None;
        }
        let read = |names: &[&str]| entry.raw(names).and_then(rupees);
        let sum = |names: &[&str]| read(names).filter(|rupees| !rupees.rounded).map(|rupees| rupees.money);
        let average = read(names.average);
        rounded |= average.as_ref().is_some_and(|average| average.rounded);
        months.push(MonthlyCashFlow {
            month: Some(month),
            credits: sum(names.credits),
            debits: sum(names.debits),
            opening_balance: sum(names.opening),
            closing_balance: sum(names.closing),
            average_balance: average.map(|average| average.money),
        });
    }
    let empty = |month: &MonthlyCashFlow| *month == MonthlyCashFlow { month: month.month, ..MonthlyCashFlow::default() };
    if months.iter().all(empty) {
        return None;
    }
    if rounded {
        group.rounded("months.average_balance");
    }
    Some(months)
}

/// The credits taken for salary; none if any of them has no amount.
pub fn salary_credits(raw: Option<&RawValue>) -> Option<Vec<SalaryCredit>> {
    let credit = |entry: &RawValue| {
        let entry = Members::within(Some(entry));
        let amount = entry.raw(&["amount", "credit", "salary"]).and_then(rupees).filter(|rupees| !rupees.rounded)?;
        Some(SalaryCredit { month: month(&entry), amount: Some::<Money>(amount.money) })
    };
    bounded(raw, MOST_ENTRIES)?.into_iter().map(credit).collect()
}

/// What the provider warns of; none if any of it is no plain code word.
pub fn risk_flags(raw: Option<&RawValue>) -> Option<Vec<RiskFlag>> {
    let flag = |entry: &RawValue| {
        let within = Members::within(Some(entry));
        let text = scalar(entry).or_else(|| within.text(&["flag", "code", "type", "name"]))?;
        // The words of risk flags are not documented, so no list can hold them: what can be a number is dropped.
        let code = Some(word(&text)).filter(|code| !code.is_empty() && vetted(code) == *code)?;
        Some(RiskFlag { code, count: within.raw(&["count", "occurrences"]).and_then(count) })
    };
    bounded(raw, MOST_ENTRIES)?.into_iter().map(flag).collect()
}

fn bounded(raw: Option<&RawValue>, most: usize) -> Option<Vec<&RawValue>> {
    let entries = elements(raw);
    (!entries.is_empty() && entries.len() <= most).then_some(entries)
}

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/// The month of an entry: a year and a month apart, "2025-12" or a day in it, "Dec 2025" or "December-2025".
fn month(entry: &Members<'_>) -> Option<CalendarMonth> {
    let text = entry.text(&["month", "monthName", "date"])?;
    let year = entry.int(&["year"]);
    let found = match year {
        Some(year) => (year, text.parse().ok().or_else(|| named(&text))?),
        None => together(&text)?,
    };
    let (year, month) = found;
    let valid = (1..=9999).contains(&year) && (1..=12).contains(&month);
    valid.then_some(CalendarMonth { year: i32::try_from(year).ok()?, month: i32::try_from(month).ok()? })
}

fn together(text: &str) -> Option<(i64, i64)> {
    let mut parts = text.split(['-', '/', ' ', 'T']).filter(|part| !part.is_empty());
    let (first, second) = (parts.next()?, parts.next()?);
    let year = |part: &str| (part.len() == 4).then(|| part.parse().ok()).flatten();
    match (year(first), year(second)) {
        (Some(year), None) => Some((year, second.parse().ok().or_else(|| named(second))?)),
        (None, Some(year)) => Some((year, first.parse().ok().or_else(|| named(first))?)),
        _ => None,
    }
}

fn named(text: &str) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let at = MONTHS.iter().position(|name| text.starts_with(name) && text.len() <= 9)?;
    i64::try_from(at + 1).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::providers::ledger::Ledger;

    const NAMES: Names =
        Names { credits: &["in"], debits: &["out"], opening: &["open"], closing: &["close"], average: &["average"] };

    fn read(json: &str) -> (Option<Vec<MonthlyCashFlow>>, Vec<String>) {
        let raw = RawValue::from_string(json.to_owned()).unwrap();
        let mut ledger = Ledger::default();
        let months = cash_flow(&mut ledger.group("cash_flow"), Some(&raw), &NAMES);
        (months, ledger.rounded)
    }

    #[test]
    fn months_are_read_in_every_spelling() {
        for (entry, expected) in [
            (r#"{"month":"2025-12"}"#, Some((2025, 12))),
            (r#"{"month":"2025-12-01"}"#, Some((2025, 12))),
            (r#"{"month":12,"year":2025}"#, Some((2025, 12))),
            (r#"{"monthName":"DECEMBER","year":"2025"}"#, Some((2025, 12))),
            (r#"{"month":"Dec 2025"}"#, Some((2025, 12))),
            (r#"{"month":"september-2025"}"#, Some((2025, 9))),
            (r#"{"month":"12-2025"}"#, Some((2025, 12))),
            (r#"{"month":"2025-13"}"#, None),
            (r#"{"month":"Dec-25"}"#, None),
            (r#"{"month":12}"#, None),
            (r#"{"month":"\u00e9\u00e9\u00e9 2025"}"#, None),
            ("{}", None),
        ] {
            let found = month(&Members::of(entry.as_bytes()).unwrap()).map(|month| (month.year, month.month));
            assert_eq!(found, expected, "{entry}");
        }
    }

    #[test]
    fn a_cash_flow_is_whole_or_not_there() {
        let (months, rounded) =
            read(r#"[{"month":"2025-12","in":10.5,"out":1.005,"average":1.005},{"month":"2025-11","in":"7"}]"#);
        let months = months.unwrap();
        assert_eq!(months.len(), 2);
        assert_eq!(months[0].credits.as_ref().unwrap().minor_units, 1_050);
        assert_eq!(months[0].debits, None);
        assert_eq!(months[0].average_balance.as_ref().unwrap().minor_units, 100);
        assert_eq!(rounded, ["cash_flow.months.average_balance"]);
        for json in [
            "[]",
            "7",
            r#"[{"in":1}]"#,
            r#"[{"month":"2025-12"}]"#,
            r#"[{"month":"2025-12","in":1},{"month":"2025-12","in":1}]"#,
            r#"[{"month":"2025-12","in":1},null]"#,
        ] {
            assert_eq!(read(json).0, None, "{json}");
        }
        let many: Vec<_> = (1..=121).map(|year| format!(r#"{{"month":1,"year":{year},"in":1}}"#)).collect();
        assert_eq!(read(&format!("[{}]", many.join(","))).0, None);
    }

    #[test]
    fn salary_and_warnings_are_whole_or_not_there() {
        let raw = |json: &str| RawValue::from_string(json.to_owned()).unwrap();
        let credits = salary_credits(Some(&raw(r#"[{"month":"2025-12","amount":50000,"employer":"A"},{"amount":1}]"#))).unwrap();
        assert_eq!(credits[0].month, Some(CalendarMonth { year: 2025, month: 12 }));
        assert_eq!(credits[1].month, None);
        assert_eq!(salary_credits(Some(&raw(r#"[{"amount":1},{"month":"2025-12"}]"#))), None);
        let flags = risk_flags(Some(&raw(r#"[{"flag":"emi_bounce","count":2},"month-end stress"]"#))).unwrap();
        assert_eq!(flags[0], RiskFlag { code: "EMI_BOUNCE".into(), count: Some(2) });
        assert_eq!(flags[1], RiskFlag { code: "MONTH_END_STRESS".into(), count: None });
        assert_eq!(risk_flags(Some(&raw(r#"["a person's name, and more"]"#))), None);
    }

    proptest! {
        #[test]
        fn any_list_is_read_without_panic(month in ".{0,12}", year in ".{0,6}", amount in ".{0,12}") {
            let json = serde_json::json!([{"month": month, "year": year, "in": amount, "amount": amount, "flag": month}, {"month": month}]);
            let raw = RawValue::from_string(json.to_string()).unwrap();
            let mut ledger = Ledger::default();
            let _ = cash_flow(&mut ledger.group("x"), Some(&raw), &NAMES);
            let _ = (salary_credits(Some(&raw)), risk_flags(Some(&raw)));
        }
    }
}
