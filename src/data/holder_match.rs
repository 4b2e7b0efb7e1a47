//! Whether an account is the applicant's.

use crate::{
    data::{
        hidden::{is_hidden, is_hidden_number, is_hidden_pan},
        personal::exposed,
    },
    journey::model::Customer,
    pb::{Answer, Holder, HolderMatch},
};

/// Titles that say nothing about who somebody is.
const TITLES: [&str; 12] = ["MR", "MRS", "MS", "MISS", "DR", "PROF", "SHRI", "SRI", "SMT", "KUMARI", "KUM", "MASTER"];

/// Compares the applicant with every holder: one that fits is enough. No holder fits only if each tells the value in clear, since one whose
/// value is missing or hidden may be the applicant.
pub fn compare(holders: &[Holder], applicant: &Customer) -> HolderMatch {
    let against = |wanted: Option<&str>, normal: fn(&str) -> Option<String>, field: fn(&Holder) -> &str| {
        let Some(wanted) = wanted.and_then(normal) else {
            return Answer::Unspecified;
        };
        let found: Vec<Option<String>> = holders.iter().map(|holder| normal(field(holder))).collect();
        if found.iter().any(|value| value.as_ref() == Some(&wanted)) {
            return Answer::Yes;
        }
        if found.is_empty() || found.iter().any(Option::is_none) { Answer::Unspecified } else { Answer::No }
    };
    HolderMatch {
        name: against(exposed(&applicant.name), name, |holder| &holder.name).into(),
        pan: against(exposed(&applicant.pan), pan, |holder| &holder.pan).into(),
        mobile: against(exposed(&applicant.mobile), mobile, |holder| &holder.mobile).into(),
    }
}

/// The words of a name in order of the alphabet, without titles and punctuation; `None` if a part is hidden.
fn name(text: &str) -> Option<String> {
    if is_hidden(text) {
        return None;
    }
    let upper = text.to_uppercase();
    let mut words: Vec<&str> =
        upper.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty() && !TITLES.contains(word)).collect();
    words.sort_unstable();
    (!words.is_empty()).then(|| words.join(" "))
}

/// A PAN in clear.
fn pan(text: &str) -> Option<String> {
    let text = text.trim().to_ascii_uppercase();
    let shape = text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            5..=8 => byte.is_ascii_digit(),
            _ => byte.is_ascii_uppercase(),
        });
    (shape && !is_hidden_pan(&text)).then_some(text)
}

/// The last ten digits of a number in clear.
fn mobile(text: &str) -> Option<String> {
    if is_hidden_number(text) {
        return None;
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.len().checked_sub(10).and_then(|from| digits.get(from..)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str, pan: &str, mobile: &str) -> Holder {
        Holder { name: name.to_owned(), pan: pan.to_owned(), mobile: mobile.to_owned(), ..Holder::default() }
    }

    fn applicant() -> Customer {
        Customer {
            name: Some("Asha R. Sample".into()),
            pan: Some("AAAPA0001A".into()),
            mobile: Some("9000000001".into()),
            ..Customer::default()
        }
    }

    fn answers(found: HolderMatch) -> (Answer, Answer, Answer) {
        (found.name(), found.pan(), found.mobile())
    }

    #[test]
    fn case_order_titles_and_country_code_do_not_count() {
        let found = compare(&[holder("MRS. SAMPLE  ASHA R", "aaapa0001a", "+91 90000 00001")], &applicant());
        assert_eq!(answers(found), (Answer::Yes, Answer::Yes, Answer::Yes));
    }

    #[test]
    fn one_of_several_holders_is_enough_and_none_is_a_no() {
        let other = holder("B Other", "AAAPB0002B", "9000000002");
        let both = [other.clone(), holder("Asha R Sample", "AAAPA0001A", "9000000001")];
        assert_eq!(answers(compare(&both, &applicant())), (Answer::Yes, Answer::Yes, Answer::Yes));
        assert_eq!(answers(compare(&[other], &applicant())), (Answer::No, Answer::No, Answer::No));
    }

    #[test]
    fn what_is_masked_or_missing_is_not_compared() {
        let nothing = (Answer::Unspecified, Answer::Unspecified, Answer::Unspecified);
        assert_eq!(answers(compare(&[], &applicant())), nothing);
        assert_eq!(answers(compare(&[holder("", "XXXXX0001A", "XXXXXX0001")], &applicant())), nothing);
        assert_eq!(answers(compare(&[holder("A", "AAAPA0001A", "9000000001")], &Customer::default())), nothing);
    }

    #[test]
    fn a_holder_who_is_hidden_or_not_told_may_be_the_applicant() {
        let other = holder("B Other", "AAAPB0002B", "9000000002");
        let open = (Answer::Unspecified, Answer::Unspecified, Answer::Unspecified);
        for second in [
            holder("A*** S*****", "XXXXX0001A", "XXXXXX0001"),
            holder("XXXX XXXXXX", "AXXXX0001A", "90000XXXXX"),
            holder("", "", ""),
            holder("XXXXXXXX", "AAAPAXXXXA", "98#####210"),
        ] {
            assert_eq!(answers(compare(&[other.clone(), second.clone()], &applicant())), open);
            assert_eq!(answers(compare(&[second], &applicant())), open);
        }
    }
}
