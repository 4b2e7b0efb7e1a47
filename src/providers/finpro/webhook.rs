//! Whom a message concerns. FinPro may send the JSON object as a JSON text, and some of its published samples are no valid JSON: those
//! are searched for the few names that matter. Nothing of a message is believed; it only wakes a look.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::providers::{
    lenient::{Members, identifier},
    provider::WebhookHint,
};

/// Most references that are kept of one message.
const MOST: usize = 32;

const ATTEMPT: &[&str] = &["accountID"];
const REFERENCES: &[&str] = &["consentHandle", "consentID", "transactionID"];

/// Reads a message.
pub(super) fn read(body: &[u8]) -> Option<WebhookHint> {
    // A text that holds the object: one level, no more.
    let unwrapped = serde_json::from_slice::<Text>(body).ok().map(|text| text.0);
    let body = unwrapped.as_deref().map_or(body, str::as_bytes);
    let hint = match Members::of(body) {
        Some(message) => of_object(&message),
        None => of_text(&String::from_utf8_lossy(body)),
    };
    (hint != WebhookHint::default()).then_some(hint)
}

#[derive(Deserialize)]
struct Text(String);

fn of_object(message: &Members<'_>) -> WebhookHint {
    let mut hint = WebhookHint { attempt_id: message.text(ATTEMPT).and_then(identifier), provider_refs: Vec::new() };
    add(&mut hint, message);
    for step in message.list(&["eventData"]) {
        for consent in Members::within(Some(step)).list(&["consents"]) {
            add(&mut hint, &Members::within(Some(consent)));
        }
    }
    hint
}

fn add(hint: &mut WebhookHint, members: &Members<'_>) {
    for name in REFERENCES {
        push(hint, members.text(&[name]));
    }
}

fn push(hint: &mut WebhookHint, reference: Option<String>) {
    if let Some(reference) = reference.and_then(identifier)
        && !hint.provider_refs.contains(&reference)
        && hint.provider_refs.len() < MOST
    {
        hint.provider_refs.push(reference);
    }
}

fn of_text(text: &str) -> WebhookHint {
    let mut hint = WebhookHint { attempt_id: find(text, ATTEMPT[0]).and_then(identifier), provider_refs: Vec::new() };
    for name in ["consentHandle", "consentId", "consentID", "transactionID"] {
        push(&mut hint, find(text, name));
    }
    hint
}

/// The text after `"name":` in something that is nearly JSON.
fn find(text: &str, name: &str) -> Option<String> {
    let after = text.split_once(&format!("\"{name}\""))?.1.trim_start().strip_prefix(':')?.trim_start();
    let (value, _) = after.strip_prefix('"')?.split_once('"')?;
    let quoted = RawValue::from_string(format!("\"{value}\"")).ok()?;
    crate::providers::lenient::scalar(&quoted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refs(body: &str) -> (Option<String>, Vec<String>) {
        let hint = read(body.as_bytes()).unwrap();
        (hint.attempt_id, hint.provider_refs)
    }

    #[test]
    fn every_kind_of_message_names_whom_it_concerns() {
        let consent = r#"{"timestamp":"t","consentHandle":"h","eventType":"CONSENT","eventStatus":"CONSENT_APPROVED","consentId":"c","accountID":"att_1"}"#;
        let expected = (Some("att_1".to_owned()), vec!["h".to_owned(), "c".to_owned()]);
        assert_eq!(refs(consent), expected);
        assert_eq!(refs(&serde_json::to_string(consent).unwrap()), expected);
        assert_eq!(refs(&consent.replace('}', ",}")), expected);
        let rejected = r#"{"consentHandle":"h","eventStatus":"CONSENT_REJECTED","consentId":"<NULL>"}"#;
        assert_eq!(refs(rejected), (None, vec!["h".to_owned()]));
        let journey = r#"{"transactionID":"t","eventType":"JOURNEY_COMPLETE","accountID":"att_1","eventData":[
            {"type":"AA","consents":[{"consentID":"c","consentHandle":"h"},{"consentID":null,"consentHandle":"i"}]},{"type":"PDF","accounts":[]}]}"#;
        let (attempt, references) = refs(journey);
        assert_eq!((attempt.as_deref(), references), (Some("att_1"), ["t", "h", "c", "i"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_message_about_nobody_is_none() {
        for body in
            ["", "null", "[]", "{}", "\"\"", "7", "{\"eventType\":\"AA_LIST\"}", "{\"accountID\":{}}", "{\"consentId\":\"\"}"]
        {
            assert_eq!(read(body.as_bytes()), None, "{body}");
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
}
