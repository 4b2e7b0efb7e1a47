//! Decides which words of a provider may leave the gateway, in states, errors, logs and spans. Only a word of the provider's documented
//! lists does: any other text can be a person's number in the place of a code. Such a text shows as [`OTHER`] and a short hash.

use aws_lc_rs::digest::{SHA256, digest};

/// What a word shows as that no list has, followed by `-` and four hexadecimal digits.
pub const OTHER: &str = "OTHER";

/// The longest word of any list; a longer text is no word.
const LONGEST: usize = 64;

/// A closed list of a provider's words.
#[derive(Debug, Clone, Copy)]
pub struct Vocabulary(pub &'static [&'static str]);

impl Vocabulary {
    /// The list's own spelling of a word. Case, blanks, `_` and `-` do not count: providers spell one word in several ways.
    pub fn find(&self, text: &str) -> Option<&'static str> {
        if text.len() > LONGEST {
            return None;
        }
        let wanted = fold(text);
        self.0.iter().copied().find(|word| fold(word) == wanted)
    }

    /// The word as it may be shown: in the list's spelling, or as [`OTHER`] with a hash. Empty stays empty.
    pub fn shown(&self, text: &str) -> String {
        match self.find(text) {
            Some(word) => word.to_owned(),
            None if text.trim().is_empty() => String::new(),
            None => other(text),
        }
    }
}

fn fold(text: &str) -> String {
    text.trim().chars().filter(|char| !matches!(char, '_' | '-' | ' ')).map(|char| char.to_ascii_uppercase()).collect()
}

/// Stands for a text that must not be shown. Equal texts have equal hashes on every replica, so an operator can compare them. Sixteen bits
/// are too few to find a person's number by trying all numbers: each hash has more than 150,000 mobile numbers.
pub fn other(text: &str) -> String {
    match digest(&SHA256, text.trim().as_bytes()).as_ref() {
        [first, second, ..] => format!("{OTHER}-{first:02x}{second:02x}"),
        _ => OTHER.to_owned(),
    }
}

/// A word that was stored, as it may be shown. Adapters store vetted words only; an older version of the gateway also stored words that no
/// list had, and some of those were a person's number.
pub fn vetted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ' | b'.');
    if text.len() <= LONGEST && text.bytes().all(plain) && !is_personal(text) { text.to_owned() } else { other(text) }
}

/// Whether a text holds what can be a person's number: five digits, or the letters and digits of a PAN, whatever stands between them.
pub(super) fn is_personal(text: &str) -> bool {
    let dense: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).collect();
    let digits = dense.windows(5).any(|window| window.iter().all(u8::is_ascii_digit));
    let pan = |window: &[u8]| {
        window.iter().enumerate().all(|(at, byte)| match at {
            5..=8 => byte.is_ascii_digit(),
            _ => byte.is_ascii_alphabetic(),
        })
    };
    digits || dense.windows(10).any(pan)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORDS: Vocabulary = Vocabulary(&["InvalidRequest", "CONSENT_PENDING", "FP0001"]);

    #[test]
    fn a_listed_word_shows_in_the_lists_spelling() {
        for (text, shown) in [
            ("InvalidRequest", "InvalidRequest"),
            (" invalid_request ", "InvalidRequest"),
            ("consent pending", "CONSENT_PENDING"),
            ("Consent-Pending", "CONSENT_PENDING"),
            ("fp0001", "FP0001"),
            ("", ""),
            ("  ", ""),
        ] {
            assert_eq!(WORDS.shown(text), shown, "{text:?}");
        }
    }

    #[test]
    fn any_other_text_shows_as_a_short_hash() {
        let long = "x".repeat(5_000);
        for text in ["AAAPA0001A", "aaapa0001a", "9000000001", "FP00011", "InvalidRequest AAAPA0001A", "A.SAMPLE", "नाम", &long]
        {
            let shown = WORDS.shown(text);
            assert!(shown.starts_with("OTHER-") && shown.len() == 10, "{text}: {shown}");
            assert_eq!(shown, WORDS.shown(text), "{text}");
        }
        assert_ne!(other("AAAPA0001A"), other("AAAPA0002A"));
    }

    #[test]
    fn a_stored_word_that_can_be_a_number_is_hidden() {
        for kept in ["CONSENT_PENDING", "FP0061", "OTHER-1234", "outcome unknown", "READY", ""] {
            assert_eq!(vetted(kept), kept);
        }
        for hidden in ["AAAPA0001A", "pan AAAPA-0001-A", "98765-43210", "9000 0000 01", "AAAPA0001A_FAILED", "a/b", "नाम"] {
            assert!(vetted(hidden).starts_with("OTHER-"), "{hidden}");
        }
    }
}
