//! Formats and check digits of the numbers that identify a person in India.

/// Ten digits that begin with 6 to 9: an Indian mobile number without its country code.
pub(super) fn is_mobile(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.starts_with(['6', '7', '8', '9'])
}

/// A permanent account number: five capital letters, four digits, a capital letter. Its check letter follows no published rule.
pub(super) fn is_pan(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            5..=8 => byte.is_ascii_digit(),
            _ => byte.is_ascii_uppercase(),
        })
}

/// An Aadhaar number (12 digits, the first of them 2 to 9) or a virtual id (16 digits). Both end with a Verhoeff check digit.
pub(super) fn is_aadhaar(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let form = match text.len() {
        12 => !text.starts_with(['0', '1']),
        16 => true,
        _ => false,
    };
    digits && form && verhoeff(text.bytes().map(|byte| byte - b'0'))
}

/// A GSTIN: a two-digit state code, the PAN, the number of the registration, a letter (Z by default), a check character.
pub(super) fn is_gstin(text: &str) -> bool {
    let (Some(state), Some(pan), Some([registration, reserved, check])) =
        (text.get(..2), text.get(2..12), text.as_bytes().get(12..))
    else {
        return false;
    };
    let state = state.bytes().all(|byte| byte.is_ascii_digit()) && state != "00";
    let registration = matches!(registration, b'1'..=b'9' | b'A'..=b'Z');
    state && is_pan(pan) && registration && reserved.is_ascii_uppercase() && gstin_check(text.as_bytes()) == Some(*check)
}

/// The multiplication of the dihedral group of order ten.
const PRODUCT: [[u8; 10]; 10] = [
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
];

/// The permutation that is applied once more at each place, from the right.
const PERMUTATION: [u8; 10] = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

/// Whether the last of the digits is the Verhoeff check digit of those before it.
fn verhoeff(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let permuted = |digit: u8, place: usize| {
        (0..place % 8).fold(digit, |digit, _| PERMUTATION.get(usize::from(digit)).copied().unwrap_or_default())
    };
    let product = |left: u8, right: u8| PRODUCT.get(usize::from(left)).and_then(|row| row.get(usize::from(right))).copied();
    let sum = digits.rev().enumerate().try_fold(0, |sum, (place, digit)| product(sum, permuted(digit, place)));
    sum == Some(0)
}

/// The check character of the first fourteen: base 36, every second value doubled, quotient and remainder by 36 added.
fn gstin_check(text: &[u8]) -> Option<u8> {
    const ALPHABET: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let sum = text.iter().take(14).enumerate().try_fold(0, |sum, (place, byte)| {
        let value = ALPHABET.iter().position(|letter| letter == byte)? * (1 + place % 2);
        Some(sum + value / 36 + value % 36)
    })?;
    ALPHABET.get((36 - sum % 36) % 36).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_right_check_digit_of_an_aadhaar_number_fits() {
        // 2363 is the published example of the Verhoeff scheme: the check digit of 236 is 3.
        assert!(verhoeff([2, 3, 6, 3].into_iter()) && !verhoeff([2, 3, 6, 4].into_iter()));
        for (start, length) in [("99994105705", 12), ("23412341234", 12), ("999941057058123", 16)] {
            let fitting: Vec<String> = (0..10).map(|digit| format!("{start}{digit}")).filter(|text| is_aadhaar(text)).collect();
            assert_eq!(fitting.len(), 1, "{start}");
            assert_eq!(fitting[0].len(), length);
        }
    }

    #[test]
    fn two_swapped_digits_of_an_aadhaar_number_are_found() {
        // A number that the issuer publishes for tests.
        assert!(is_aadhaar("999941057058"));
        for wrong in ["999941075058", "999914057058", "199941057058", "99994105705", "9999 4105 7058", ""] {
            assert!(!is_aadhaar(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_gstin_needs_its_pan_and_its_check_character() {
        // The form's published example.
        assert!(is_gstin("27AAPFU0939F1ZV"));
        for wrong in
            ["27AAPFU0939F1ZW", "00AAPFU0939F1ZV", "27AAPFU0939F0ZV", "27aapfu0939f1zv", "27AAPFU0939F1Z", "", "é7AAPFU0939F1ZV"]
        {
            assert!(!is_gstin(wrong), "{wrong}");
        }
    }
}
