//! Sends webhooks in the background; what the receiver answers is of no interest, as with the providers.

use std::{collections::HashMap, sync::Mutex, time::Duration};

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::scenario::Scenario;

/// A receiver that takes longer has lost the event.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a credential's events go, as the provider's portal would hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookTarget {
    /// Address.
    pub url: String,
    /// Key of the signature.
    pub secret: String,
}

/// One message to send.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Address.
    pub url: String,
    /// Headers; the content type is JSON unless set here.
    pub headers: HeaderMap,
    /// The exact bytes.
    pub body: Bytes,
}

/// The sender.
#[derive(Debug)]
pub struct Webhooks {
    client: Option<reqwest::Client>,
    targets: Mutex<HashMap<String, WebhookTarget>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Webhooks {
    /// A sender for these targets, by credential (`client_id` or API key); one that sends nothing if `enabled` is false.
    pub fn new(enabled: bool, targets: HashMap<String, WebhookTarget>, stop: CancellationToken) -> Self {
        let client = enabled.then(|| reqwest::Client::builder().timeout(TIMEOUT).no_proxy().build().ok()).flatten();
        Self { client, targets: Mutex::new(targets), tasks: TaskTracker::new(), stop }
    }

    /// Sets where a credential's events go.
    pub fn set_target(&self, credential: &str, target: WebhookTarget) {
        self.targets.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(credential.to_owned(), target);
    }

    /// Where a credential's events go.
    pub fn target(&self, credential: &str) -> Option<WebhookTarget> {
        self.targets.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(credential).cloned()
    }

    /// Sends the messages one after the other in the background, changed as the customer's scenario says: lost, or doubled and reversed.
    pub fn send(&self, scenario: Scenario, mut deliveries: Vec<Delivery>) {
        match scenario {
            Scenario::WebhooksLost => return,
            Scenario::WebhooksDoubled => {
                deliveries = deliveries.into_iter().rev().flat_map(|delivery| [delivery.clone(), delivery]).collect();
            }
            _ => {}
        }
        let (Some(client), Ok(runtime)) = (self.client.clone(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        let stop = self.stop.clone();
        self.tasks.spawn_on(
            async move {
                stop.run_until_cancelled(async {
                    for delivery in deliveries {
                        deliver(&client, delivery).await;
                    }
                })
                .await;
            },
            &runtime,
        );
    }

    /// Waits until nothing is being sent any more.
    pub(super) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

async fn deliver(client: &reqwest::Client, delivery: Delivery) {
    let mut headers = delivery.headers;
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    // A provider says nothing about failures either; whoever missed an event asks.
    drop(client.post(delivery.url).headers(headers).body(delivery.body).send().await);
}

/// A delivery whose header `name` holds the base64 of HMAC-SHA256 over the exact body.
pub fn signed(target: &WebhookTarget, name: &'static str, body: Vec<u8>) -> Delivery {
    let key = hmac::Key::new(hmac::HMAC_SHA256, target.secret.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, &body));
    let mut headers = HeaderMap::new();
    if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(signature)) {
        headers.insert(name, value);
    }
    Delivery { url: target.url.clone(), headers, body: body.into() }
}
