//! Writes by request id: done once, answered again. The work runs in a task of its own, so that a caller who leaves in the middle does
//! not leave an opening behind that nobody wrote down.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use prost::Message;
use tokio::{sync::watch, time::timeout_at};
use tonic::{Code, Status};
use tracing::Instrument;

use super::status;
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
        service::Service,
    },
    providers::{error::Effect, provider::Call},
    store::Begun,
};

/// A tenant's request id.
type Key = (String, String);

/// The request ids whose work runs in this process; each channel closes when the work ends.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>);

impl InFlight {
    fn begin(&self, key: &Key) -> Option<watch::Sender<()>> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.contains_key(key) {
            return None;
        }
        let (sender, receiver) = watch::channel(());
        map.insert(key.clone(), receiver);
        Some(sender)
    }

    fn end(&self, key: &Key) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    fn watch(&self, key: &Key) -> Option<watch::Receiver<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// One write.
pub(super) struct Write<'a> {
    /// The service.
    pub service: &'a Service,
    /// What runs in this process.
    pub in_flight: &'a InFlight,
    /// What the call may take.
    pub call: Call,
    /// The caller's request id.
    pub request_id: &'a str,
    /// The request without its id, encoded: equal requests are equal here, however their bytes came.
    pub canonical: Vec<u8>,
    /// The journey that it opens or concerns.
    pub journey_id: &'a str,
    /// Whether the tree shows that the request was begun. What was not begun, or is harmless to do again, begins anew.
    pub begun: fn(&Journey, &str) -> bool,
}

/// A kept answer: the message, or the status of a permanent refusal.
#[derive(Message)]
struct Kept {
    #[prost(bytes = "vec", optional, tag = "1")]
    message: Option<Vec<u8>>,
    #[prost(int32, tag = "2")]
    code: i32,
    #[prost(string, tag = "3")]
    text: String,
    #[prost(bytes = "vec", tag = "4")]
    details: Vec<u8>,
}

impl Write<'_> {
    /// Does the work, or answers what became of it before. `work` gets the journey id; `unfinished` answers for a request that began
    /// and whose answer was never kept, from its journey.
    pub async fn run<R, W, WF, U, UF>(self, work: W, unfinished: U) -> Result<(R, bool), Status>
    where
        R: Message + Default + 'static,
        W: FnOnce(String) -> WF,
        WF: Future<Output = Result<R, Failure>> + Send + 'static,
        U: FnOnce(String) -> UF,
        UF: Future<Output = Result<R, Failure>>,
    {
        let key = (self.service.tenant().id.clone(), self.request_id.to_owned());
        let store = self.service.store();
        let mut work = Some(work);
        loop {
            if let Some(mut running) = self.in_flight.watch(&key) {
                // Ends when the sender is dropped, with the work.
                if timeout_at(self.call.deadline, async { while running.changed().await.is_ok() {} }).await.is_err() {
                    return Err(status::of(JourneyError::RequestInFlight));
                }
            }
            let Some(running) = self.in_flight.begin(&key) else { continue };
            let begun = store.begin_request(&key.0, &key.1, &self.canonical, self.journey_id, self.service.clock().now()).await;
            match begun {
                Ok(Begun::New) => {
                    let Some(work) = work.take() else { break };
                    return self.spawn(key, running, work(self.journey_id.to_owned())).await.map(|answer| (answer, false));
                }
                Ok(Begun::InFlight(journey_id)) => {
                    let written = store.journey(&key.0, &journey_id).await;
                    if written
                        .as_ref()
                        .is_ok_and(|tree| !tree.as_ref().is_some_and(|tree| (self.begun)(&tree.journey, self.request_id)))
                    {
                        // The process died before it wrote the intent, so nothing was sent: the id begins anew.
                        let freed = store.free_request(&key.0, &key.1).await;
                        self.in_flight.end(&key);
                        freed.map_err(|error| status::of(error.into()))?;
                        continue;
                    }
                    self.in_flight.end(&key);
                    drop(running);
                    return unfinished(journey_id).await.map(|answer| (answer, true)).map_err(status::of_failure);
                }
                other => {
                    self.in_flight.end(&key);
                    return match other {
                        Ok(Begun::Answered(kept)) => replay(&kept).map(|answer| (answer, true)),
                        Ok(_) => Err(status::of(JourneyError::RequestIdReused)),
                        Err(error) => Err(status::of(error.into())),
                    };
                }
            }
        }
        Err(status::of(JourneyError::Internal("a request that neither began nor ended")))
    }

    async fn spawn<R, F>(&self, key: Key, running: watch::Sender<()>, work: F) -> Result<R, Status>
    where
        R: Message + Default + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
    {
        let (service, in_flight) = (self.service.clone(), self.in_flight.clone());
        let task = tokio::spawn(
            async move {
                let result = work.await;
                keep(&service, &key, &result).await;
                in_flight.end(&key);
                drop(running);
                result
            }
            .in_current_span(),
        );
        match task.await {
            Ok(result) => result.map_err(status::of_failure),
            Err(_) => Err(status::of(JourneyError::Internal("a write ended without an answer"))),
        }
    }
}

/// Keeps what may be answered again. What had no effect and may work later frees the id; what is unknown stays open, and a repeat is
/// answered from the journey.
async fn keep<R: Message>(service: &Service, (tenant, request_id): &Key, result: &Result<R, Failure>) {
    let store = service.store();
    let kept = match result {
        Ok(message) => Kept { message: Some(message.encode_to_vec()), ..Kept::default() },
        Err(failure) => match status::after(failure) {
            status::After::Open => return,
            status::After::Free => {
                if let Err(error) = store.free_request(tenant, request_id).await {
                    tracing::error!(%error, "a request id is not freed");
                }
                return;
            }
            status::After::Keep => {
                let status = status::of_failure(failure.clone());
                Kept {
                    message: None,
                    code: status.code().into(),
                    text: status.message().to_owned(),
                    details: status.details().to_vec(),
                }
            }
        },
    };
    // Should this fail, a repeat is answered from the journey.
    if let Err(error) = store.finish_request(tenant, request_id, &kept.encode_to_vec()).await {
        tracing::error!(%error, "an answer is not kept");
    }
}

fn replay<R: Message + Default>(kept: &[u8]) -> Result<R, Status> {
    let unreadable = || status::of(JourneyError::Internal("a kept answer cannot be read"));
    let kept = Kept::decode(kept).map_err(|_| unreadable())?;
    match kept.message {
        Some(message) => R::decode(message.as_slice()).map_err(|_| unreadable()),
        None => Err(Status::with_details(Code::from(kept.code), kept.text, kept.details.into())),
    }
}

/// What is answered for a write that is harmless to do again and so always begins anew.
pub(super) async fn harmless<R>(_: String) -> Result<R, Failure> {
    Err(JourneyError::RequestInFlight.into())
}

/// The effect of a failure, for the decision above.
pub(super) fn effect_of(error: &JourneyError) -> Effect {
    match error {
        JourneyError::Provider(error) => error.effect,
        _ => Effect::None,
    }
}
