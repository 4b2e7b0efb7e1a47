//! What banks write strangely, as the neutral answer shows it.

use sangam::{
    pb::{self, Answer, Product, View},
    sandbox::bank::{Bank, Truth},
};

use super::roomy;
use crate::{
    harness::{World, data_request, start_request},
    offers::{analytics, report},
};

async fn data(world: &World, digits: &str) -> (Vec<pb::Account>, Vec<pb::Transaction>) {
    let journey_id = world.approved(start_request("finpro", "consent", digits, &[Product::Data])).await;
    world.until_settled(&journey_id).await;
    world.data(data_request(&journey_id, View::Full)).await.unwrap()
}

fn paise(money: &Option<pb::Money>) -> i64 {
    money.as_ref().unwrap().minor_units
}

#[tokio::test]
async fn holders_are_always_a_list() {
    let world = roomy().await;
    let (single, _) = data(&world, "13").await;
    assert!(single.iter().all(|account| account.holders.len() == 1 && !account.holders[0].name.is_empty()));
    let (joint, _) = data(&world, "15").await;
    assert_eq!(joint[0].holders.len(), 2);
    assert_eq!(joint[0].holding(), pb::HoldingArrangement::Joint);
    // The applicant is one of them.
    for account in &joint {
        let seen = account.holder_match.unwrap();
        assert_eq!((seen.name(), seen.pan(), seen.mobile()), (Answer::Yes, Answer::Yes, Answer::Yes));
    }
    world.stop().await;
}

#[tokio::test]
async fn somebody_elses_statement_is_not_taken_for_the_applicants() {
    let world = roomy().await;
    let mut request = start_request("finpro", "consent", "01", &[Product::Data]);
    let stranger = Bank::person("9000000077");
    let customer = request.customer.as_mut().unwrap();
    (customer.name, customer.pan) = ("Somebody Entirelydifferent".to_owned(), stranger.pan);
    let journey_id = world.approved(request).await;
    world.until_settled(&journey_id).await;
    let (accounts, _) = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
    for account in accounts {
        let seen = account.holder_match.unwrap();
        assert_eq!((seen.name(), seen.pan(), seen.mobile()), (Answer::No, Answer::No, Answer::Yes));
    }
    world.stop().await;
}

#[tokio::test]
async fn money_is_exact_through_noise_and_below_zero() {
    let world = roomy().await;
    for digits in ["14", "16", "17", "25"] {
        let mobile = format!("90000000{digits}");
        let known = Bank::accounts_for(&mobile, jiff::Timestamp::now());
        let (accounts, rows) = data(&world, digits).await;
        for account in &accounts {
            let bank = known.iter().find(|bank| bank.number.ends_with(&account.masked_number[4..])).unwrap();
            let own: Vec<_> = rows.iter().filter(|row| row.account_id == account.account_id).collect();
            let whole = Truth::of(&bank.rows);
            let sum: i64 =
                own.iter().filter(|row| row.r#type() == pb::TransactionType::Credit).map(|row| paise(&row.amount)).sum();
            if account.fi_type() == pb::FiType::Deposit {
                assert_eq!((own.len(), sum), (whole.rows, whole.credits), "{digits}");
            }
            for (row, bank) in own.iter().zip(&bank.rows) {
                assert_eq!((paise(&row.amount), paise(&row.balance)), (bank.amount, bank.balance), "{digits}: {row:?}");
            }
        }
        let lowest = rows.iter().map(|row| paise(&row.balance)).min().unwrap();
        assert_eq!(lowest < 0, digits == "16", "{digits}: {lowest}");
    }
    world.stop().await;
}

#[tokio::test]
async fn days_are_counted_in_india() {
    let world = roomy().await;
    let (_, rows) = data(&world, "24").await;
    let mut other_day_in_greenwich = 0;
    for row in rows.iter().filter(|row| row.transaction_time.is_some()) {
        let time = row.transaction_time.unwrap();
        let at = jiff::Timestamp::from_second(time.seconds).unwrap();
        let date = row.transaction_date.unwrap();
        let shown = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
        assert_eq!(shown, sangam::sandbox::bank::day_in_india(at).to_string());
        other_day_in_greenwich += usize::from(!at.to_string().starts_with(&shown));
    }
    assert!(other_day_in_greenwich > 1_000, "{other_day_in_greenwich} rows lie on another day in UTC: nothing is proven");
    world.stop().await;
}

#[tokio::test]
async fn rows_that_are_equal_stay_apart() {
    let world = roomy().await;
    for digits in ["18", "19"] {
        let (accounts, rows) = data(&world, digits).await;
        let ids: std::collections::HashSet<_> = rows.iter().map(|row| &row.transaction_id).collect();
        assert_eq!(ids.len(), rows.len(), "{digits}");
        let known = Bank::accounts_for(&format!("90000000{digits}"), jiff::Timestamp::now());
        let count: usize = known.iter().map(|account| account.rows.len()).sum();
        assert_eq!((accounts.len(), rows.len()), (known.len(), count), "{digits}");
    }
    world.stop().await;
}

#[tokio::test]
async fn blanks_are_unset_and_nothing_is_made_up() {
    let world = roomy().await;
    let (accounts, rows) = data(&world, "21").await;
    for account in &accounts {
        for holder in &account.holders {
            assert_eq!(
                (holder.pan.as_str(), holder.email.as_str(), holder.landline.as_str(), holder.date_of_birth),
                ("", "", "", None)
            );
        }
        assert_eq!(account.holder_match.unwrap().pan(), Answer::Unspecified);
    }
    assert!(rows.iter().any(|row| row.value_date.is_none()) && rows.iter().any(|row| row.value_date.is_some()));
    assert!(rows.iter().all(|row| row.reference != "NA" && row.narration != " "));
    let (bare, none) = data(&world, "22").await;
    assert!(none.is_empty() && bare.iter().all(|account| account.details.is_none() && !account.holders.is_empty()));
    world.stop().await;
}

#[tokio::test]
async fn the_second_schema_says_the_same_as_the_first() {
    let world = roomy().await;
    let (accounts, rows) = data(&world, "25").await;
    for account in accounts.iter().filter(|account| account.fi_type() == pb::FiType::Deposit) {
        let Some(pb::account::Details::Deposit(summary)) = &account.details else { panic!("no summary") };
        assert_eq!(summary.ifsc.len(), 11);
        assert!(!matches!(summary.kind(), pb::DepositKind::Unspecified | pb::DepositKind::Other));
        assert!(account.holders.iter().all(|holder| holder.ckyc_registered() != Answer::Unspecified));
        assert!(rows.iter().filter(|row| row.account_id == account.account_id).all(|row| row.balance.is_some()));
    }
    world.stop().await;
}

#[tokio::test]
async fn a_workbook_behind_a_link_and_a_late_analysis_come_through() {
    let world = roomy().await;
    for credential in ["consent", "orchestration"] {
        for digits in ["09", "38"] {
            let request = start_request("finpro", credential, digits, &[Product::Data, Product::Analytics]);
            let journey_id = world.approved(request).await;
            world.until_settled(&journey_id).await;
            let answer = analytics(&world, &journey_id).await.unwrap();
            let excel = answer.reports.iter().find(|report| report.format() == pb::ReportFormat::Excel).unwrap();
            let (_, bytes) = report(&world, &journey_id, &excel.report_id).await.unwrap();
            assert!(bytes.starts_with(b"PK") && bytes.len() > 1_000, "{credential} {digits}");
        }
    }
    world.stop().await;
}
