//! The inbox: messages, sealed. Whoever changes several rows takes them in one order, so that replicas never wait for each other in a circle.

use std::collections::BTreeSet;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, postgres::PgRow};

use super::{PostgresStore, names, write::Write};
use crate::{
    access::TenantId,
    store::{
        Addressee, InboxStore, Message, MessageState, NewMessage, Replay, Settled, StoreError,
        columns::{instant, millis, version},
        outcomes::Noted,
    },
};

const COLUMNS: &str = "tenant, id, provider, credential, journey_id, attempt_id, verified, received_at, state, tries, purge_at";

#[async_trait]
impl InboxStore for PostgresStore {
    async fn keep_message(&self, message: NewMessage) -> Result<bool, StoreError> {
        let done = sqlx::query(
            "INSERT INTO inbox (tenant, id, provider, credential, journey_id, attempt_id, verified, dedupe, received_at, state,
                 next_at, purge_at, sealed)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'NEW', $9, $10, $11) ON CONFLICT (tenant, dedupe) DO NOTHING",
        )
        .bind(&message.tenant)
        .bind(&message.id)
        .bind(&message.provider)
        .bind(&message.credential)
        .bind(message.attempt.as_ref().map(|attempt| attempt.journey_id.as_str()))
        .bind(message.attempt.as_ref().map(|attempt| attempt.attempt_id.as_str()))
        .bind(message.verified)
        .bind(self.vault.message_key(&message))
        .bind(millis(message.received_at))
        .bind(millis(message.purge_at))
        .bind(self.vault.seal_message(&message)?);
        let done = self.within(async { done.execute(&self.pool).await.noted(&self.outcomes) }).await?;
        Ok(done.rows_affected() > 0)
    }

    async fn due_messages(&self, tenants: &[TenantId], now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        let query = format!("SELECT {COLUMNS} FROM inbox WHERE next_at <= $1 AND tenant = ANY($3) ORDER BY next_at LIMIT $2");
        let due = sqlx::query(AssertSqlSafe(query)).bind(millis(now)).bind(i64::from(limit)).bind(names(tenants));
        let rows = due.fetch_all(&self.pool).await?;
        rows.iter().map(message).collect()
    }

    async fn next_message(&self, tenants: &[TenantId]) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> =
            sqlx::query_scalar("SELECT MIN(next_at) FROM inbox WHERE next_at IS NOT NULL AND tenant = ANY($1)")
                .bind(names(tenants))
                .fetch_one(&self.pool)
                .await?;
        next.map(instant).transpose()
    }

    async fn message_body(&self, message: &Message) -> Result<Option<Bytes>, StoreError> {
        let sealed: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT sealed FROM inbox WHERE tenant = $1 AND id = $2")
            .bind(&message.tenant)
            .bind(&message.id)
            .fetch_optional(&self.pool)
            .await?;
        let Some(sealed) = sealed.flatten() else { return Ok(None) };
        self.vault.open_message(message, &sealed).map(Some)
    }

    async fn settle_messages(&self, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.write_bulk().await?;
        let woken: BTreeSet<(&str, &str)> =
            settled.iter().flat_map(|one| one.wakes.iter().map(|journey| (one.tenant.as_str(), journey.as_str()))).collect();
        for (tenant, journey_id) in woken {
            sqlx::query("UPDATE journeys SET due_at = $1, woken = true WHERE tenant = $2 AND id = $3")
                .bind(millis(now))
                .bind(tenant)
                .bind(journey_id)
                .execute(&mut tx)
                .await?;
        }
        let mut ordered: Vec<&Settled> = settled.iter().collect();
        ordered.sort_by_key(|one| (&one.tenant, &one.id));
        for one in ordered {
            self.settle(&mut tx, one, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn messages(&self, tenant: &str, state: Option<MessageState>, limit: u32) -> Result<Vec<Message>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM inbox WHERE tenant = $1 AND ($2::text IS NULL OR state = $2)
             ORDER BY received_at DESC, id LIMIT $3"
        );
        let rows = sqlx::query(AssertSqlSafe(query)).bind(tenant).bind(state.map(MessageState::word)).bind(i64::from(limit));
        rows.fetch_all(&self.pool).await?.iter().map(message).collect()
    }

    async fn replay_messages(&self, tenant: &str, which: Replay<'_>, now: Timestamp) -> Result<u64, StoreError> {
        let (state, id) = match which {
            Replay::Quarantined => (Some(MessageState::Quarantined.word()), None),
            Replay::One(id) => (None, Some(id)),
        };
        let done = sqlx::query(
            "UPDATE inbox SET state = 'NEW', tries = 0, next_at = $1 WHERE (tenant, id) IN (
                 SELECT tenant, id FROM inbox WHERE tenant = $2 AND sealed IS NOT NULL
                     AND ($3::text IS NULL OR state = $3) AND ($4::text IS NULL OR id = $4)
                 ORDER BY id FOR UPDATE)",
        )
        .bind(millis(now))
        .bind(tenant)
        .bind(state)
        .bind(id)
        .execute(&self.pool)
        .await
        .noted(&self.outcomes)?;
        Ok(done.rows_affected())
    }

    async fn drop_pushed_data(&self, tenant: &str, journey_id: &str) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE inbox SET sealed = NULL, next_at = NULL WHERE (tenant, id) IN (
                 SELECT tenant, id FROM inbox WHERE tenant = $1 AND data_of = $2 ORDER BY id FOR UPDATE)",
        )
        .bind(tenant)
        .bind(journey_id)
        .execute(&self.pool)
        .await
        .noted(&self.outcomes)?;
        Ok(())
    }
}

