//! One customer's data is equal through every product, on the fields that both declare.

use std::collections::BTreeMap;

use sangam::{
    data::fields,
    pb::{self, View},
};

use crate::{
    harness::{World, data_request},
    offers::{Offer, offers, ready},
};

/// Our own ids and times: they belong to a journey, not to the customer.
const OWN: &[&str] = &[
    "account.account_id",
    "account.fetch_id",
    "account.consent_id",
    "account.fetch_time",
    "transaction.transaction_id",
    "transaction.account_id",
    // A balance is taken when it is fetched.
    "account.deposit.balance_time",
];

/// What differs by nature between a bank's own data and a statement.
const BY_SOURCE: &[&str] = &["account.source", "account.tampered", "account.fip_name", "account.quality_flags"];

type ByAccount = BTreeMap<(i32, String), (pb::Account, Vec<pb::Transaction>)>;

async fn by_account(world: &World, journey_id: &str) -> ByAccount {
    let (accounts, transactions) = world.data(data_request(journey_id, View::Full)).await.unwrap();
    let mut all = ByAccount::new();
    for account in accounts {
        let last_four = account.masked_number.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect();
        let rows = transactions.iter().filter(|row| row.account_id == account.account_id).cloned().collect();
        let place = (account.fi_type, last_four);
        assert!(all.insert(place, (account, rows)).is_none(), "two accounts of a kind end in the same digits");
    }
    all
}

/// Whether two comparisons with the applicant say the same wherever both had something to compare.
fn agree(one: Option<pb::HolderMatch>, other: Option<pb::HolderMatch>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    let pairs = [(one.name(), other.name()), (one.pan(), other.pan()), (one.mobile(), other.mobile())];
    pairs.iter().all(|(a, b)| a == b || *a == pb::Answer::Unspecified || *b == pb::Answer::Unspecified)
}

fn common<'a>(one: &'a Offer, other: &Offer) -> Vec<&'a str> {
    let declared = one.product.declared_fields.iter().map(String::as_str);
    declared.filter(|path| other.product.declared_fields.iter().any(|also| also == path) && !OWN.contains(path)).collect()
}

/// Every path at which two readings of the same customer differ, with the first place where they do.
fn differences(paths: &[&str], one: &ByAccount, other: &ByAccount) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (place, (account, rows)) in one {
        let Some((same, same_rows)) = other.get(place) else { continue };
        if rows.len() != same_rows.len() {
            found.insert("number of rows".to_owned(), format!("{place:?}: {} and {}", rows.len(), same_rows.len()));
        }
        let sources_differ = account.source != same.source;
        for path in paths.iter().filter(|path| !(sources_differ && BY_SOURCE.contains(path))) {
            if path.starts_with("transaction.") {
                let pairs = rows.iter().zip(same_rows).enumerate();
                let shown =
                    pairs.map(|(at, (a, b))| (at, fields::value_in_transaction(path, a), fields::value_in_transaction(path, b)));
                if let Some((at, a, b)) = shown.into_iter().find(|(_, a, b)| a != b) {
                    found.entry((*path).to_owned()).or_insert(format!("{place:?} row {at}: {a:?} and {b:?}"));
                }
            } else {
                let (a, b) = (fields::value_in_account(path, account), fields::value_in_account(path, same));
                if a != b && !(*path == "account.holder_match" && agree(account.holder_match, same.holder_match)) {
                    found.entry((*path).to_owned()).or_insert(format!("{place:?}: {a:?} and {b:?}"));
                }
            }
        }
    }
    found
}

async fn compare(world: &World, offers: &[Offer], digits: &str) {
    let mut read = Vec::new();
    for offer in offers {
        let journey = ready(world, offer, digits).await;
        read.push((offer, by_account(world, &journey.journey_id).await));
    }
    let mut faults = Vec::new();
    for (at, (one, ours)) in read.iter().enumerate() {
        for (other, theirs) in &read[at + 1..] {
            let paths = common(one, other);
            let matched = ours.keys().filter(|place| theirs.contains_key(*place)).count();
            let least = ours.len().min(theirs.len());
            assert_eq!(matched, least, "{} and {}: accounts without a counterpart", one.name(), other.name());
            assert!(paths.len() >= 8 && matched >= 2, "{} and {} share too little to compare", one.name(), other.name());
            let differ = differences(&paths, ours, theirs);
            faults.extend(differ.into_iter().map(|(path, what)| format!("{} and {}: {path}: {what}", one.name(), other.name())));
        }
    }
    assert!(faults.is_empty(), "customer {digits}: {faults:#?}");
}

#[tokio::test]
async fn a_customers_data_is_equal_through_every_product() {
    let world = World::start().await;
    let offers = offers(&world).await;
    assert!(offers.len() >= 4, "too few products to compare");
    // An ordinary customer, and stories that touch what each provider writes in its own way.
    for digits in ["01", "14", "24"] {
        compare(&world, &offers, digits).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn an_uploaded_statement_is_equal_to_the_banks_own_data() {
    let world = World::start().await;
    let offers: Vec<_> = offers(&world).await.into_iter().filter(|offer| offer.provider == "finpro").collect();
    compare(&world, &offers, "06").await;
    world.stop().await;
}
