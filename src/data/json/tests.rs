#![allow(clippy::unwrap_used, clippy::expect_used)]
use proptest::prelude::*;

use super::*;

fn kind(text: &str) -> Kind {
    Node::parse(text).unwrap().into_value().kind.unwrap()
}

#[test]
fn no_digit_is_lost() {
    assert_eq!(kind("1000.5"), Kind::NumberValue(1000.5));
    assert_eq!(kind("21000.50"), Kind::NumberValue(21000.5));
    assert_eq!(kind("0"), Kind::NumberValue(0.0));
    assert_eq!(kind("-3"), Kind::NumberValue(-3.0));
    for text in ["12345678901234567890", "0.1000000000000000055511151231257827", "1e400", "9007199254740993"] {
        assert_eq!(kind(text), Kind::StringValue(text.to_owned()), "{text}");
    }
}

#[test]
fn escapes_are_read_and_half_a_surrogate_pair_is_replaced() {
    assert_eq!(Node::parse(r#""a\u0041\n""#), Some(Node::Text("aA\n".into())));
    assert_eq!(Node::parse(r#""\ud800""#), Some(Node::Text("\u{fffd}".into())));
}

#[test]
fn one_object_and_a_list_of_objects_are_the_same() {
    for text in [r#"{"x":{"a":1}}"#, r#"{"x":[{"a":1}]}"#] {
        let Some(Node::Object(mut object)) = Node::parse(text) else { panic!("no object") };
        assert_eq!(object.take_objects("x").len(), 1);
        assert_eq!(object.into_extensions(), None);
    }
    let Some(Node::Object(mut object)) = Node::parse(r#"{"x":[{"a":1},2]}"#) else { panic!("no object") };
    assert_eq!(object.take_objects("x").len(), 1);
    assert_eq!(object.get("x"), Some(&Node::Number("2")), "what cannot be read is not lost");
}

#[test]
fn a_key_that_stands_there_twice_loses_nothing() {
    let Some(Node::Object(object)) = Node::parse(r#"{"a":1,"b":2,"a":"x"}"#) else { panic!("no object") };
    let fields = object.into_struct().fields;
    let Some(Kind::ListValue(both)) = &fields["a"].kind else { panic!("no list") };
    assert_eq!(both.values.len(), 2);
    assert_eq!(fields["b"].kind, Some(Kind::NumberValue(2.0)));
}

#[test]
fn the_order_of_keys_does_not_count_and_values_do() {
    let canonical = |text| {
        let mut out = String::new();
        Node::parse(text).unwrap().write_canonical("", Zoneless::Ist, &mut out);
        out
    };
    assert_eq!(canonical(r#"{"a":1,"b":[2]}"#), canonical(r#"{ "b" : [ 2 ], "a" : 1 }"#));
    assert_ne!(canonical(r#"{"a":"1","b":""}"#), canonical(r#"{"a":"","b":"1"}"#));
}

#[test]
fn another_spelling_is_the_same_canonical_text() {
    let canonical = |text| {
        let mut out = String::new();
        Node::parse(text).unwrap().write_canonical("", Zoneless::Ist, &mut out);
        out
    };
    for (one, other) in [
        (r#"{"units":"100.00"}"#, r#"{"units":100.0}"#),
        (r#"{"navDate":"2024-02-10 00:00:00:000"}"#, r#"{"navDate":"2024-02-10T00:00:00+05:30"}"#),
        (r#"{"type":"Buy"}"#, r#"{"type":"BUY","amount":null,"x":" "}"#),
        (r#"{"taxable":true}"#, r#"{"taxable":"true"}"#),
    ] {
        assert_eq!(canonical(one), canonical(other), "{one} {other}");
    }
    for (one, other) in [(r#"{"narration":"Buy"}"#, r#"{"narration":"BUY"}"#), (r#"{"folioNo":"01"}"#, r#"{"folioNo":"1"}"#)] {
        assert_ne!(canonical(one), canonical(other), "{one} {other}");
    }
}

#[test]
fn deep_nesting_is_refused_without_an_overflow() {
    let abyss = "[".repeat(200_000) + &"]".repeat(200_000);
    assert_eq!(Node::parse(&abyss), None);
    assert!(!nests_within(&abyss, MAX_DEPTH));
    assert!(nests_within(r#"{"a":["[[[[\"[[["]}"#, 2));
    assert!(!nests_within(r#"{"a":["[[[["]}"#, 1));
}

proptest! {
    #[test]
    fn any_text_is_read_without_a_panic(text in "[\\[\\]{}\",:a0\\\\ é]{0,40}") {
        let _ = Node::parse(&text);
        let _ = nests_within(&text, 3);
    }
}
