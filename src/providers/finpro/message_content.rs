//! The content of FinPro's messages: rows of accounts and uploaded statements in JOURNEY_COMPLETE, which `/transaction/status` lacks, and the
//! accounts of DATA_PUSH.

use std::borrow::Cow;

use bytes::Bytes;
use jiff::{Timestamp, civil::Date};
use serde_json::value::RawValue;

use super::{session, webhook};
use crate::{
    journey::model::{FactSource, FetchState, FetchedAccount, UploadedStatement},
    memory::Room,
    providers::{
        lenient::{self, Members, identifier, institution},
        message_content::{ConsentAccounts, ConsentName, MessageContent, PushedData},
        provider::Body,
    },
};

/// The bound on rows that one message adds; a customer has a handful of accounts.
const MOST_ROWS: usize = 200;

/// Reads the content of a message that was proven to come from FinPro. Total: what it cannot read is left out.
pub(super) fn read(body: &Bytes, received_at: Timestamp) -> MessageContent {
    let bytes = match webhook::object_of(body) {
        Cow::Borrowed(whole) if whole.len() == body.len() => body.clone(),
        other => Bytes::from(other.into_owned()),
    };
    let Some(message) = Members::of(&bytes) else { return MessageContent::default() };
    let mut content = MessageContent::default();
    for raw in message.list(&["eventData"]) {
        let step = Members::within(Some(raw));
        match lenient::word(&step.text(&["type"]).unwrap_or_default()).as_str() {
            "AA" => content.accounts.extend(step.list(&["consents"]).into_iter().filter_map(consent_accounts)),
            "PDF" => content.statements.extend(step.list(&["accounts"]).into_iter().take(MOST_ROWS).map(statement)),
            _ => {}
        }
    }
    content.pushed = pushed(&message, &bytes, received_at);
    content
}

fn consent_accounts(raw: &RawValue) -> Option<ConsentAccounts> {
    let members = Members::within(Some(raw));
    let (consent, accounts) = (name(&members), rows(&members, &["accounts"]));
    (consent.is_known() && !accounts.is_empty()).then_some(ConsentAccounts { consent, accounts })
}

/// Some samples write "<NULL>" or an empty text for the id of a consent; the readers take both as absent.
fn name(members: &Members<'_>) -> ConsentName {
    ConsentName {
        handle: members.text(&["consentHandle"]).and_then(identifier),
        consent_ref: members.text(&["consentID"]).and_then(identifier),
    }
}

fn rows(members: &Members<'_>, names: &[&str]) -> Vec<FetchedAccount> {
    let mut rows = session::accounts(members, names, FetchState::Requested);
    rows.truncate(MOST_ROWS);
    for row in &mut rows {
        row.source = FactSource::Webhook;
    }
    rows
}

/// FinPro writes the number of an uploaded statement unmasked, so it is masked here.
fn statement(raw: &RawValue) -> UploadedStatement {
    let row = Members::within(Some(raw));
    let text = |names: &[&str]| row.text(names).and_then(institution).unwrap_or_default();
    UploadedStatement {
        institution: text(&["bankName", "bank"]),
        account_type: text(&["accountType"]),
        masked_number: row
            .text(&["maskedAccountNumber", "maskedAccNumber"])
            .map(|text| lenient::masked(&text))
            .unwrap_or_default(),
        from: row.text(&["startDate"]).as_deref().and_then(day),
        to: row.text(&["endDate"]).as_deref().and_then(day),
        as_of: None,
    }
}

