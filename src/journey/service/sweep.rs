//! Removes from the store what the tree has fenced. Reads are fenced by the tree alone; this destroys the keys.

use super::{Service, change::TRIES};
use crate::{
    cache::RowsKey,
    journey::{
        error::JourneyError,
        model::{Consent, Journey},
        on_record,
        transaction::is_shared,
        undelivered,
        withdraw::{self, DeliveryKind, ProviderDelivery, Purge, PurgeReason},
    },
    pb::KeptKind,
    store::{KeptReceipt, OverdueItem, Purging, StoreError, Versioned},
};

/// Something that should not be there any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OverdueEntry {
    /// What, of which journey and fetch, since when.
    pub item: OverdueItem,
    /// Its consent; empty for what lies in the store.
    pub consent_id: String,
    /// Why it is still at the provider; UNSPECIFIED for what lies in the store.
    pub provider: ProviderDelivery,
}

/// What is overdue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    /// The longest overdue, bounded as in the store.
    pub entries: Vec<OverdueEntry>,
    /// How many in all.
    pub total: u64,
}

fn at_provider(journey: &Journey, now: jiff::Timestamp) -> Vec<OverdueEntry> {
    let entry = |(consent, delivery): (&Consent, &withdraw::Delivery)| OverdueEntry {
        item: OverdueItem {
            kind: match delivery.kind {
                DeliveryKind::Revoke => KeptKind::ConsentAtProvider,
                DeliveryKind::DeleteData => KeptKind::DataAtProvider,
            },
            journey_id: journey.id.clone(),
            fetch_id: String::new(),
            purge_at: delivery.asked_at,
        },
        consent_id: consent.id.clone(),
        provider: delivery.state,
    };
    undelivered::all(journey, now).into_iter().map(entry).collect()
}

impl Service {
    /// Removes everything that is fenced and not removed yet. Should the store fail, the background does it later.
    pub(crate) async fn sweep_fenced(&self, journey: &Journey) {
        let fenced = withdraw::unswept(journey);
        if fenced.is_empty() {
            return;
        }
        if let Err(error) = self.parts.store.drop_pushed_data(&journey.tenant, &journey.id).await {
            tracing::error!(%error, journey_id = %journey.id, "pushed data of what is fenced is not removed yet");
            return;
        }
        // What the provider called the latest belongs to the consent as a whole.
        for consent in journey.consents.iter().filter(|consent| consent.fetches.iter().all(|fetch| fetch.purge.is_some())) {
            if consent.fetches.iter().any(|fetch| fetch.purge.is_some_and(|purge| !purge.swept))
                && let Err(error) = self.parts.store.drop_increments(&journey.tenant, &consent.id).await
            {
                tracing::error!(%error, consent_id = %consent.id, "a fenced answer is not removed yet");
                return;
            }
        }
        let mut swept = Vec::new();
        if let Err(error) = self.drop_analyses(journey, &fenced).await {
            tracing::error!(%error, journey_id = %journey.id, "failed to remove an analysis of what is fenced");
            return;
        }
        for (fetch_id, purge) in fenced {
            match self.drop_fetch(journey, &fetch_id, purge.reason).await {
                Ok(_) => swept.push(fetch_id),
                Err(error) => tracing::error!(%error, fetch_id = %fetch_id, "a fenced fetch is not removed yet"),
            }
        }
        if let Err(error) = self.mark_swept(journey, &swept).await {
            tracing::warn!(%error, journey_id = %journey.id, "it is not noted what was removed");
        }
    }

    /// Removes the analyses of attempts that are analysed as a whole, as soon as the rows of one consent are fenced.
    async fn drop_analyses(&self, journey: &Journey, fenced: &[(String, Purge)]) -> Result<(), StoreError> {
        for attempt in &journey.attempts {
            let shared = |consent: &&Consent| consent.attempt_id == attempt.id && is_shared(journey, consent);
            let fetches = || journey.consents.iter().filter(shared).flat_map(|consent| &consent.fetches);
            let fence = fenced.iter().find(|(id, _)| fetches().any(|fetch| fetch.id == *id));
            if let Some((_, purge)) = fence {
                self.drop_fetch(journey, &attempt.id, purge.reason).await?;
            }
        }
        Ok(())
    }

    /// Removes what one fetch brought, from the store and from memory.
    pub(super) async fn drop_fetch(
        &self,
        journey: &Journey,
        fetch_id: &str,
        reason: PurgeReason,
    ) -> Result<KeptReceipt, StoreError> {
        let now = self.parts.clock.now();
        let purging = Purging { reason, at: now, receipt_until: self.parts.tenant.keep.receipt_until(now) };
        let receipt = self.parts.store.drop_fetch(&journey.tenant, &journey.id, fetch_id, purging).await?;
        // An older receipt is answered where it was removed before.
        if receipt.at.as_millisecond() == now.as_millisecond() {
            self.parts.audit.note(on_record::purged(&journey.tenant, &receipt));
        }
        // Also those that several fetches share.
        let holds = |key: &RowsKey| key.tenant == self.parts.tenant.id && key.fetch_id.contains(fetch_id);
        self.parts.caches.rows.forget_where(holds).await;
        Ok(receipt)
    }

    /// No change of the journey that anybody is told of.
    async fn mark_swept(&self, journey: &Journey, swept: &[String]) -> Result<(), StoreError> {
        for _ in 0..TRIES {
            let Some(Versioned { mut journey, version }) = self.parts.store.journey(&journey.tenant, &journey.id).await? else {
                return Ok(());
            };
            for fetch in journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches) {
                if let Some(purge) = fetch.purge.as_mut().filter(|_| swept.contains(&fetch.id)) {
                    purge.swept = true;
                }
            }
            let now = self.parts.clock.now();
            let due = self.due(&journey, now);
            if self.parts.store.save_journey(&journey, version, due, now).await? {
                return Ok(());
            }
        }
        Err(StoreError::Contended)
    }

    /// What should have been removed here or at a provider and is still there.
    pub async fn overdue(&self) -> Result<Overdue, JourneyError> {
        let now = self.parts.clock.now();
        let crate::store::Overdue { items, total } = self.parts.store.overdue(&self.parts.tenant.id, now).await?;
        let (mut overdue, listed) = (Vec::new(), items.len());
        for item in items {
            match item.kind {
                // The store knows the journey only; the tree names each consent.
                KeptKind::ConsentAtProvider => {
                    let found = self.parts.store.journey(&self.parts.tenant.id, &item.journey_id).await?;
                    overdue.extend(found.iter().flat_map(|found| at_provider(&found.journey, now)));
                }
                _ => overdue.push(OverdueEntry { item, consent_id: String::new(), provider: ProviderDelivery::Unspecified }),
            }
        }
        let unlisted = total.saturating_sub(u64::try_from(listed).unwrap_or_default());
        Ok(Overdue { total: unlisted + u64::try_from(overdue.len()).unwrap_or_default(), entries: overdue })
    }
}
