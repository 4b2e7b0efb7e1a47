//! Writes by request id: done once, answered again. The work runs in a task of its own, so that a caller who leaves in the middle does
//! not leave an opening behind that nobody wrote down.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prost::Message;
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{sleep, timeout_at},
};
use tonic::{Code, Status};
use tracing::Instrument;

use super::{audited::Audited, status};
use crate::{
    access::TenantId,
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
        progress::Progress,
        service::Service,
    },
    providers::{error::Effect, provider::Call},
    store::{Begun, Claim, Store, StoreError},
};

/// How often the store is asked what became of a request that another replica is at work on.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// A tenant's request id.
type Key = (TenantId, String);

/// The request ids whose work runs in this process; each channel closes when the work ends.
#[derive(Clone, Default)]
pub(super) struct InFlight(Arc<Mutex<HashMap<Key, watch::Receiver<()>>>>);

/// This process is at work on a request id, until this is dropped: also if the caller leaves in the middle, and if the work panics.
struct Running {
    /// Whether the request may be this process's in the store too, and without an answer.
    open: bool,
    store: Store,
    mark: Option<Mark>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let (store, mark) = (self.store.clone(), self.mark.take());
        if self.open
            && let (Some(mark), Ok(runtime)) = (mark, Handle::try_current())
        {
            // The mark goes last: whoever begins next must not find its own request left.
            runtime.spawn(async move {
                if let Err(error) = store.leave_request(&mark.key.0, &mark.key.1).await {
                    tracing::error!(%error, "a request is not left");
                }
            });
        }
    }
}

/// A request id among those whose work runs in this process.
struct Mark {
    in_flight: InFlight,
    key: Key,
    _sender: watch::Sender<()>,
}

