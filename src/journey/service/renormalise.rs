//! Makes snapshots anew from what they were made from, where an older normaliser made them. No provider is asked.
//!
//! Rows that were loaded before stay in a running gateway's memory, and pages of one reading could come from two readings of the body:
//! so this runs while the gateway is stopped.

use super::{
    Service,
    pick_up::{fetch_mut, locate},
};
use crate::{
    data::{NORMALISER_VERSION, Rows},
    journey::error::JourneyError,
    providers::error::{ErrorKind, ProviderError},
    store::Outdated,
};

/// What became of the outdated snapshots.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renormalised {
    /// Made anew, with other rows.
    pub changed: usize,
    /// Made anew, with the same rows.
    pub unchanged: usize,
    /// Left as they are: their fetch was removed meanwhile.
    pub gone: usize,
    /// Left as they are: they could not be read. The log says why.
    pub failed: usize,
}

enum Outcome {
    Changed,
    Unchanged,
    Gone,
}

impl Service {
    /// Makes every outdated snapshot anew whose evidence is kept: of one journey, or of all. One that cannot be read stays as it is.
    pub async fn renormalise(&self, journey_id: Option<&str>) -> Result<Renormalised, JourneyError> {
        let tenant = self.parts.tenant.id.clone();
        let now = self.parts.clock.now();
        if let Some(journey_id) = journey_id {
            self.load(&tenant, journey_id).await.map_err(|failure| failure.error)?;
        }
        let mut counts = Renormalised::default();
        for outdated in self.parts.store.outdated(&tenant, journey_id, NORMALISER_VERSION, now).await? {
            let done = self.renormalise_one(&tenant, &outdated).await;
            *match &done {
                Ok(Outcome::Changed) => &mut counts.changed,
                Ok(Outcome::Unchanged) => &mut counts.unchanged,
                Ok(Outcome::Gone) => &mut counts.gone,
                Err(_) => &mut counts.failed,
            } += 1;
            match done {
                // A store that fails once will fail for the rest.
                Err(JourneyError::Store) => return Err(JourneyError::Store),
                Err(error) => {
                    let Outdated { journey_id, fetch_id, normaliser_version } = &outdated;
                    tracing::warn!(journey_id, fetch_id, normaliser_version, ?error, "a snapshot is left as it is");
                }
                Ok(_) => {}
            }
        }
        Ok(counts)
    }

    async fn renormalise_one(&self, tenant: &str, outdated: &Outdated) -> Result<Outcome, JourneyError> {
        let store = &self.parts.store;
        let fetch_id = &outdated.fetch_id;
        let journey = self.load(tenant, &outdated.journey_id).await.map_err(|failure| failure.error)?;
        let (_, consent, fetch) = locate(&journey, fetch_id).ok_or(JourneyError::FetchNotFound)?;
        let (Some(kept), Some(old)) = (store.evidence(tenant, fetch_id).await?, store.snapshot(tenant, fetch_id).await?) else {
            return Ok(Outcome::Gone);
        };
        let provider = self.reader_of(&journey)?;
        let evidence = kept.evidence;
        let rows = self.normalise(provider, &journey, consent, fetch.into(), evidence.bytes, evidence.received_at).await?;
        if (rows.accounts == 0) != (fetch.account_count == 0) {
            // The fetch's state hangs on it, and no reading of old bytes should turn data into none.
            let unlike = ProviderError::new(ErrorKind::ResponseInvalid, "", "renormalise");
            return Err(unlike.with_detail("one reading finds accounts and the other finds none").into());
        }
        // The tree first: if the rows are not written after it, they are still outdated and the next run mends both.
        self.count_again(&journey, fetch_id, &rows).await?;
        let bytes = rows.to_kept_bytes();
        if !store.replace_rows(tenant, outdated, NORMALISER_VERSION, &bytes).await? {
            return Ok(Outcome::Gone);
        }
        Ok(if bytes == old.rows { Outcome::Unchanged } else { Outcome::Changed })
    }

    /// Sets the counts that a fetch shows.
    async fn count_again(
        &self,
        journey: &crate::journey::model::Journey,
        fetch_id: &str,
        rows: &Rows,
    ) -> Result<(), JourneyError> {
        let (accounts, transactions) = (rows.accounts, rows.transactions);
        let right = locate(journey, fetch_id)
            .is_some_and(|(_, _, fetch)| (fetch.account_count, fetch.transaction_count) == (accounts, transactions));
        if right {
            return Ok(());
        }
        let changed = self.change(&journey.tenant, &journey.id, |journey| {
            if let Some(fetch) = fetch_mut(journey, fetch_id) {
                (fetch.account_count, fetch.transaction_count) = (accounts, transactions);
            }
        });
        changed.await.map(drop).map_err(|failure| failure.error)
    }
}
