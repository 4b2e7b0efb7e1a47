//! Picks a fetch up: fetches its body once, reads it into neutral rows, keeps them sealed. The background does it as soon as a fetch is
//! READY; a caller who is faster waits for the same work.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::Service;
use crate::{
    cache::Cached,
    data::{Provenance, ReadContext, Rows, completeness::Asked},
    journey::{
        error::JourneyError,
        model::{Attempt, Consent, ConsentState, Fetch, FetchState, Journey},
        sharing::{keeps_nothing, kept_never_or_later, may_bring},
        transaction::{Member, Transaction, data_end},
        withdraw::{PurgeReason, given_up},
    },
    providers::{
        call_notes::{self, CallNote},
        error::{ErrorKind, ProviderError},
        provider::{Body, Call, Provider, Target},
    },
    store::{KeptEvidence, KeptSnapshot},
};

/// That a fetch is picked up: lets simultaneous pick-ups be one.
#[derive(Debug, Clone, Copy)]
pub struct PickedUp;

/// What a body was asked for as. Without a fetch nothing is known of the days.
#[derive(Debug, Clone, Default)]
pub(super) struct Asking {
    fetch_id: String,
    asked: Asked,
}

impl Asking {
    /// What the rows of a unit were asked for as: the days of the fetch that holds them.
    pub(super) fn of_unit(unit: &[Member<'_>], carrier: &Fetch) -> Self {
        let partial = unit.iter().any(|member| member.fetch.came_in_part());
        let asked = Asked::new(carrier.requested_range, carrier.range_certainty, partial);
        Self { fetch_id: carrier.id.clone(), asked }
    }
}

impl From<&Fetch> for Asking {
    fn from(fetch: &Fetch) -> Self {
        let asked = Asked::new(fetch.requested_range, fetch.range_certainty, fetch.came_in_part());
        Self { fetch_id: fetch.id.clone(), asked }
    }
}

/// A body and what was read of it.
pub(super) struct Read {
    /// The rows.
    pub(super) rows: Rows,
    /// What they were made from.
    pub(super) body: Body,
}

impl Cached for PickedUp {
    fn weight(&self) -> usize {
        1
    }
    fn until(&self) -> Timestamp {
        Timestamp::MAX
    }
}

impl Service {
    /// Picks a fetch up; nothing is done if it is already. `body` is used where a look brought it.
    pub(crate) async fn pick_up(
        &self,
        call: Call,
        tenant: &str,
        journey_id: &str,
        fetch_id: &str,
        body: Option<Body>,
    ) -> Result<(), JourneyError> {
        let this = self.clone();
        // The fetches of a transaction are picked up by one call.
        let loaded = self.load(tenant, journey_id).await.map_err(|failure| failure.error)?;
        let (_, consent, fetch) = locate(&loaded, fetch_id).ok_or(JourneyError::FetchNotFound)?;
        if fetch.picked_up_at.is_some() {
            return Ok(());
        }
        let transaction = Transaction::of(&loaded, consent, fetch);
        let open = |member: &&Member<'_>| member.fetch.picked_up_at.is_none();
        let key = transaction.map_or_else(
            || fetch_id.to_owned(),
            |transaction| {
                let ids: Vec<&str> = transaction.members.iter().filter(open).map(|member| member.fetch.id.as_str()).collect();
                ids.join("+")
            },
        );
        let key = (self.parts.tenant.id.clone(), key);
        let (tenant, journey_id, fetch_id) = (tenant.to_owned(), journey_id.to_owned(), fetch_id.to_owned());
        let work = move || async move { this.pick_up_once(call, &tenant, &journey_id, &fetch_id, body).await };
        self.parts.pick_ups.get(key, self.parts.clock.now(), |_| true, work).await.map(drop)
    }

    async fn pick_up_once(
        self,
        call: Call,
        tenant: &str,
        journey_id: &str,
        fetch_id: &str,
        body: Option<Body>,
    ) -> Result<PickedUp, JourneyError> {
        let journey = self.load(tenant, journey_id).await.map_err(|failure| failure.error)?;
        let (attempt, consent, fetch) = locate(&journey, fetch_id).ok_or(JourneyError::FetchNotFound)?;
        if fetch.picked_up_at.is_some() {
            return Ok(PickedUp);
        }
        if fetch.purge.is_some() || given_up(&journey, consent) {
            return Err(JourneyError::DataPurged);
        }
        if keeps_nothing(&journey, consent, Some(fetch)) {
            return Err(kept_never_or_later(&journey, consent, fetch, self.parts.pace.first));
        }
        may_bring(&journey, consent, Some(fetch), self.parts.clock.now())?;
        if Transaction::of(&journey, consent, fetch).is_some() {
            return self.pick_up_shared(call, &journey, fetch_id, body).await;
        }
        let (result, calls) = call_notes::collect(self.read_rows(call, &journey, attempt, consent, fetch, body)).await;
        match result {
            Ok(read) => self.keep(&journey, consent, fetch, read, &calls).await?,
            Err(error) => {
                self.note_pick_up_failure(&journey, std::slice::from_ref(&fetch.id), &error, &calls).await?;
                return self.heeded(&journey, &consent.id, Err(error.into())).await;
            }
        }
        Ok(PickedUp)
    }

