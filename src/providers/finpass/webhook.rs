//! Whom a message concerns. Finpass documents nothing of its messages: any JSON object with a client id passes, and nothing else of it
//! is read. The attempt is known by the message's own address.

use crate::providers::{
    lenient::{Members, identifier},
    provider::WebhookHint,
};

/// Reads a message.
pub(super) fn read(body: &[u8]) -> Option<WebhookHint> {
    let message = Members::of(body)?;
    let client_id = message.text(&["client_id"]).or_else(|| message.object(&["data"]).text(&["client_id"]));
    let provider_refs = client_id.and_then(identifier).into_iter().collect();
    Some(WebhookHint { attempt_id: None, provider_refs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_id_is_found_at_either_place() {
        for body in [r#"{"client_id":"aa_1","status":"ACTIVE"}"#, r#"{"event":"x","data":{"client_id":"aa_1"}}"#] {
            assert_eq!(read(body.as_bytes()).unwrap().provider_refs, ["aa_1"]);
        }
        assert_eq!(read(br#"{"new_state":"x"}"#), Some(WebhookHint::default()));
        for body in ["", "null", "[]", "7", "\"x\"", "{", "<html>"] {
            assert_eq!(read(body.as_bytes()), None, "{body}");
        }
    }
}