impl PostgresStore {
    async fn settle(&self, tx: &mut Write, one: &Settled, now: Timestamp) -> Result<(), StoreError> {
        let waits_for: Vec<Vec<u8>> =
            one.waits_for.iter().map(|(kind, value)| self.vault.lookup(&one.tenant, kind, value)).collect();
        // The message first: whoever learns a reference takes it too. What is learnt while neither sees the other yet is found when the
        // message is tried again.
        let done = sqlx::query(
            "UPDATE inbox SET state = $1, tries = tries + 1, next_at = $2, purge_at = COALESCE($3, purge_at),
                 data_of = COALESCE($4, data_of)
             WHERE tenant = $5 AND id = $6",
        )
        .bind(one.state.word())
        .bind(one.next_at.map(millis))
        .bind(one.purge_at.map(millis))
        .bind(one.data_of.as_deref())
        .bind(&one.tenant)
        .bind(&one.id)
        .execute(&mut *tx)
        .await?;
        if done.rows_affected() == 0 {
            return Ok(());
        }
        sqlx::query("DELETE FROM inbox_refs WHERE tenant = $1 AND id = $2")
            .bind(&one.tenant)
            .bind(&one.id)
            .execute(&mut *tx)
            .await?;
        if waits_for.is_empty() {
            return Ok(());
        }
        sqlx::query("INSERT INTO inbox_refs (hash, tenant, id) SELECT unnest($1::bytea[]), $2, $3 ON CONFLICT DO NOTHING")
            .bind(&waits_for)
            .bind(&one.tenant)
            .bind(&one.id)
            .execute(&mut *tx)
            .await?;
        sqlx::query(
            "UPDATE inbox SET next_at = $1 WHERE tenant = $2 AND id = $3
             AND EXISTS (SELECT 1 FROM journey_refs WHERE tenant = $2 AND hash = ANY($4))",
        )
        .bind(millis(now))
        .bind(&one.tenant)
        .bind(&one.id)
        .bind(&waits_for)
        .execute(&mut *tx)
        .await?;
        Ok(())
    }

    /// Makes the messages due that waited for one of these references.
    pub(super) async fn learnt(
        &self,
        tx: &mut Write,
        tenant: &str,
        hashes: Vec<Vec<u8>>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if hashes.is_empty() {
            return Ok(());
        }
        sqlx::query(
            "UPDATE inbox SET next_at = $1 WHERE (tenant, id) IN (
                 SELECT tenant, id FROM inbox WHERE tenant = $2 AND state = 'PARKED'
                     AND id IN (SELECT id FROM inbox_refs WHERE tenant = $2 AND hash = ANY($3))
                 ORDER BY id FOR UPDATE)",
        )
        .bind(millis(now))
        .bind(tenant)
        .bind(hashes)
        .execute(tx)
        .await?;
        Ok(())
    }
}

fn message(row: &PgRow) -> Result<Message, StoreError> {
    let ids: (Option<String>, Option<String>) = (row.get("journey_id"), row.get("attempt_id"));
    Ok(Message {
        id: row.get("id"),
        tenant: row.get("tenant"),
        provider: row.get("provider"),
        credential: row.get("credential"),
        attempt: ids.0.zip(ids.1).map(|(journey_id, attempt_id)| Addressee { journey_id, attempt_id }),
        verified: row.get("verified"),
        received_at: instant(row.get("received_at"))?,
        state: MessageState::of(row.get("state")).ok_or(StoreError::Unreadable("a message's state"))?,
        tries: version(row.get("tries"))?,
        purge_at: instant(row.get("purge_at"))?,
    })
}
