//! Makes a body that is nearly JSON into JSON: banks put bytes of older encodings, raw control characters and halves of surrogate pairs into
//! their texts, and front ends put a byte order mark before the body or a NUL behind it. What no text can hold becomes U+FFFD.
//!
//! A body is tried as it came first, so a well-formed one costs nothing. What is no JSON for another reason (`NaN`, a key without quotes, a
//! body that was cut off) stays as it is, and stays an error.

use std::borrow::Cow;

/// Stands in front of the digits of a number that was put into quotes: a noncharacter, which Unicode keeps out of all interchange.
pub const MARK: char = '\u{fdd1}';

/// What becomes of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbers {
    /// They stay as they are.
    Kept,
    /// Those that a parser would put through a double (a fraction, an exponent, more than 18 digits) become texts behind [`MARK`].
    Quoted,
}

/// A body that was made readable.
#[derive(Debug, PartialEq, Eq)]
pub struct Repaired {
    /// The body.
    pub text: String,
    /// Whether a text in it was damaged, so that U+FFFD stands in it.
    pub damaged: bool,
}

/// By how much a body may grow: every byte of an unreadable text becomes three. A body that is mostly damage is no statement.
const GROWTH: usize = 2;
const SLACK: usize = 1024;

/// The body made readable; `None` if there is nothing to change, if it does not look like JSON, or if it would more than double.
#[must_use]
pub fn rewrite(body: &[u8], numbers: Numbers) -> Option<Repaired> {
    let (decoded, lossy) = decode(body);
    let inner = without_padding(&decoded);
    if !inner.starts_with(['{', '[', '"']) {
        return None;
    }
    let limit = body.len().saturating_mul(GROWTH).saturating_add(SLACK);
    let mut rewriter = Rewriter { rest: inner, out: String::with_capacity(inner.len() + 64), damaged: lossy, numbers };
    while !rewriter.rest.is_empty() {
        if rewriter.out.len() > limit {
            return None;
        }
        rewriter.step();
    }
    let Rewriter { out: text, damaged, .. } = rewriter;
    (text.as_bytes() != body && text.len() <= limit).then_some(Repaired { text, damaged })
}

/// Reads a body as it came, and once more made readable if that fails. The second argument of `read` says whether texts are damaged.
pub fn reading<T, E>(body: &[u8], mut read: impl FnMut(&[u8], bool) -> Result<T, E>) -> Result<T, E> {
    let first = read(body, false);
    match first {
        Ok(_) => first,
        Err(_) => match rewrite(body, Numbers::Quoted) {
            Some(repaired) => read(repaired.text.as_bytes(), repaired.damaged),
            None => first,
        },
    }
}

/// The text of a JSON string in its quotes; halves of surrogate pairs become U+FFFD. `None` if it is no string.
#[must_use]
pub fn text_of(quoted: &str) -> Option<String> {
    serde_json::from_str(quoted).ok().or_else(|| serde_json::from_str(&rewrite(quoted.as_bytes(), Numbers::Kept)?.text).ok())
}

