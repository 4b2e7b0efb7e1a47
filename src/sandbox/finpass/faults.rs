//! Faults that strike a session once.

use std::{collections::HashSet, sync::Mutex};

use axum::{
    http::{StatusCode, header},
    response::{Html, IntoResponse, Response},
};

use super::envelope::older_error;

/// Remembers whom a fault has struck.
#[derive(Debug, Default)]
pub struct Once(Mutex<HashSet<String>>);

impl Once {
    /// True the first time it is asked about `who`.
    pub fn strikes(&self, who: &str) -> bool {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(who.to_owned())
    }
}

/// A fault that the first read of data meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadFault {
    /// 500 in the older envelope.
    ServerError,
    /// 429. Finpass documents no limits; a proxy before it may have some.
    TooManyRequests,
    /// 502 with a proxy's HTML page.
    Html,
}

impl ReadFault {
    pub(super) fn response(self) -> Response {
        match self {
            Self::ServerError => older_error(StatusCode::INTERNAL_SERVER_ERROR, "server_error", "Server error"),
            Self::TooManyRequests => (
                [(header::RETRY_AFTER, "1")],
                older_error(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many requests"),
            )
                .into_response(),
            Self::Html => (StatusCode::BAD_GATEWAY, Html("<html><body><h1>502 Bad Gateway</h1></body></html>")).into_response(),
        }
    }
}
