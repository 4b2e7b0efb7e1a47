#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use prost::Message as _;

use super::{quoted::as_message, *};
use crate::{
    contract::{CONTRACT, Kind, Message},
    data::RowsBuilder,
    pb::{self, FetchDataResponse, FieldClass, QualityCode, QualityFlag},
};

const VIEWS: [View; 4] = [View::Unspecified, View::Masked, View::Summary, View::Full];

/// A value that was planted in a message.
struct Planted {
    path: String,
    class: FieldClass,
    text: String,
}

/// Writes a message with a value of its own in every field, but only one of those of which it can have one: `chosen` of `Account` or
/// `Transaction`, the first elsewhere.
#[derive(Default)]
struct Planter {
    planted: Vec<Planted>,
    number: u64,
}

impl Planter {
    fn text(&mut self, path: String, class: FieldClass) -> String {
        self.number += 1;
        // Of a masked text the last four characters stay, which are the same everywhere.
        let text = format!("planted{}value", self.number * 7_919);
        self.planted.push(Planted { path, class, text: text.clone() });
        text
    }

    fn message(&mut self, message: &Message, chosen: &str, path: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let alternatives = message.fields.iter().filter(|field| field.in_oneof && as_message(field.kind).is_some());
        let first = alternatives.clone().find(|field| field.name == chosen).or_else(|| alternatives.clone().next());
        for field in &message.fields {
            let alone = field.in_oneof && as_message(field.kind).is_some();
            if alone && first.is_none_or(|first| first.number != field.number) {
                continue;
            }
            let path = format!("{path}.{}", field.name);
            match field.kind {
                Kind::Number => {
                    wire::varint(&mut out, u64::from(field.number) << 3);
                    wire::varint(&mut out, 1);
                }
                Kind::Text | Kind::Bytes => {
                    wire::delimited(&mut out, field.number, self.text(path, field.class).as_bytes());
                }
                Kind::Message(place) if CONTRACT.messages[place].name == "google.protobuf.Struct" => {
                    let value = prost_types::Value::from(self.text(path, field.class));
                    let whole = prost_types::Struct { fields: BTreeMap::from([("key".to_owned(), value)]) };
                    wire::delimited(&mut out, field.number, &whole.encode_to_vec());
                }
                Kind::Message(place) => {
                    let inner = self.message(&CONTRACT.messages[place], "", &path);
                    wire::delimited(&mut out, field.number, &inner);
                }
            }
        }
        out
    }
}

/// One account of each kind with a row of each kind, and what is planted in them.
fn planted() -> (Rows, Vec<Planted>) {
    let mut planter = Planter::default();
    let mut builder = RowsBuilder::with_capacity(0);
    for (name, kind) in [("sangam.v1.Account", EntryKind::Account), ("sangam.v1.Transaction", EntryKind::Transaction)] {
        let root = &CONTRACT.messages[CONTRACT.place(name).unwrap()];
        let chosen = root.fields.iter().filter(|field| field.in_oneof && as_message(field.kind).is_some());
        for details in chosen {
            let bytes = planter.message(root, &details.name, &format!("{name}({})", details.name));
            builder.message(kind, |out| {
                out.extend_from_slice(&bytes);
                Some(())
            });
        }
    }
    (builder.finish().unwrap(), planter.planted)
}

