//! Whether two readings of one customer say the same, on the fields that both products declare.

use std::collections::BTreeMap;

use crate::{data::fields, pb};

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

/// Fewer fields or accounts in common prove nothing.
const LEAST_FIELDS: usize = 8;
const LEAST_ACCOUNTS: usize = 2;

/// An account wherever it is read: its type, and the last four characters of its number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// A number of `FiType`.
    pub fi_type: i32,
    /// At most four characters.
    pub last_four: String,
}

/// What one product brought of a customer, in full.
#[derive(Debug, Clone)]
pub struct Reading {
    name: String,
    declared: Vec<String>,
    accounts: BTreeMap<Place, (pb::Account, Vec<pb::Transaction>)>,
}

/// Two accounts of a kind end in the same digits, so that one cannot be told from the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("two accounts of a kind end in the same digits")]
pub struct Ambiguous;

impl Reading {
    /// All pages of a product that declares these fields.
    pub fn new(
        name: String,
        declared: Vec<String>,
        accounts: Vec<pb::Account>,
        transactions: &[pb::Transaction],
    ) -> Result<Self, Ambiguous> {
        let mut placed = BTreeMap::new();
        for account in accounts {
            let start = account.masked_number.char_indices().rev().nth(3).map_or(0, |(at, _)| at);
            let place = Place { fi_type: account.fi_type, last_four: account.masked_number[start..].to_owned() };
            let rows = transactions.iter().filter(|row| row.account_id == account.account_id).cloned().collect();
            if placed.insert(place, (account, rows)).is_some() {
                return Err(Ambiguous);
            }
        }
        Ok(Self { name, declared, accounts: placed })
    }

    fn common<'a>(&'a self, other: &Self) -> Vec<&'a str> {
        let declared = self.declared.iter().map(String::as_str);
        declared.filter(|path| other.declared.iter().any(|also| also == path) && !OWN.contains(path)).collect()
    }
}

/// Two products whose readings were compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// One product.
    pub one: String,
    /// The other.
    pub other: String,
    /// How many fields both declare.
    pub fields: usize,
    /// How many accounts both brought.
    pub accounts: usize,
    /// Where they differ.
    pub differences: Vec<Difference>,
}

impl Pair {
    /// Whether the products have too little in common for their equality to prove anything.
    pub fn proves_nothing(&self) -> bool {
        self.fields < LEAST_FIELDS || self.accounts < LEAST_ACCOUNTS
    }
}

/// One field of one account that differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The account.
    pub account: Place,
    /// The first row that differs, counted from 0; none for a field of the account itself.
    pub row: Option<usize>,
    /// The field's path, or what else differs.
    pub field: String,
    /// As the first product has it; none where it is not set.
    pub one: Option<String>,
    /// As the other has it.
    pub other: Option<String>,
}

/// Every pair of readings, compared.
pub fn compare(readings: &[Reading]) -> Vec<Pair> {
    let pairs = readings.iter().enumerate().flat_map(|(at, one)| readings[at + 1..].iter().map(move |other| (one, other)));
    pairs.map(|(one, other)| pair(one, other)).collect()
}

fn pair(one: &Reading, other: &Reading) -> Pair {
    let paths = one.common(other);
    let mut differences = without_counterpart(one, other);
    let mut accounts = 0;
    for (place, ours) in &one.accounts {
        if let Some(theirs) = other.accounts.get(place) {
            accounts += 1;
            differences.extend(of_account(&paths, place, ours, theirs));
        }
    }
    Pair { one: one.name.clone(), other: other.name.clone(), fields: paths.len(), accounts, differences }
}

/// A product may leave out whole types of account; but the shorter reading must be within the longer one.
fn without_counterpart(one: &Reading, other: &Reading) -> Vec<Difference> {
    let (shorter, longer, swapped) =
        if one.accounts.len() <= other.accounts.len() { (one, other, false) } else { (other, one, true) };
    let alone = shorter.accounts.keys().filter(|place| !longer.accounts.contains_key(*place));
    let here = Some("there".to_owned());
    alone
        .map(|place| {
            let (one, other) = if swapped { (None, here.clone()) } else { (here.clone(), None) };
            Difference { account: place.clone(), row: None, field: "the account".to_owned(), one, other }
        })
        .collect()
}

type Whole = (pb::Account, Vec<pb::Transaction>);

