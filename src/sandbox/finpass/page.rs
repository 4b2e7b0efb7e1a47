//! The customer's page. The token stands behind the `#` of the link, so the browser keeps it and a script hands it over.

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use serde_json::json;

use super::{input::Input, server::Finpass, world::Session};

const PAGE: &str = include_str!("page.html");

/// The page and what its script calls.
pub(super) fn routes() -> Router<Arc<Finpass>> {
    Router::new()
        .route("/web-redirect/", get(|| async { Html(PAGE) }))
        .route("/web-redirect/open", post(open))
        .route("/web-redirect/decide", post(decide))
}

/// What a customer does on the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Agrees.
    Approve,
    /// Declines.
    Reject,
    /// Withdraws later.
    Revoke,
}

impl Decision {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "approve" => Some(Self::Approve),
            "reject" => Some(Self::Reject),
            "revoke" => Some(Self::Revoke),
            _ => None,
        }
    }
}

async fn open(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let token = Input::read(&headers, &body).and_then(|input| input.text(&["requestId"]).map(str::to_owned));
    let opened = token.and_then(|token| finpass.change_by_link(&token, |session, finpass| session.opened(finpass.now())));
    match opened {
        Some(session) => Json(json!({"undecided": session.is_undecided(finpass.now())})).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn decide(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(input) = Input::read(&headers, &body) else { return StatusCode::BAD_REQUEST.into_response() };
    let Some(decision) = input.text(&["decision"]).and_then(Decision::parse) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    match finpass.decide(input.text(&["requestId"]).unwrap_or_default(), decision) {
        Some(session) => Json(json!({"redirect_url": session.return_url})).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

impl Finpass {
    /// The customer decides on the page with this token. A decision that comes too late, or twice, changes nothing.
    pub fn decide(&self, token: &str, decision: Decision) -> Option<Session> {
        self.change_by_link(token, |session, finpass| {
            let now = finpass.now();
            match decision {
                Decision::Approve if session.is_undecided(now) => {
                    let mobile = session.mobile.clone();
                    session.approve(|| finpass.accounts(&mobile), now);
                }
                Decision::Reject if session.is_undecided(now) => session.reject(now),
                Decision::Revoke => session.revoke(now),
                _ => {}
            }
        })
    }

    /// Changes a session by its link, tells its owner if its status changed, and answers it.
    fn change_by_link(&self, token: &str, change: impl FnOnce(&mut Session, &Self)) -> Option<Session> {
        let now = self.now();
        let (client_id, session, changed) = {
            let mut world = self.world();
            let client_id = world.links.get(token)?.clone();
            let session = world.sessions.get_mut(&client_id)?;
            let before = (session.consent, session.journey_status(now));
            change(session, self);
            let changed = (session.consent, session.journey_status(now)) != before;
            (client_id, session.clone(), changed)
        };
        if changed {
            self.webhooks.tell(&client_id, &session, now);
        }
        Some(session)
    }
}
