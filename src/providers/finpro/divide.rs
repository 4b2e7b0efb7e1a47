//! Divides the answer of `/getallfidata` for a transaction: one answer holds the accounts of all its consents.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::value::RawValue;

use crate::providers::{
    error::{ErrorKind, ProviderError},
    lenient::{Members, elements, institution},
    provider::{Body, PartOf},
};

/// The answer with the accounts of each part only, byte by byte as they came; `None` for a part without any account.
pub(super) fn divide(body: &Body, part_of: PartOf<'_>, parts: usize) -> Result<Vec<Option<Body>>, ProviderError> {
    let unusable = || ProviderError::new(ErrorKind::ResponseInvalid, super::ID, "divide").with_detail("no list of accounts");
    let bytes: &[u8] = &body.bytes;
    let data = Members::of(bytes).and_then(|top| top.raw(&["data"])).ok_or_else(unusable)?;
    let start = (data.get().as_ptr() as usize).checked_sub(bytes.as_ptr() as usize).ok_or_else(unusable)?;
    let (before, rest) = bytes.split_at_checked(start).ok_or_else(unusable)?;
    let after = rest.get(data.get().len()..).ok_or_else(unusable)?;
    let mut divided: Vec<Vec<Copy<'_>>> = vec![Vec::new(); parts];
    for account in elements(Some(data)) {
        let link = Members::within(Some(account)).text(&["linkReferenceNumber", "linkRefNumber"]).and_then(institution);
        let Some(part) = part_of(link.as_deref()).and_then(|part| divided.get_mut(part)) else { continue };
        add(part, Copy { link, account });
    }
    let divided = divided.into_iter().map(|part| part.into_iter().map(|copy| copy.account).collect());
    let whole = |accounts: Vec<&RawValue>| {
        let list: Vec<&str> = accounts.iter().map(|account| account.get()).collect();
        let text = [before, b"[", list.join(",").as_bytes(), b"]", after].concat();
        (!list.is_empty()).then(|| Body { bytes: Bytes::from(text), ..body.clone() })
    };
    Ok(divided.map(whole).collect())
}

/// One occurrence of an account.
#[derive(Clone)]
struct Copy<'a> {
    link: Option<String>,
    account: &'a RawValue,
}

impl Copy<'_> {
    fn rows(&self) -> BTreeSet<&str> {
        let rows = Members::within(Some(self.account)).object(&["Transactions"]).list(&["Transaction"]);
        rows.into_iter().map(RawValue::get).collect()
    }

    /// Whether it says all that another copy of the same account says.
    fn covers(&self, other: &Self) -> bool {
        let rows = self.rows();
        self.account.get() == other.account.get() || (!rows.is_empty() && rows.is_superset(&other.rows()))
    }
}

/// Adds an account to a part. FinPro repeats an account that two consents list, with the rows of each consent's range: the copy whose rows
/// hold those of the other is kept, so that no row is counted twice. Copies that differ otherwise are both kept.
fn add<'a>(part: &mut Vec<Copy<'a>>, copy: Copy<'a>) {
    let same = |known: &Copy<'_>| copy.link.is_some() && known.link == copy.link;
    if part.iter().any(|known| same(known) && known.covers(&copy)) {
        return;
    }
    let place = part.iter().position(|known| same(known) && copy.covers(known));
    match place.and_then(|place| part.get_mut(place)) {
        Some(known) => *known = copy,
        None => part.push(copy),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::finpro::testing;

    fn body(text: &str) -> Body {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        Body { bytes, media_type: "application/json", endpoint: "test", received_at: testing::now(), room: Default::default() }
    }

    fn texts(text: &str) -> Vec<Option<String>> {
        let part_of = |link: Option<&str>| match link {
            Some("a") => Some(0),
            Some("b") => Some(1),
            Some("c") => None,
            _ => Some(2),
        };
        let divided = divide(&body(text), &part_of, 3).unwrap();
        divided.into_iter().map(|part| part.map(|part| String::from_utf8(part.bytes.to_vec()).unwrap())).collect()
    }

    #[test]
    fn each_part_keeps_the_envelope_and_its_accounts_as_they_came() {
        let text = r#" {"ver":"1.21.0","data":[{"linkReferenceNumber":"a","x":1.50},{"linkRefNumber":"b"},{"y":"é"},
            {"linkReferenceNumber":"c"},{"linkReferenceNumber":"a"},{"linkReferenceNumber":"a","x":1.50}],"status":"success"}"#;
        assert_eq!(
            texts(text),
            [
                Some(
                    r#" {"ver":"1.21.0","data":[{"linkReferenceNumber":"a","x":1.50},{"linkReferenceNumber":"a"}],"status":"success"}"#
                        .to_owned()
                ),
                Some(r#" {"ver":"1.21.0","data":[{"linkRefNumber":"b"}],"status":"success"}"#.to_owned()),
                Some(r#" {"ver":"1.21.0","data":[{"y":"é"}],"status":"success"}"#.to_owned()),
            ]
        );
    }

    #[test]
    fn the_copy_with_more_rows_stands_for_both() {
        let copy = |rows: &str| format!(r#"{{"linkReferenceNumber":"a","Transactions":{{"Transaction":[{rows}]}}}}"#);
        let (short, long, other) = (copy(r#"{"x":2}"#), copy(r#"{"x":1},{"x":2}"#), copy(r#"{"x":2},{"x":3}"#));
        let of_a = |accounts: &[&String]| {
            let list = accounts.iter().map(|account| account.as_str()).collect::<Vec<_>>().join(",");
            texts(&format!(r#"{{"data":[{list}]}}"#)).swap_remove(0).unwrap()
        };
        assert_eq!(of_a(&[&short, &long]), format!(r#"{{"data":[{long}]}}"#));
        assert_eq!(of_a(&[&long, &short]), format!(r#"{{"data":[{long}]}}"#));
        assert_eq!(of_a(&[&long, &other]), format!(r#"{{"data":[{long},{other}]}}"#));
    }

    #[test]
    fn a_part_without_an_account_is_none() {
        assert_eq!(texts(r#"{"data":{"linkReferenceNumber":"b"}}"#)[0], None);
        assert!(texts(r#"{"data":{"linkReferenceNumber":"b"}}"#)[1].is_some());
        assert_eq!(texts(r#"{"data":[]}"#), [None, None, None]);
    }

    #[test]
    fn what_is_no_answer_is_not_divided() {
        for text in ["", "[]", r#"{"data":null}"#, "<html>"] {
            assert_eq!(divide(&body(text), &|_| Some(0), 1).unwrap_err().kind, ErrorKind::ResponseInvalid, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), tail in "[\\[\\]{}\",:a-c0-9]{0,60}") {
            for bytes in [bytes, format!("{{\"data\":{tail}}}").into_bytes()] {
                let body = Body { bytes: Bytes::from(bytes), media_type: "application/json", endpoint: "test", received_at: testing::now(), room: Default::default() };
                let _ = divide(&body, &|_| Some(0), 1);
            }
        }
    }
}
