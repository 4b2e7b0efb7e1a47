//! What all simulators share.

use std::sync::{Mutex, atomic::AtomicBool};

use jiff::Timestamp;
use tokio::sync::watch;
use url::Url;

use super::{calls::Calls, files::Files, server::SandboxConfig, webhooks::Webhooks};
use crate::clock::SharedClock;

/// The parts that every simulator uses. The simulators keep their own state, one per credential.
pub struct World {
    /// Where the sandbox's server is reached, `http://127.0.0.1:PORT/` by default. Ends with a slash.
    pub base: Url,
    /// How it was started.
    pub config: SandboxConfig,
    /// The time of day.
    pub clock: SharedClock,
    /// Counters for tests.
    pub calls: Calls,
    /// Sends webhooks in the background.
    pub webhooks: Webhooks,
    /// Hands out files behind links.
    pub files: Files,
    /// Whether the providers are down. The customer's page is not.
    pub down: AtomicBool,
    /// The path of the call whose next answer is lost, though the call goes through.
    pub lost: Mutex<Option<String>>,
    /// Calls whose path begins with this wait, without an answer and without an effect.
    pub held: watch::Sender<Option<String>>,
}

impl World {
    /// Now, by the injected clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// An address on the sandbox's server, such as of `files/...`.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}
