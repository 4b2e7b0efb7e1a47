use proptest::prelude::*;

use super::*;

fn about(body: &str) -> WebhookHint {
    match read(body.as_bytes()) {
        Reading::About(hint) => hint,
        other => panic!("{other:?} of {body}"),
    }
}

fn refs(body: &str) -> (Option<String>, Vec<String>) {
    let hint = about(body);
    (hint.attempt_id, hint.provider_refs)
}

/// An event in its basic and in its extended type.
fn both_types(kind: &str, status: &str) -> [String; 2] {
    let basic = format!(
        r#""timestamp":"2026-01-01T06:26:10.823Z","consentHandle":"h","eventType":"{kind}","eventStatus":"{status}","consentId":"c",
        "vua":"XXXXXXX001@onemoney","eventMessage":"Data ready for consent id c","linkRefNumbers":[{{"linkRefNumber":"not-a-uuid","fiStatus":"READY"}}]"#
    );
    let more = r#""productID":"PROD01","accountID":"att_1","fetchType":"ONETIME","consentExpiry":"2026-01-02 06:25:13",
        "dataExpiry":"2026-02-01T06:26:10.000Z","firstTimeFetch":true,"sessionId":"s""#;
    [format!("{{{basic}}}"), format!("{{{basic},{more}}}")]
}

#[test]
fn every_event_of_the_catalogue_is_read_in_both_types() {
    for status in &EVENTS[..12] {
        let kind = match *status {
            "DATA_PUSH" => "DATA_EXT",
            status if status.starts_with("CONSENT") => "CONSENT",
            _ => "DATA",
        };
        let [basic, extended] = both_types(kind, status).map(|body| about(&body));
        assert_eq!((basic.kind, extended.kind), (*status, *status));
        assert_eq!((basic.attempt_id, extended.attempt_id.as_deref()), (None, Some("att_1")));
        for hint in [&basic.provider_refs, &extended.provider_refs] {
            assert_eq!(hint, &["h", "c"]);
        }
        assert_eq!(extended.sent_at, Some("2026-01-01T06:26:10.823Z".parse().unwrap()));
        assert_eq!(extended.data_expires_at, Some("2026-02-01T06:26:10Z".parse().unwrap()));
        assert!(!extended.holds_data && extended.opening_ref.is_none());
    }
    let list = r#"{"timestamp":"t","eventType":"AA_LIST","eventStatus":"EVENT_STATUS_UPDATED","eventMessage":"new updates
 in AA list, pull again"}"#;
    assert_eq!(read(list.as_bytes()), Reading::Nobody);
    assert_eq!(read(list.replace('\n', "").as_bytes()), Reading::Nobody);
}

#[test]
fn the_anomalies_of_the_samples_are_read() {
    let consent = both_types("CONSENT", "CONSENT_REJECTED")[1].clone();
    for nothing in ["<NULL>", ""] {
        let body = consent.replace(r#""consentId":"c""#, &format!(r#""consentId":"{nothing}""#));
        assert_eq!(refs(&body), (Some("att_1".to_owned()), vec!["h".to_owned()]));
    }
    let blank = consent.replace("2026-01-01T06:26:10.823Z", "2026-01-01 06:25:13");
    assert_eq!(about(&blank).sent_at, Some("2026-01-01T06:25:13Z".parse().unwrap()));
    let blanks = consent.replace("2026-01-01T06:26:10.823Z", "2026-01-01T06: 38: 37.886Z");
    assert_eq!(about(&blanks).sent_at, Some("2026-01-01T06:38:37.886Z".parse().unwrap()));
    let denied = consent.replace("2026-02-01T06:26:10.000Z", "");
    assert_eq!(about(&denied).data_expires_at, None);
    let comma = format!("{},}}", consent.trim_end_matches('}'));
    assert!(serde_json::from_str::<serde_json::Value>(&comma).is_err());
    let hint = about(&comma);
    assert_eq!((hint.kind, hint.attempt_id.as_deref()), ("CONSENT_REJECTED", Some("att_1")));
    assert_eq!(hint.sent_at, Some("2026-01-01T06:26:10.823Z".parse().unwrap()));
}

#[test]
fn a_plain_string_is_read_like_its_object() {
    for body in both_types("DATA", "DATA_READY") {
        assert_eq!(about(&serde_json::to_string(&body).unwrap()), about(&body));
    }
}

#[test]
fn pushed_data_is_told_from_all_other_events() {
    let body = both_types("DATA_EXT", "DATA_PUSH")[1]
        .replace("\"firstTimeFetch\"", r#""data":[{"linkReferenceNumber":"l"}],"firstTimeFetch""#);
    let hint = about(&body);
    assert!(hint.holds_data && hint.kind == "DATA_PUSH");
}

#[test]
fn the_end_of_an_orchestration_names_its_transaction() {
    let journey = r#"{"timestamp":"2026-03-31T08:02:45.111480334Z","transactionID":"t","eventType":"JOURNEY_COMPLETE","eventStatus":"SUCCESS",
        "accountID":"att_1","eventData":[{"type":"AA","consents":[{"consentID":"c","consentHandle":"h"},
        {"consentID":null,"consentHandle":"i"}]},{"type":"PDF","accounts":[]}]}"#;
    let hint = about(journey);
    assert_eq!((hint.kind, hint.attempt_id.as_deref()), ("JOURNEY_COMPLETE", Some("att_1")));
    assert_eq!((hint.opening_ref.as_deref(), hint.provider_refs), (Some("t"), ["t", "h", "c", "i"].map(str::to_owned).to_vec()));
    assert_eq!(hint.sent_at, Some("2026-03-31T08:02:45.111480334Z".parse().unwrap()));
    let other = journey.replace("JOURNEY_COMPLETE", "CONSENT");
    assert_eq!(about(&other).opening_ref, None);
}

#[test]
fn a_message_that_names_nobody_cannot_be_read() {
    for body in ["", "null", "[]", "{}", "\"\"", "7", "{\"accountID\":{}}", "{\"consentId\":\"\"}", "{\"eventType\":\"DATA\"}"] {
        assert_eq!(read(body.as_bytes()), Reading::Unreadable, "{body}");
    }
}

#[test]
fn depth_and_inline_data_do_not_matter() {
    let body = format!("{{\"consentHandle\":\"h\",\"data\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
    assert_eq!(refs(&body).1, ["h"]);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300), text in "[\"a-zA-Z:{}, ]{0,80}") {
        read(&body);
        read(format!("{{\"consentHandle\"{text}").as_bytes());
    }
}

#[test]
fn a_message_with_damaged_text_is_read() {
    let whole = both_types("DATA", "DATA_READY")[1].clone();
    let expected = about(&whole);
    let utf16: Vec<u8> = format!("\u{feff}{whole}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let quoted = serde_json::to_string(&whole).unwrap().replace("Data ready", "\\ud83c");
    for body in [
        format!("\u{feff}{whole}").into_bytes(),
        format!("{whole}\0").into_bytes(),
        format!("{whole},\n").into_bytes(),
        whole.replace("Data ready", "Data\nready").into_bytes(),
        whole.replace("Data ready", "\\ud83c").into_bytes(),
        whole.replace("\"eventMessage\"", "\"event\\ud83cMessage\"").into_bytes(),
        [whole.split_once("Data").unwrap().0.as_bytes(), b"\xe9", whole.split_once("Data").unwrap().1.as_bytes()].concat(),
        utf16,
        quoted.into_bytes(),
    ] {
        assert_eq!(read(&body), Reading::About(expected.clone()), "{}", body.escape_ascii());
    }
}
