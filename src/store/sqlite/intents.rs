//! Intents, each in one transaction with the look at whose request it is.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{SqliteStore, write::Write};
use crate::{
    journey::model::Journey,
    store::{Claim, Guard, IntentStore, StoreError},
};

#[async_trait]
impl IntentStore for SqliteStore {
    async fn insert_intent(
        &self,
        claim: Option<Claim<'_>>,
        journey: &Journey,
        guard: Guard<'_>,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.writer.begin().await?;
        if let Some(claim) = claim {
            self.still_ours(&mut tx, &journey.tenant, claim).await?;
        }
        if let Guard::UnlessOpen { except } = guard
            && let Some(open) = self.in_the_way(&mut tx, journey, except).await?
        {
            tx.rollback().await?;
            return Ok(Some(open));
        }
        self.insert_in(&mut tx, journey, due_at, now).await?;
        tx.commit().await?;
        Ok(None)
    }

    async fn reopen_intent(
        &self,
        claim: Claim<'_>,
        journey: &Journey,
        version: i64,
        guard: Guard<'_>,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Option<String>, StoreError> {
        let mut tx = self.writer.begin().await?;
        self.still_ours(&mut tx, &journey.tenant, claim).await?;
        if let Guard::UnlessOpen { except } = guard
            && let Some(open) = self.in_the_way(&mut tx, journey, except).await?
        {
            tx.rollback().await?;
            return Ok(Some(open));
        }
        if !self.save_in(&mut tx, journey, version, due_at, now).await? {
            tx.rollback().await?;
            return Err(StoreError::Contended);
        }
        tx.commit().await?;
        Ok(None)
    }

    async fn intent(&self, tenant: &str, claim: Claim<'_>, journey_id: &str) -> Result<Option<Journey>, StoreError> {
        let mut tx = self.writer.begin().await?;
        self.still_ours(&mut tx, tenant, claim).await?;
        let read = sqlx::query_scalar("SELECT sealed FROM journeys WHERE tenant = ? AND id = ?").bind(tenant).bind(journey_id);
        let sealed: Option<Vec<u8>> = read.fetch_optional(&mut tx).await?;
        // What this connection sees may be its own and not committed; a commit that succeeds says that nothing is.
        tx.commit().await?;
        sealed.map(|sealed| self.vault.open_journey(tenant, journey_id, &sealed)).transpose()
    }

    async fn save_intent(
        &self,
        claim: Claim<'_>,
        journey: &Journey,
        version: i64,
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut tx = self.writer.begin().await?;
        self.still_ours(&mut tx, &journey.tenant, claim).await?;
        let saved = self.save_in(&mut tx, journey, version, due_at, now).await?;
        if saved {
            tx.commit().await?
        } else {
            tx.rollback().await?
        }
        Ok(saved)
    }
}

impl SqliteStore {
    async fn still_ours(&self, tx: &mut Write, tenant: &str, claim: Claim<'_>) -> Result<(), StoreError> {
        // The one writer's transaction: nobody takes the request over between the look and the commit.
        let ours = sqlx::query("SELECT freed FROM requests WHERE hash = ? AND owner = ? AND sealed IS NULL")
            .bind(self.vault.request(tenant, claim.request_id))
            .bind(&self.owner)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = ours else { return Err(StoreError::Disowned) };
        if row.get("freed") {
            // From here on something may happen under it.
            sqlx::query("UPDATE requests SET freed = 0 WHERE hash = ?")
                .bind(self.vault.request(tenant, claim.request_id))
                .execute(tx)
                .await?;
        }
        Ok(())
    }
}
