//! Status messages to the `webhook_url` of init. Finpass documents that they come, not what is in them: the payload is assumed.

use http::HeaderMap;
use serde_json::{Value, json};
use url::{Host, Url};

use super::{
    server::Finpass,
    text::utc_time,
    world::{ConsentState, Product, Session},
};
use crate::sandbox::{scenario::Scenario, webhooks::Delivery};

impl Finpass {
    /// Tells a session's owner where it stands, if the address is on this machine: a sandbox must not call strangers.
    pub(super) fn tell(&self, client_id: &str, session: &Session) {
        let Some(url) = session.webhook_url.as_deref().and_then(loopback) else { return };
        let body = payload(client_id, session, self.now()).to_string().into();
        let delivery = Delivery { url: url.into(), headers: HeaderMap::new(), body };
        self.world.webhooks.send(Scenario::of(&session.mobile), vec![delivery]);
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

fn payload(client_id: &str, session: &Session, now: jiff::Timestamp) -> Value {
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