    /// Asks the provider for a fetch's body, unless it is there, and reads it. Nothing is kept.
    pub(super) async fn read_rows(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        consent: &Consent,
        fetch: &Fetch,
        body: Option<Body>,
    ) -> Result<Read, ProviderError> {
        let provider = self.reader_of(journey)?;
        let body = match body {
            Some(body) => body,
            None => provider.fetch(call, Target { journey, attempt, consent, fetch: Some(fetch), accounts: &[] }).await?,
        };
        let rows = self.normalise(provider, journey, consent, fetch.into(), body.bytes.clone(), body.received_at).await?;
        Ok(Read { rows, body })
    }

    /// Who reads what a journey brings.
    pub(super) fn reader_of(&self, journey: &Journey) -> Result<Arc<dyn Provider>, ProviderError> {
        let gone = || ProviderError::new(ErrorKind::Credentials, "", "configuration");
        self.provider_of(&journey.routing).map_err(|_| gone())
    }

    /// Reads a body into rows; makes no call.
    pub(super) async fn normalise(
        &self,
        provider: Arc<dyn Provider>,
        journey: &Journey,
        consent: &Consent,
        Asking { fetch_id, asked }: Asking,
        bytes: Bytes,
        received_at: Timestamp,
    ) -> Result<Rows, ProviderError> {
        let ids = self.parts.ids.clone();
        let (product, applicant) = (journey.provider_product.clone(), journey.ask.customer.clone());
        let consent_id = consent.id.clone();
        let span = tracing::Span::current();
        // A large body takes long enough to hold up every other task of the thread.
        let read = tokio::task::spawn_blocking(move || {
            let _entered = span.enter();
            let context = ReadContext {
                fetch_id: &fetch_id,
                consent_id: &consent_id,
                ids: &ids,
                applicant: &applicant,
                received_at,
                asked,
            };
            provider.read_data(&product, &bytes, &context)
        });
        read.await.unwrap_or_else(|_| {
            tracing::error!("failed to read financial data: the reader panicked");
            Err(ProviderError::new(ErrorKind::ResponseInvalid, "", "data").with_detail("reading ended without an answer"))
        })
    }

    /// Keeps what was read, and notes that it is kept.
    async fn keep(
        &self,
        journey: &Journey,
        consent: &Consent,
        fetch: &Fetch,
        read: Read,
        calls: &[CallNote],
    ) -> Result<(), JourneyError> {
        let now = self.parts.clock.now();
        let purge_at = self.purge_date(fetch.data_expires_at);
        let kept = self.put(journey, (consent, fetch), purge_at, read).await?;
        let noted = self.change(&journey.tenant, &journey.id, |journey| {
            journey.note_calls(&consent.attempt_id, calls);
            let Some(fetch) = fetch_mut(journey, &fetch.id) else { return };
            fetch.picked_up_at = Some(now);
            fetch.pick_up_failure = None;
            kept.note(fetch);
        });
        let (after, ()) = noted.await.map_err(|failure| failure.error)?;
        self.end_in_time(&after, &fetch.id, purge_at).await?;
        self.drop_homeless(&after, &fetch.id).await
    }

    /// Shortens the life of rows that were stored until `purge_at` if their fetch's end became earlier during the pick-up.
    pub(super) async fn end_in_time(&self, after: &Journey, fetch_id: &str, purge_at: Timestamp) -> Result<(), JourneyError> {
        let end = locate(after, fetch_id).and_then(|(_, consent, fetch)| data_end(after, consent, fetch));
        if let Some(end) = end.filter(|end| *end < purge_at) {
            self.parts.store.shorten(&after.tenant, fetch_id, end).await?;
        }
        Ok(())
    }

