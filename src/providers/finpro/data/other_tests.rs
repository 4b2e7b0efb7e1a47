//! Insurance, pension, provident fund, card and GST accounts: what holds for every fixture of them, and each family's own oddities.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use std::{fs, path::PathBuf};

use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};

use crate::{
    data::{EntryKind, ReadContext, Rows, view},
    journey::model::Customer,
    pb::{
        self, Account, FetchDataResponse, FiType, GstForm, NpsTier, NpsTransactionList, QualityCode, Transaction, View, account,
        transaction,
    },
    seal::KeyedHash,
};

const FIXTURES: [&str; 13] = [
    "credit_card",
    "epf",
    "general_insurance",
    "gst",
    "gst_gstr1",
    "gst_gstr2a",
    "gst_gstr3b",
    "gstr1_3b",
    "insurance_policies",
    "life_insurance",
    "nps",
    "ppf",
    "ulip",
];

fn fixture(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/finpro/{name}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn rows_of(body: &Value) -> Rows {
    let context = ReadContext {
        asked: Default::default(),
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &KeyedHash::new(b"test"),
        applicant: &Customer::default(),
        received_at: "2027-01-01T00:00:00Z".parse().unwrap(),
    };
    super::read("consent", &serde_json::to_vec(body).unwrap(), &context).unwrap()
}

fn page(rows: &Rows) -> FetchDataResponse {
    FetchDataResponse::decode(rows.bytes.clone()).unwrap()
}

fn read(body: &Value) -> FetchDataResponse {
    page(&rows_of(body))
}

fn changed(name: &str, change: impl FnOnce(&mut Value)) -> FetchDataResponse {
    let mut body = fixture(name);
    change(&mut body["data"][0]);
    read(&body)
}

fn codes(flags: &[pb::QualityFlag]) -> Vec<(&str, QualityCode)> {
    flags.iter().map(|flag| (flag.field_path.as_str(), flag.code())).collect()
}

/// Every object and list, however deep, the outermost last.
fn each_node(value: &mut Value, change: &mut impl FnMut(&mut Value)) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|field| each_node(field, change)),
        Value::Array(items) => items.iter_mut().for_each(|item| each_node(item, change)),
        _ => {}
    }
    change(value);
}

/// Without what is made from the row's own writing.
fn without_ids(mut page: FetchDataResponse) -> FetchDataResponse {
    page.transactions.iter_mut().for_each(|row| row.transaction_id.clear());
    page
}

#[test]
fn one_object_in_a_list_reads_as_the_object_alone() {
    for name in FIXTURES {
        let mut plain = fixture(name);
        each_node(&mut plain["data"][0], &mut |node| {
            if let Value::Object(fields) = node {
                // Kept as it came, so a list there stays one.
                fields.remove("pdcashDtls");
            }
        });
        let mut bare = plain.clone();
        each_node(&mut bare["data"][0], &mut |node| {
            if let Value::Array(items) = node
                && let [Value::Object(_)] = items.as_slice()
            {
                *node = items.remove(0);
            }
        });
        let mut listed = plain.clone();
        let lists =
            ["Rider", "MoneyBack", "ContractClause", "Cover", "Holding", "Holder", "Transaction", "Card", "inv", "b2b", "itms"];
        each_node(&mut listed["data"][0], &mut |node| {
            let Value::Object(fields) = node else { return };
            for (key, field) in fields {
                let is_list = lists.contains(&key.as_str()) || key.ends_with("Transaction") || key.ends_with("Details");
                if is_list && field.is_object() && !field.as_object().unwrap().is_empty() {
                    *field = json!([field.take()]);
                }
            }
        });
        let wanted = without_ids(read(&plain));
        assert_eq!(without_ids(read(&bare)), wanted, "{name}");
        assert_eq!(without_ids(read(&listed)), wanted, "{name}");
    }
}

