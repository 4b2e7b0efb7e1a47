//! Reads untrusted JSON leniently. Providers change the case of names, send numbers as strings and strings as numbers, put one
//! object where a list was, and have many words for "nothing". Everything here is total: wrong shapes read as `None` or as empty.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use jiff::{Timestamp, civil, civil::Date, tz::TimeZone};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use crate::data::{
    absence::is_absent,
    repair::{self, Numbers},
};

/// A body as it came if it is JSON, otherwise made readable where that is possible (see [`repair`]).
pub fn readable(body: &[u8]) -> Cow<'_, [u8]> {
    if serde_json::from_slice::<&RawValue>(body).is_ok() {
        return Cow::Borrowed(body);
    }
    repair::rewrite(body, Numbers::Kept).map_or(Cow::Borrowed(body), |repaired| Cow::Owned(repaired.text.into_bytes()))
}

/// The name of a member. It is read as bytes: half a surrogate pair in one name must not hide all members.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Name;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a name")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Name, E> {
                Ok(Name(String::from_utf8_lossy(bytes).into_owned()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

/// The members of a JSON object, each still unread, by folded name (see [`fold`]). Reading stays shallow, so that neither depth nor
/// size of a member matters before it is wanted.
#[derive(Debug, Default, Clone)]
pub struct Members<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Members<'a> {
    /// The members of `bytes`, if that is one JSON object and nothing else.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let members: BTreeMap<Name, &'a RawValue> = serde_json::from_slice(bytes).ok()?;
        let mut folded = BTreeMap::new();
        for (name, value) in members {
            folded.entry(fold(&name.0)).or_insert(value);
        }
        Some(Self(folded))
    }

    /// The members of a raw value; none if it is no object.
    pub fn within(raw: Option<&'a RawValue>) -> Self {
        raw.and_then(|raw| Self::of(raw.get().as_bytes())).unwrap_or_default()
    }

    /// Every value, in the order of the folded names.
    pub fn values(&self) -> impl Iterator<Item = &'a RawValue> {
        self.0.values().copied()
    }

    /// The first of `names` that is there and not null.
    pub fn raw(&self, names: &[&str]) -> Option<&'a RawValue> {
        names.iter().filter_map(|name| self.0.get(&fold(name)).copied()).find(|raw| raw.get() != "null")
    }

    /// The members of an inner object; none if there is no such object.
    pub fn object(&self, names: &[&str]) -> Members<'a> {
        Members::within(self.raw(names))
    }

    /// A text or number as text; `None` for every spelling of nothing.
    pub fn text(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.raw(&[name]).and_then(scalar))
    }

    /// A whole number, written as number or text.
    pub fn int(&self, names: &[&str]) -> Option<i64> {
        self.text(names)?.parse().ok()
    }

    /// An instant; see [`instant`].
    pub fn instant(&self, names: &[&str]) -> Option<Timestamp> {
        self.text(names).as_deref().and_then(instant)
    }

    /// The elements of an inner list; one element if it is a single object; none if it is anything else.
    pub fn list(&self, names: &[&str]) -> Vec<&'a RawValue> {
        elements(self.raw(names))
    }
}

/// The elements of a list; one element if it is a single object; none if it is anything else.
pub fn elements(raw: Option<&RawValue>) -> Vec<&RawValue> {
    let Some(raw) = raw else { return Vec::new() };
    match raw.get().as_bytes().first() {
        Some(b'[') => serde_json::from_str(raw.get()).unwrap_or_default(),
        Some(b'{') => vec![raw],
        _ => Vec::new(),
    }
}

/// A name without case, `_` and `-`: `consent_handle`, `consentHandle` and `consentHANDLE` are one.
pub fn fold(name: &str) -> String {
    name.chars().filter(|char| !matches!(char, '_' | '-')).map(|char| char.to_ascii_lowercase()).collect()
}

/// A raw text or number as trimmed text; `None` for null, "", "<NULL>", "NULL", "NA" and for anything that is no scalar.
pub fn scalar(raw: &RawValue) -> Option<String> {
    let text = match raw.get().as_bytes().first()? {
        b'"' => repair::text_of(raw.get())?,
        b'-' | b'0'..=b'9' => raw.get().to_owned(),
        _ => return None,
    };
    let text = text.trim();
    let nothing = ["", "<null>", "null", "na", "n/a"].iter().any(|word| text.eq_ignore_ascii_case(word));
    (!nothing).then(|| text.to_owned())
}

/// A status word for comparison: upper case, blanks and hyphens as `_`.
pub fn word(text: &str) -> String {
    text.trim().chars().map(|char| if matches!(char, ' ' | '-') { '_' } else { char.to_ascii_uppercase() }).collect()
}

/// An identifier of a provider, if it looks like one: up to 255 visible ASCII characters without quotes, backslashes or brackets, and no
/// word for nothing such as "-".
pub fn identifier(text: String) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'<' | b'>' | b'{' | b'}');
    (!is_absent(&text) && text.len() <= 255 && text.bytes().all(plain)).then_some(text)
}

/// The id of an institution: providers have some with blanks and signs, so only control characters and length are judged.
pub fn institution(text: String) -> Option<String> {
    (!is_absent(&text) && text.len() <= 128 && !text.chars().any(char::is_control)).then_some(text)
}

