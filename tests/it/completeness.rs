//! Statements that are not what they seem: every product's answer is held against what the sandbox's banks know.

use std::collections::BTreeSet;

use sangam::{
    clock::{Clock, SystemClock},
    pb::{
        self, Answer, Certainty, Completeness, CompletenessCode as Code, CompletenessDemand, DataSource, FiType, MonthState,
        Product, View,
    },
    sandbox::{
        bank::{Bank, BankAccount, BankRow, Kind, damage, day_in_india, shown_from},
        customer,
        scenario::Scenario,
    },
};
use tonic::Status;
use tonic_types::StatusExt;

use crate::harness::{World, data_request, reason, start_request};

const DATA: [Product; 1] = [Product::Data];
const BOTH: [Product; 2] = [Product::Data, Product::Analytics];
/// Every product: provider, credential, what is asked for.
const PRODUCTS: [(&str, &str, &[Product]); 4] =
    [("finpro", "consent", &DATA), ("finpro", "orchestration", &DATA), ("finpass", "main", &DATA), ("finpass", "main", &BOTH)];

fn digits(scenario: Scenario) -> String {
    scenario.mobile()[8..].to_owned()
}

/// The accounts of a customer as the bank knows them.
fn truth(scenario: Scenario) -> Vec<BankAccount> {
    Bank::accounts_for(&scenario.mobile(), SystemClock.now())
}

async fn journey(world: &World, product: (&str, &str, &[Product]), scenario: Scenario) -> String {
    let (provider, credential, products) = product;
    let id = world.approved(start_request(provider, credential, &digits(scenario), products)).await;
    world.until_picked_up(&id).await;
    id
}

async fn accounts(world: &World, id: &str) -> Vec<pb::Account> {
    world.data(data_request(id, View::Full)).await.unwrap().0
}

async fn with_rows(world: &World, id: &str) -> (Vec<pb::Account>, Vec<pb::Transaction>) {
    world.data(data_request(id, View::Full)).await.unwrap()
}

/// Deposit accounts beside the bank's own, in the bank's order.
fn deposits(accounts: &[pb::Account], truth: Vec<BankAccount>) -> Vec<(pb::Account, BankAccount)> {
    let of_bank = truth.into_iter().filter(|account| matches!(account.kind, Kind::Deposit { .. }));
    let pairs = of_bank.filter_map(|bank| {
        let last_four = &bank.number[bank.number.len() - 4..];
        let found =
            accounts.iter().find(|account| account.fi_type() == FiType::Deposit && account.masked_number.ends_with(last_four));
        found.map(|account| (account.clone(), bank.clone()))
    });
    pairs.collect()
}

fn judged(account: &pb::Account) -> &Completeness {
    account.completeness.as_ref().expect("each account is judged")
}

fn months(judged: &Completeness, state: MonthState) -> BTreeSet<(i32, i32)> {
    judged.months.iter().filter(|month| month.state() == state).map(|month| (month.year, month.month)).collect()
}

fn of_calendar(days: impl IntoIterator<Item = jiff::civil::Date>) -> BTreeSet<(i32, i32)> {
    days.into_iter().map(|day| (day.year().into(), day.month().into())).collect()
}

fn codes(judged: &Completeness) -> Vec<Code> {
    judged.findings.iter().map(pb::CompletenessFinding::code).collect()
}

/// The one row of the bank whose balance does not follow, and the balance that would.
fn broken_row(bank: &BankAccount) -> (&BankRow, i64) {
    let expected = |pair: &[BankRow]| pair[0].balance + if pair[1].credit { pair[1].amount } else { -pair[1].amount };
    let mut broken = bank.rows.windows(2).filter(|pair| expected(pair) != pair[1].balance);
    let pair = broken.next().expect("a break");
    assert!(broken.next().is_none());
    (&pair[1], expected(pair))
}

/// That the account is told to break at the bank's row and nowhere else; answers the row's ordinal.
fn breaks_at_the_banks_row(account: &pb::Account, rows: &[pb::Transaction], bank: &BankAccount) -> i32 {
    let (broken, expected) = broken_row(bank);
    let [told] = &judged(account).balance_breaks[..] else { panic!("{:?}", judged(account)) };
    let units = |money: &Option<pb::Money>| money.as_ref().map(|money| money.minor_units);
    assert_eq!((units(&told.expected), units(&told.found)), (Some(expected), Some(broken.balance)));
    let row = rows.iter().find(|row| row.account_id == account.account_id && row.ordinal == told.ordinal).unwrap();
    assert_eq!((units(&row.amount), units(&row.balance)), (Some(broken.amount), Some(broken.balance)));
    assert_eq!((row.transaction_date, told.date), (told.date, row.transaction_date));
    assert_eq!(of_date(row.transaction_date), Some(day_in_india(broken.at)));
    assert_eq!(judged(account).balance_break_count, 1);
    told.ordinal
}

