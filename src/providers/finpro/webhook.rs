//! Whom a message concerns. FinPro may send the JSON object as a JSON text, and some of its published samples are no valid JSON: those
//! are searched for the few names that matter. Nothing of a message is believed; it only wakes a look.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::{
    data::repair,
    providers::{
        inbound::{Reading, WebhookHint},
        lenient::{self, Members, identifier, readable},
    },
};

/// Most references that are kept of one message.
const MOST: usize = 32;

const ATTEMPT: &str = "accountID";
const REFERENCES: &[&str] = &["consentHandle", "consentID", "transactionID"];

/// The events that are documented. JOURNEY_COMPLETE is a type, whose status is the outcome.
const EVENTS: [&str; 14] = [
    "CONSENT_APPROVED",
    "CONSENT_REJECTED",
    "CONSENT_PAUSED",
    "CONSENT_RESUMED",
    "CONSENT_REVOKED",
    "CONSENT_EXPIRED",
    "DATA_REQUEST",
    "DATA_READY",
    "DATA_DENIED",
    "SESSION_FAILED",
    "SESSION_EXPIRED",
    "DATA_PUSH",
    "EVENT_STATUS_UPDATED",
    JOURNEY_COMPLETE,
];
const JOURNEY_COMPLETE: &str = "JOURNEY_COMPLETE";
/// The list of aggregators has changed: nobody's journey.
const AA_LIST: &str = "AA_LIST";

/// Reads a message.
pub(super) fn read(body: &[u8]) -> Reading {
    let body = object_of(body);
    let (hint, list) = match Members::of(&body) {
        Some(message) => of_object(&message),
        None => of_text(&String::from_utf8_lossy(&body)),
    };
    match hint.attempt_id.is_some() || !hint.provider_refs.is_empty() {
        true => Reading::About(hint),
        false if list => Reading::Nobody,
        false => Reading::Unreadable,
    }
}

/// The object of a message, made readable. FinPro may send it inside a JSON text: one level, no more.
pub(super) fn object_of(body: &[u8]) -> Cow<'_, [u8]> {
    let body = readable(body);
    let inner = std::str::from_utf8(&body).ok().filter(|text| text.trim_start().starts_with('"')).and_then(repair::text_of);
    match inner {
        Some(text) => Cow::Owned(readable(text.as_bytes()).into_owned()),
        None => body,
    }
}

/// What a message says, and whether it is about the list of aggregators.
fn of_object(message: &Members<'_>) -> (WebhookHint, bool) {
    let kind = message.text(&["eventType"]).unwrap_or_default();
    let event = event(&kind, &message.text(&["eventStatus"]).unwrap_or_default());
    let mut hint = WebhookHint {
        kind: event,
        attempt_id: message.text(&[ATTEMPT]).and_then(identifier),
        provider_refs: Vec::new(),
        opening_ref: opening(event, message.text(&["transactionID"])),
        sent_at: message.instant(&["timestamp"]),
        holds_data: message.raw(&["data"]).is_some(),
        data_expires_at: message.instant(&["dataExpiry"]),
    };
    add(&mut hint, message);
    for step in message.list(&["eventData"]) {
        for consent in Members::within(Some(step)).list(&["consents"]) {
            add(&mut hint, &Members::within(Some(consent)));
        }
    }
    (hint, lenient::word(&kind) == AA_LIST)
}

fn event(kind: &str, status: &str) -> &'static str {
    let words = [lenient::word(kind), lenient::word(status)];
    EVENTS.into_iter().find(|event| words.iter().any(|word| word == event)).unwrap_or("OTHER")
}

/// In any other message a transaction could be the reference that a caller of ours gave.
fn opening(event: &str, transaction: Option<String>) -> Option<String> {
    transaction.and_then(identifier).filter(|_| event == JOURNEY_COMPLETE)
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

fn of_text(text: &str) -> (WebhookHint, bool) {
    let kind = find(text, "eventType").unwrap_or_default();
    let event = event(&kind, &find(text, "eventStatus").unwrap_or_default());
    let mut hint = WebhookHint {
        kind: event,
        attempt_id: find(text, ATTEMPT).and_then(identifier),
        provider_refs: Vec::new(),
        opening_ref: opening(event, find(text, "transactionID")),
        sent_at: find(text, "timestamp").as_deref().and_then(lenient::instant),
        holds_data: event == "DATA_PUSH",
        data_expires_at: find(text, "dataExpiry").as_deref().and_then(lenient::instant),
    };
    for name in ["consentHandle", "consentId", "consentID", "transactionID"] {
        push(&mut hint, find(text, name));
    }
    (hint, lenient::word(&kind) == AA_LIST)
}

/// The text after `"name":` in something that is nearly JSON.
fn find(text: &str, name: &str) -> Option<String> {
    let after = text.split_once(&format!("\"{name}\""))?.1.trim_start().strip_prefix(':')?.trim_start();
    let (value, _) = after.strip_prefix('"')?.split_once('"')?;
    let quoted = RawValue::from_string(format!("\"{value}\"")).ok()?;
    lenient::scalar(&quoted)
}

#[cfg(test)]
mod tests;