/// `dd-mm-yyyy`, as FinPro writes days of uploaded statements, or `yyyy-mm-dd`.
fn day(text: &str) -> Option<Date> {
    if let Ok(day) = text.parse() {
        return Some(day);
    }
    let mut parts = text.splitn(3, '-');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// The message itself has the data at `data`, as the answer of getallfidata has them, so it is read as one.
fn pushed(message: &Members<'_>, bytes: &Bytes, received_at: Timestamp) -> Option<PushedData> {
    let kind = lenient::word(&message.text(&["eventStatus"]).unwrap_or_default());
    let consent = name(message);
    if kind != "DATA_PUSH" || message.list(&["data"]).is_empty() || !consent.is_known() {
        return None;
    }
    Some(PushedData {
        consent,
        session: message.text(&["sessionId"]).and_then(identifier),
        accounts: rows(message, &["linkRefNumbers"]),
        data_expires_at: message.instant(&["dataExpiry"]),
        body: Body {
            bytes: bytes.clone(),
            media_type: "application/json",
            endpoint: "DATA_PUSH",
            received_at,
            room: Room::default(),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> MessageContent {
        read(&Bytes::copy_from_slice(json.as_bytes()), Timestamp::UNIX_EPOCH)
    }

    const COMPLETE: &str = r#"{"transactionID":"t-1","eventType":"JOURNEY_COMPLETE","eventStatus":"SUCCESS","accountID":"att_1","eventData":[
        {"type":"AA","status":"SUCCESS","consents":[
            {"consentID":"c-1","consentHandle":"h-1","accounts":[
                {"linkRefNumber":"l-1","fiStatus":"DELIVERED","fipID":"testbank","maskedAccountNumber":"XXXXXXXX1234"},
                {"linkRefNumber":"l-1","fiStatus":"DELIVERED","fipID":"testbank","maskedAccountNumber":"XXXXXXXX1234"},
                {"linkRefNumber":"l-2","fiStatus":"DENIED","fipID":"testbank","maskedAccountNumber":"XXXXXXXX5678"}]},
            {"consentID":null,"consentHandle":"h-2","consentStatus":"CONSENT_REJECTED","accounts":[]}]},
        {"type":"PDF","status":"SUCCESS","accounts":[
            {"maskedAccountNumber":"10000000001","bankName":"idfc","accountType":"saving","startDate":"02-09-2025","endDate":"28-02-2026"}]}]}"#;

    #[test]
    fn a_complete_journey_names_accounts_and_statements() {
        let content = of(COMPLETE);
        let [one] = content.accounts.as_slice() else { panic!("{:?}", content.accounts) };
        assert_eq!((one.consent.handle.as_deref(), one.consent.consent_ref.as_deref()), (Some("h-1"), Some("c-1")));
        let rows: Vec<_> = one.accounts.iter().map(|row| (row.link_ref.as_str(), row.state, row.source)).collect();
        let webhook = FactSource::Webhook;
        assert_eq!(rows, [("l-1", FetchState::Ready, webhook), ("l-2", FetchState::Denied, webhook)]);
        let [statement] = content.statements.as_slice() else { panic!("{:?}", content.statements) };
        assert_eq!((statement.institution.as_str(), statement.account_type.as_str()), ("idfc", "saving"));
        assert_eq!(statement.masked_number, "XXXX0001");
        assert_eq!((statement.from, statement.to), ("2025-09-02".parse().ok(), "2026-02-28".parse().ok()));
        assert!(content.pushed.is_none());
    }

    #[test]
    fn a_message_sent_as_a_text_has_the_same_content() {
        let content = of(&serde_json::to_string(COMPLETE).unwrap());
        assert_eq!((content.accounts.len(), content.statements.len()), (1, 1));
    }

    #[test]
    fn pushed_data_need_a_consent_and_a_list() {
        let push = |consent: &str, data: &str| {
            of(&format!(
                r#"{{"eventType":"DATA_EXT","eventStatus":"DATA_PUSH","consentId":"{consent}","data":{data},
                "dataExpiry":"2026-02-01T06:26:10.000Z","linkRefNumbers":[{{"linkRefNumber":"l-1","fiStatus":"READY"}}]}}"#
            ))
            .pushed
        };
        let pushed = push("c-1", r#"[{"linkReferenceNumber":"l-1"}]"#).unwrap();
        assert_eq!(pushed.consent.consent_ref.as_deref(), Some("c-1"));
        assert_eq!(pushed.data_expires_at, "2026-02-01T06:26:10Z".parse().ok());
        assert_eq!(pushed.accounts.len(), 1);
        assert!(push("<NULL>", r#"[{"linkReferenceNumber":"l-1"}]"#).is_none());
        assert!(push("c-1", "[]").is_none() && push("c-1", "\"surprise\"").is_none());
    }

    #[test]
    fn odd_messages_have_no_content() {
        for odd in ["", "[]", "17", "\"text\"", "{", r#"{"eventData":"AA"}"#, r#"{"eventData":[{"type":"AA","consents":[1]}]}"#] {
            assert!(of(odd).is_empty(), "{odd}");
        }
    }
}
