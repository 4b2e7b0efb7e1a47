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

#[test]
fn a_decimal_is_digits_with_at_most_one_point() {
    for (text, valid) in
        [("12.345", true), ("-0.5", true), (".5", true), ("1e3", false), ("1.2.3", false), ("", false), ("7%", false)]
    {
        assert_eq!(is_decimal(text), valid, "{text}");
    }
}
