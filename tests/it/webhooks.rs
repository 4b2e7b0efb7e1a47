//! What providers send by themselves: refused or kept, applied once, and never believed.

mod applied;
mod content;
mod flood;
mod held;
mod kept;
mod lost;
mod refused;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use reqwest::{RequestBuilder, StatusCode};
use sangam::{
    pb,
    sandbox::{SandboxConfig, credentials::FinProCredential},
    store::{Message, MessageState},
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use crate::harness::{World, breath};

pub const SIGNATURE: &str = "x-webhook-signature";

/// A world in which nobody looks by itself: a message is what moves a journey.
pub async fn quiet() -> World {
    quiet_with(|_| ()).await
}

/// The same; `change` alters the gateway's configuration.
pub async fn quiet_with(change: impl FnOnce(&mut sangam::config::Config)) -> World {
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, pending_polls: 0, ..SandboxConfig::default() };
    World::with(sandbox, |config| {
        (config.poller.first_ms, config.poller.max_ms) = (3_600_000, 3_600_000);
        change(config);
    })
    .await
}

pub fn sign(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body))
}

/// A POST to the webhook listener.
pub fn to(world: &World, path: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    client.post(format!("http://{}/webhooks/{path}", world.gateway.webhook)).body(body)
}

pub async fn status(request: RequestBuilder) -> u16 {
    request.send().await.unwrap().status().as_u16()
}

/// A message to a credential's address, signed.
pub async fn signed(world: &World, credential: &FinProCredential, body: &str) -> StatusCode {
    let request = to(world, &format!("finpro/{}", credential.webhook_token), body.to_owned());
    request.header(SIGNATURE, sign(credential.webhook_secret, body.as_bytes())).send().await.unwrap().status()
}

/// Everything in the inbox.
pub async fn inbox(world: &World) -> Vec<Message> {
    world.gateway.service().store().messages("demo", None, 100_000).await.unwrap()
}

/// Waits until no message is due any more, and answers their states.
pub async fn until_applied(world: &World) -> Vec<MessageState> {
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        let states: Vec<_> = inbox(world).await.iter().map(|message| message.state).collect();
        if !states.contains(&MessageState::New) {
            return states;
        }
        assert!(tokio::time::Instant::now() < give_up, "messages are not applied: {states:?}");
        breath().await;
    }
}

/// A CONSENT event about an attempt, of this moment.
pub fn event(attempt_id: &str, word: &str, number: usize) -> String {
    let now = jiff::Timestamp::now();
    format!(
        r#"{{"timestamp":"{now}","eventType":"CONSENT","eventStatus":"{word}","accountID":"{attempt_id}","eventMessage":"number {number}"}}"#
    )
}

/// A receiver that the sandbox sends to: its base address, and what comes in as (path, body).
pub async fn receiver() -> (String, UnboundedReceiver<(String, String)>) {
    let (sender, events) = unbounded_channel();
    let take = move |uri: http::Uri, body: String| {
        let _ = sender.send((uri.path().to_owned(), body));
        async {}
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let app = axum::Router::new().fallback(take);
    tokio::spawn(async move { axum::serve(listener, app).await });
    (base, events)
}

/// The attempt of a journey with one.
pub fn attempt_id(journey: &pb::Journey) -> String {
    journey.attempts[0].attempt_id.clone()
}
