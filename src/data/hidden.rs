//! Values of a person of which a provider or bank hides a part: "XXXXX1234X", "XXXX-01-19", "a***@example.com". They are kept as they came,
//! flagged, and compared with nothing, since how many signs stand for what is hidden differs from bank to bank.

/// Signs that stand for nothing else.
const SIGNS: [char; 4] = ['*', '•', '●', '█'];

/// Whether a part of a text is hidden: a name, an address, a number or an address of email. One or two X are letters.
pub fn is_hidden(text: &str) -> bool {
    let run = |sign: u8| text.as_bytes().windows(3).any(|three| three.iter().all(|byte| *byte == sign));
    text.contains(SIGNS) || run(b'X') || run(b'x') || run(b'#')
}

/// The same of what consists of digits: a date or a telephone number.
pub fn is_hidden_number(text: &str) -> bool {
    text.contains(SIGNS) || text.contains(['X', 'x', '#'])
}

/// The same of a PAN. Its five letters may hold an X each, but the fourth says what the holder is, and no holder is an X; its four digits are
/// digits.
pub fn is_hidden_pan(text: &str) -> bool {
    let sign = |byte: Option<&u8>| matches!(byte, Some(b'X' | b'x'));
    let bytes = text.as_bytes();
    is_hidden(text) || (bytes.len() == 10 && (3..9).filter(|at| *at != 4).any(|at| sign(bytes.get(at))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_parts_are_seen_wherever_they_stand() {
        for text in ["XXXXX1234X", "XXXXXXXXXX", "AAAPAXXXXA", "AAAXA0001A", "AAAPA00X1A", "A*****001A", "xxxxx1234x"] {
            assert!(is_hidden_pan(text), "{text}");
        }
        for text in ["a***@example.com", "XXXX@example.com", "A*** S*****", "XXXXX Rao", "•••• 1234"] {
            assert!(is_hidden(text), "{text}");
        }
        for text in ["XXXX-01-19", "19-01-XXXX", "XX-XX-1990", "1990-**-**", "XXXXXX0001", "90000XXXXX", "98#####210"] {
            assert!(is_hidden_number(text), "{text}");
        }
    }

    #[test]
    fn whole_values_are_not_hidden() {
        for text in ["AAAPA0001A", "XAXPX0001X", "XXXPA0001A".get(2..).unwrap_or_default()] {
            assert!(!is_hidden_pan(text), "{text}");
        }
        for text in ["Asha Sample", "Max Xavier", "axx@example.com", "#12, 1st Main"] {
            assert!(!is_hidden(text), "{text}");
        }
        assert!(!is_hidden_number("1990-01-19") && !is_hidden_number("+91 90000 00001"));
    }
}