/// The body as text, and whether bytes of it were none.
fn decode(body: &[u8]) -> (Cow<'_, str>, bool) {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let utf16 = match body {
        [0xff, 0xfe, rest @ ..] => Some((rest, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0xfe, 0xff, rest @ ..] => Some((rest, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        // JSON begins with two ASCII characters, so a NUL beside each tells the byte order (RFC 4627, section 3).
        [1..=127, 0, 1..=127, 0, ..] => Some((body, u16::from_le_bytes as fn([u8; 2]) -> u16)),
        [0, 1..=127, 0, 1..=127, ..] => Some((body, u16::from_be_bytes as fn([u8; 2]) -> u16)),
        _ => None,
    };
    if let Some((units, read)) = utf16 {
        let (pairs, odd) = units.as_chunks::<2>();
        let mut lossy = !odd.is_empty();
        let units = char::decode_utf16(pairs.iter().map(|pair| read(*pair)));
        let text = units.map(|unit| {
            unit.unwrap_or_else(|_| {
                lossy = true;
                char::REPLACEMENT_CHARACTER
            })
        });
        return (Cow::Owned(text.collect()), lossy);
    }
    let text = String::from_utf8_lossy(body);
    let lossy = matches!(text, Cow::Owned(_));
    (text, lossy)
}

/// Without what some front ends put around a body: blanks, NULs, byte order marks, an end-of-file character, and one comma behind it.
fn without_padding(text: &str) -> &str {
    let padding = |letter: char| letter.is_whitespace() || matches!(letter, '\0' | '\u{feff}' | '\u{1a}');
    let text = text.trim_matches(padding);
    text.strip_suffix(',').unwrap_or(text).trim_end_matches(padding)
}

struct Rewriter<'t> {
    rest: &'t str,
    out: String,
    damaged: bool,
    numbers: Numbers,
}

impl Rewriter<'_> {
    /// Copies what stands outside of strings up to the next string or number, and that.
    fn step(&mut self) {
        let number = |byte: u8| byte == b'-' || byte.is_ascii_digit();
        let quoting = self.numbers == Numbers::Quoted;
        let stop = self.rest.bytes().position(|byte| byte == b'"' || (quoting && number(byte)));
        self.copy(stop.unwrap_or(self.rest.len()));
        match self.rest.as_bytes().first() {
            Some(b'"') => self.string(),
            Some(_) => self.number(),
            None => {}
        }
    }

    fn copy(&mut self, len: usize) {
        let (head, rest) = self.rest.split_at_checked(len).unwrap_or((self.rest, ""));
        self.out.push_str(head);
        self.rest = rest;
    }

    fn skip(&mut self, len: usize) {
        self.rest = self.rest.get(len..).unwrap_or_default();
    }

    /// Replaces so many bytes.
    fn replace(&mut self, len: usize) {
        self.skip(len);
        self.out.push(char::REPLACEMENT_CHARACTER);
        self.damaged = true;
    }

    fn string(&mut self) {
        self.copy(1);
        loop {
            let stop = self.rest.bytes().position(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\' | 0xef));
            self.copy(stop.unwrap_or(self.rest.len()));
            match self.rest.as_bytes().first() {
                None => return,
                Some(b'"') => return self.copy(1),
                Some(b'\\') => self.escape(),
                // A mark of ours that is not ours.
                Some(0xef) if self.rest.starts_with(MARK) => self.replace(MARK.len_utf8()),
                Some(0xef) => self.copy(self.rest.chars().next().map_or(1, char::len_utf8)),
                Some(_) => self.replace(1),
            }
        }
    }

    fn escape(&mut self) {
        match self.rest.as_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.copy(2),
            Some(b'u') => match (unit(self.rest), self.rest.get(6..).and_then(unit)) {
                (None, _) => self.replace(1),
                (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => self.copy(12),
                (Some(0xd800..=0xdfff), _) => self.replace(6),
                (Some(_), _) => self.copy(6),
            },
            // No escape of JSON: a path such as `C:\Users` was put into quotes as it stood.
            _ => self.replace(1),
        }
    }

    fn number(&mut self) {
        let part = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E');
        let len = self.rest.bytes().position(|byte| !part(byte)).unwrap_or(self.rest.len());
        let digits = self.rest.get(..len).unwrap_or_default();
        let whole = digits.len() <= 18 && digits != "-0" && digits.bytes().skip(1).all(|byte| byte.is_ascii_digit());
        if whole || !is_number(digits) {
            return self.copy(len.max(1));
        }
        self.out.extend(['"', MARK]);
        self.copy(len);
        self.out.push('"');
    }
}

/// The code unit that a `\uXXXX` at the beginning writes.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    u16::from_str_radix(digits, 16).ok()
}

/// Whether a text is a number as JSON has it (RFC 8259, section 6).
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(mantissa, power)| (mantissa, Some(power)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, fraction)| (whole, Some(fraction)));
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|power| digits(power.strip_prefix(['-', '+']).unwrap_or(power)))
}

#[cfg(test)]
mod tests;