    /// Keeps what was read. Each form of it is given up as soon as the next one is made: all of them at once are four times the body.
    pub(super) async fn put(
        &self,
        journey: &Journey,
        (consent, fetch): (&Consent, &Fetch),
        purge_at: Timestamp,
        read: Read,
    ) -> Result<Kept, JourneyError> {
        let Read { rows, body } = read;
        let provenance = Provenance::read_now(body.endpoint, body.received_at);
        let kept = Kept { accounts: rows.accounts, transactions: rows.transactions, in_part: rows.lacks_accounts() };
        // What may only be looked at does not come here; the provider's own bytes are not left to that alone.
        let retained = self.parts.tenant.retain_evidence && !keeps_nothing(journey, consent, Some(fetch));
        let evidence = retained.then(|| KeptEvidence {
            bytes: body.bytes.clone(),
            media_type: body.media_type.to_owned(),
            endpoint: body.endpoint.to_owned(),
            received_at: body.received_at,
        });
        // The rows and their sealed copy still need it.
        let _room = body.room.clone();
        drop(body);
        let snapshot = KeptSnapshot { rows: rows.into_kept_bytes(), provenance };
        let store = &self.parts.store;
        match store.put_snapshot(&journey.tenant, &fetch.id, &journey.id, purge_at, &snapshot, evidence.as_ref()).await? {
            true => Ok(kept),
            // Purged or withdrawn while the rows were on their way.
            false => Err(JourneyError::DataPurged),
        }
    }

    /// Removes what was kept of a fetch that is in no tree any more. What was fenced while the rows were on their way is swept by its fence.
    pub(super) async fn drop_homeless(&self, after: &Journey, fetch_id: &str) -> Result<(), JourneyError> {
        if locate(after, fetch_id).is_none() {
            self.drop_fetch(after, fetch_id, PurgeReason::JourneyLife).await?;
        }
        Ok(())
    }

    /// Notes why the rows of these fetches, which one call should have brought, were not kept.
    pub(super) async fn note_pick_up_failure(
        &self,
        journey: &Journey,
        fetch_ids: &[String],
        error: &ProviderError,
        calls: &[CallNote],
    ) -> Result<(), JourneyError> {
        // The data is there, and the gateway will have room for it: the next look tries again.
        if error.kind == ErrorKind::NoRoom {
            return Ok(());
        }
        // Of several consents it is not known which one was withdrawn: the next poll reads it back.
        let revoked = error.kind == ErrorKind::Revoked && fetch_ids.len() == 1;
        self.change(&journey.tenant, &journey.id, |journey| {
            let first = fetch_ids.first().map(String::as_str).unwrap_or_default();
            let attempt_id = locate(journey, first).map(|(attempt, ..)| attempt.id.clone());
            journey.note_calls(attempt_id.as_deref().unwrap_or_default(), calls);
            for consent in &mut journey.consents {
                let mine = |fetch: &&mut Fetch| fetch_ids.contains(&fetch.id) && fetch.picked_up_at.is_none();
                let Some(fetch) = consent.fetches.iter_mut().find(mine) else { continue };
                fetch.pick_up_failure = Some(error.kind.reason_name().to_owned());
                match error.kind {
                    ErrorKind::NoAccounts => fetch.state = FetchState::Empty,
                    ErrorKind::DataExpired => fetch.state = FetchState::Failed,
                    _ => {}
                }
                if revoked {
                    consent.state = ConsentState::Revoked;
                }
            }
        })
        .await
        .map_err(|failure| failure.error)?;
        Ok(())
    }
}

/// What was kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    accounts: u32,
    transactions: u64,
    /// Whether an account is listed whose data did not come.
    in_part: bool,
}

impl Kept {
    /// Notes it at the fetch that holds it.
    pub(super) fn note(self, fetch: &mut Fetch) {
        (fetch.account_count, fetch.transaction_count) = (self.accounts, self.transactions);
        fetch.state = match fetch.state {
            _ if self.accounts == 0 => FetchState::Empty,
            // The provider called it whole, and the answer itself says otherwise.
            FetchState::Ready if self.in_part => FetchState::Partial,
            state => state,
        };
    }
}

/// A fetch with its consent and attempt.
pub(super) fn locate<'a>(journey: &'a Journey, fetch_id: &str) -> Option<(&'a Attempt, &'a Consent, &'a Fetch)> {
    let (consent, fetch) = journey
        .consents
        .iter()
        .flat_map(|consent| consent.fetches.iter().map(move |fetch| (consent, fetch)))
        .find(|(_, fetch)| fetch.id == fetch_id)?;
    let attempt = journey.attempts.iter().find(|attempt| attempt.id == consent.attempt_id)?;
    Some((attempt, consent, fetch))
}

pub(super) fn fetch_mut<'a>(journey: &'a mut Journey, fetch_id: &str) -> Option<&'a mut Fetch> {
    journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches).find(|fetch| fetch.id == fetch_id)
}
