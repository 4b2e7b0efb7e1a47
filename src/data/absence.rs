//! Words by which banks say that there is nothing: they are no names, no codes and no answers. What they write for nothing is longer than
//! what [`super::scalar`] takes for it everywhere: a narration may well be "NONE".

/// Longer texts say something.
const LONGEST: usize = 32;

/// Whether a text says nothing where a name, a word, a number of a person or a date belongs.
pub fn is_absent(text: &str) -> bool {
    letters(text).is_some_and(|(letters, _)| says_nothing(&letters))
}

/// Whether a text says nothing where a code belongs: zeros may be one, as for the MICR code of a branch that has none.
pub fn is_absent_code(text: &str) -> bool {
    letters(text).is_some_and(|(letters, zeros)| !zeros && says_nothing(&letters))
}

/// Whether a text says nothing where an identifier belongs: a word for nothing, or zeros alone.
pub fn is_absent_id(text: &str) -> bool {
    is_absent_code(text) || text.bytes().all(|byte| byte == b'0')
}

fn says_nothing(letters: &str) -> bool {
    matches!(
        letters,
        "" | "NA"
            | "NAN"
            | "NIL"
            | "NILL"
            | "NONE"
            | "NULL"
            | "EMPTY"
            | "BLANK"
            | "UNDEFINED"
            | "UNKNOWN"
            | "UNAVAILABLE"
            | "UNREGISTERED"
            | "UNSPECIFIED"
            | "NOTAVAILABLE"
            | "NOTAPPLICABLE"
            | "NOTFOUND"
            | "NOTGIVEN"
            | "NOTKNOWN"
            | "NOTPROVIDED"
            | "NOTREGISTERED"
            | "NOTSPECIFIED"
            | "NOTUPDATED"
            | "NODATA"
            | "NODATAAVAILABLE"
            | "DATANOTAVAILABLE"
    )
}

/// The letters of a text in upper case, without blanks and punctuation, and whether it has zeros; `None` if anything else stands in it: other
/// digits, the signs that hide a value, letters beyond ASCII.
fn letters(text: &str) -> Option<(String, bool)> {
    // First, without a copy: nearly every value that is asked about says something.
    if text.len() > LONGEST || text.bytes().any(|byte| matches!(byte, b'*' | b'#' | b'1'..=b'9' | 128..)) {
        return None;
    }
    let zeros = text.contains('0');
    let letters: String = text.chars().filter(char::is_ascii_alphabetic).map(|letter| letter.to_ascii_uppercase()).collect();
    (letters.is_empty() || !zeros).then_some((letters, zeros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_known_in_every_spelling() {
        for text in [
            "",
            " ",
            "-",
            "--",
            ".",
            "0",
            "00",
            "0000-00-00",
            "NA",
            "na",
            "N/A",
            "n.a.",
            "NIL",
            "Nil",
            "NONE",
            "none",
            "null",
            "<NULL>",
            "(null)",
            "NOT AVAILABLE",
            "Not-Available",
            "NOT_AVAILABLE",
            "Not Applicable",
            "UNREGISTERED",
            "NO DATA AVAILABLE",
        ] {
            assert!(is_absent(text), "{text}");
        }
    }

    #[test]
    fn what_says_something_is_not_absent() {
        for text in [
            "Asha",
            "N A Rao",
            "Nilam",
            "Nona",
            "A",
            "O",
            "10",
            "0A",
            "NONE1",
            "****",
            "####",
            "न",
            "REGISTERED",
            "NO",
            "FALSE",
            "None of the holders is named here at all",
        ] {
            assert!(!is_absent(text), "{text}");
        }
    }

    #[test]
    fn zeros_are_no_identifier_and_a_number_is_one() {
        for text in ["", "-", "0", "000", "NA", "nil", "Not Available"] {
            assert!(is_absent_id(text), "{text}");
        }
        for text in ["-0", "1", "0A", "9998"] {
            assert!(!is_absent_id(text), "{text}");
        }
    }

    #[test]
    fn zeros_may_be_a_code() {
        assert!(!is_absent_code("000000000") && is_absent_code("-") && is_absent_code("NOT AVAILABLE"));
    }
}
