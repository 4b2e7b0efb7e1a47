#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use super::*;
use crate::pb::{Answer, BalanceHabit, BalanceOrder, Completeness, CompletenessCode as Code, DepositSummary, Money, MonthState};

fn on(text: &str) -> Day {
    day(text.parse().unwrap()).unwrap()
}

/// An account under test: rows as (day, change), whose balances follow from 1,000.
struct Case {
    rows: Vec<(&'static str, i64)>,
    asked: Option<(&'static str, &'static str)>,
    stated: Option<(&'static str, &'static str)>,
    summary: DepositSummary,
    delivered: bool,
    fi_type: FiType,
    change: fn(&mut Vec<Fact>),
    source: Certainty,
    fetched: &'static str,
}

fn case(rows: &[(&'static str, i64)]) -> Case {
    Case {
        rows: rows.to_vec(),
        asked: Some(("2025-01-01", "2025-03-31")),
        stated: Some(("2025-01-01", "2025-03-31")),
        summary: DepositSummary::default(),
        delivered: true,
        fi_type: FiType::Deposit,
        change: |_| (),
        source: Certainty::Caller,
        fetched: "2025-04-01",
    }
}

fn rupees(minor_units: i64) -> Option<Money> {
    Some(Money { minor_units, currency_code: "INR".to_owned() })
}

impl Case {
    fn judge(self) -> Completeness {
        let mut balance = 1_000;
        let mut facts: Vec<Fact> = self
            .rows
            .iter()
            .map(|(date, change)| {
                balance += change;
                let date = on(date);
                Fact {
                    day: Some(date),
                    moment: Some(date.number() * 86_400).into(),
                    change: Some(*change).into(),
                    balance: Some(balance).into(),
                    ..Fact::default()
                }
            })
            .collect();
        (self.change)(&mut facts);
        let days = || facts.iter().filter_map(|fact| fact.day);
        let source = if self.asked.is_some() { self.source } else { Certainty::Unspecified };
        let range = |range: Option<(&str, &str)>| (range.map(|range| on(range.0)), range.map(|range| on(range.1)));
        let (from, to) = range(self.asked);
        let head =
            pb::Account { delivered: self.delivered, details: Some(Details::Deposit(self.summary)), ..pb::Account::default() };
        judge(&Account {
            head: &head,
            fi_type: self.fi_type,
            currency: Some(Currency { code: *b"INR", decimals: 2 }),
            asked: &Asked { from, to, source, partial: false },
            fetched_on: on(self.fetched),
            stated: range(self.stated),
            delivered: days().min().zip(days().max()),
            facts: &facts,
            rows: &(0..facts.len()).map(|_| Row::default()).collect::<Vec<_>>(),
        })
    }
}

#[test]
fn a_stated_range_apart_from_all_rows_proves_nothing() {
    let rows = [("2025-01-10", 5), ("2025-02-10", 5), ("2025-03-10", 5)];
    let judged = |stated| Case { stated, ..case(&rows) }.judge();
    let unstated = judged(None);
    assert_ne!(unstated.complete(), Answer::Yes);
    for stated in [("2020-01-01", "2020-06-01"), ("2025-01-01", "2025-01-01"), ("2025-06-01", "2025-12-31")] {
        assert_eq!(judged(Some(stated)), unstated, "{stated:?}");
    }
    assert_eq!(judged(Some(("2025-01-01", "2025-03-31"))).complete(), Answer::Yes);
}

fn codes(judged: &Completeness) -> Vec<(Code, i64)> {
    judged.findings.iter().map(|found| (found.code(), found.count)).collect()
}

fn states(judged: &Completeness) -> Vec<MonthState> {
    judged.months.iter().map(pb::StatementMonth::state).collect()
}

const FULL: [(&str, i64); 4] = [("2025-01-05", 10), ("2025-02-05", -5), ("2025-02-28", 1), ("2025-03-09", 2)];

#[test]
fn a_statement_that_covers_what_was_asked_is_complete() {
    let judged = case(&FULL).judge();
    assert_eq!((judged.complete(), judged.score), (Answer::Yes, 100));
    assert_eq!(states(&judged), [MonthState::Rows; 3]);
    assert_eq!(judged.months.iter().map(|month| month.rows).collect::<Vec<_>>(), [1, 2, 1]);
    assert_eq!((judged.balance_order(), codes(&judged)), (BalanceOrder::Provider, vec![]));
}

#[test]
fn a_month_over_which_the_balance_carries_is_quiet_and_another_is_a_gap() {
    let quiet = case(&[FULL[0], FULL[3]]).judge();
    assert_eq!((states(&quiet)[1], quiet.complete(), quiet.score), (MonthState::Quiet, Answer::Yes, 100));
    let mut broken = case(&[FULL[0], FULL[3]]);
    broken.change = |facts| facts[1].balance = Some(77).into();
    let broken = broken.judge();
    assert_eq!((states(&broken)[1], broken.complete()), (MonthState::Gap, Answer::No));
    assert_eq!(codes(&broken), [(Code::MonthGap, 0), (Code::BalanceBreak, 1)]);
    assert_eq!((broken.findings[0].year, broken.findings[0].month, broken.findings[1].ordinal), (2025, 2, 1));
    let found = &broken.balance_breaks[0];
    assert_eq!((found.ordinal, found.expected.clone(), found.found.clone()), (1, rupees(1_012), rupees(77)));
    // 62 of 90 days, less a break.
    assert_eq!(broken.score, 68 - 5);
}

#[test]
fn a_month_that_nothing_tells_of_is_a_gap() {
    let mut bare = case(&[FULL[0], FULL[3]]);
    bare.change = |facts| facts.iter_mut().for_each(|fact| fact.balance = None.into());
    let bare = bare.judge();
    assert_eq!((states(&bare)[1], bare.complete()), (MonthState::Gap, Answer::No));
    // Without balances nothing tells of the months before the first row either.
    let mut late = case(&FULL[1..]);
    late.change = |facts| facts.iter_mut().for_each(|fact| fact.balance = None.into());
    assert_eq!(states(&late.judge())[0], MonthState::Gap);
    // A range that begins with the first row says nothing of the days before it.
    let late = Case { stated: Some(("2025-02-05", "2025-03-31")), ..case(&FULL[1..]) }.judge();
    assert_eq!((states(&late)[0], late.complete()), (MonthState::Gap, Answer::No));
    for (opening, state) in [(1_000, MonthState::Quiet), (999, MonthState::Gap)] {
        let mut opened = case(&FULL[1..]);
        opened.summary.opening_balance = rupees(opening);
        assert_eq!(states(&opened.judge())[0], state);
    }
}

#[test]
fn months_before_the_first_row_of_a_stated_range_are_quiet() {
    let judged = Case { asked: Some(("2024-04-01", "2025-03-31")), stated: Some(("2024-04-01", "2025-03-31")), ..case(&FULL) };
    let judged = judged.judge();
    assert_eq!(states(&judged)[..9], [MonthState::Quiet; 9]);
    assert_eq!((judged.complete(), judged.score, codes(&judged)), (Answer::Yes, 100, vec![]));
}

#[test]
fn a_requested_range_in_the_future_is_never_complete() {
    for fi_type in [FiType::Deposit, FiType::TermDeposit, FiType::RecurringDeposit, FiType::MutualFunds, FiType::Equities] {
        let judged = Case { fi_type, asked: Some(("2026-01-01", "2026-12-31")), ..case(&FULL) }.judge();
        assert_eq!((judged.complete(), judged.score), (Answer::No, 0), "{fi_type:?}");
        assert!(codes(&judged).contains(&(Code::OutsideRange, 0)), "{fi_type:?}");
        // From the day of the fetch on nothing could have come yet.
        let today = Case { fi_type, asked: Some(("2025-04-01", "2026-03-31")), ..case(&FULL) }.judge();
        assert!(!codes(&today).contains(&(Code::OutsideRange, 0)), "{fi_type:?}");
    }
}

#[test]
fn a_statement_that_touches_the_range_by_one_day_is_not_outside() {
    for fi_type in [FiType::Deposit, FiType::RecurringDeposit, FiType::MutualFunds, FiType::Equities, FiType::Nps, FiType::Gst] {
        for (asked, outside) in [
            (("2025-03-31", "2025-03-31"), false),
            (("2024-01-01", "2025-01-01"), false),
            (("2024-01-01", "2024-12-31"), true),
            (("2025-01-01", "2025-01-01"), false),
        ] {
            let judged = Case { fi_type, asked: Some(asked), ..case(&[]) }.judge();
            assert_eq!(codes(&judged).contains(&(Code::OutsideRange, 0)), outside, "{fi_type:?} {asked:?}");
            if outside {
                assert_eq!((judged.complete(), judged.score), (Answer::No, 0), "{fi_type:?} {asked:?}");
            }
        }
        // A day behind the stated range.
        let behind = Case { fi_type, asked: Some(("2025-04-01", "2025-04-30")), fetched: "2025-06-01", ..case(&[]) }.judge();
        assert!(codes(&behind).contains(&(Code::OutsideRange, 0)), "{fi_type:?}");
    }
}

#[test]
fn an_account_opened_within_the_range_owes_no_day_before() {
    let mut young = case(&FULL[1..]);
    young.asked = Some(("2024-04-01", "2025-03-31"));
    young.stated = Some(("2025-02-05", "2025-03-31"));
    young.summary.opening_date = Some(date(on("2025-02-05")));
    let young = young.judge();
    assert_eq!((young.complete(), young.missing_head_days, states(&young).len()), (Answer::Yes, 0, 2));
    let mut later = case(&FULL[1..]);
    later.asked = Some(("2024-04-01", "2025-03-31"));
    later.stated = Some(("2025-02-10", "2025-03-31"));
    later.summary.opening_date = Some(date(on("2025-01-05")));
    assert_eq!(later.judge().missing_head_days, 31);
}

#[test]
fn a_month_at_the_end_is_quiet_if_the_summarys_balance_is_the_last_rows() {
    let summary = |units, time: Option<i64>| DepositSummary {
        current_balance: rupees(units),
        balance_time: time.map(|seconds| prost_types::Timestamp { seconds, nanos: 0 }),
        ..DepositSummary::default()
    };
    let (april, february) = (on("2025-04-01").number() * 86_400, on("2025-02-28").number() * 86_400);
    for (summary, state, complete) in [
        (summary(1_006, Some(april)), MonthState::Quiet, Answer::Yes),
        (summary(1_006, None), MonthState::Quiet, Answer::Yes),
        (summary(1_007, Some(april)), MonthState::Gap, Answer::No),
        (summary(1_006, Some(february)), MonthState::Gap, Answer::No),
    ] {
        let judged = Case { summary, ..case(&FULL[..3]) }.judge();
        assert_eq!((states(&judged)[2], judged.complete()), (state, complete));
    }
    // A range that ends with the last row is carried on by the balance.
    let short = Case { summary: summary(1_006, Some(april)), stated: Some(("2025-01-01", "2025-02-28")), ..case(&FULL[..3]) };
    let short = short.judge();
    assert_eq!((states(&short)[2], short.missing_tail_days, short.complete()), (MonthState::Quiet, 0, Answer::Yes));
}

#[test]
fn three_months_are_not_taken_for_twelve() {
    let year = Case { asked: Some(("2024-04-01", "2025-03-31")), ..case(&FULL) }.judge();
    assert_eq!(states(&year).iter().filter(|state| **state == MonthState::Gap).count(), 9);
    assert_eq!((year.complete(), year.missing_head_days, year.score), (Answer::No, 275, 24));
}

#[test]
fn days_at_the_edge_are_missing_if_the_range_says_so_and_open_if_only_rows_tell() {
    let said = Case { stated: Some(("2025-01-03", "2025-03-31")), ..case(&FULL) }.judge();
    assert_eq!((said.complete(), codes(&said), said.score), (Answer::No, vec![(Code::MissingHead, 2)], 97));
    let open = Case { stated: Some(("2025-01-05", "2025-03-31")), ..case(&FULL) }.judge();
    assert_eq!((open.complete(), codes(&open)), (Answer::Unspecified, vec![(Code::MissingHead, 4)]));
    let tail = Case { stated: None, ..case(&FULL) }.judge();
    assert_eq!(codes(&tail), [(Code::MissingHead, 4), (Code::MissingTail, 22)]);
}

#[test]
fn the_day_of_the_fetch_and_the_days_before_the_opening_are_not_expected() {
    let mut young = case(&FULL[1..]);
    young.asked = Some(("2025-01-01", "2025-12-31"));
    young.stated = Some(("2025-02-05", "2025-03-31"));
    young.summary.opening_date = Some(date(on("2025-02-05")));
    let young = young.judge();
    assert_eq!((young.complete(), young.score, states(&young).len()), (Answer::Yes, 100, 2));
}

#[test]
fn the_first_day_of_a_range_is_expected_only_if_the_caller_named_it() {
    for (source, missing) in [(Certainty::Caller, 1), (Certainty::Template, 0), (Certainty::Assumed, 0)] {
        let stated = Some(("2025-01-02", "2025-03-31"));
        assert_eq!(Case { source, stated, ..case(&FULL) }.judge().missing_head_days, missing);
    }
}

#[test]
fn without_a_requested_range_the_answer_stays_open() {
    let judged = Case { asked: None, ..case(&FULL) }.judge();
    assert_eq!((judged.complete(), judged.score), (Answer::Unspecified, 100));
    assert_eq!(codes(&judged), [(Code::RangeUnknown, 0)]);
    assert_eq!(states(&judged).len(), 3);
}

#[test]
fn rows_that_came_again_and_rows_outside_are_counted() {
    let mut twice = case(&FULL);
    twice.asked = Some(("2025-02-01", "2025-03-31"));
    twice.change = |facts| {
        facts.insert(2, Fact { repeats: true, ..facts[1] });
        facts[1].shares_id = true;
        facts[2].shares_id = true;
    };
    let twice = twice.judge();
    assert_eq!((twice.duplicate_rows, twice.duplicate_ids, twice.out_of_range_rows), (1, 2, 1));
    assert_eq!((twice.complete(), twice.score, codes(&twice)), (Answer::No, 99, vec![(Code::DuplicateRows, 1)]));
}

#[test]
fn what_did_not_come_scores_nothing() {
    for fi_type in [FiType::Deposit, FiType::TermDeposit, FiType::Other] {
        let judged = Case { delivered: false, fi_type, ..case(&[]) }.judge();
        assert_eq!((judged.complete(), judged.score, codes(&judged)), (Answer::No, 0, vec![(Code::NotDelivered, 0)]));
    }
}

#[test]
fn deposits_of_a_term_have_no_months_and_unknown_kinds_no_answer() {
    let term = Case { fi_type: FiType::TermDeposit, ..case(&FULL[..1]) }.judge();
    assert_eq!((term.complete(), term.score, term.months.len()), (Answer::Yes, 100, 0));
    assert_eq!(term.balance_order(), BalanceOrder::Unspecified);
    let other = Case { fi_type: FiType::Other, ..case(&[]) }.judge();
    assert_eq!((other.complete(), codes(&other)), (Answer::Unspecified, vec![(Code::NotChecked, 0)]));
}

#[test]
fn an_empty_statement_shows_nothing() {
    let empty = Case { stated: None, ..case(&[]) }.judge();
    assert_eq!((empty.complete(), empty.score), (Answer::No, 0));
    assert_eq!(states(&empty), [MonthState::Gap; 3]);
    let mut still = case(&[]);
    still.summary = DepositSummary { opening_balance: rupees(5), current_balance: rupees(5), ..DepositSummary::default() };
    let still = still.judge();
    assert_eq!((still.complete(), states(&still)), (Answer::Yes, vec![MonthState::Quiet; 3]));
}

#[test]
fn without_a_requested_range_the_covered_days_are_judged_long_after() {
    let late = Case { asked: None, fetched: "2026-08-01", ..case(&FULL) }.judge();
    assert_eq!((states(&late), late.score), (vec![MonthState::Rows; 3], 100));
    assert_eq!((late.complete(), codes(&late)), (Answer::Unspecified, vec![(Code::RangeUnknown, 0)]));
    assert_eq!((late.missing_head_days, late.missing_tail_days), (0, 0));
    // A month that lacks its rows is one whatever was asked for.
    let mut gap = Case { asked: None, fetched: "2026-08-01", ..case(&[FULL[0], FULL[3]]) };
    gap.change = |facts| facts[1].balance = Some(77).into();
    let gap = gap.judge();
    assert_eq!((states(&gap), gap.complete()), (vec![MonthState::Rows, MonthState::Gap, MonthState::Rows], Answer::No));
    // The balance of a summary carries over the quiet months up to its own day.
    let balance_time = Some(prost_types::Timestamp { seconds: on("2026-07-20").number() * 86_400, nanos: 0 });
    let summary = DepositSummary { current_balance: rupees(1_008), balance_time, ..DepositSummary::default() };
    let quiet = Case { asked: None, stated: None, fetched: "2026-08-01", summary, ..case(&FULL) }.judge();
    assert_eq!((states(&quiet).len(), quiet.score, codes(&quiet)), (19, 100, vec![(Code::RangeUnknown, 0)]));
}

#[test]
fn days_that_are_covered_after_the_fetch_are_not_expected() {
    let ahead = Case { asked: None, stated: Some(("2025-01-01", "2030-12-31")), ..case(&FULL) }.judge();
    assert_eq!((states(&ahead).len(), ahead.score, codes(&ahead)), (3, 100, vec![(Code::RangeUnknown, 0)]));
    let balance_time = Some(prost_types::Timestamp { seconds: on("2030-01-01").number() * 86_400, nanos: 0 });
    let summary = DepositSummary { current_balance: rupees(1_008), balance_time, ..DepositSummary::default() };
    let wrong = Case { asked: None, stated: None, summary, ..case(&FULL) }.judge();
    assert_eq!((states(&wrong).len(), wrong.score), (3, 100));
}

#[test]
fn an_account_of_any_kind_outside_the_requested_days_is_not_complete() {
    for fi_type in [FiType::Deposit, FiType::TermDeposit, FiType::Equities, FiType::CreditCard, FiType::Gst, FiType::Other] {
        for (stated, rows) in [(Some(("2023-01-01", "2023-12-31")), &[][..]), (None, &[("2023-05-05", 1), ("2023-06-06", 2)][..])]
        {
            let judged = Case { fi_type, stated, ..case(rows) }.judge();
            assert_eq!((judged.complete(), judged.score), (Answer::No, 0), "{fi_type:?}");
            assert!(codes(&judged).contains(&(Code::OutsideRange, 0)), "{fi_type:?} {:?}", codes(&judged));
        }
        let late = Case { fi_type, asked: Some(("2022-01-01", "2022-12-31")), ..case(&FULL) }.judge();
        assert_eq!((late.complete(), late.score), (Answer::No, 0), "{fi_type:?}");
        let touching = Case { fi_type, asked: Some(("2024-12-01", "2025-01-05")), ..case(&FULL) }.judge();
        assert!(!codes(&touching).contains(&(Code::OutsideRange, 0)), "{fi_type:?}");
    }
}

#[test]
fn nothing_lies_outside_before_an_opening_or_of_an_unknown_range() {
    let mut young = Case { asked: Some(("2024-01-01", "2024-06-30")), ..case(&FULL) };
    young.summary.opening_date = Some(date(on("2025-01-02")));
    assert!(!codes(&young.judge()).contains(&(Code::OutsideRange, 0)));
    let unknown = Case { asked: None, fi_type: FiType::TermDeposit, stated: Some(("2020-01-01", "2020-12-31")), ..case(&[]) };
    assert_eq!(unknown.judge().complete(), Answer::Yes);
    // Holdings without any day are what they are.
    let holdings = Case { fi_type: FiType::MutualFunds, stated: None, ..case(&[]) }.judge();
    assert_eq!((holdings.complete(), holdings.score), (Answer::Yes, 100));
}

#[test]
fn balances_of_the_days_end_are_judged_day_by_day() {
    // All rows of a day state the balance after the last of them.
    let rows = [
        ("2025-01-05", 10),
        ("2025-01-05", -4),
        ("2025-02-28", 1),
        ("2025-03-09", 2),
        ("2025-03-09", -7),
        ("2025-03-20", 5),
        ("2025-03-20", 6),
    ];
    fn at_the_days_end(facts: &mut [Fact]) {
        for row in [0, 3, 5] {
            facts[row].balance = facts[row + 1].balance;
        }
    }
    let mut whole = case(&rows);
    whole.change = |facts| at_the_days_end(facts);
    let whole = whole.judge();
    assert_eq!((whole.complete(), whole.score, codes(&whole)), (Answer::Yes, 100, vec![]));
    assert_eq!((whole.balance_habit(), whole.balance_order()), (BalanceHabit::DayEnd, BalanceOrder::Day));
    let mut lacking = case(&rows);
    lacking.change = |facts| {
        at_the_days_end(facts);
        facts.remove(2);
    };
    // Without the row of February its month is a gap, and the day after it breaks.
    let lacking = lacking.judge();
    assert_eq!(codes(&lacking), [(Code::MonthGap, 0), (Code::BalanceBreak, 1)]);
    assert_eq!((lacking.balance_breaks[0].ordinal, lacking.balance_habit()), (2, BalanceHabit::DayEnd));
}
