#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use super::*;

fn holder(change: impl FnOnce(&mut HolderText<'static>)) -> (Holder, Vec<(String, QualityCode, String)>) {
    let mut text = HolderText { name: Scalar::Text("Asha Sample"), ..HolderText::default() };
    change(&mut text);
    let mut flags = Flags::default();
    let holder = read(&[text], &mut flags).remove(0);
    (holder, flags.0.into_iter().map(|flag| (flag.path.into_owned(), flag.code, flag.source)).collect())
}

fn flag(field: &str, code: QualityCode) -> (String, QualityCode, String) {
    (format!("holders[0].{field}"), code, String::new())
}

#[test]
fn words_for_nothing_are_no_name_and_no_yes() {
    for word in ["NONE", "NIL", "-", "0", "NA", "N/A", "NOT AVAILABLE", "UNREGISTERED", "<NULL>", "null", "none", "Not Available"]
    {
        let (found, flags) = holder(|text| {
            for field in [
                &mut text.name,
                &mut text.date_of_birth,
                &mut text.mobile,
                &mut text.landline,
                &mut text.email,
                &mut text.address,
                &mut text.pan,
                &mut text.nominee,
                &mut text.ckyc,
                &mut text.kyc,
                &mut text.demat_id,
                &mut text.folio,
                &mut text.pran,
                &mut text.uan,
                &mut text.holding_type,
                &mut text.rank,
            ] {
                *field = Scalar::Text(word);
            }
        });
        // A word that says that nobody is registered is an answer.
        let no = if word == "UNREGISTERED" { Answer::No } else { Answer::Unspecified };
        let wanted = Holder { nominee_registered: no.into(), ckyc_registered: no.into(), ..Holder::default() };
        assert_eq!((found, flags), (wanted, vec![]), "{word}");
    }
}

#[test]
fn a_nominees_name_is_kept_beside_the_answer() {
    let (found, flags) = holder(|text| text.nominee = Scalar::Text("Ravi Sample"));
    assert_eq!((found.nominee_registered(), found.nominee_name.as_str()), (Answer::Yes, "Ravi Sample"));
    assert_eq!(flags, [flag("nominee_registered", QualityCode::Assumed)]);
    for (word, answer) in [("Registered", Answer::Yes), ("NOT-REGISTERED", Answer::No), ("Unregistered", Answer::No)] {
        let (found, flags) = holder(|text| text.nominee = Scalar::Text(word));
        assert_eq!((found.nominee_registered(), found.nominee_name.as_str(), flags), (answer, "", vec![]), "{word}");
    }
    let (found, flags) = holder(|text| text.nominee = Scalar::Text("R*** S*****"));
    assert_eq!((found.nominee_registered(), found.nominee_name.as_str()), (Answer::Unspecified, "R*** S*****"));
    assert_eq!(flags, [flag("nominee_name", QualityCode::Masked)]);
}

#[test]
fn an_unknown_word_is_quoted_with_its_place() {
    let (found, flags) = holder(|text| {
        text.ckyc = Scalar::Text("PENDING");
        text.nominee = Scalar::Text("12");
    });
    assert_eq!((found.ckyc_registered(), found.nominee_registered()), (Answer::Unspecified, Answer::Unspecified));
    let word = |field: &str, text: &str| (format!("holders[0].{field}"), QualityCode::UnknownWord, text.to_owned());
    assert_eq!(flags, [word("nominee_registered", "12"), word("ckyc_registered", "PENDING")]);
}

#[test]
fn hidden_values_are_kept_and_flagged_alike() {
    let (found, flags) = holder(|text| {
        text.date_of_birth = Scalar::Text("XXXX-01-19");
        text.mobile = Scalar::Text("XXXXXX0001");
        text.email = Scalar::Text("a***@example.com");
        text.pan = Scalar::Text("XXXXX1234X");
        text.demat_id = Scalar::Text("XXXXXXXX1234");
    });
    assert_eq!((found.date_of_birth, found.date_of_birth_text.as_str()), (None, "XXXX-01-19"));
    assert_eq!((found.mobile.as_str(), found.email.as_str()), ("XXXXXX0001", "a***@example.com"));
    assert_eq!((found.pan.as_str(), found.demat_id.as_str()), ("XXXXX1234X", "XXXXXXXX1234"));
    let fields = ["date_of_birth", "mobile", "email", "pan", "demat_id"];
    assert_eq!(flags, fields.map(|field| flag(field, QualityCode::Masked)));
}

#[test]
fn what_is_no_birthday_keeps_its_text() {
    let (found, flags) = holder(|text| text.date_of_birth = Scalar::Text("January 1990"));
    assert_eq!((found.date_of_birth, found.date_of_birth_text.as_str()), (None, "January 1990"));
    assert_eq!(flags, [flag("date_of_birth", QualityCode::Unparsable)]);
    let (found, flags) = holder(|text| text.date_of_birth = Scalar::Text("19-01-1990"));
    assert_eq!((found.date_of_birth, flags), (Some(Date { year: 1990, month: 1, day: 19 }), vec![]));
}
