//! Status messages to the `webhook_url` of init. Finpass documents that they come, not what is in them: the payload is assumed.

use jiff::Timestamp;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    text::utc_time,
    world::{ConsentState, Product, Session},
};

/// Posts messages in the background, to this machine only: a sandbox must not call strangers.
#[derive(Debug, Clone)]
pub struct Sender(reqwest::Client);

/// How often a story's messages come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Delivery {
    /// Once.
    #[default]
    Once,
    /// Each twice.
    Doubled,
    /// Never.
    Lost,
}

impl Sender {
    /// A sender that follows no redirect.
    pub(super) fn new() -> Self {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(std::time::Duration::from_secs(5))
            .build()
            .unwrap_or_default();
        Self(client)
    }

    /// Tells the session's owner where it stands.
    pub(super) fn tell(&self, client_id: &str, session: &Session, now: Timestamp) {
        let Some(url) = session.webhook_url.as_deref().and_then(loopback) else { return };
        let times = match session.script.delivery {
            Delivery::Once => 1,
            Delivery::Doubled => 2,
            Delivery::Lost => return,
        };
        let payload = payload(client_id, session, now);
        let client = self.0.clone();
        tokio::spawn(async move {
            for _ in 0..times {
                // A message that does not arrive is not sent again: the owner has to poll anyway.
                let _ = client.post(url.clone()).json_body(&payload).send().await;
            }
        });
    }
}

trait JsonBody {
    fn json_body(self, value: &Value) -> Self;
}

impl JsonBody for reqwest::RequestBuilder {
    fn json_body(self, value: &Value) -> Self {
        self.header("content-type", "application/json").body(value.to_string())
    }
}

fn loopback(text: &str) -> Option<Url> {
    let url = Url::parse(text).ok()?;
    let local = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    (local && url.scheme() == "http").then_some(url)
}

fn payload(client_id: &str, session: &Session, now: Timestamp) -> Value {
    let status = match (session.product, session.consent) {
        (Product::Analyser, _) => session.journey_status(now).word(),
        (Product::Plain, ConsentState::Initiated | ConsentState::Opened) => "PENDING",
        (Product::Plain, ConsentState::Active) => "ACTIVE",
        (Product::Plain, ConsentState::Rejected) => "REJECTED",
        (Product::Plain, ConsentState::Revoked) => "REVOKED",
    };
    json!({
        "client_id": client_id,
        "consent_type": session.consent_type.word(),
        "status": status,
        "timestamp": utc_time(now),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_told() {
        for url in ["http://127.0.0.1:9/hook", "http://localhost/hook", "http://[::1]:9/hook"] {
            assert!(loopback(url).is_some(), "{url}");
        }
        for url in ["https://finpass.ai/", "http://192.0.2.1/hook", "https://127.0.0.1/hook", "nothing"] {
            assert!(loopback(url).is_none(), "{url}");
        }
    }
}