fn of_account(paths: &[&str], place: &Place, (account, rows): &Whole, (same, same_rows): &Whole) -> Vec<Difference> {
    let differ = |row, field: &str, one, other| Difference { account: place.clone(), row, field: field.to_owned(), one, other };
    let mut found = Vec::new();
    if rows.len() != same_rows.len() {
        let count = |rows: &[pb::Transaction]| Some(rows.len().to_string());
        found.push(differ(None, "the number of rows", count(rows), count(same_rows)));
    }
    let sources_differ = account.source != same.source;
    for path in paths.iter().filter(|path| !(sources_differ && BY_SOURCE.contains(path))) {
        if path.starts_with("transaction.") {
            // Rows of deposits have no details, and are many.
            let plain = rows.iter().chain(same_rows).all(|row| row.details.is_none());
            if plain && fields::details_of(path).is_some() {
                continue;
            }
            let shown = rows
                .iter()
                .zip(same_rows)
                .enumerate()
                .map(|(at, (a, b))| (at, fields::value_in_transaction(path, a), fields::value_in_transaction(path, b)));
            if let Some((at, one, other)) = shown.into_iter().find(|(_, one, other)| one != other) {
                found.push(differ(Some(at), path, one, other));
            }
        } else {
            let (one, other) = (fields::value_in_account(path, account), fields::value_in_account(path, same));
            if one != other && !(*path == "account.holder_match" && agree(account.holder_match, same.holder_match)) {
                found.push(differ(None, path, one, other));
            }
        }
    }
    found
}

/// Whether two comparisons with the applicant say the same wherever both had something to compare.
fn agree(one: Option<pb::HolderMatch>, other: Option<pb::HolderMatch>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    let pairs = [(one.name(), other.name()), (one.pan(), other.pan()), (one.mobile(), other.mobile())];
    pairs.iter().all(|(a, b)| a == b || *a == pb::Answer::Unspecified || *b == pb::Answer::Unspecified)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod tests {
    use super::*;

    const DECLARED: [&str; 3] = ["account.fip_id", "transaction.narration", "account.account_id"];

    fn reading(name: &str, digits: &[&str], narrations: &[&str]) -> Reading {
        let declared = DECLARED.map(str::to_owned).to_vec();
        let account = |digits: &&str| pb::Account {
            account_id: format!("{name}-{digits}"),
            masked_number: format!("XXXX{digits}"),
            fip_id: "FIP-A".to_owned(),
            ..pb::Account::default()
        };
        let row = |text: &&str| pb::Transaction {
            account_id: format!("{name}-{}", digits[0]),
            narration: (*text).to_owned(),
            ..pb::Transaction::default()
        };
        let rows: Vec<_> = narrations.iter().map(row).collect();
        Reading::new(name.to_owned(), declared, digits.iter().map(account).collect(), &rows).unwrap()
    }

    fn differences(one: &Reading, other: &Reading) -> Vec<(String, Option<usize>, String)> {
        let pair = pair(one, other);
        pair.differences.into_iter().map(|differ| (differ.account.last_four, differ.row, differ.field)).collect()
    }

    #[test]
    fn our_own_ids_are_no_difference() {
        let (one, other) = (reading("a", &["0001", "0002"], &["x", "y"]), reading("b", &["0001", "0002"], &["x", "y"]));
        let pairs = compare(&[one, other]);
        assert_eq!((pairs.len(), pairs[0].fields, pairs[0].accounts, pairs[0].differences.len()), (1, 2, 2, 0));
        assert!(pairs[0].proves_nothing(), "two fields are too few");
    }

    #[test]
    fn the_first_differing_row_of_a_field_is_named() {
        let (one, other) = (reading("a", &["0001"], &["x", "y", "z"]), reading("b", &["0001"], &["x", "Y", "Z"]));
        assert_eq!(differences(&one, &other), [("0001".to_owned(), Some(1), "transaction.narration".to_owned())]);
    }

    #[test]
    fn a_missing_row_and_a_missing_account_are_differences() {
        let (one, other) = (reading("a", &["0001"], &["x", "y"]), reading("b", &["0001"], &["x"]));
        assert_eq!(differences(&one, &other), [("0001".to_owned(), None, "the number of rows".to_owned())]);
        let other = reading("b", &["0003", "0004"], &[]);
        for found in [differences(&one, &other), differences(&other, &one)] {
            assert_eq!(found, [("0001".to_owned(), None, "the account".to_owned())]);
        }
    }

    #[test]
    fn accounts_that_cannot_be_told_apart_are_refused() {
        let account = pb::Account { masked_number: "XXXX0001".to_owned(), ..pb::Account::default() };
        assert_eq!(Reading::new(String::new(), Vec::new(), vec![account.clone(), account], &[]).err(), Some(Ambiguous));
    }
}
