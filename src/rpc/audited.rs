//! What a call puts on record. A read of data is on record before the first byte of it goes out; an act is on record as asked before it is
//! begun, and again with its result. Where a record is needed first and cannot be written, nothing happens.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::status;
use crate::{
    access::{
        Caller,
        audit::{Act, Auditor, Id, Outcome, Record, Who},
    },
    journey::{
        error::{Failure, JourneyError},
        model::{Consent, Journey, Purpose},
    },
    pb::{ErrorReason, View},
    server::layers::call_id::CallId,
};

/// One call, as the audit log will tell of it. Whatever the handler learns is added to it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Audited(Arc<Told>);

struct Told {
    auditor: Auditor,
    record: Mutex<Record>,
    /// Whether the result is on record, or on its way there.
    ended: AtomicBool,
}

impl Audited {
    /// A call of which nothing is known but who makes it.
    pub fn new<T>(auditor: &Auditor, caller: &Caller, act: Act, request: &Request<T>) -> Self {
        let mut record = Record::new(&caller.tenant, auditor.clock().now(), Who::Caller(caller.name.clone()), act);
        record.call = request.extensions().get::<CallId>().map(|id| id.0);
        Self(Arc::new(Told { auditor: auditor.clone(), record: Mutex::new(record), ended: AtomicBool::new(false) }))
    }

    /// Another act of the same call.
    pub fn also(&self, act: Act) -> Self {
        let record = Mutex::new(Record { act, ..self.record() });
        Self(Arc::new(Told { auditor: self.0.auditor.clone(), record, ended: AtomicBool::new(false) }))
    }

    fn record(&self) -> Record {
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn add(&self, add: impl FnOnce(&mut Record)) -> &Self {
        add(&mut self.0.record.lock().unwrap_or_else(PoisonError::into_inner));
        self
    }

    /// The journey, by what the caller says. What is no id of ours is not put on record.
    pub fn journey(&self, journey_id: &str) -> &Self {
        self.add(|record| record.journey = Id::of(journey_id).or(record.journey.take()))
    }

    /// The view that is asked for.
    pub fn view(&self, view: View) -> &Self {
        self.add(|record| record.view = Some(view))
    }

    /// The consents of a journey that are concerned, with their purposes.
    pub fn consents<'a>(&self, journey: &Journey, consent_ids: impl IntoIterator<Item = &'a str>) -> &Self {
        let consents: Vec<_> = consent_ids.into_iter().filter_map(|id| journey.consent(id)).collect();
        self.journey(&journey.id).add(|record| {
            record.consents = consents.iter().filter_map(|consent| Id::of(&consent.id)).collect();
            record.purposes = purposes(consents.iter().map(|consent| consent.purpose));
        })
    }

    /// A whole journey, with the newest attempt.
    pub fn whole(&self, journey: &Journey) -> &Self {
        self.consents(journey, journey.consents.iter().map(|consent| consent.id.as_str()));
        self.add(|record| record.attempt = journey.last_attempt().and_then(|attempt| Id::of(&attempt.id)))
    }

    /// What is asked for, before there is a journey.
    pub fn purposes(&self, asked: impl Iterator<Item = Purpose>) -> &Self {
        self.add(|record| record.purposes = purposes(asked))
    }

    /// The fetches that are concerned.
    pub fn fetches<'a>(&self, fetch_ids: impl IntoIterator<Item = &'a str>) -> &Self {
        self.add(|record| record.fetches = fetch_ids.into_iter().filter_map(Id::of).collect())
    }

    /// The fetches that are concerned, and their consents.
    pub fn of_fetches(&self, journey: &Journey, fetch_ids: &[String]) -> &Self {
        let theirs = |consent: &&Consent| consent.fetches.iter().any(|fetch| fetch_ids.contains(&fetch.id));
        self.consents(journey, journey.consents.iter().filter(theirs).map(|consent| consent.id.as_str()));
        self.fetches(fetch_ids.iter().map(String::as_str))
    }

    /// Puts on record that data is about to go out, and waits until that is on disk. Without it none goes out.
    pub async fn served(&self) -> Result<(), Status> {
        self.write(Outcome::Done).await.map_err(status::of_failure)?;
        self.0.ended.store(true, Ordering::Release);
        Ok(())
    }

    /// Puts on record that something is about to be done, and waits until that is on disk. Without it nothing is done.
    pub async fn asked(&self) -> Result<(), Failure> {
        self.write(Outcome::Asked).await
    }

    async fn write(&self, outcome: Outcome) -> Result<(), Failure> {
        let record = Record { at: self.0.auditor.clock().now(), outcome, ..self.record() };
        self.0.auditor.write(record).await.map_err(|_| JourneyError::AuditUnavailable.into())
    }

    /// Has the result of an act put on record.
    pub fn done<R>(&self, result: &Result<R, Failure>) {
        if let Err(Failure { journey_id: Some(journey_id), .. }) = result {
            self.journey(journey_id);
        }
        self.note(match result {
            Ok(_) => Outcome::Done,
            Err(failure) => Outcome::Failed(status::reason_of(&failure.error)),
        });
    }

    /// The end of the call: what is not on record yet is put there, such as a refusal or the repeat of an earlier answer.
    pub fn end<R>(&self, answer: Result<R, Status>) -> Result<R, Status> {
        if !self.0.ended.load(Ordering::Acquire) {
            self.note(match &answer {
                Ok(_) => Outcome::Done,
                Err(status) => Outcome::Failed(reason(status)),
            });
        }
        answer
    }

    fn note(&self, outcome: Outcome) {
        self.0.ended.store(true, Ordering::Release);
        self.0.auditor.note(Record { at: self.0.auditor.clock().now(), outcome, ..self.record() });
    }
}

fn purposes(purposes: impl Iterator<Item = Purpose>) -> Vec<Purpose> {
    let mut all = Vec::new();
    for purpose in purposes {
        if !all.contains(&purpose) {
            all.push(purpose);
        }
    }
    all
}

/// The reason that a status of ours names.
fn reason(status: &Status) -> ErrorReason {
    let named = status.get_error_details().error_info().map(|info| format!("ERROR_REASON_{}", info.reason));
    named.and_then(|name| ErrorReason::from_str_name(&name)).unwrap_or(ErrorReason::Internal)
}