fn of_date(date: Option<pb::Date>) -> Option<jiff::civil::Date> {
    date.map(|date| jiff::civil::date(date.year as i16, date.month as i8, date.day as i8))
}

fn is_complete(account: &pb::Account) {
    let judged = judged(account);
    assert_eq!((judged.complete(), judged.score, codes(judged)), (Answer::Yes, 100, vec![]), "{judged:?}");
}

/// Demands a complete fetch: what is missing, as (code, account or "fetch", parameters).
async fn demanded(world: &World, id: &str, accept_assumed_range: bool) -> Result<(), Vec<(String, String, String)>> {
    let request = pb::FetchDataRequest {
        completeness: CompletenessDemand::RequireComplete.into(),
        accept_assumed_range,
        ..data_request(id, View::Summary)
    };
    world.data(request).await.map(drop).map_err(|status: Status| {
        assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::FailedPrecondition, "DATA_INCOMPLETE"));
        let details = status.get_error_details();
        let violations = &details.precondition_failure().expect("what is missing").violations;
        violations.iter().map(|one| (one.r#type.clone(), one.subject.clone(), one.description.clone())).collect()
    })
}

fn only(code: &str) -> Result<(), Vec<(String, String, String)>> {
    Err(vec![(code.to_owned(), "fetch".to_owned(), String::new())])
}

