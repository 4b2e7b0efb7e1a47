//! JSON numbers are read from their digits, and ids may be numbers.

use sangam::pb::QualityCode;

use super::{BODIES, flagged};

#[test]
fn an_amount_as_a_number_is_exact() {
    for body in BODIES {
        for (number, units) in [
            ("99999999999999.99", 9_999_999_999_999_999),
            ("1234567890123456.78", 123_456_789_012_345_678),
            ("9007199254740993.01", 900_719_925_474_099_301),
            ("1e5", 10_000_000),
            ("1.5E3", 150_000),
            ("15e-1", 150),
            ("100", 10_000),
            ("100.10", 10_010),
        ] {
            for key in [0, 1] {
                let page = body.page(&body.with(key, number));
                let row = &page.transactions[0];
                let read = if key == 0 { &row.amount } else { &row.balance };
                assert_eq!(read.as_ref().map(|money| money.minor_units), Some(units), "{} {number}", body.file);
                assert_eq!(flagged(&row.quality_flags, QualityCode::FloatNoise), [""; 0], "{} {number}", body.file);
            }
        }
    }
}

#[test]
fn noise_and_extra_decimals_of_a_number_are_flagged_as_those_of_a_text() {
    for body in BODIES {
        for (number, units, code) in [
            ("136797.48000000001", Some(13_679_748), QualityCode::FloatNoise),
            ("1234567890123.4500001", None, QualityCode::ExtraDecimals),
        ] {
            let page = body.page(&body.with(0, number));
            let row = &page.transactions[0];
            assert_eq!(row.amount.as_ref().map(|money| money.minor_units), units, "{} {number}", body.file);
            let flag = row.quality_flags.iter().find(|flag| flag.code() == code).unwrap();
            assert_eq!((flag.field_path.as_str(), flag.source_text.as_str()), ("amount", number), "{}", body.file);
        }
    }
}

#[test]
fn an_id_as_a_number_keeps_its_digits() {
    for body in BODIES {
        for number in ["9998", "18446744073709551616", "340282366920938463463374607431768211456", "1e5", "-0", "12.50"] {
            let page = body.page(&body.with(3, number));
            assert_eq!(page.transactions[0].bank_transaction_id, number, "{}", body.file);
        }
    }
}

#[test]
fn a_repeated_number_as_an_id_is_flagged() {
    for body in BODIES {
        for number in ["9998", "18446744073709551616"] {
            let mut value = body.body();
            let list = body.row.strip_suffix("/0").unwrap();
            let rows = value.pointer_mut(list).unwrap().as_array_mut().unwrap();
            rows[0][body.keys[3]] = "<here>".into();
            let mut second = rows[0].clone();
            second[body.keys[2]] = "another".into();
            rows.push(second);
            let text = value.to_string().replace("\"<here>\"", number);
            let page = body.page(text.as_bytes());
            let repeated =
                page.transactions.iter().filter(|row| !flagged(&row.quality_flags, QualityCode::DuplicateId).is_empty());
            assert_eq!(repeated.count(), 2, "{} {number}", body.file);
        }
    }
}

#[test]
fn personal_numbers_as_numbers_keep_their_digits() {
    for (body, place, number) in [
        (BODIES[0], "/data/0/Profile/Holders/Holder/0/mobile", "919000000001"),
        (BODIES[0], "/data/0/Summary/micrCode", "560000001"),
        (BODIES[2], "/data/account_aggregator_json/0/profile_details/mobile", "9000000001"),
        (BODIES[2], "/data/account_aggregator_json/0/profile_details/landline", "18446744073709551616"),
    ] {
        let mut value = body.body();
        *value.pointer_mut(place).unwrap() = "<here>".into();
        let text = value.to_string().replace("\"<here>\"", number);
        assert!(format!("{:?}", body.page(text.as_bytes()).accounts).contains(&format!("\"{number}\"")), "{place}");
    }
}

#[test]
fn a_fraction_in_an_unknown_key_stays_a_number() {
    for body in BODIES {
        let mut value = body.body();
        value.pointer_mut(body.row).unwrap()["score"] = 0.5.into();
        value.pointer_mut(body.row).unwrap()[body.keys[3]] = 1.5.into();
        let page = body.page(value.to_string().as_bytes());
        let kept = page.transactions[0].extensions.as_ref().unwrap();
        let number = prost_types::value::Kind::NumberValue(0.5);
        assert_eq!(kept.fields["score"].kind, Some(number), "{}", body.file);
    }
}
