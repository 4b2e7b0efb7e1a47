//! The table at the end.

use super::{Row, drive::state_name};
use crate::{pb, sandbox::columns};

const HEADS: [&str; 10] = [
    "provider",
    "product",
    "state",
    "accounts",
    "transactions",
    "requested",
    "delivered",
    "total credits",
    "in gateway",
    "cache (status, data)",
];

/// Columns of numbers, which stand to the right.
const NUMBERS: [usize; 4] = [3, 4, 7, 8];

/// The rows under their heads.
pub(super) fn render(rows: &[Row<'_>]) -> String {
    let cells: Vec<_> = rows.iter().map(|(_, seen)| line(seen)).collect();
    columns::render(HEADS, &NUMBERS, &cells)
}

fn line(seen: &super::Seen) -> [String; HEADS.len()] {
    let figure = seen.analysis.as_ref().and_then(|core| core.total_credits.as_ref());
    let routing = seen.journey.routing.as_ref();
    [
        routing.map(|routing| routing.provider.clone()).unwrap_or_default(),
        seen.journey.provider_product.clone(),
        state_name(seen.journey.state()).to_owned(),
        seen.accounts.len().to_string(),
        seen.transactions.len().to_string(),
        range(seen.requested.as_ref()),
        range(delivered(&seen.accounts).as_ref()),
        figure.map_or("-".to_owned(), |money| rupees(money.minor_units)),
        format!("{} ms", seen.in_gateway.as_millis()),
        seen.cache.join(", "),
    ]
}

/// The widest range over all accounts.
fn delivered(accounts: &[pb::Account]) -> Option<pb::DateRange> {
    let ends = |read: fn(&pb::DateRange) -> Option<pb::Date>| {
        accounts.iter().filter_map(move |account| account.delivered_range.as_ref().and_then(read))
    };
    let key = |date: &pb::Date| (date.year, date.month, date.day);
    Some(pb::DateRange { from: ends(|range| range.from).min_by_key(key), to: ends(|range| range.to).max_by_key(key) })
        .filter(|range| range.from.is_some())
}

fn range(range: Option<&pb::DateRange>) -> String {
    let day = |date: Option<&pb::Date>| {
        date.map_or("?".to_owned(), |date| format!("{:04}-{:02}-{:02}", date.year, date.month, date.day))
    };
    range.map_or("unknown".to_owned(), |range| format!("{}..{}", day(range.from.as_ref()), day(range.to.as_ref())))
}

/// Paise as rupees, grouped the Indian way: Rs 12,34,567.89.
fn rupees(paise: i64) -> String {
    let whole = (paise.unsigned_abs() / 100).to_string();
    let (head, tail) = whole.split_at(whole.len().saturating_sub(3));
    let mut groups: Vec<&str> = head.as_bytes().rchunks(2).filter_map(|pair| std::str::from_utf8(pair).ok()).collect();
    groups.reverse();
    groups.push(tail);
    let sign = if paise < 0 { "-" } else { "" };
    format!("{sign}Rs {}.{:02}", groups.join(","), paise.unsigned_abs() % 100)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::sandbox::demo::drive::{Seen, plans};

    #[test]
    fn amounts_are_grouped_by_lakh_and_crore() {
        assert_eq!(rupees(5), "Rs 0.05");
        assert_eq!(rupees(99_999), "Rs 999.99");
        assert_eq!(rupees(-123_456_789), "-Rs 12,34,567.89");
        assert_eq!(rupees(1_234_567_800), "Rs 1,23,45,678.00");
    }

    #[test]
    fn columns_stand_under_their_heads() {
        let mut seen = Seen { in_gateway: Duration::from_millis(7), cache: ["hit".into(), "hit".into()], ..Seen::default() };
        seen.journey.set_state(pb::JourneyState::Ready);
        seen.journey.provider_product = "orchestration".into();
        let plans = plans();
        let table = render(&[(&plans[1], &seen)]);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0].find("state"), lines[2].find("READY"));
        assert_eq!(lines[0].find("in gateway").map(|at| at + "in gateway".len()), lines[2].find("7 ms").map(|at| at + 4));
    }
}
