#![allow(clippy::unwrap_used, clippy::expect_used)]
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn read(body: &[u8]) -> Option<(Value, bool)> {
    let repaired = rewrite(body, Numbers::Kept)?;
    Some((serde_json::from_str(&repaired.text).ok()?, repaired.damaged))
}

fn utf16(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(order).collect()
}

#[test]
fn well_formed_json_is_left_alone() {
    for body in [r#"{"a":"b\n\ud83c\udf55 é 1,50","c":[1.50,null,1e400]}"#, "[]", "\"x\"", "1", "", "<html>", "{a:NaN}"] {
        assert_eq!(rewrite(body.as_bytes(), Numbers::Kept), None, "{body}");
    }
}

#[test]
fn unreadable_parts_of_a_text_are_replaced() {
    for (body, text) in [
        (&br#"{"a":"DINNER \ud83c"}"#[..], "DINNER \u{fffd}"),
        (br#"{"a":"\udf55x"}"#, "\u{fffd}x"),
        (br#"{"a":"\ud83c\ud83c\udf55"}"#, "\u{fffd}\u{1f355}"),
        (br#"{"a":"\ud83c\u0041"}"#, "\u{fffd}A"),
        (b"{\"a\":\"caf\xe9\"}", "caf\u{fffd}"),
        (b"{\"a\":\"\x93x\x94\"}", "\u{fffd}x\u{fffd}"),
        (b"{\"a\":\"1 Road\r\n\tTown\"}", "1 Road\u{fffd}\u{fffd}\u{fffd}Town"),
        (b"{\"a\":\"a\0b\"}", "a\u{fffd}b"),
        (br#"{"a":"C:\Users\x"}"#, "C:\u{fffd}Users\u{fffd}x"),
        (br#"{"a":"\u12"}"#, "\u{fffd}u12"),
    ] {
        let (read, damaged) = read(body).unwrap();
        assert_eq!((read["a"].as_str().unwrap(), damaged), (text, true), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_damaged_key_loses_no_value() {
    assert_eq!(read(b"{\"caf\xe9\":1}").unwrap().0["caf\u{fffd}"], 1);
}

#[test]
fn what_stands_around_a_body_damages_no_text() {
    let text = r#"{"a":"ë","b":[1]}"#;
    let whole: Value = serde_json::from_str(text).unwrap();
    let mut bodies = vec![
        utf16(text, u16::to_le_bytes),
        utf16(text, u16::to_be_bytes),
        utf16(&format!("\u{feff}{text}"), u16::to_le_bytes),
        utf16(&format!("\u{feff}{text}\0"), u16::to_be_bytes),
    ];
    bodies.extend(
        ["\u{feff}{}", "\u{feff}\u{feff}{}", "{},", "{}, \n", "{}\0\0", "\0{}\u{1a}", " {} \0,\0\r\n"]
            .map(|around| around.replace("{}", text).into_bytes()),
    );
    for body in bodies {
        assert_eq!(read(&body), Some((whole.clone(), false)), "{body:?}");
    }
}

#[test]
fn other_nonsense_stays_nonsense() {
    for body in
        ["{\"a\":NaN,}", "{a:1}\0", "{\"a\":1}{}", "{\"a\":1,,}\0", "{\"a\":[1,]},", "{\"a\":\"x\0", "{\"a\":01}\0", "{},,"]
    {
        assert_eq!(read(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn a_number_that_no_double_holds_keeps_its_digits() {
    let body = br#"{"a":[99999999999999.99,1e5,-1.5E3,12,-7,123456789012345678,1234567890123456789,-0,"1.5"]}"#;
    let text = rewrite(body, Numbers::Quoted).unwrap().text.replace(MARK, "#");
    assert_eq!(
        text,
        r##"{"a":["#99999999999999.99","#1e5","#-1.5E3",12,-7,123456789012345678,"#1234567890123456789","#-0","1.5"]}"##
    );
}

#[test]
fn a_mark_that_came_from_outside_marks_nothing() {
    let body = format!("{{\"a\":\"{MARK}1.5\"}}");
    assert!(!rewrite(body.as_bytes(), Numbers::Quoted).unwrap().text.contains(MARK));
}

#[test]
fn a_body_that_is_mostly_damage_is_refused() {
    let body = [&b"{\"a\":\""[..], &[0xff; 5_000], b"\"}"].concat();
    assert_eq!(rewrite(&body, Numbers::Kept), None);
}

proptest! {
    #[test]
    fn any_bytes_are_rewritten_within_bounds(body in proptest::collection::vec(any::<u8>(), 0..300), head in "[\\[{\"]{0,2}") {
        let body = [head.as_bytes(), &body].concat();
        for numbers in [Numbers::Kept, Numbers::Quoted] {
            if let Some(repaired) = rewrite(&body, numbers) {
                prop_assert!(repaired.text.len() <= 2 * body.len() + 1024);
            }
        }
    }

    #[test]
    fn a_string_with_any_bytes_inside_is_readable(body in proptest::collection::vec(any::<u8>().prop_filter("no quote", |byte| *byte != b'"' && *byte != b'\\'), 1..200)) {
        let body = [&b"{\"a\":\"k"[..], &body, b"\"}"].concat();
        let text = rewrite(&body, Numbers::Kept).map_or(String::from_utf8_lossy(&body).into_owned(), |repaired| repaired.text);
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text:?}");
    }
}