impl Drop for Mark {
    fn drop(&mut self) {
        self.in_flight.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

impl InFlight {
    fn begin(&self, key: &Key, store: &Store) -> Option<Running> {
        let mut map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if map.contains_key(key) {
            return None;
        }
        let (sender, receiver) = watch::channel(());
        map.insert(key.clone(), receiver);
        let mark = Mark { in_flight: self.clone(), key: key.clone(), _sender: sender };
        Some(Running { open: true, store: store.clone(), mark: Some(mark) })
    }

    fn watch(&self, key: &Key) -> Option<watch::Receiver<()>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// One write.
pub(super) struct Write<'a> {
    /// The service.
    pub service: &'a Service,
    /// Puts it on record: before the work is begun, and with what came of it.
    pub audit: &'a Audited,
    /// What runs in this process.
    pub in_flight: &'a InFlight,
    /// What is known of it if the call's time ends before its work.
    pub progress: &'a Progress,
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
    /// Ends a request whose refusal is known beforehand, before anything is written down. A request id that came before goes on: it is
    /// answered by what became of it, whatever the provider does now.
    pub async fn refuse_new(&self, foreseen: Option<Failure>) -> Result<(), Status> {
        let Some(failure) = foreseen else { return Ok(()) };
        let key = (self.service.tenant().id.clone(), self.request_id.to_owned());
        if self.in_flight.watch(&key).is_some() {
            return Ok(());
        }
        match self.service.store().knows_request(&key.0, &key.1, self.service.clock().now()).await {
            Ok(false) => {
                self.service.pace_refusal(self.call).await;
                Err(status::of_failure(failure))
            }
            // Without the store nothing is sent either; what is wrong with it is answered below.
            Ok(true) | Err(_) => Ok(()),
        }
    }

    /// Does the work, or returns the outcome of an earlier call with the same request id. `work` gets the journey id; a repeat of a freed
    /// request gets the earlier one. `unfinished` builds the answer from the journey if an earlier call began and its answer was not stored.
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
                self.progress.effect(Effect::Unknown);
                // Ends when the sender is dropped, with the work.
                if timeout_at(self.call.deadline, async { while running.changed().await.is_ok() {} }).await.is_err() {
                    return Err(status::of(JourneyError::RequestInFlight));
                }
            }
            let Some(running) = self.in_flight.begin(&key, store) else { continue };
            let (begun, mut running) = self.begin(&key, running).await?;
            running.open = matches!(begun, Ok(Begun::New | Begun::Again(_) | Begun::InFlight(_)) | Err(_));
            match begun {
                Ok(new @ (Begun::New | Begun::Again(_))) => {
                    let Some(work) = work.take() else { break };
                    let journey_id = if let Begun::Again(earlier) = new { earlier } else { self.journey_id.to_owned() };
                    return self.spawn(key, running, work(journey_id)).await.map(|answer| (answer, false));
                }
                Ok(Begun::InFlight(journey_id)) => {
                    self.progress.effect(Effect::Unknown);
                    let claim = Claim { request_id: self.request_id };
                    // A read by another connection would prove nothing: what the writer holds and has not committed is not in it.
                    let written = store.intent(&key.0, claim, &journey_id).await.map_err(|error| status::of(error.into()))?;
                    if !written.is_some_and(|journey| (self.begun)(&journey, self.request_id)) {
                        // The process died before it wrote the intent, so nothing was sent: the id begins anew.
                        self.progress.effect(Effect::None);
                        store.free_request(&key.0, &key.1).await.map_err(|error| status::of(error.into()))?;
                        running.open = false;
                        continue;
                    }
                    self.progress.journey(&journey_id);
                    // Whoever comes with it next, here or at another replica, is answered from the journey as well.
                    return unfinished(journey_id).await.map(|answer| (answer, true)).map_err(status::of_failure);
                }
                Ok(Begun::Elsewhere) => {
                    self.progress.effect(Effect::Unknown);
                    // Who waits in this process waits behind this caller, so that the store is asked once for all.
                    let waited = timeout_at(self.call.deadline, sleep(ASK_AGAIN)).await;
                    waited.map_err(|_| status::of(JourneyError::RequestInFlight))?;
                }
                Ok(Begun::Answered(kept)) => return replay(&kept).map(|answer| (answer, true)),
                Ok(Begun::Reused) => return Err(status::of(JourneyError::RequestIdReused)),
                Err(error) => return Err(status::of(error.into())),
            }
        }
        Err(status::of(JourneyError::Internal("a request that neither began nor ended")))
    }

    /// Writes the request down. In a task, so that a caller who leaves meanwhile does not leave a request behind that nobody works on.
    async fn begin(&self, (tenant, request_id): &Key, running: Running) -> Result<(Result<Begun, StoreError>, Running), Status> {
        let (store, now) = (self.service.store().clone(), self.service.clock().now());
        let (tenant, request_id) = (tenant.clone(), request_id.clone());
        let (canonical, journey_id) = (self.canonical.clone(), self.journey_id.to_owned());
        let task = async move { (store.begin_request(&tenant, &request_id, &canonical, &journey_id, now).await, running) };
        let begun = tokio::spawn(task.in_current_span()).await;
        begun.map_err(|_| status::of(JourneyError::Internal("a request was not written down")))
    }

    async fn spawn<R, F>(&self, key: Key, mut running: Running, work: F) -> Result<R, Status>
    where
        R: Message + Default + 'static,
        F: Future<Output = Result<R, Failure>> + Send + 'static,
    {
        let (service, audit, progress) = (self.service.clone(), self.audit.clone(), self.progress.clone());
        // From here on the work goes on without the caller.
        progress.effect(Effect::Unknown);
        let task = tokio::spawn(
            async move {
                let result = match audit.asked().await {
                    Ok(()) => work.await,
                    Err(failure) => Err(failure),
                };
                progress.effect(result.as_ref().map_or_else(|failure| effect_of(&failure.error), |_| Effect::Applied));
                audit.done(&result);
                running.open = keep(&service, &key, &result).await;
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
/// answered from the journey. Answers whether it stays open.
async fn keep<R: Message>(service: &Service, (tenant, request_id): &Key, result: &Result<R, Failure>) -> bool {
    let store = service.store();
    let kept = match result {
        Ok(message) => Kept { message: Some(message.encode_to_vec()), ..Kept::default() },
        Err(failure) => match status::after(failure) {
            status::After::Open => return true,
            status::After::Free => {
                let freed = store.free_request(tenant, request_id).await;
                return freed.inspect_err(|error| tracing::error!(%error, "a request id is not freed")).is_err();
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
    let kept = store.finish_request(tenant, request_id, &kept.encode_to_vec()).await;
    kept.inspect_err(|error| tracing::error!(%error, "an answer is not kept")).is_err()
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
        JourneyError::Unwritten => Effect::Unknown,
        _ => Effect::None,
    }
}
