//! Statements that are not what they seem: every product's answer is held against what the sandbox's banks know.

use std::collections::BTreeSet;

use sangam::{
    clock::{Clock, SystemClock},
    pb::{
        self, Answer, Certainty, Completeness, CompletenessCode as Code, CompletenessDemand, DataSource, FiType, MonthState, Product,
        View,
    },
    sandbox::{
        bank::{Bank, BankAccount, Kind, damage},
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
const PRODUCTS: [(&str, &str, &[Product]); 4] = [
    ("finpro", "consent", &DATA),
    ("finpro", "orchestration", &DATA),
    ("finpass", "main", &DATA),
    ("finpass", "main", &BOTH),
];

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

/// Deposit accounts beside the bank's own, in the bank's order.
fn deposits(accounts: &[pb::Account], truth: Vec<BankAccount>) -> Vec<(pb::Account, BankAccount)> {
    let of_bank = truth.into_iter().filter(|account| matches!(account.kind, Kind::Deposit { .. }));
    let pairs = of_bank.filter_map(|bank| {
        let last_four = &bank.number[bank.number.len() - 4..];
        let found = accounts.iter().find(|account| account.fi_type() == FiType::Deposit && account.masked_number.ends_with(last_four));
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

/// The places of rows whose balance does not follow, as the bank's own rows have it.
fn broken_rows(bank: &BankAccount) -> Vec<i32> {
    let change = |at: usize| if bank.rows[at].credit { bank.rows[at].amount } else { -bank.rows[at].amount };
    let broken = (1..bank.rows.len()).filter(|at| bank.rows[at - 1].balance + change(*at) != bank.rows[*at].balance);
    broken.map(|at| at as i32).collect()
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
        let found = accounts(&world, &id).await;
        found.iter().for_each(is_complete);
        let pairs = deposits(&found, truth(Scenario::Normal));
        assert_eq!(pairs.len(), 3);
        for (account, bank) in &pairs {
            let rows: i32 = judged(account).months.iter().map(|month| month.rows).sum();
            assert_eq!((i64::from(rows), account.transaction_count), (account.transaction_count, bank.rows.len() as i64));
            assert_eq!(months(judged(account), MonthState::Rows), of_calendar(bank.rows.iter().map(|row| row.value_date)));
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
        let found = accounts(&world, &id).await;
        let pairs = deposits(&found, truth(Scenario::MissingQuarter));
        let (first, bank) = &pairs[0];
        let gaps = of_calendar(damage::missing_months(SystemClock.now()));
        assert_eq!(months(judged(first), MonthState::Gap), gaps);
        assert_eq!(months(judged(first), MonthState::Quiet), BTreeSet::new());
        assert_eq!(judged(first).balance_breaks.iter().map(|found| found.ordinal).collect::<Vec<_>>(), broken_rows(bank));
        assert_eq!((judged(first).complete(), judged(first).balance_break_count), (Answer::No, 1));
        found.iter().filter(|account| account.account_id != first.account_id).for_each(is_complete);
        let mut lacks = demanded(&world, &id, true).await.unwrap_err();
        assert!(lacks.iter().all(|(_, subject, _)| *subject == first.account_id));
        let (kind, _, parameters) = lacks.pop().unwrap();
        assert_eq!((kind.as_str(), parameters), ("BALANCE_BREAK", format!("count=1 ordinal={}", broken_rows(bank)[0])));
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
        let found = accounts(&world, &id).await;
        let pairs = deposits(&found, truth(Scenario::MissingRow));
        let (first, bank) = &pairs[0];
        let broken = broken_rows(bank);
        let at = broken[0] as usize;
        let [told] = &judged(first).balance_breaks[..] else { panic!("{:?}", judged(first)) };
        assert_eq!((vec![told.ordinal], codes(judged(first))), (broken, vec![Code::BalanceBreak]));
        let change = if bank.rows[at].credit { bank.rows[at].amount } else { -bank.rows[at].amount };
        let units = |money: &Option<pb::Money>| money.as_ref().map(|money| money.minor_units);
        assert_eq!(units(&told.expected), Some(bank.rows[at - 1].balance + change));
        assert_eq!(units(&told.found), Some(bank.rows[at].balance));
        assert_eq!((judged(first).complete(), judged(first).score), (Answer::No, 95));
        found.iter().filter(|account| account.account_id != first.account_id).for_each(is_complete);
        assert_eq!(demanded(&world, &id, true).await.unwrap_err().len(), 1);
    }
    world.stop().await;
}

#[tokio::test]
async fn one_denied_bank_is_told_and_the_others_are_whole() {
    let world = World::start().await;
    for product in PRODUCTS {
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
