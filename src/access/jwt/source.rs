//! Where an issuer's keys come from: a file, or an address. Whatever comes, a set that is wrong never takes the place of a good one.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::key::{Keys, MAX_SET_BYTES, Skipped};
use crate::access::reload::Files;

/// Most time to reach the issuer, and for the whole answer.
const CONNECT: Duration = Duration::from_secs(5);
const WHOLE: Duration = Duration::from_secs(10);

/// Where a key set is.
#[derive(Debug)]
pub enum Place {
    /// In a file.
    File(Mutex<Files>),
    /// At an address.
    Url(reqwest::Client, Url),
}

impl Place {
    /// An address. Redirects are not followed, and a proxy of the environment is not asked: the keys come from where the operator said.
    pub fn url(url: Url) -> Result<Self, &'static str> {
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .timeout(WHOLE)
            .https_only(url.scheme() == "https")
            .build();
        Ok(Self::Url(client.map_err(|_| "no HTTP client can be made")?, url))
    }
}

/// An issuer's keys as they are now, and whoever keeps them so.
#[derive(Debug)]
pub struct Source {
    /// The path of the setting, for the log.
    setting: String,
    place: Place,
    current: ArcSwap<Current>,
    state: watch::Sender<State>,
    complaint: Mutex<Option<[u8; 32]>>,
    pace: Pace,
}

/// How often keys are asked for.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// By itself.
    pub every: Duration,
    /// At least so long after the last time, whoever asks for a key that is not known: strangers can name any key.
    pub pause: Duration,
}

/// A key set with its number: what was judged by an older set is judged anew.
#[derive(Debug, Default)]
pub struct Current {
    /// The keys; none until they have come once.
    pub keys: Keys,
    /// Rises with every other set.
    pub generation: u64,
    digest: Option<[u8; 32]>,
}

/// How far the asking is. It is changed in one step, so that whoever waits neither misses an answer nor asks twice.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct State {
    running: bool,
    wanted: bool,
    /// How often it was asked.
    rounds: u64,
    /// When it was asked last.
    last: Option<Instant>,
}

impl Source {
    /// A source without keys yet.
    pub fn new(setting: String, place: Place, pace: Pace) -> Self {
        Self {
            setting,
            place,
            current: ArcSwap::default(),
            state: watch::Sender::new(State::default()),
            complaint: Mutex::new(None),
            pace,
        }
    }

    /// The keys of now.
    pub fn current(&self) -> arc_swap::Guard<Arc<Current>> {
        self.current.load()
    }

