//! What is sent to a provider, and what comes back.

use std::{fmt, sync::OnceLock};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::time::Instant;
use uuid::Uuid;

use super::{room_wait::RoomWait, sending::Sending};
use crate::{
    data::repair::{self, Numbers},
    memory::Room,
    providers::{error::Effect, lenient::Members},
};

/// Whether a call changes something at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallKind {
    /// It only looks: it may be sent again.
    Read,
    /// It may change something, or be billed: it is sent once. It needs a body, which shows whether it was sent.
    Write,
}

impl CallKind {
    /// What a lost answer leaves behind.
    pub fn effect_when_lost(self) -> Effect {
        match self {
            Self::Read => Effect::None,
            Self::Write => Effect::Unknown,
        }
    }
}

/// A call on its way out.
#[derive(Clone)]
pub struct OutboundRequest {
    /// The provider's id.
    pub provider: &'static str,
    /// The call's name for spans and errors.
    pub stage: &'static str,
    /// Read or write.
    pub kind: CallKind,
    /// HTTP method.
    pub method: Method,
    /// The path below the base URL, without a leading slash.
    pub path: &'static str,
    /// Query parameters, in clear; they are encoded here.
    pub query: Vec<(&'static str, String)>,
    /// Headers beside the credentials.
    pub headers: HeaderMap,
    /// The body, if any.
    pub body: Option<Bytes>,
    /// When the answer must be there.
    pub deadline: Instant,
    /// The id of this call, sent as `x-request-id`. The executor sets it.
    pub x_request_id: Uuid,
    /// Whether it goes out on a connection of its own, instead of one that was left open by an earlier call.
    pub fresh_connection: bool,
    /// How far a write has come. Set by the executor.
    pub sending: Sending,
    /// How long it waits for room before its answer is read. Set by the executor.
    pub room_wait: RoomWait,
}

impl OutboundRequest {
    /// A write: a POST with a JSON body. A call whose answer is read for facts or data is made from the provider's table of read calls.
    pub fn write(provider: &'static str, stage: &'static str, path: &'static str, body: &impl serde::Serialize) -> Self {
        Self::post_json(provider, stage, CallKind::Write, path, body)
    }

    /// A POST with a JSON body.
    pub(super) fn post_json(
        provider: &'static str,
        stage: &'static str,
        kind: CallKind,
        path: &'static str,
        body: &impl serde::Serialize,
    ) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        Self {
            method: Method::POST,
            headers,
            // Only our own request structs come here; they always serialise.
            body: Some(Bytes::from(serde_json::to_vec(body).unwrap_or_default())),
            ..Self::get(provider, stage, path)
        }
        .with_kind(kind)
    }

    /// A GET; always a read.
    pub(super) fn get(provider: &'static str, stage: &'static str, path: &'static str) -> Self {
        Self {
            provider,
            stage,
            kind: CallKind::Read,
            method: Method::GET,
            path,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: None,
            deadline: Instant::now(),
            x_request_id: Uuid::nil(),
            fresh_connection: false,
            sending: Sending::default(),
            room_wait: RoomWait::default(),
        }
    }

    /// A POST for tests of the executor, which is no call of a provider.
    #[cfg(feature = "sandbox")]
    #[doc(hidden)]
    pub fn of_executor_test(kind: CallKind, path: &'static str, body: &impl serde::Serialize) -> Self {
        Self::post_json("test", "call", kind, path, body)
    }

    /// With a query parameter.
    #[must_use]
    pub fn with_query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }

    /// What this request leaves behind if its answer is lost now, after it ended with an error.
    pub fn effect_so_far(&self) -> Effect {
        if self.sending.has_begun() { self.kind.effect_when_lost() } else { Effect::None }
    }

    /// What tells the effect of this request after its time has ended it. Take it before the request is sent.
    pub fn cut(&self) -> Cut {
        Cut { kind: self.kind, sending: self.sending.clone() }
    }

    fn with_kind(mut self, kind: CallKind) -> Self {
        self.kind = kind;
        self
    }

    #[cfg(test)]
    pub(crate) fn for_test(kind: CallKind) -> Self {
        let mut request = Self::get("test", "call", "path").with_kind(kind);
        request.deadline = Instant::now() + std::time::Duration::from_secs(30);
        request
    }
}

/// A request that may be ended by its time.
#[derive(Debug)]
pub struct Cut {
    kind: CallKind,
    sending: Sending,
}

impl Cut {
    /// Gives the request up, which must have been dropped, and returns what it leaves behind.
    pub fn effect(self) -> Effect {
        if self.sending.give_up() { Effect::None } else { self.kind.effect_when_lost() }
    }
}

/// An answer, whatever its status. Adapters judge it.
#[derive(Clone)]
pub struct OutboundResponse {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body as it came, within the bound.
    pub body: Bytes,
    /// What is reserved for the body. It must live as long as the body or what is made of it.
    pub room: Room,
    /// The body made readable, once that was needed.
    repaired: OnceLock<Option<String>>,
}

impl OutboundResponse {
    /// An answer.
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, room: Room::default(), repaired: OnceLock::new() }
    }

    /// The same with what is reserved for the body.
    pub(super) fn with_room(mut self, room: Room) -> Self {
        self.room = room;
        self
    }

    /// The members of the body, which is made readable if it is no JSON as it came; `None` if it is no JSON object even then.
    pub fn members(&self) -> Option<Members<'_>> {
        let repaired = || self.repaired.get_or_init(|| Some(repair::rewrite(&self.body, Numbers::Kept)?.text));
        Members::of(&self.body).or_else(|| Members::of(repaired().as_ref()?.as_bytes()))
    }
}

/// What is inside stays inside: query, headers and body hold customers and credentials.
impl fmt::Debug for OutboundRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.as_ref().map(Bytes::len);
        f.debug_struct("OutboundRequest").field("stage", &self.stage).field("bytes", &bytes).finish_non_exhaustive()
    }
}

/// As of the call.
impl fmt::Debug for OutboundResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("OutboundResponse");
        shown.field("status", &self.status).field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}
