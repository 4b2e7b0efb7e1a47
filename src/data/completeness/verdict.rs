//! What the facts come to: days that are missing, findings, the score and the answer.

use super::{Span, balances::Walk, months::Month};
use crate::{
    data::time::Day,
    pb::{self, Answer, Certainty, CompletenessCode as Code, CompletenessFinding, MonthState},
};

/// What a balance break costs, and all of them at most.
const BREAK: (i64, i64) = (5, 30);
/// What a row that came again costs, and all of them at most.
const AGAIN: (i64, i64) = (1, 20);

/// A finding, and whether it is known to make the account incomplete rather than leaving that open.
struct Finding(CompletenessFinding, bool);

fn finding(code: Code) -> CompletenessFinding {
    CompletenessFinding { code: code.into(), ..CompletenessFinding::default() }
}

fn counted(code: Code, count: i64) -> CompletenessFinding {
    CompletenessFinding { count, ..finding(code) }
}

/// An account that is no statement: it came or it did not. `outside` if none of its days was asked for.
pub(super) fn whole(delivered: bool, outside: bool, unknown_kind: bool, out: &mut pb::Completeness) {
    let mut findings = Vec::new();
    if !delivered {
        findings.push(Finding(finding(Code::NotDelivered), true));
    } else if unknown_kind {
        findings.push(Finding(finding(Code::NotChecked), false));
    }
    if outside {
        findings.push(Finding(finding(Code::OutsideRange), true));
    }
    let again = i64::from(out.duplicate_rows);
    if again > 0 {
        findings.push(Finding(counted(Code::DuplicateRows, again), true));
    }
    out.score = if delivered && !outside { (100 - cost(AGAIN, again)) as i32 } else { 0 };
    conclude(findings, out);
}

/// A statement. `outside` if none of its days was asked for; `edges` are the days of its first and last row.
pub(super) fn statement(
    delivered: bool,
    outside: bool,
    span: Option<&Span>,
    edges: Option<(i64, i64)>,
    walk: &Walk,
    out: &mut pb::Completeness,
) {
    if !delivered {
        return conclude(vec![Finding(finding(Code::NotDelivered), true)], out);
    }
    let mut findings = Vec::new();
    // Without a first day nobody can say how far back it should reach.
    if out.requested_range_source() == Certainty::Unspecified || out.requested_range.is_none_or(|asked| asked.from.is_none()) {
        findings.push(Finding(finding(Code::RangeUnknown), false));
    }
    if outside {
        findings.push(Finding(finding(Code::OutsideRange), true));
    }
    if let Some(Span { expected, covered: Some(covered) }) = span {
        missing_edges(*expected, *covered, edges, out, &mut findings);
    }
    for month in out.months.iter().filter(|month| month.state() == MonthState::Gap) {
        let gap = CompletenessFinding { year: month.year, month: month.month, ..finding(Code::MonthGap) };
        findings.push(Finding(gap, true));
    }
    if walk.breaks > 0 {
        let first = out.balance_breaks.first().map_or(0, |found| found.ordinal);
        let broken = CompletenessFinding { ordinal: first, ..counted(Code::BalanceBreak, walk.breaks as i64) };
        findings.push(Finding(broken, true));
    }
    if walk.unchecked > 0 {
        findings.push(Finding(counted(Code::BalancesUnchecked, walk.unchecked as i64), false));
    }
    if walk.came_again > 0 {
        findings.push(Finding(counted(Code::DuplicateRows, walk.came_again as i64), true));
    }
    let lost = cost(BREAK, walk.breaks as i64) + cost(AGAIN, walk.came_again as i64);
    out.score = if outside { 0 } else { (percentage(span, &out.months) - lost).max(0) as i32 };
    conclude(findings, out);
}

fn missing_edges(
    expected: (i64, i64),
    covered: (i64, i64),
    edges: Option<(i64, i64)>,
    out: &mut pb::Completeness,
    findings: &mut Vec<Finding>,
) {
    let days = expected.1 - expected.0 + 1;
    let head = (covered.0 - expected.0).clamp(0, days.max(0));
    let tail = (expected.1 - covered.1).clamp(0, days.max(0));
    // Days without rows may lie before the first one; only a range that is stated apart from the rows says that they are missing.
    let head_is_known = edges.is_none_or(|(first, _)| first != covered.0);
    let tail_is_known = edges.is_none_or(|(_, last)| last != covered.1);
    for (count, code, known) in [(head, Code::MissingHead, head_is_known), (tail, Code::MissingTail, tail_is_known)] {
        if count > 0 {
            findings.push(Finding(counted(code, count), known));
        }
    }
    (out.missing_head_days, out.missing_tail_days) = (head as i32, tail as i32);
}

/// The percentage of the expected days that are covered and in no gap, rounded down.
fn percentage(span: Option<&Span>, months: &[pb::StatementMonth]) -> i64 {
    let Some(Span { expected: (from, to), covered }) = span else {
        return 0;
    };
    let expected = to - from + 1;
    if expected <= 0 {
        return 100;
    }
    let Some((begin, end)) = covered else {
        return 0;
    };
    let overlap = |(first, last): (i64, i64)| (last.min(*to).min(*end) - first.max(*from).max(*begin) + 1).max(0);
    let gaps: i64 = months
        .iter()
        .filter(|month| month.state() == MonthState::Gap)
        .filter_map(|month| Day::new(u16::try_from(month.year).ok()?, u8::try_from(month.month).ok()?, 1))
        .map(|day| overlap(Month::of(day).days()))
        .sum();
    100 * (overlap((*from, *to)) - gaps) / expected
}

fn cost((each, most): (i64, i64), count: i64) -> i64 {
    count.saturating_mul(each).min(most)
}

fn conclude(findings: Vec<Finding>, out: &mut pb::Completeness) {
    let answer = match (findings.is_empty(), findings.iter().any(|Finding(_, known)| *known)) {
        (true, _) => Answer::Yes,
        (false, true) => Answer::No,
        (false, false) => Answer::Unspecified,
    };
    out.complete = answer.into();
    out.findings = findings.into_iter().map(|Finding(found, _)| found).collect();
}
