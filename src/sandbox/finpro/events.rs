//! Webhook bodies in their extended form, with the oddities of the published samples.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    state::Consent,
    time::{blank, iso},
};
use crate::sandbox::bank::masked;

/// A CONSENT event.
pub(super) fn consent(consent: &Consent, word: &str, now: Timestamp) -> Value {
    let id = consent.id.clone().unwrap_or_default();
    let what = match word {
        "CONSENT_APPROVED" => "approved",
        "CONSENT_PAUSED" => "paused",
        "CONSENT_RESUMED" => "reactivated",
        "CONSENT_REVOKED" => "revoked",
        _ => "expired",
    };
    let mut event = common(consent, "CONSENT", word, now);
    event["eventMessage"] = json!(format!("Consent {what} for consent id {id}"));
    if word == "CONSENT_REJECTED" {
        // The one event whose sample shows the address unmasked, and an empty id.
        event["eventMessage"] = json!("Consent is rejected");
        event["vua"] = json!(consent.vua);
    }
    event
}

/// A DATA event about the consent's newest session.
pub(super) fn data(consent: &Consent, word: &str, now: Timestamp) -> Value {
    let id = consent.id.clone().unwrap_or_default();
    let what = match word {
        "DATA_REQUEST" => "Data Requested for",
        "DATA_READY" => "Data ready for",
        "DATA_DENIED" => "Data denied for",
        _ => "Data fetch failed for",
    };
    let mut event = common(consent, "DATA", word, now);
    event["eventMessage"] = json!(format!("{what} consent id {id}"));
    event["dataExpiry"] = json!(iso(consent.product.data_expiry(now)));
    let links = links(consent);
    match word {
        "DATA_READY" => {
            event["firstTimeFetch"] = json!(consent.sessions.len() == 1);
            event["linkRefNumbers"] = json!(links);
        }
        "DATA_DENIED" => {
            event["dataExpiry"] = json!("");
            event["linkRefNumbers"] = json!(links.iter().flat_map(|link| [link, link]).collect::<Vec<_>>());
        }
        "SESSION_FAILED" => {
            event["timestamp"] = json!(iso(now).replace(':', ": "));
            event["consentExpiry"] = json!(blank(consent.expires).replace(':', ": "));
            event["sessionId"] = json!(consent.sessions.last().map(|session| session.id.clone()));
            event["linkRefNumbers"] = json!(links);
        }
        _ => {}
    }
    event
}

fn common(consent: &Consent, kind: &str, word: &str, now: Timestamp) -> Value {
    json!({
        "timestamp": iso(now),
        "consentHandle": consent.handle,
        "eventType": kind,
        "eventStatus": word,
        "consentId": consent.id.clone().unwrap_or_default(),
        "vua": masked_vua(&consent.vua),
        "productID": consent.product.code,
        "accountID": consent.account_id,
        "fetchType": consent.product.fetch_type,
        "consentExpiry": blank(consent.expires),
    })
}

fn links(consent: &Consent) -> Vec<Value> {
    let Some(session) = consent.sessions.last() else { return Vec::new() };
    let accounts = session.accounts.iter().enumerate();
    accounts
        .map(|(place, account)| {
            let status = match consent.fi_status(session, place) {
                "DELIVERED" => "READY",
                other => other,
            };
            json!({
                "linkRefNumber": account.link_ref,
                "fiStatus": status,
                "fipName": account.fip_name,
                "fipId": account.fip_id,
                "maskedAccountNumber": masked(&account.number),
            })
        })
        .collect()
}

fn masked_vua(vua: &str) -> String {
    let (user, handle) = vua.split_once('@').unwrap_or((vua, ""));
    let shown: String = user.chars().skip(user.chars().count().saturating_sub(3)).collect();
    format!("XXXXXXX{shown}@{handle}")
}