#[test]
fn every_word_for_nothing_leaves_a_field_unset_without_a_flag() {
    for name in FIXTURES {
        for nothing in [json!(""), json!(" "), json!(null), json!("NA"), json!("<NULL>")] {
            let mut body = fixture(name);
            for section in ["Profile", "Summary", "Transactions", "responses"] {
                if let Some(section) = body["data"][0].get_mut(section) {
                    each_node(section, &mut |node| {
                        if !node.is_object() && !node.is_array() {
                            *node = nothing.clone();
                        }
                    });
                }
            }
            let mut page = read(&body);
            // A verdict over the rows; its findings have a year of their own.
            page.accounts.iter_mut().for_each(|account| account.completeness = None);
            let all = page.accounts.iter().flat_map(|account| &account.quality_flags);
            for flag in all.chain(page.transactions.iter().flat_map(|row| &row.quality_flags)) {
                assert!(
                    matches!(flag.code(), QualityCode::Assumed | QualityCode::SectionMissing | QualityCode::DuplicateRow)
                        || matches!(flag.field_path.as_str(), "" | "masked_number"),
                    "{name} {nothing}: {flag:?}"
                );
            }
            let text = format!("{page:?}");
            assert!(!text.contains("minor_units") && !text.contains("year:"), "{name} {nothing}: {text}");
        }
    }
}