    /// Takes over a set; answers what is wrong with it.
    pub fn take(&self, text: &[u8]) -> Result<(), &'static str> {
        let mut hash = [0; 32];
        hash.copy_from_slice(digest(&SHA256, text).as_ref());
        let before = self.current.load();
        if before.digest == Some(hash) {
            return Ok(());
        }
        let keys = Keys::read(text)?;
        tracing::info!(setting = self.setting, count = keys.len(), "an issuer's keys were read");
        for Skipped { entry, cause } in &keys.skipped {
            tracing::warn!(setting = self.setting, entry, cause, "skipped an entry of an issuer's key set");
        }
        self.current.store(Arc::new(Current { keys, generation: before.generation + 1, digest: Some(hash) }));
        Ok(())
    }

    /// Waits until the keys have been asked for anew, if they may be by now. The pause of a file is short enough to be waited for.
    pub async fn refreshed(&self) {
        let mut state = self.state.subscribe();
        let mut waits_after = None;
        self.state.send_if_modified(|now| {
            let soon = now.last.is_some_and(|last| last.elapsed() < self.pace.pause);
            let (asks, after) = if matches!(self.place, Place::File(_)) {
                // What is new may not have been seen by whoever began to read before.
                (!now.wanted, Some(now.rounds + u64::from(now.running)))
            } else if now.running {
                (false, Some(now.rounds))
            } else {
                (!soon && !now.wanted, (!soon).then_some(now.rounds))
            };
            waits_after = after;
            now.wanted |= asks;
            asks
        });
        if let Some(rounds) = waits_after {
            // The call's own deadline is usually nearer.
            let _ = timeout(WHOLE + CONNECT, state.wait_for(|now| now.rounds > rounds)).await;
        }
    }

    /// Keeps the keys until `stop`.
    pub async fn keep(self: Arc<Self>, stop: CancellationToken) {
        let mut state = self.state.subscribe();
        loop {
            let every = match self.ask(&stop).await {
                true => self.pace.every,
                // Soon again: without keys nobody of this issuer gets in.
                false => self.pace.every.min(self.pace.pause.max(Duration::from_secs(1))),
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(every) => {}
                () = wanted(&mut state, self.pace.pause) => {}
            }
        }
    }

    /// Asks once; answers whether the keys are good.
    async fn ask(self: &Arc<Self>, stop: &CancellationToken) -> bool {
        self.state.send_modify(|now| (now.running, now.wanted) = (true, false));
        let outcome = match &self.place {
            Place::File(_) => {
                let this = self.clone();
                tokio::task::spawn_blocking(move || this.look()).await.unwrap_or(Err("the file cannot be read"))
            }
            Place::Url(client, url) => match stop.run_until_cancelled(fetch(client, url)).await {
                Some(Ok(text)) => self.take(&text),
                Some(Err(cause)) => Err(cause),
                None => Ok(()),
            },
        };
        self.complain(outcome);
        self.state.send_modify(|now| {
            (now.running, now.rounds, now.last) = (false, now.rounds + 1, Some(Instant::now()));
        });
        outcome.is_ok()
    }

    /// Reads the file, if it is one that has changed.
    pub fn look(&self) -> Result<(), &'static str> {
        let Place::File(files) = &self.place else { return Ok(()) };
        match files.lock().unwrap_or_else(PoisonError::into_inner).changed() {
            None => Ok(()),
            Some(Ok(contents)) => self.take(&contents.concat()),
            Some(Err(_)) => Err("the file cannot be read"),
        }
    }

    /// Logs what is wrong, once until it is something else.
    fn complain(&self, outcome: Result<(), &'static str>) {
        let hash = outcome.err().map(|cause| {
            let mut hash = [0; 32];
            hash.copy_from_slice(digest(&SHA256, cause.as_bytes()).as_ref());
            hash
        });
        let before = std::mem::replace(&mut *self.complaint.lock().unwrap_or_else(PoisonError::into_inner), hash);
        if let Err(cause) = outcome
            && before != hash
        {
            tracing::error!(setting = self.setting, cause, "an issuer's keys cannot be read; those that are known stay");
        }
    }
}

/// Waits until somebody wants to have the keys asked for and it may be done again.
async fn wanted(state: &mut watch::Receiver<State>, pause: Duration) {
    let last = state.wait_for(|now| now.wanted).await.ok().and_then(|now| now.last);
    if let Some(last) = last {
        sleep_until(last + pause).await;
    }
}

/// The set at an address.
async fn fetch(client: &reqwest::Client, url: &Url) -> Result<Vec<u8>, &'static str> {
    let failed = |error: reqwest::Error| match () {
        () if error.is_timeout() => "the issuer did not answer in time",
        () if error.is_connect() => "the issuer cannot be reached",
        () => "the issuer's answer broke off",
    };
    let mut answer = client.get(url.clone()).header("accept", "application/json").send().await.map_err(failed)?;
    if answer.status() != reqwest::StatusCode::OK {
        return Err("the issuer answers with another status than 200");
    }
    let mut text = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(failed)? {
        if text.len() + chunk.len() > MAX_SET_BYTES {
            return Err("the key set is larger than 256 KiB");
        }
        text.extend_from_slice(&chunk);
    }
    Ok(text)
}
