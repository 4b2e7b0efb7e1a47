//! Text that JSON or UTF-8 forbids costs a character, never a statement.

use sangam::pb::QualityCode::TextRepaired;
use serde_json::Value;

use super::{BODIES, flagged};

/// A text as it stands between its quotes, and as it is read.
const TEXTS: [(&[u8], &str); 9] = [
    (br"UPI/DINNER \ud83c", "UPI/DINNER \u{fffd}"),
    (br"\udf55 UPI", "\u{fffd} UPI"),
    (b"caf\xe9", "caf\u{fffd}"),
    (b"\x93UPI\x94", "\u{fffd}UPI\u{fffd}"),
    (b"UPI\nDR", "UPI\u{fffd}DR"),
    (b"UPI\r\nDR", "UPI\u{fffd}\u{fffd}DR"),
    (b"UPI\tDR", "UPI\u{fffd}DR"),
    (b"UPI\0DR", "UPI\u{fffd}DR"),
    (br"UPI\DR", "UPI\u{fffd}DR"),
];

fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = body.windows(from.len()).position(|window| window == from).unwrap();
    [&body[..at], to, &body[at + from.len()..]].concat()
}

#[test]
fn a_damaged_narration_is_served_repaired_and_flagged() {
    for body in BODIES {
        let plain = body.page(body.body().to_string().as_bytes());
        for (bytes, text) in TEXTS {
            let damaged = replaced(&body.with(2, "\"<text>\""), b"<text>", bytes);
            let page = body.page(&damaged);
            assert_eq!((page.accounts.len(), page.transactions.len()), (plain.accounts.len(), plain.transactions.len()));
            let row = &page.transactions[0];
            assert_eq!(row.narration, text, "{}", body.file);
            assert_eq!(flagged(&row.quality_flags, TextRepaired), ["narration"], "{}", body.file);
            assert_eq!(row.amount, plain.transactions[0].amount, "{}", body.file);
            let others = page.transactions.iter().skip(1).flat_map(|row| flagged(&row.quality_flags, TextRepaired));
            assert_eq!(others.count(), 0, "{}", body.file);
        }
    }
}

#[test]
fn a_damaged_text_of_an_account_is_flagged_by_its_path() {
    for (body, name, path) in [
        (BODIES[0], "/data/0/Profile/Holders/Holder/0/name", "holders[0].name"),
        (BODIES[0], "/data/0/Summary/branch", "summary.branch"),
        (BODIES[1], "/data/0/bank", "fip_name"),
        (BODIES[2], "/data/account_aggregator_json/0/profile_details/address", "holders[0].address"),
        (BODIES[3], "/data/accounts/0/holder_name", "holders[0].name"),
    ] {
        let mut value = body.body();
        *value.pointer_mut(name).unwrap() = Value::from("<text>");
        let page = body.page(&replaced(value.to_string().as_bytes(), b"<text>", b"x\xe9"));
        assert_eq!(flagged(&page.accounts[0].quality_flags, TextRepaired), [path], "{}", body.file);
    }
}

#[test]
fn what_stands_around_a_body_changes_nothing() {
    let utf16 = |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    for body in BODIES {
        let text = body.body().to_string();
        let plain = body.rows(text.as_bytes()).unwrap();
        let marked = format!("\u{feff}{text}");
        for other in [
            marked.clone().into_bytes(),
            utf16(&marked, u16::to_le_bytes),
            utf16(&marked, u16::to_be_bytes),
            utf16(&text, u16::to_le_bytes),
            utf16(&text, u16::to_be_bytes),
            format!("{text},\n").into_bytes(),
            format!("{text}\0").into_bytes(),
            format!("{text}\0\0\r\n").into_bytes(),
        ] {
            assert_eq!(body.rows(&other).unwrap(), plain, "{}", body.file);
        }
    }
}

#[test]
fn a_text_that_came_with_the_sign_for_damage_is_not_flagged() {
    for body in BODIES {
        let page = body.page(&body.with(2, "\"a\u{fffd}\""));
        assert_eq!(flagged(&page.transactions[0].quality_flags, TextRepaired), [""; 0], "{}", body.file);
    }
}

#[test]
fn damage_in_an_unknown_key_is_kept_and_flagged() {
    for body in BODIES {
        let mut value = body.body();
        value.pointer_mut(body.row).unwrap()["added_later"] = Value::from("<text>");
        let page = body.page(&replaced(value.to_string().as_bytes(), b"<text>", br"\ud83c"));
        assert_eq!(flagged(&page.transactions[0].quality_flags, TextRepaired), ["extensions"], "{}", body.file);
    }
}

#[test]
fn other_nonsense_stays_an_error() {
    for body in BODIES {
        for nonsense in ["NaN", "Infinity", "undefined", "'x'", "[1,]", "01", "1.", "+1", "\"a\"b\""] {
            assert!(body.rows(&body.with(2, nonsense)).is_err(), "{} {nonsense}", body.file);
        }
        let whole = body.body().to_string();
        assert!(body.rows(format!("{whole}{whole}").as_bytes()).is_err());
        assert!(body.rows(&whole.as_bytes()[..whole.len() - 3]).is_err());
    }
}
