use super::*;

#[test]
fn an_isin_is_told_by_its_check_digit() {
    for (text, valid) in [
        ("INE002A01018", true),
        ("INE009A01021", true),
        ("US0378331005", true),
        ("INE002A01019", false),
        ("INE002A0101", false),
        ("ine002a01018", false),
        ("", false),
    ] {
        assert_eq!(is_isin(text), valid, "{text}");
    }
}