#[test]
fn a_key_that_nobody_foresaw_is_kept_wherever_it_stands() {
    for name in FIXTURES {
        let mut body = fixture(name);
        let mut written = 0;
        each_node(&mut body["data"][0], &mut |node| {
            if let Value::Object(fields) = node
                && !fields.is_empty()
            {
                fields.insert("unforeseen".to_owned(), json!(format!("kept-{written}-")));
                written += 1;
            }
        });
        let rows = rows_of(&body);
        let text = format!("{:?}", page(&rows));
        for number in 0..written {
            assert!(text.contains(&format!("kept-{number}-")), "{name}: {number} of {written} is lost");
        }
        // Nobody knows what it is, so it is shown to those only who may see everything.
        for view in [View::Masked, View::Summary] {
            assert!(!format!("{:?}", page(&view::apply(&rows, view))).contains("kept-"), "{name}");
        }
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_kept() {
    let page = changed("ppf", |account| account["Summary"]["currentBalance"] = json!({"INR": "kept-1-"}));
    assert!(format!("{:?}", page.accounts[0].extensions).contains("kept-1-"));
    let page = changed("credit_card", |account| account["Transactions"]["Transaction"][0]["mcc"] = json!(["kept-2-"]));
    assert!(format!("{:?}", page.transactions[0].extensions).contains("kept-2-"));
}

#[test]
fn pension_policy_and_provident_fund_numbers_are_in_clear_only_in_the_full_view() {
    for (name, number, masked) in [
        ("nps", "900000005678", "XXXXXXXX5678"),
        ("epf", "900000000042", "XXXXXXXX0042"),
        ("insurance_policies", "90000POL001234", "XXXXXXXXXX1234"),
        ("insurance_policies", "9000000005678", "XXXXXXXXX5678"),
        ("gst_gstr1", "06AAAPA0004A1Z4", "XXXXXXXXXXXA1Z4"),
    ] {
        let rows = rows_of(&fixture(name));
        assert!(format!("{:?}", page(&rows)).contains(number), "{name}");
        for view in [View::Masked, View::Summary] {
            let text = format!("{:?}", page(&view::apply(&rows, view)));
            assert!(!text.contains(number), "{name}");
            assert!(text.contains(masked) || view == View::Summary, "{name}: {text}");
        }
    }
}

#[test]
fn no_more_than_the_last_four_digits_of_a_card_leave_in_any_view() {
    let body = {
        let mut body = fixture("credit_card");
        let account = &mut body["data"][0];
        account["cardNumber"] = json!("4000000000001234");
        account["Summary"]["card"] = json!({"number": ["4000 0000 0000 1234"]});
        account["Profile"]["Holders"]["Holder"][0]["cardNo"] = json!(4_000_000_000_001_234_u64);
        account["Profile"]["Holders"]["Holder"][0]["Cards"]["Card"][0]["pan16"] = json!("400000XXXXXX1234");
        account["Transactions"]["Transaction"][0]["addOnCard"] = json!("4000-0000-0000-1234");
        body
    };
    let rows = rows_of(&body);
    for view in [View::Full, View::Masked, View::Summary] {
        let text = format!("{:?}", page(&view::apply(&rows, view)));
        for number in ["400000000000", "4000 0", "4000-0", "400000X", "607000000", "4e15"] {
            assert!(!text.contains(number), "{view:?}: {number} in {text}");
        }
    }
    let page = page(&rows);
    assert_eq!(page.accounts[0].holders[0].mobile, "9000000001");
    let unmasked = |flags: &[pb::QualityFlag]| flags.iter().filter(|flag| flag.code() == QualityCode::Unmasked).count();
    assert_eq!(unmasked(&page.accounts[0].quality_flags), 6);
    assert_eq!(codes(&page.transactions[0].quality_flags), [("extensions", QualityCode::Unmasked)]);
}

#[test]
fn a_holder_without_a_name_moves_nobody_elses_cards() {
    let page = changed("credit_card", |account| {
        let holders = account["Profile"]["Holders"]["Holder"].as_array_mut().unwrap();
        holders.insert(0, json!({"name": " ", "relation": "kept-1-", "Cards": {"Card": {"maskedCardNumber": "XXXX7777"}}}));
        holders[2]["relation"] = json!("kept-2-");
    });
    let account = &page.accounts[0];
    let Some(account::Details::CreditCard(details)) = &account.details else { panic!("no details") };
    let cards: Vec<_> = details.cards.iter().map(|card| (card.masked_number.as_str(), card.holder)).collect();
    assert_eq!(cards, [("XXXX1234", Some(0)), ("XXXX5678", Some(0)), ("XXXX4444", Some(1)), ("XXXX7777", None)]);
    assert_eq!(account.holders.len(), 2);
    assert!(format!("{:?}", account.holders[1].extensions).contains("kept-2-"));
    assert!(format!("{:?}", account.extensions).contains("kept-1-"));
}

#[test]
fn a_row_in_another_currency_is_not_taken_for_rupees() {
    for (currency, wanted) in [("usd", Some((129_900, "USD"))), ("POINTS", None)] {
        let page = changed("credit_card", |account| account["Transactions"]["Transaction"][0]["currency"] = json!(currency));
        let amount = page.transactions[0].amount.clone();
        assert_eq!(amount.as_ref().map(|money| (money.minor_units, money.currency_code.as_str())), wanted);
    }
}

#[test]
fn cards_are_masked_where_the_summary_is_missing_too() {
    let page = changed("credit_card", |account| account["Summary"] = json!({}));
    let Some(account::Details::CreditCard(account)) = &page.accounts[0].details else { panic!("no details") };
    assert_eq!(account.cards[1].masked_number, "XXXX5678");
    assert!(codes(&page.accounts[0].quality_flags).contains(&("summary", QualityCode::SectionMissing)));
    assert!(!format!("{page:?}").contains("60700"));
}

#[test]
fn the_four_lists_of_a_pension_account_keep_their_tier_and_kind() {
    let page = read(&fixture("nps"));
    let kinds: Vec<(NpsTier, NpsTransactionList)> = page
        .transactions
        .iter()
        .map(|row| match &row.details {
            Some(transaction::Details::Nps(nps)) => (nps.tier(), nps.list()),
            other => panic!("{other:?}"),
        })
        .collect();
    let (one, two) = (NpsTier::One, NpsTier::Two);
    let (scheme, investment) = (NpsTransactionList::Scheme, NpsTransactionList::Investment);
    assert_eq!(kinds, [(one, scheme), (one, scheme), (one, scheme), (two, scheme), (one, investment), (one, investment)]);
}

#[test]
fn misspelt_words_and_keys_read_as_the_right_ones() {
    let wanted = without_ids(read(&fixture("insurance_policies")));
    let right = changed("insurance_policies", |account| {
        account["Summary"]["premiumFrequency"] = json!("Quarterly");
        let clause = account["Summary"]["ContractClauses"]["ContractClause"].as_object_mut().unwrap();
        let text = clause.remove("exlcusions").unwrap();
        clause.insert("exclusions".to_owned(), text);
        account["Transactions"]["Transaction"][2]["type"] = json!("INSURANCE_RENEWAL");
    });
    assert_eq!(without_ids(right), wanted);
}

#[test]
fn the_older_gst_shape_needs_no_kind_and_one_that_is_told_wins() {
    let assumed = read(&fixture("gst"));
    assert_eq!(assumed.accounts[0].fi_type(), FiType::Gst);
    assert!(codes(&assumed.accounts[0].quality_flags).contains(&("fi_type", QualityCode::Assumed)));
    let forms: Vec<GstForm> = assumed
        .transactions
        .iter()
        .map(|row| match &row.details {
            Some(transaction::Details::GstReturn(of)) => of.form(),
            Some(transaction::Details::GstInvoice(invoice)) => invoice.form(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(forms, [GstForm::Gstr1, GstForm::Gstr1]);
    let told = changed("gst", |account| account["fiType"] = json!("GOLD"));
    assert_eq!(told.accounts[0].fi_type(), FiType::Other);
}

#[test]
fn a_page_of_several_is_not_taken_for_the_whole() {
    let read = |count: Value| {
        let page = changed("gst_gstr1", |account| account["pageCount"] = count);
        let account = &page.accounts[0];
        let Some(account::Details::Gst(details)) = &account.details else { panic!("no details") };
        let flags = codes(&account.quality_flags).into_iter().filter(|(path, _)| *path != "currency_code");
        (details.page_count, flags.map(|(path, code)| (path.to_owned(), code)).collect::<Vec<_>>())
    };
    assert_eq!(read(json!("1")), (1, vec![]));
    assert_eq!(read(json!(3)), (3, vec![("transactions".to_owned(), QualityCode::SectionMissing)]));
    assert_eq!(read(json!("many")), (0, vec![("details.page_count".to_owned(), QualityCode::Unparsable)]));
}

#[test]
fn a_return_period_is_a_month_or_flagged_and_kept() {
    let read = |text: &str| {
        let page = changed("gst_gstr3b", |account| account["responses"][0]["retPeriod"] = json!(text));
        let Some(transaction::Details::GstReturn(of)) = &page.transactions[0].details else { panic!("no return") };
        let kept = format!("{:?}", page.transactions[0].extensions).contains(text);
        (of.period.map(|period| (period.year, period.month)), kept, codes(&page.transactions[0].quality_flags).len())
    };
    for text in ["092025", "2025-09"] {
        assert_eq!(read(text), (Some((2025, 9)), false, 0), "{text}");
    }
    // The section inside says its own period.
    for text in ["132025", "000000", "9-2025", "१२2025", "Sept"] {
        assert_eq!(read(text), (Some((2016, 7)), true, 1), "{text}");
    }
}

fn hostile() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(json!(null)),
        Just(json!({})),
        Just(json!([])),
        Just(json!([[{}], null, 1, {"Transaction": [null]}])),
        Just(json!({"b2b": {"b2b": [{"inv": [[]]}]}})),
        Just(json!(-1.5e300)),
        Just(json!(u64::MAX)),
        any::<bool>().prop_map(|truth| json!(truth)),
        "\\PC{0,20}".prop_map(|text| json!(text)),
        "[0-9.eE+-]{0,30}".prop_map(|text| json!(text)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn any_value_anywhere_is_read_without_a_panic_and_whole(
        name in 0..FIXTURES.len(), places in prop::collection::vec((any::<prop::sample::Index>(), hostile()), 1..6),
    ) {
        let mut body = fixture(FIXTURES[name]);
        for (place, value) in places {
            let mut count = 0;
            each_node(&mut body["data"][0], &mut |_| count += 1);
            let (mut at, chosen) = (0, place.index(count));
            each_node(&mut body["data"], &mut |node| {
                if at == chosen {
                    *node = value.clone();
                }
                at += 1;
            });
            if !body["data"].is_array() {
                body["data"] = json!([body["data"]]);
            }
            if body["data"].as_array().unwrap().is_empty() {
                body["data"] = json!([{}]);
            }
        }
        let rows = rows_of(&body);
        for entry in &rows.entries {
            let message = rows.message(*entry);
            match entry.kind {
                EntryKind::Account => prop_assert_eq!(Account::decode(message).unwrap().transaction_count as u64, rows.transactions),
                EntryKind::Transaction => prop_assert!(Transaction::decode(message).is_ok()),
            }
        }
        for view in [View::Masked, View::Summary] {
            prop_assert_eq!(view::apply(&rows, view).accounts, rows.accounts);
        }
    }
}
