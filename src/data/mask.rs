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
    let mask = |letter: char| matches!(letter, 'X' | 'x' | '*' | '#' | '•');
    let hidden = |letter: char| mask(letter) || !letter.is_alphanumeric();
    // Four characters without a mask are the whole number: its end would be all of it.
    let whole = !number.chars().any(mask) && number.chars().filter(|letter| letter.is_alphanumeric()).count() <= 4;
    let shown = if whole { 0 } else { 4 };
    let tail: Vec<char> = number.chars().rev().take_while(|letter| !hidden(*letter)).take(shown).collect();
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
    use proptest::prelude::*;

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
            ("1234", "XXXX", false),
            ("12-34", "XXXX", false),
            ("1", "XXXX", false),
            ("12345", "XXXX2345", true),
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

    /// How many characters of `text` are told by what is shown of it: those that stand in it outside of the mask.
    fn told(shown: &str) -> usize {
        shown.chars().filter(|letter| *letter != 'X').count()
    }

    proptest! {
        #[test]
        fn never_more_than_four_characters_are_told(text in "[0-9A-WYZa-wyz]{0,40}") {
            for shown in [last_four(&text), account_number(&text).number] {
                prop_assert!(told(&shown) <= 4, "{text} as {shown}");
                // A short one is all there is to know: nothing of it is told.
                prop_assert!(text.chars().count() > 4 || told(&shown) == 0, "{text} as {shown}");
            }
        }

        #[test]
        fn whatever_the_characters_no_more_than_four_are_told(text in ".{0,40}") {
            for shown in [last_four(&text), account_number(&text).number] {
                let tail = shown.trim_start_matches('X').chars().count();
                prop_assert!(tail <= 4, "{text} as {shown}");
            }
        }
    }
}
