//! Masking of numbers: "XXXX" and at most the last four characters, however a provider masks.

/// A masked number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// What may be shown.
    pub number: String,
    /// Whether the number came in clear.
    pub was_clear: bool,
}

/// Masks an account number. How many X a provider writes says nothing and is not kept.
pub fn account_number(number: &str) -> Masked {
    let hidden = |byte: char| matches!(byte, 'X' | 'x' | '*' | '#' | '•') || !byte.is_alphanumeric();
    let tail: Vec<char> = number.chars().rev().take_while(|letter| !hidden(*letter)).take(4).collect();
    Masked {
        number: std::iter::repeat_n('X', 4).chain(tail.into_iter().rev()).collect(),
        was_clear: number.chars().filter(char::is_ascii_digit).count() > 4,
    }
}

/// The last four characters of an identifier behind an X for each of the others; all X if there are at most four.
pub fn last_four(text: &str) -> String {
    let count = text.chars().count();
    let hidden = if count > 4 { count - 4 } else { count };
    text.chars().enumerate().map(|(at, letter)| if at < hidden { 'X' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_providers_mask_becomes_the_same() {
        for (number, masked, was_clear) in [
            ("XXXXXXXX1234", "XXXX1234", false),
            ("XXXXXXXXXXXXX1234", "XXXX1234", false),
            ("xx-1234", "XXXX1234", false),
            ("***12", "XXXX12", false),
            ("XXXXXXXXXX", "XXXX", false),
            ("00000090001234", "XXXX1234", true),
            ("XX90001234", "XXXX1234", true),
            ("FD0000777", "XXXX0777", true),
            ("", "XXXX", false),
        ] {
            assert_eq!(account_number(number), Masked { number: masked.to_owned(), was_clear }, "{number}");
        }
    }

    #[test]
    fn an_identifier_keeps_its_last_four_characters() {
        assert_eq!(last_four("AAAPA0001A"), "XXXXXX001A");
        assert_eq!(last_four("9000000001"), "XXXXXX0001");
        assert_eq!(last_four("001"), "XXX");
        assert_eq!(last_four(""), "");
    }
}
