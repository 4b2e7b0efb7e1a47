//! Whether the answer of `/transaction/status` has the documented shape where it decides a state. A step whose members cannot be read would
//! otherwise read as a step that says nothing, and the transaction's own word would stand alone.

use crate::providers::{error::ProviderError, judge::Origin, lenient::Members, shape};

/// Refuses a transaction whose decisive members have another type. Members may be missing, and unknown ones may have any shape.
pub(super) fn check(origin: Origin, top: &Members<'_>) -> Result<(), ProviderError> {
    if top.has_odd_text(&["transaction_id"]) || top.has_odd_word(&["status"]) {
        return Err(origin.unusable("the transaction's id or status is no text"));
    }
    let Some(data) = top.raw(&["data"]) else {
        // An error of a gateway has a status as well; only the id shows that the answer is about a transaction.
        let named = top.text(&["transaction_id"]).is_some();
        return if named { Ok(()) } else { Err(origin.unusable("the answer names no transaction")) };
    };
    let steps = shape::rows(data).filter(|rows| rows.odd == 0);
    let steps = steps.ok_or_else(|| origin.unusable("the steps of the transaction are no list of objects"))?;
    if steps.read.iter().any(is_odd_step) {
        return Err(origin.unusable("a step of the transaction has members of another type"));
    }
    Ok(())
}

fn is_odd_step(step: &Members<'_>) -> bool {
    let Some(kind) = step.text(&["type"]) else { return true };
    if step.has_odd_word(&["type", "status"]) || step.has_odd_object(&["data"]) {
        return true;
    }
    let data = step.object(&["data"]);
    match kind.to_ascii_uppercase().as_str() {
        "AA" => is_odd_aa(&data),
        "PDF" => {
            data.has_odd_text(&["total_expected", "uploaded", "processed", "fetched"])
                || data.has_odd_texts(&["expected_fips"])
                || data.has_odd_rows(&["fips"])
        }
        "SMART_ROUTING_DECISION" => data.has_odd_word(&["route"]),
        // What it holds is shown and decides nothing.
        _ => false,
    }
}

fn is_odd_aa(data: &Members<'_>) -> bool {
    let any = |members: &Members<'_>, list: &str, odd: fn(&Members<'_>) -> bool| {
        members.list(&[list]).into_iter().any(|raw| odd(&Members::within(Some(raw))))
    };
    data.has_odd_rows(&["fips", "consents"])
        || any(data, "fips", |fip| fip.has_odd_text(&["fip", "fipId"]) || fip.has_odd_word(&["status"]))
        || any(data, "consents", |row| {
            row.has_odd_text(&["consentHandle", "consentId", "productId"])
                || row.has_odd_word(&["consentStatus", "status", "dataFetchStatus"])
                || row.has_odd_rows(&["accounts"])
        })
        || data.list(&["consents"]).into_iter().any(|raw| {
            any(&Members::within(Some(raw)), "accounts", |row| {
                row.has_odd_text(&["linkRefNumber", "linkReferenceNumber", "fip", "fipId"]) || row.has_odd_word(&["fiStatus"])
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{error::ErrorKind, finpro::testing, http::CallKind};

    fn checked(body: &str) -> Result<(), ErrorKind> {
        let top = Members::of(body.as_bytes()).unwrap();
        check(testing::origin(CallKind::Read), &top).map_err(|error| error.kind)
    }

    #[test]
    fn missing_and_unknown_members_are_no_fault() {
        for body in [
            r#"{"status":"SUCCESSFUL","transaction_id":"t","message":null,"data":[]}"#,
            r#"{"status":"CANCELLED","transaction_id":"t","data":null}"#,
            r#"{"status":"IN_PROGRESS","transaction_id":"t"}"#,
            r#"{"status":"SUCCESSFUL","data":[{"type":"analytics"}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":{"type":"aa","data":{"added":[7],"consents":[]}}}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"added_later","data":{"x":[[1]]}},{"type":"pdf","data":null}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"health_check","data":{"healthy_fips":7}}]}"#,
        ] {
            assert_eq!(checked(body), Ok(()), "{body}");
        }
    }

    #[test]
    fn decisive_members_of_another_type_are_refused() {
        for body in [
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":"surprise"}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":{}}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[7]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":["t"],"data":[]}"#,
            r#"{"status":"FAILED"}"#,
            r#"{"status":"error","message":"no Route matched with those values"}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"status":"FAILED"}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"aa","status":["FAILED"]}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"aa","data":"surprise"}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"aa","data":{"consents":"x"}}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"aa","data":{"consents":[{}]}}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"aa","data":{"consents":[{"consentStatus":{}}]}}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"aa","data":{"consents":[{"consentId":"c","accounts":[7]}]}}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"pdf","data":{"uploaded":{}}}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"pdf","data":{"expected_fips":"x"}}]}"#,
            r#"{"status":"SUCCESSFUL","transaction_id":"t","data":[{"type":"smart_routing_decision","data":{"route":["PDF"]}}]}"#,
        ] {
            assert_eq!(checked(body), Err(ErrorKind::ResponseInvalid), "{body}");
        }
    }
}
