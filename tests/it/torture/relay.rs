//! Stands between a gateway and FinPro and tells of an opening at a chosen moment, so that the gateway can be killed right there.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    response::Response,
};
use sangam::sandbox::Sandbox;
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use super::fleet::{Fleet, Place};

/// When the gateway dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The intent is written down.
    Intended,
    /// The intent is written and the call is on its way; the provider has not heard it.
    Sent,
    /// The provider has acted; the gateway has not heard it.
    Acted,
    /// The answer is on its way to the gateway.
    Answered,
    /// The outcome is written down; the caller has not heard it yet.
    Committed,
    /// The caller has its answer.
    Acknowledged,
}

impl Moment {
    pub const ALL: [Self; 6] = [Self::Intended, Self::Sent, Self::Acted, Self::Answered, Self::Committed, Self::Acknowledged];
}

struct Shared {
    provider: String,
    client: reqwest::Client,
    moment: Mutex<Moment>,
    /// The next call with a path that ends so is held until it is let go.
    held: Mutex<Option<&'static str>>,
    let_go: Notify,
    reached: mpsc::UnboundedSender<()>,
}

/// The server; it ends with the value.
pub struct Relay {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Relay {
    /// Before the sandbox, at a place that is bound already; the receiver hears of each opening that has come to its moment.
    pub fn start(sandbox: &Sandbox, place: std::net::TcpListener) -> (Self, mpsc::UnboundedReceiver<()>) {
        let (reached, hears) = mpsc::unbounded_channel();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let provider = format!("http://{}", sandbox.address);
        let shared = Arc::new(Shared {
            provider,
            client,
            moment: Mutex::new(Moment::Acknowledged),
            held: Mutex::default(),
            let_go: Notify::new(),
            reached,
        });
        let listener = TcpListener::from_std(place).unwrap();
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        (Self { shared, task }, hears)
    }

    /// Processes behind a relay.
    pub async fn before_fleet(
        place: Place,
        size: usize,
        change: impl FnOnce(String) -> String,
    ) -> (Fleet, Self, mpsc::UnboundedReceiver<()>) {
        // The relay must know the sandbox, and the gateways the relay.
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        address.set_nonblocking(true).unwrap();
        let base = format!("http://{}/finpro", address.local_addr().unwrap());
        let mut parts = None;
        let fleet = Fleet::start(place, size, |sandbox, text| {
            let moved = text.replace(sandbox.finpro_base_url().as_str(), &base);
            assert_ne!(moved, text);
            parts = Some(Self::start(sandbox, address));
            change(moved)
        });
        let fleet = fleet.await;
        let (relay, reached) = parts.unwrap();
        (fleet, relay, reached)
    }

    /// Holds the next call of a path.
    pub fn hold(&self, path: &'static str) {
        *self.shared.held.lock().unwrap() = Some(path);
    }

    /// Lets the call go on that is held.
    pub fn let_go(&self) {
        self.shared.let_go.notify_one();
    }

    /// The moment of the openings to come.
    pub fn set(&self, moment: Moment) {
        *self.shared.moment.lock().unwrap() = moment;
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let opens = head.uri.path().ends_with("/v3/requestconsent");
    let moment = if opens { *shared.moment.lock().unwrap() } else { Moment::Acknowledged };
    let held = shared.held.lock().unwrap().take_if(|held| head.uri.path().ends_with(*held)).is_some();
    if held {
        shared.reached.send(()).unwrap();
        shared.let_go.notified().await;
    }
    if moment == Moment::Sent {
        shared.reached.send(()).unwrap();
        // Until the gateway is dead and its connection gone.
        return std::future::pending().await;
    }
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut headers = head.headers;
    headers.remove(http::header::HOST);
    let call = shared.client.request(head.method, format!("{}{}", shared.provider, head.uri)).headers(headers).body(body);
    let answer = call.send().await.unwrap();
    let mut passed = Response::builder().status(answer.status());
    *passed.headers_mut().unwrap() = answer.headers().clone();
    // The body goes on as a whole, however it came.
    passed.headers_mut().unwrap().remove(http::header::TRANSFER_ENCODING);
    let body = answer.bytes().await.unwrap();
    if moment == Moment::Acted {
        shared.reached.send(()).unwrap();
        return std::future::pending().await;
    }
    if moment == Moment::Answered {
        shared.reached.send(()).unwrap();
    }
    passed.body(Body::from(body)).unwrap()
}