/// "XXXX" and at most the last four letters or digits: some providers send account numbers in clear.
pub fn masked(text: &str) -> String {
    let plain: Vec<char> = text.chars().filter(char::is_ascii_alphanumeric).collect();
    // Of a number as short as this, four characters would be most of it.
    let keep = if plain.len() >= 8 { 4 } else { plain.len() / 2 };
    let tail: String = plain.iter().skip(plain.len() - keep).collect();
    format!("XXXX{tail}")
}

/// An instant in any of the spellings that were seen: ISO with zone, with nanoseconds, with stray blanks; without a zone (with `T`,
/// blank, or a colon before the milliseconds) it is UTC; a bare day is its midnight, UTC.
pub fn instant(text: &str) -> Option<Timestamp> {
    if text.len() > 64 || !text.is_ascii() {
        return None;
    }
    let text = text.trim();
    let (day, mut time) = match text.split_at_checked(10)? {
        (day, "") => return utc(day.parse::<Date>().ok()?.at(0, 0, 0, 0)),
        (day, rest) => (day, rest.trim_start_matches(['T', 't', ' ']).replace(' ', "")),
    };
    if let Ok(instant) = format!("{day}T{time}").parse::<Timestamp>() {
        return Some(instant);
    }
    let third = time.match_indices(':').nth(2).map(|(at, _)| at);
    if let Some(colon) = third {
        time.replace_range(colon..=colon, ".");
    }
    utc(format!("{day}T{time}").parse::<civil::DateTime>().ok()?)
}

fn utc(time: civil::DateTime) -> Option<Timestamp> {
    time.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// The offset of Indian Standard Time, in which days are meant.
pub fn ist() -> TimeZone {
    TimeZone::fixed(jiff::tz::Offset::constant(5).saturating_add(jiff::SignedDuration::from_mins(30)))
}

/// The day (IST) of an instant.
pub fn day(instant: Timestamp) -> Date {
    instant.to_zoned(ist()).date()
}

/// The first instant of a day (IST), and the last second of it.
pub fn bounds(day: Date) -> Option<(Timestamp, Timestamp)> {
    let at = |hour, minute, second| day.at(hour, minute, second, 0).to_zoned(ist()).ok().map(|zoned| zoned.timestamp());
    Some((at(0, 0, 0)?, at(23, 59, 59)?))
}

/// An instant as providers want it: ISO, UTC, with milliseconds.
pub fn iso(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_read_whatever_their_case() {
        let members = Members::of(br#"{"consent_handle":"a","consentID":7,"x":null,"X-Y":" <NULL> ","z":{"q":"1"}}"#).unwrap();
        assert_eq!(members.text(&["consentHandle"]).as_deref(), Some("a"));
        assert_eq!(members.text(&["consentId"]).as_deref(), Some("7"));
        assert_eq!(members.text(&["x", "xy"]), None);
        assert_eq!(members.object(&["z"]).int(&["q"]), Some(1));
        assert_eq!(members.object(&["none"]).int(&["q"]), None);
    }

    #[test]
    fn depth_does_not_matter() {
        let deep = format!("{{\"a\":{}{},\"b\":1}}", "[".repeat(200_000), "]".repeat(200_000));
        let members = Members::of(deep.as_bytes()).unwrap();
        assert_eq!(members.int(&["b"]), Some(1));
        assert_eq!(members.list(&["a"]).len(), 1);
        assert!(Members::of("{\"a\":".repeat(200_000).as_bytes()).is_none());
    }

    #[test]
    fn every_spelling_of_an_instant_is_read() {
        for (text, expected) in [
            ("2025-03-24T17:52:49.213Z", "2025-03-24T17:52:49.213Z"),
            ("2026-03-31T08:02:45.111480334Z", "2026-03-31T08:02:45.111480334Z"),
            ("2025-12-31T09:00:00+05:30", "2025-12-31T03:30:00Z"),
            ("2025-03-31 17:50:43", "2025-03-31T17:50:43Z"),
            ("2023-12-11T18:30:00.0", "2023-12-11T18:30:00Z"),
            ("2024-02-10 00:00:00:000", "2024-02-10T00:00:00Z"),
            ("2026-01-01T06: 38: 37.886Z", "2026-01-01T06:38:37.886Z"),
            ("2027-01-01 11: 19: 34", "2027-01-01T11:19:34Z"),
            ("2025-01-01", "2025-01-01T00:00:00Z"),
        ] {
            assert_eq!(instant(text), Some(expected.parse().unwrap()), "{text}");
        }
        for text in ["", "soon", "2025-13-01", "01-02-2025", "2025-01-01T99:00:00Z", "\u{661}025-01-01"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn account_numbers_keep_four_characters_at_most() {
        for (text, expected) in [("XXXXXXXX1234", "XXXX1234"), ("10000000001", "XXXX0001"), ("1234", "XXXX34"), ("", "XXXX")] {
            assert_eq!(masked(text), expected);
        }
    }

    #[test]
    fn days_are_indian() {
        assert_eq!(day("2023-12-31T18:30:00Z".parse().unwrap()).to_string(), "2024-01-01");
        let (first, last) = bounds("2024-01-01".parse().unwrap()).unwrap();
        assert_eq!((iso(first).as_str(), iso(last).as_str()), ("2023-12-31T18:30:00.000Z", "2024-01-01T18:29:59.000Z"));
    }

    proptest! {
        #[test]
        fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in ".{0,40}") {
            if let Some(members) = Members::of(&bytes) {
                members.list(&["a"]);
            }
            instant(&text);
            masked(&text);
        }
    }
}
