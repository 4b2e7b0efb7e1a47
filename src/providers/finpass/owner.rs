//! Whose a session is that a message named. The analysed product repeats the mobile number, masked; the plain one tells of its customer
//! only in a report, as the bank knows the holder.

use super::{Finpass, build, envelope, error::Reason, fetch, plan::AA_BSA};
use crate::{
    data::personal::exposed,
    journey::model::{Customer, Journey},
    providers::{
        error::ProviderError,
        http::OutboundResponse,
        inbound::{Owner, same_mobile},
        judge::Origin,
        lenient::{Members, elements},
        provider::Call,
    },
};

/// Reads the session back.
pub(super) async fn read(finpass: &Finpass, call: Call, journey: &Journey, client_id: &str) -> Result<Owner, ProviderError> {
    if journey.provider_product == AA_BSA {
        let (origin, response) = finpass.send(call, build::status(client_id)).await?;
        return of_status(origin, &response, client_id, &journey.ask.customer);
    }
    let (origin, response) = finpass.send(call, build::fetch_json_report(client_id, None)).await?;
    of_report(origin, &response, &journey.ask.customer)
}

fn of_status(origin: Origin, response: &OutboundResponse, client_id: &str, customer: &Customer) -> Result<Owner, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let data = answer.object(origin)?;
    // Without a status it is no answer about a session.
    if data.has_odd_text(&["client_id", "mobile_number"]) || data.has_odd_word(&["status"]) || data.text(&["status"]).is_none() {
        return Err(origin.unusable("the session's id, number or status is no text"));
    }
    let told = data.text(&["client_id"]);
    if told.as_ref().is_some_and(|told| told.contains(char::REPLACEMENT_CHARACTER)) {
        return Err(origin.unusable("the session's id is damaged"));
    }
    if told.is_some_and(|told| told != client_id) {
        return Ok(Owner::Stranger);
    }
    Ok(owner(data.text(&["mobile_number"]), None, customer))
}

fn of_report(origin: Origin, response: &OutboundResponse, customer: &Customer) -> Result<Owner, ProviderError> {
    match fetch::read_report(origin, response) {
        Ok(_) => {}
        Err(refusal) => {
            return match refusal.reason {
                Reason::Credentials
                | Reason::RateLimited
                | Reason::Unavailable
                | Reason::Unreadable
                | Reason::Refused
                | Reason::UnknownClient => Err(refusal.error),
                _ => Ok(Owner::Untold),
            };
        }
    }
    let answer = envelope::read(origin, response)?;
    let data = answer.data();
    let holders = elements(data.raw(fetch::LIST)).into_iter().map(|raw| {
        let holder = Members::within(Some(raw)).object(&["profile_details", "profile"]);
        owner(holder.text(&["mobile", "mobile_number"]), holder.text(&["pan", "pan_number"]), customer)
    });
    // One account of the customer's own is enough; an account can be held by another first.
    let holders: Vec<Owner> = holders.collect();
    let of = |wanted: Owner| holders.contains(&wanted).then_some(wanted);
    Ok(of(Owner::Customer).or_else(|| of(Owner::Stranger)).unwrap_or(Owner::Untold))
}

/// Whether a number or a tax id that was told is the customer's.
fn owner(mobile: Option<String>, pan: Option<String>, customer: &Customer) -> Owner {
    let mobile = mobile.zip(exposed(&customer.mobile)).and_then(|(told, ours)| same_mobile(&told, ours));
    let pan = pan.zip(exposed(&customer.pan)).filter(|(told, _)| told.len() == 10 && told.is_ascii());
    let pan = pan.filter(|(told, _)| told.bytes().all(|byte| byte.is_ascii_alphanumeric()) && !told.starts_with("XX"));
    let pan = pan.map(|(told, ours)| told.eq_ignore_ascii_case(ours));
    match (mobile, pan) {
        (Some(true), _) | (_, Some(true)) => Owner::Customer,
        (None, None) => Owner::Untold,
        _ => Owner::Stranger,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{finpass::testing, http::CallKind};

    fn customer() -> Customer {
        Customer { mobile: Some("9000000001".into()), pan: Some("AAAPA0001A".into()), ..Customer::default() }
    }

    fn report(holders: &[(&str, &str)]) -> Owner {
        let account = |(mobile, pan): &(&str, &str)| serde_json::json!({"account_id": "a", "status": "READY", "profile_details": {"mobile": mobile, "pan": pan}, "summary_details": {}});
        let accounts: Vec<_> = holders.iter().map(account).collect();
        let body = serde_json::json!({"data": {"client_id": "x", "account_aggregator_json": accounts}, "success": true});
        of_report(testing::origin(CallKind::Read), &testing::response(200, &body.to_string()), &customer()).unwrap()
    }

    #[test]
    fn a_report_tells_whose_it_is() {
        assert_eq!(report(&[("9000000001", "")]), Owner::Customer);
        assert_eq!(report(&[("", "aaapa0001a")]), Owner::Customer);
        assert_eq!(report(&[("9000000002", "AAAPA0002A"), ("9000000001", "")]), Owner::Customer);
        assert_eq!(report(&[("9000000002", "AAAPA0002A")]), Owner::Stranger);
        assert_eq!(report(&[("9000000002", "")]), Owner::Stranger);
        assert_eq!(report(&[("", ""), ("XXXXXXXXXX", "XXXXX0001X")]), Owner::Untold);
    }

    #[test]
    fn a_report_that_is_not_there_tells_nothing() {
        let body = r#"{"data":null,"status_code":422,"success":false,"message":"Consent Status Pending","message_code":"consent_status_pending"}"#;
        let told = of_report(testing::origin(CallKind::Read), &testing::response(422, body), &customer());
        assert_eq!(told.unwrap(), Owner::Untold);
        let unknown = r#"{"status_code":404,"success":false,"message":"Client Not Found","message_code":"client_not_found"}"#;
        let told = of_report(testing::origin(CallKind::Read), &testing::response(404, unknown), &customer());
        assert_eq!(told.unwrap_err().kind, crate::providers::error::ErrorKind::UnknownReference);
        for body in testing::hostile() {
            let told = of_report(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), &customer());
            assert!(!matches!(told, Ok(Owner::Customer)));
        }
    }

    #[test]
    fn a_status_tells_by_its_masked_number() {
        for (mobile, expected) in [
            ("XXXXXX0001", Owner::Customer),
            ("9000000001", Owner::Customer),
            ("+919000000001", Owner::Customer),
            ("XXXXXX0002", Owner::Stranger),
            ("XXXXXXXX01", Owner::Untold),
            ("", Owner::Untold),
        ] {
            let body =
                serde_json::json!({"success": true, "data": {"client_id": "c", "status": "initiated", "mobile_number": mobile}});
            let response = testing::response(200, &body.to_string());
            let told = of_status(testing::origin(CallKind::Read), &response, "c", &customer()).unwrap();
            assert_eq!(told, expected, "{mobile}");
            let other = of_status(testing::origin(CallKind::Read), &response, "d", &customer()).unwrap();
            assert_eq!(other, Owner::Stranger);
        }
    }
}
