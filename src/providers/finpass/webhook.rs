//! Whom a message concerns. Finpass documents nothing of its messages: any JSON object with a client id passes, and nothing else of it
//! is read. The attempt is known by the message's own address.

use crate::providers::{
    inbound::{Reading, WebhookHint},
    lenient::{Members, identifier, readable},
};

/// Reads a message.
pub(super) fn read(body: &[u8]) -> Reading {
    let body = readable(body);
    let Some(message) = Members::of(&body) else { return Reading::Unreadable };
    let client_id = message.text(&["client_id"]).or_else(|| message.object(&["data"]).text(&["client_id"])).and_then(identifier);
    Reading::About(WebhookHint {
        kind: "STATUS",
        provider_refs: client_id.iter().cloned().collect(),
        opening_ref: client_id,
        ..WebhookHint::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(body: &str) -> Option<Vec<String>> {
        match read(body.as_bytes()) {
            Reading::About(hint) => Some(hint.provider_refs),
            _ => None,
        }
    }

    #[test]
    fn the_client_id_is_found_at_either_place() {
        for body in [r#"{"client_id":"aa_1","status":"ACTIVE"}"#, r#"{"event":"x","data":{"client_id":"aa_1"}}"#] {
            assert_eq!(refs(body).unwrap(), ["aa_1"]);
        }
        assert_eq!(refs(r#"{"new_state":"x"}"#).unwrap(), [""; 0]);
        for body in ["", "null", "[]", "7", "\"x\"", "{", "<html>"] {
            assert_eq!(read(body.as_bytes()), Reading::Unreadable, "{body}");
        }
    }

    #[test]
    fn a_message_with_damaged_text_is_read() {
        let whole = r#"{"event":"x","data":{"client_id":"aa_1"}}"#;
        let utf16: Vec<u8> = whole.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for body in [
            format!("\u{feff}{whole}").into_bytes(),
            format!("{whole}\0").into_bytes(),
            whole.replace('x', "\n").into_bytes(),
            whole.replace('x', r"\ud83c").into_bytes(),
            [b"{\"event\":\"\xe9\",", &whole.as_bytes()[1..]].concat(),
            utf16,
        ] {
            let Reading::About(hint) = read(&body) else { panic!("{}", body.escape_ascii()) };
            assert_eq!(hint.provider_refs, ["aa_1"], "{}", body.escape_ascii());
        }
    }
}
