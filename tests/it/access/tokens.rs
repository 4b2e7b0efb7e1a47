//! Issuers whose keys are at an address.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use axum::{
    Router,
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use sangam::config::Config;
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tonic_types::StatusExt;

use super::{STATUS, Signer, call, channel, config, gate, issuer, jwks, lets_in, serve};
use crate::harness::reason;

type Answer = Arc<Mutex<Box<dyn Fn() -> Response + Send>>>;

/// An issuer's server.
struct Served {
    address: SocketAddr,
    answer: Answer,
    asked: Arc<AtomicUsize>,
    elsewhere: Arc<AtomicUsize>,
}

impl Served {
    async fn start(set: String) -> Self {
        let answer: Answer = Arc::new(Mutex::new(Box::new(move || set.clone().into_response())));
        let (asked, elsewhere) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (kept, count, other) = (answer.clone(), asked.clone(), elsewhere.clone());
        let keys = async move || {
            count.fetch_add(1, Ordering::SeqCst);
            kept.lock().unwrap()()
        };
        let canary = async move || {
            other.fetch_add(1, Ordering::SeqCst);
            StatusCode::OK
        };
        let router = Router::new().route("/jwks", get(keys)).route("/elsewhere", get(canary));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { address, answer, asked, elsewhere }
    }

    fn config(&self) -> Config {
        let mut config = config();
        let mut issuer = issuer("");
        (issuer.jwks_file, issuer.jwks_url) = (None, Some(format!("http://{}/jwks", self.address)));
        config.access.jwt.insert("corporate".to_owned(), issuer);
        config
    }

    fn answers(&self, answer: impl Fn() -> Response + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_fetched_when_a_token_names_it_and_no_call_fails() {
    let (old, new) = (Signer::ec(), Signer::ec());
    let served = Served::start(jwks(&[old.public("old")])).await;
    let stop = CancellationToken::new();
    let gate = gate(&served.config());
    gate.keep(std::time::Duration::from_millis(10), Vec::new(), &stop);
    let channel = channel(serve(gate, None, &stop).await).await;
    // The very first call waits for the keys.
    assert!(lets_in(&channel, &old.token("old", json!({}))).await);
    let both = jwks(&[old.public("old"), new.public("new")]);
    served.answers(move || both.clone().into_response());
    assert!(lets_in(&channel, &new.token("new", json!({}))).await);
    assert!(lets_in(&channel, &old.token("old", json!({}))).await);
    assert_eq!(served.asked(), 2);
    // What was remembered by the old set is judged anew by the new one.
    let token = old.token("old", json!({"sub": "again"}));
    assert!(lets_in(&channel, &token).await);
    let only = jwks(&[new.public("new")]);
    served.answers(move || only.clone().into_response());
    assert!(!lets_in(&channel, &old.token("gone", json!({}))).await);
    assert!(!lets_in(&channel, &token).await);
    assert!(lets_in(&channel, &new.token("new", json!({}))).await);
    stop.cancel();
}

#[tokio::test]
async fn an_issuer_that_answers_badly_keeps_its_last_good_keys() {
    let signer = Signer::ec();
    let served = Served::start(jwks(&[signer.public("ec")])).await;
    let stop = CancellationToken::new();
    let gate = gate(&served.config());
    gate.keep(std::time::Duration::from_millis(10), Vec::new(), &stop);
    let channel = channel(serve(gate, None, &stop).await).await;
    assert!(lets_in(&channel, &signer.token("ec", json!({}))).await);
    let stranger = Signer::ec();
    let set = jwks(&[stranger.public("ec")]);
    let bad: [Box<dyn Fn() -> Response + Send>; 5] = [
        Box::new(move || (StatusCode::INTERNAL_SERVER_ERROR, set.clone()).into_response()),
        Box::new(|| "<html>".into_response()),
        Box::new(|| "{\"keys\":[]}".into_response()),
        Box::new(|| " ".repeat(300 * 1024).into_response()),
        Box::new(|| (StatusCode::FOUND, [("location", "/elsewhere")]).into_response()),
    ];
    for (number, answer) in bad.into_iter().enumerate() {
        let before = served.asked();
        *served.answer.lock().unwrap() = answer;
        // A key that nobody has makes the gateway ask.
        assert!(!lets_in(&channel, &stranger.token(&format!("new-{number}"), json!({}))).await);
        assert!(served.asked() > before);
        assert!(!lets_in(&channel, &stranger.token("ec", json!({}))).await, "{number}");
        assert!(lets_in(&channel, &signer.token("ec", json!({"sub": format!("s{number}")}))).await, "{number}");
    }
    assert_eq!(served.elsewhere.load(Ordering::SeqCst), 0);
    stop.cancel();
}

#[tokio::test]
async fn strangers_who_name_keys_that_nobody_has_do_not_make_the_gateway_ask_each_time() {
    let signer = Signer::ec();
    let served = Served::start(jwks(&[signer.public("ec")])).await;
    let mut config = served.config();
    config.access.unknown_key_pause_ms = 3_600_000;
    let stop = CancellationToken::new();
    let gate = gate(&config);
    gate.keep(std::time::Duration::from_millis(10), Vec::new(), &stop);
    let channel = channel(serve(gate, None, &stop).await).await;
    assert!(lets_in(&channel, &signer.token("ec", json!({}))).await);
    for number in 0..50 {
        assert!(!lets_in(&channel, &signer.token(&format!("k{number}"), json!({}))).await);
    }
    assert_eq!(served.asked(), 1);
    stop.cancel();
}

#[tokio::test]
async fn while_no_key_has_ever_come_a_token_is_neither_good_nor_bad() {
    let signer = Signer::ec();
    let served = Served::start(String::new()).await;
    served.answers(|| StatusCode::BAD_GATEWAY.into_response());
    let stop = CancellationToken::new();
    let gate = gate(&served.config());
    gate.keep(std::time::Duration::from_millis(10), Vec::new(), &stop);
    let channel = channel(serve(gate, None, &stop).await).await;
    let bearer = format!("Bearer {}", signer.token("ec", json!({})));
    let status = call(&channel, STATUS, &[("authorization", &bearer)]).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (tonic::Code::Unavailable, "ISSUER_UNAVAILABLE"));
    assert!(status.get_details_retry_info().is_some());
    // A token that says to be of nobody known is refused all the same.
    assert!(!lets_in(&channel, &signer.token("ec", json!({"iss": "https://other.example/"}))).await);
    let set = jwks(&[signer.public("ec")]);
    served.answers(move || set.clone().into_response());
    assert!(lets_in(&channel, &signer.token("ec", json!({}))).await);
    stop.cancel();
}