fn found(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn what_is_personal_of_any_kind_of_account_is_in_the_full_view_only() {
    let (rows, planted) = planted();
    assert_eq!((rows.accounts, rows.transactions), (23, 17), "a kind of account or row is new; nothing is wrong with that");
    assert!(planted.len() > 1000);
    for view in VIEWS {
        let shown = apply(&rows, view);
        assert_eq!(shown.accounts, rows.accounts);
        for Planted { path, class, text } in &planted {
            let gone_with_its_row = view == View::Summary && path.starts_with("sangam.v1.Transaction");
            let clear =
                matches!(class, FieldClass::Impersonal | FieldClass::RecordId | FieldClass::Description | FieldClass::Amount);
            assert_eq!(found(&shown.bytes, text), (clear || view == View::Full) && !gone_with_its_row, "{view:?}: {path}");
        }
        let page = FetchDataResponse::decode(shown.bytes.clone()).unwrap();
        assert!(page.encoded_len() == shown.bytes.len(), "{view:?}: the generated code reads or writes it otherwise");
        for account in &page.accounts {
            assert!(account.masked_number.ends_with("alue"));
            assert_eq!(account.completeness.as_ref().unwrap().score, 1);
            assert_eq!(account.holders[0].date_of_birth.is_some(), view == View::Full);
            assert_eq!(account.holders[0].pan.starts_with("XXXX"), view != View::Full);
        }
    }
    assert_eq!(apply(&rows, View::Full), rows);
}

#[test]
fn no_account_or_row_holds_what_no_view_shows() {
    let full = Plan::new(&CONTRACT, View::Full);
    assert!(full.is_whole(full.account) && full.is_whole(full.transaction));
    let holds_links = CONTRACT.place("sangam.v1.StartJourneyResponse").unwrap();
    assert!(!full.is_whole(holds_links) && !MASKED.is_whole(MASKED.account));
}

fn account(flags: &[(&str, &str)]) -> Rows {
    let flags = flags.iter().map(|(path, text)| QualityFlag {
        field_path: (*path).to_owned(),
        code: QualityCode::UnknownWord.into(),
        source_text: (*text).to_owned(),
    });
    let account = pb::Account { quality_flags: flags.collect(), ..Default::default() };
    let mut builder = RowsBuilder::with_capacity(0);
    builder.framed(EntryKind::Account, &FetchDataResponse { accounts: vec![account], ..Default::default() });
    builder.finish().unwrap()
}

#[test]
fn a_quoted_text_is_treated_like_the_field_that_it_is_quoted_from() {
    let cases = [
        ("holders[0].pan", "XXXXXtext"),
        ("holders[12].folio_number", "XXXXXtext"),
        ("holders[0].name", ""),
        ("holders[0].date_of_birth", ""),
        ("holders[0].date_of_birth.year", ""),
        ("holders[0].extensions", ""),
        ("holders[0].nominee_registered", "some-text"),
        ("holders", ""),
        ("masked_number", "XXXXXtext"),
        ("summary.current_balance", "some-text"),
        ("summary.pending.type", "some-text"),
        ("summary.tenure.years", "some-text"),
        ("details.holdings[3].folio_number", "XXXXXtext"),
        ("details.holdings[3].isin", "some-text"),
        ("details.holdings[0].schemes[0].plans[0].reference", "XXXXXtext"),
        ("details.legal_name", ""),
        ("stated_range.from", "some-text"),
        ("currency_code", "some-text"),
        ("extensions.dob", ""),
        ("details", ""),
        ("nobody.knows", ""),
        ("", ""),
    ];
    let rows = account(&cases.map(|(path, _)| (path, "some-text")));
    for view in VIEWS {
        let page = FetchDataResponse::decode(apply(&rows, view).bytes).unwrap();
        for ((path, wanted), flag) in cases.iter().zip(&page.accounts[0].quality_flags) {
            let wanted = if view == View::Full { "some-text" } else { wanted };
            assert_eq!((flag.field_path.as_str(), flag.source_text.as_str()), (*path, wanted), "{view:?}");
        }
    }
}

#[test]
fn a_flag_on_a_row_names_a_field_of_its_details_without_them() {
    for (path, wanted) in [
        ("amount", Showing::Shown),
        ("narration", Showing::Gone),
        ("nav", Showing::Shown),
        ("folio_number", Showing::Masked),
        ("items[0].rate", Showing::Shown),
        ("counterparty_gstin", Showing::Masked),
        ("invoice_number", Showing::Gone),
        ("currency_code", Showing::Shown),
    ] {
        assert_eq!(MASKED.showing_at(MASKED.transaction, path), wanted, "{path}");
    }
}

#[test]
fn a_message_that_cannot_be_read_is_not_shown() {
    let whole = pb::Account {
        account_id: "acc_1".into(),
        holders: vec![pb::Holder { pan: "AAAPA0001A".into(), ..Default::default() }],
        ..Default::default()
    };
    let whole = whole.encode_to_vec();
    // Cut off; a holder that is a number; a PAN that is no text; a holder that is cut off.
    let damaged: [&[u8]; 4] = [&whole[..whole.len() - 1], &[0x58, 1], &[0x5a, 3, 0x3a, 1, 0xff], &[0x5a, 3, 0x3a, 2, b'A']];
    for message in damaged {
        let mut builder = RowsBuilder::with_capacity(0);
        for bytes in [message, &whole] {
            builder.message(EntryKind::Account, |out| {
                out.extend_from_slice(bytes);
                Some(())
            });
        }
        let shown = apply(&builder.finish().unwrap(), View::Masked);
        assert_eq!((shown.accounts, shown.entries.len()), (1, 1), "{message:?}");
        assert_eq!(FetchDataResponse::decode(shown.bytes).unwrap().accounts[0].holders[0].pan, "XXXXXX001A");
    }
}

#[test]
fn a_field_that_the_contract_does_not_have_is_left_out_however_deep_it_stands() {
    let mut amount = pb::Money { minor_units: 1050, currency_code: "INR".into() }.encode_to_vec();
    let mut row = pb::Transaction { transaction_id: "txn_1".into(), ..Default::default() }.encode_to_vec();
    for message in [&mut amount, &mut row] {
        wire::delimited(message, 5_000, b"of a later version");
    }
    wire::delimited(&mut row, 7, &amount);
    let mut builder = RowsBuilder::with_capacity(0);
    builder.message(EntryKind::Transaction, |out| {
        out.extend_from_slice(&row);
        Some(())
    });
    let shown = apply(&builder.finish().unwrap(), View::Masked);
    assert!(!found(&shown.bytes, "later"));
    let page = FetchDataResponse::decode(shown.bytes).unwrap();
    assert_eq!(page.transactions[0].amount.as_ref().map(|money| money.minor_units), Some(1050));
    assert_eq!(page.transactions[0].transaction_id, "txn_1");
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_shown_or_left_out_without_a_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200)) {
        for plan in [&*MASKED, &*SUMMARY] {
            let mut out = Vec::new();
            if plan.show(plan.account, plan.account, &bytes, &mut out).is_some() {
                proptest::prop_assert!(out.len() <= bytes.len());
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn no_view_but_full_tells_more_than_four_characters_of_a_number(text in ".{0,60}") {
        let holder = pb::Holder { pan: text.clone(), mobile: text.clone(), ..Default::default() };
        let account = pb::Account { masked_number: text.clone(), holders: vec![holder], ..Default::default() };
        let mut builder = RowsBuilder::with_capacity(0);
        builder.framed(EntryKind::Account, &FetchDataResponse { accounts: vec![account], ..Default::default() });
        let rows = builder.finish().unwrap();
        let count = text.chars().count();
        for view in [View::Unspecified, View::Masked, View::Summary] {
            let page = FetchDataResponse::decode(apply(&rows, view).bytes).unwrap();
            let account = &page.accounts[0];
            for shown in [&account.masked_number, &account.holders[0].pan, &account.holders[0].mobile] {
                let hidden = shown.chars().take_while(|letter| *letter == 'X').count();
                proptest::prop_assert!(shown.chars().count() == count && hidden + 4 >= count, "{text} as {shown}");
                proptest::prop_assert!(count > 4 || hidden == count, "{text} as {shown}");
            }
        }
    }
}