#[tokio::test]
async fn what_is_whole_is_complete_through_every_product() {
    let world = World::start().await;
    for product in PRODUCTS {
        let id = journey(&world, product, Scenario::Normal).await;
        let (found, rows) = with_rows(&world, &id).await;
        let now = SystemClock.now();
        found.iter().for_each(is_complete);
        let pairs = deposits(&found, truth(Scenario::Normal));
        assert_eq!(pairs.len(), 3);
        for (account, bank) in &pairs {
            // Money moves every day; a range that is not the caller's begins within its first day.
            let days = bank.rows.iter().map(|row| day_in_india(row.at)).filter(|day| *day > shown_from(now));
            assert_eq!(months(judged(account), MonthState::Rows), of_calendar(days));
            for month in &judged(account).months {
                let own = rows.iter().filter(|row| row.account_id == account.account_id);
                let of_month =
                    own.filter_map(|row| row.transaction_date).filter(|day| (day.year, day.month) == (month.year, month.month));
                assert_eq!(month.rows, of_month.count() as i32);
            }
        }
        let source = judged(&pairs[0].0).requested_range_source();
        let expected = if product.0 == "finpro" { Certainty::Template } else { Certainty::Assumed };
        assert_eq!(source, expected);
        let strict = if source == Certainty::Template { Ok(()) } else { only("RANGE_ASSUMED") };
        assert_eq!(demanded(&world, &id, false).await, strict);
        assert_eq!(demanded(&world, &id, true).await, Ok(()));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_missing_quarter_is_named_month_by_month() {
    let world = World::start().await;
    for product in PRODUCTS {
        let id = journey(&world, product, Scenario::MissingQuarter).await;
        let (found, rows) = with_rows(&world, &id).await;
        let pairs = deposits(&found, truth(Scenario::MissingQuarter));
        let (first, bank) = &pairs[0];
        let gaps = of_calendar(damage::missing_months(SystemClock.now()));
        assert_eq!(months(judged(first), MonthState::Gap), gaps);
        assert_eq!(months(judged(first), MonthState::Quiet), BTreeSet::new());
        let ordinal = breaks_at_the_banks_row(first, &rows, bank);
        assert_eq!(judged(first).complete(), Answer::No);
        found.iter().filter(|account| account.account_id != first.account_id).for_each(is_complete);
        let mut lacks = demanded(&world, &id, true).await.unwrap_err();
        assert!(lacks.iter().all(|(_, subject, _)| *subject == first.account_id));
        let (kind, _, parameters) = lacks.pop().unwrap();
        assert_eq!((kind.as_str(), parameters), ("BALANCE_BREAK", format!("count=1 ordinal={ordinal}")));
        let named: Vec<_> = lacks.into_iter().map(|(kind, _, month)| (kind, month)).collect();
        let expected: Vec<_> = gaps.iter().map(|(year, month)| ("MONTH_GAP".to_owned(), format!("{year}-{month:02}"))).collect();
        assert_eq!(named, expected);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_quiet_month_is_no_gap() {
    let world = World::start().await;
    for product in PRODUCTS {
        let id = journey(&world, product, Scenario::QuietMonth).await;
        let found = accounts(&world, &id).await;
        found.iter().for_each(is_complete);
        let pairs = deposits(&found, truth(Scenario::QuietMonth));
        assert_eq!(months(judged(&pairs[0].0), MonthState::Quiet), of_calendar([damage::quiet_month(SystemClock.now())]));
        assert_eq!(months(judged(&pairs[1].0), MonthState::Quiet), BTreeSet::new());
        assert_eq!(demanded(&world, &id, true).await, Ok(()));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_missing_row_breaks_the_balance_at_the_next_one() {
    let world = World::start().await;
    for product in PRODUCTS {
        let id = journey(&world, product, Scenario::MissingRow).await;
        let (found, rows) = with_rows(&world, &id).await;
        let pairs = deposits(&found, truth(Scenario::MissingRow));
        let (first, bank) = &pairs[0];
        breaks_at_the_banks_row(first, &rows, bank);
        assert_eq!(day_in_india(broken_row(bank).0.at), damage::missing_row_day(SystemClock.now()));
        assert_eq!(codes(judged(first)), [Code::BalanceBreak]);
        assert_eq!((judged(first).complete(), judged(first).score), (Answer::No, 95));
        found.iter().filter(|account| account.account_id != first.account_id).for_each(is_complete);
        assert_eq!(demanded(&world, &id, true).await.unwrap_err().len(), 1);
    }
    world.stop().await;
}

#[tokio::test]
async fn one_denied_bank_is_told_and_the_others_are_whole() {
    let world = World::start().await;
    // The statement behind an analysis lists what came and nothing else: there is nothing that could tell.
    for product in PRODUCTS.into_iter().filter(|product| product.2 == DATA) {
        let id = journey(&world, product, Scenario::OneAccountDenied).await;
        let found = accounts(&world, &id).await;
        let lacks = demanded(&world, &id, true).await.unwrap_err();
        let (came, denied): (Vec<_>, Vec<_>) = found.iter().partition(|account| account.delivered);
        assert!(came.len() >= 2);
        came.iter().for_each(|account| is_complete(account));
        if product.0 == "finpro" {
            // The denied account is left out of the data.
            assert!(found.iter().all(|account| judged(account).fetch_partial) && denied.is_empty());
            assert_eq!(Err(lacks), only("FETCH_PARTIAL"));
        } else {
            let [denied] = &denied[..] else { panic!("{} denied", denied.len()) };
            assert_eq!((codes(judged(denied)), judged(denied).score), (vec![Code::NotDelivered], 0));
            assert!(lacks.contains(&("NOT_DELIVERED".to_owned(), denied.account_id.clone(), String::new())));
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_tampered_statement_says_so_and_is_judged_by_its_days() {
    let world = World::start().await;
    let scenario = Scenario::TamperedPdf;
    let request = start_request("finpro", "orchestration", &digits(scenario), &DATA);
    let opened = world.client.clone().start_journey(request).await.unwrap().into_inner();
    customer::upload(&opened.customer_url, 2).await.unwrap();
    world.until_picked_up(&opened.journey_id).await;
    let found = accounts(&world, &opened.journey_id).await;
    assert!(found.len() >= 2);
    for account in &found {
        assert_eq!((account.source(), account.tampered), (DataSource::Pdf, Some(true)));
        is_complete(account);
        assert!(judged(account).months.len() >= 12);
    }
    world.stop().await;
}

#[tokio::test]
async fn somebody_elses_statement_is_not_the_applicants() {
    let world = World::start().await;
    for product in PRODUCTS {
        let id = journey(&world, product, Scenario::OtherHolder).await;
        let found = accounts(&world, &id).await;
        assert!(found.len() >= 3);
        for account in &found {
            let matches = account.holder_match.as_ref().unwrap();
            assert_eq!(matches.name(), Answer::No);
            // The statement behind an analysis names its holder and nothing else.
            let more = if product.2 == BOTH { Answer::Unspecified } else { Answer::No };
            assert_eq!((matches.pan(), matches.mobile()), (more, more));
            is_complete(account);
        }
    }
    world.stop().await;
}
