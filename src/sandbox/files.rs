//! Files behind a link that needs no credentials, as providers hand out from their object stores.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{StatusCode, header::CONTENT_TYPE};

use super::world::World;

/// The files handed out so far.
#[derive(Debug, Default)]
pub struct Files(Mutex<HashMap<String, (&'static str, Bytes)>>);

impl Files {
    /// Keeps a file and returns its path on the sandbox's server, with a query like that of a pre-signed link.
    pub fn put(&self, name: &str, media_type: &'static str, content: Bytes) -> String {
        let key = format!("{}/{name}", uuid::Uuid::new_v4());
        let path = format!("files/{key}?X-Amz-Expires=3600&X-Amz-Signature={}", uuid::Uuid::new_v4().simple());
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(key, (media_type, content));
        path
    }

    fn get(&self, key: &str) -> Option<(&'static str, Bytes)> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(key).cloned()
    }
}

/// The routes under `/files`.
pub(super) fn router(world: Arc<World>) -> Router {
    Router::new().route("/files/{*key}", get(download)).with_state(world)
}

async fn download(State(world): State<Arc<World>>, Path(key): Path<String>) -> Response {
    match world.files.get(&key) {
        Some((media_type, content)) => ([(CONTENT_TYPE, media_type)], content).into_response(),
        None => StatusCode::FORBIDDEN.into_response(),
    }
}
