//! The FinPro simulator: every call of a journey, with the spelling, the envelopes and the oddities of the real one.

mod analytics;
mod awkward;
mod consent;
mod data;
mod decide;
mod desk;
mod envelope;
mod events;
mod excel;
mod fi;
mod limits;
mod lists;
mod orchestration;
mod portfolio;
mod products;
mod redirect;
mod reference;
mod render;
mod state;
#[cfg(test)]
mod tests;
mod time;
mod validate;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use axum::{
    Router,
    extract::{Path, State as Extract},
    response::Response,
    routing::any,
};
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode,
    header::{ACCESS_CONTROL_ALLOW_METHODS, CONTENT_TYPE, STRICT_TRANSPORT_SECURITY},
};
use serde_json::Value;

use self::{
    desk::Desk,
    envelope::{Answer, Failure},
    limits::{Standing, Window},
    state::State,
};
use super::{
    credentials::{FINPRO, FinProCredential},
    customer_page::{Decision, Journeys, Outcome, View},
    scenario::Scenario,
    server::Part,
    webhooks::signed,
    world::World,
};

struct Simulator {
    world: Arc<World>,
    organisations: Vec<(&'static FinProCredential, Mutex<State>)>,
    windows: Mutex<HashMap<&'static str, Window>>,
}

/// The FinPro simulator in this world.
pub(super) fn part(world: &Arc<World>) -> Part {
    let organisations = FINPRO.iter().map(|credential| (credential, Mutex::default())).collect();
    let simulator = Arc::new(Simulator { world: Arc::clone(world), organisations, windows: Mutex::default() });
    let router = Router::new().route("/{*path}", any(handle)).with_state(Arc::clone(&simulator));
    Part { path: "/finpro", router, journeys: simulator }
}

async fn handle(
    Extract(simulator): Extract<Arc<Simulator>>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    simulator.answer(&method, &format!("/{path}"), &headers, &body)
}

impl Simulator {
    fn answer(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Response {
        self.world.calls.record(&format!("finpro:received:{path}"), &[]);
        let caller = limits::organisation(headers);
        let name = caller.as_ref().map_or("", |credential| credential.client_id);
        let now = self.world.now();
        let standing = lock(&self.windows).entry(name).or_default().count(now, self.world.config.calls_per_minute);
        let answer = match caller {
            _ if standing.exceeded => {
                Err(Failure::rule("RateLimitExceeded", "Too many requests").with_status(StatusCode::TOO_MANY_REQUESTS))
            }
            Err(failure) => Err(failure),
            Ok(credential) => self.called(credential, method, path, headers, body),
        };
        let mut response = envelope::respond(answer, now);
        // A customer's story may refuse a call within the window: it says that its own limit ends a second later.
        let standing = match response.status() {
            StatusCode::TOO_MANY_REQUESTS if !standing.exceeded => {
                Standing { remaining: 0, reset: now.as_second() + 1, ..standing }
            }
            _ => standing,
        };
        decorate(response.headers_mut(), standing);
        response
    }

    fn called(&self, credential: &FinProCredential, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Answer {
        let json = headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
        if !body.is_empty() && !json {
            let failure = Failure::rule("UnsupportedMediaType", "Unsupported media type");
            return Err(failure.with_status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
        let body = if body.is_empty() { Ok(Value::Object(serde_json::Map::new())) } else { serde_json::from_slice(body) };
        let body: Value = body.map_err(|_| Failure::rule("InternalError", "Something went wrong with the request payload."))?;
        self.at_desk(credential, |desk| route(desk, method, path, &body)).unwrap_or(Err(Failure::unauthorized("Invalid headers")))
    }

    /// Does something with an organisation's state, then sends the events that it caused.
    fn at_desk<T>(&self, credential: &FinProCredential, work: impl FnOnce(&mut Desk<'_>) -> T) -> Option<T> {
        let (credential, state) = self.organisations.iter().find(|(known, _)| known.client_id == credential.client_id)?;
        let mut state = lock(state);
        let now = self.world.now();
        let mut desk = Desk { world: &self.world, credential, state: &mut state, now, events: Vec::new() };
        let result = work(&mut desk);
        let events = std::mem::take(&mut desk.events);
        drop(state);
        self.send(credential, events);
        Some(result)
    }

    fn send(&self, credential: &FinProCredential, events: Vec<(Scenario, Value)>) {
        let Some(target) = self.world.webhooks.target(credential.client_id) else { return };
        let Some(scenario) = events.first().map(|(scenario, _)| *scenario) else { return };
        let deliveries = events.iter().map(|(_, event)| signed(&target, "x-webhook-signature", event.to_string().into_bytes()));
        self.world.webhooks.send(scenario, deliveries.collect());
    }
}

/// All calls that the simulator knows.
fn route(desk: &mut Desk<'_>, method: &Method, path: &str, body: &Value) -> Answer {
    match (method.as_str(), path) {
        ("POST", "/v2/requestconsent") => desk.request_consent_v2(body),
        ("POST", "/v3/requestconsent") => desk.request_consent_v3(body),
        ("POST", "/getconsentslist") => desk.consents_v1(body),
        ("POST", "/v2/getconsentslist") => desk.consents_v2(body),
        ("POST", "/v3/getconsentslist") => desk.consents_v3(body),
        ("POST", "/revokeconsent") => desk.revoke_consent(body),
        ("POST", "/webRedirection/getEncryptedUrl") => desk.encrypted_url(body),
        ("POST", "/webRedirection/decryptUrl") => desk.decrypt_url(body),
        ("POST", "/fi/request") => desk.fi_request(body),
        ("POST", "/consent/firequest/status") => desk.fi_status(body),
        ("POST", "/getallfidata") => desk.all_data(body),
        ("POST", "/getalllatestfidata") => desk.latest_data(body),
        ("DELETE", "/fidata") => desk.delete_data(body),
        ("POST", "/productslist") => desk.products(body),
        ("POST", "/accountaggregatorlist") => desk.aggregators(),
        ("GET", "/list/fips") => desk.fips(),
        ("POST", "/transaction/status") => desk.transaction_status(body),
        ("POST", "/analytics/json") => desk.analytics_json(body),
        ("POST", "/analytics/xml") => desk.analytics_xml(body),
        ("POST", "/analytics/excel") => desk.analytics_excel(body),
        _ => Err(Failure::Proxy(StatusCode::NOT_FOUND)),
    }
}

fn decorate(headers: &mut HeaderMap, standing: Standing) {
    let numbers = [
        ("x-ratelimit-limit", i64::from(standing.limit)),
        ("x-ratelimit-remaining", i64::from(standing.remaining)),
        ("x-ratelimit-reset", standing.reset),
    ];
    for (name, number) in numbers {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(number));
    }
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000; includeSubDomains"));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

impl Journeys for Simulator {
    fn view(&self, token: &str) -> Option<View> {
        FINPRO.iter().find_map(|credential| self.at_desk(credential, |desk| desk.view(token)).flatten())
    }

    fn decide(&self, token: &str, decision: Decision) -> Option<Outcome> {
        FINPRO.iter().find_map(|credential| self.at_desk(credential, |desk| desk.decide(token, decision)).flatten())
    }

    fn pages(&self, mobile: &str) -> Vec<String> {
        FINPRO.iter().filter_map(|credential| self.at_desk(credential, |desk| desk.state.pages_of(mobile))).flatten().collect()
    }
}
