//! Starting a fetch, asking how it goes, and deleting what it brought.

use http::StatusCode;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    consent::unknown_consent,
    desk::Desk,
    envelope::{Answer, Failure, Reply, VER},
    products::moved,
    state::{Consent, Ending, Session, Status},
    time::{blank, iso},
    validate::{Check, Rule},
};
use crate::sandbox::{bank::masked, scenario::Scenario};

impl Desk<'_> {
    /// POST /fi/request: opens a new session every time. The one answer without `status`.
    pub(super) fn fi_request(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let id = check.required("consentId", Rule::Name);
        let from = check.optional("fiDataRangeFrom", Rule::Instant).and_then(|at| at.parse::<Timestamp>().ok());
        let to = check.optional("fiDataRangeTo", Rule::Instant).and_then(|at| at.parse::<Timestamp>().ok());
        check.done()?;
        let now = self.now;
        let consent = self.state.by_id(id).ok_or_else(unknown_consent)?;
        let status = consent.status(now);
        if status != Status::Active {
            return Err(Failure::rule("InvalidStatus", format!("Consent ID is in {} state", status.word())));
        }
        let (first, last) = consent.range.unwrap_or_else(|| (consent.product.range(consent.created).0, now));
        let (from, to) = (from.unwrap_or(first), to.unwrap_or(last));
        // A day's grace: callers count months back in their own zone.
        if from >= to || from < moved(first, -1.day()) || to > now {
            return Err(Failure::rule("InvalidRequest", "Invalid FI data range"));
        }
        let (handle, mobile, account_id) = (consent.handle.clone(), consent.mobile.clone(), consent.account_id.clone());
        let session = self.begin(&handle, Some((from, to)));
        self.count("/fi/request", &[id, &account_id, &mobile]);
        if Scenario::of(&mobile) == Scenario::FetchAnswerLost && self.state.first(&mobile, "fetch", 1) {
            return Err(Failure::Proxy(StatusCode::GATEWAY_TIMEOUT));
        }
        Ok(Reply::Json(json!({
            "ver": "1.1.2",
            "timestamp": iso(now),
            "response": "ok",
            "data": {"consentId": id, "sessionId": session},
        })))
    }

    /// POST /consent/firequest/status: each call is a look.
    pub(super) fn fi_status(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let id = check.optional("consentId", Rule::Guid);
        let handle = check.optional("consentHandle", Rule::Guid);
        let session = check.optional("sessionId", Rule::Guid);
        if id.or(handle).or(session).is_none() && body.as_object().is_none_or(serde_json::Map::is_empty) {
            check.fault("value must contain at least one of [consentId, consentHandle, sessionId]".to_owned());
        }
        check.done()?;
        let wanted = |consent: &&Consent| {
            id.is_none_or(|id| consent.id.as_deref() == Some(id))
                && handle.is_none_or(|handle| consent.handle == handle)
                && session.is_none_or(|session| consent.sessions.iter().any(|s| s.id == session))
        };
        let handle = self.state.consents.iter().find(wanted).map(|consent| consent.handle.clone()).ok_or_else(unknown_consent)?;
        self.look(&handle);
        let now = self.now;
        let consent = self.state.by_handle(&handle).ok_or_else(unknown_consent)?;
        let found = consent.sessions.iter().rev().find(|s| session.is_none_or(|id| s.id == id));
        let Some(found) = found else {
            return Err(Failure::coded("FP0060", "NoDataAvailable", "Data is not available for the given consent"));
        };
        Ok(Reply::Json(json!({"ver": VER, "status": "success", "data": status(consent, found, now), "message": "success"})))
    }

    /// DELETE /fidata: irreversible; a second call fails inside a successful envelope.
    pub(super) fn delete_data(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let id = check.required("consentId", Rule::Name);
        check.done()?;
        let unknown = unknown_consent().with_status(StatusCode::NOT_FOUND);
        let consent = self.state.by_id(id).ok_or(unknown)?;
        let there = !consent.deleted && !consent.sessions.is_empty();
        consent.deleted = true;
        let (account_id, mobile) = (consent.account_id.clone(), consent.mobile.clone());
        self.count("/fidata", &[id, &account_id, &mobile]);
        let data = if there {
            json!({"status": "SUCCESS", "message": "FI data deleted successfully"})
        } else {
            json!({"status": "FAILURE", "message": "No FI data found"})
        };
        Ok(Reply::Json(json!({"ver": "1.15.0", "status": "success", "data": data})))
    }
}

fn status(consent: &Consent, session: &Session, now: Timestamp) -> Value {
    let word = match session.ending {
        None => "PENDING",
        Some(Ending::Ready) => "DATA_READY",
        Some(Ending::Denied) => "DATA_DENIED",
        Some(Ending::Timeout) => "TIMEOUT",
    };
    let id = consent.id.clone().unwrap_or_default();
    let message = match session.ending {
        Some(Ending::Ready) => format!("Data ready for consent id {id}"),
        Some(Ending::Denied) => format!("Data denied for consent id {id}"),
        Some(_) => format!("Data fetch failed for consent id {id}"),
        None => format!("Data Requested for consent id {id}"),
    };
    let links = session.accounts.iter().enumerate().map(|(place, account)| {
        json!({
            "linkRefNumber": account.link_ref,
            "fiStatus": consent.fi_status(session, place),
            "fipName": account.fip_name,
            "fipId": account.fip_id,
            "maskedAccountNumber": masked(&account.number),
        })
    });
    json!({
        "timestamp": iso(now),
        "consentHandle": consent.handle,
        "eventType": "DATA",
        "eventStatus": word,
        "consentId": id,
        "vua": consent.vua,
        "eventMessage": message,
        "datafetchDate": iso(session.requested),
        "productID": consent.product.code,
        "accountID": consent.account_id,
        "fetchType": consent.product.fetch_type,
        "consentExpiry": blank(consent.expires),
        "sessionId": session.id,
        "dataExpiry": iso(consent.product.data_expiry(session.requested)),
        "firstTimeFetch": consent.sessions.len() == 1,
        "linkRefNumbers": links.collect::<Vec<_>>(),
    })
}
