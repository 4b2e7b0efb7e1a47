//! The inbox: messages, sealed. Writing them is shared: every message that comes while a commit runs joins the next one, so that many at
//! once cost few waits for the disk.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Row, sqlite::SqliteRow};
use tokio::sync::oneshot;

use super::{SqliteStore, names, write::Write};
use crate::{
    access::TenantId,
    store::{
        Addressee, InboxStore, Message, MessageState, NewMessage, Replay, Settled, StoreError,
        columns::{instant, millis},
    },
};

/// Most messages of one commit.
const MOST_AT_ONCE: usize = 512;

/// Messages that wait for the next commit.
#[derive(Clone, Default)]
pub(super) struct Waiting {
    rows: Arc<Mutex<Vec<WaitingRow>>>,
    /// Held by whoever commits.
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct WaitingRow {
    message: NewMessage,
    dedupe: Vec<u8>,
    sealed: Vec<u8>,
    /// Told what the commit brought.
    done: oneshot::Sender<Result<bool, StoreError>>,
}

const COLUMNS: &str = "tenant, id, provider, credential, journey_id, attempt_id, verified, received_at, state, tries, purge_at";

#[async_trait]
impl InboxStore for SqliteStore {
    async fn keep_message(&self, message: NewMessage) -> Result<bool, StoreError> {
        let sealed = self.vault.seal_message(&message)?;
        let dedupe = self.vault.message_key(&message);
        let (done, answer) = oneshot::channel();
        let row = WaitingRow { message: NewMessage { body: Bytes::new(), ..message }, dedupe, sealed, done };
        self.waiting.rows.lock().unwrap_or_else(PoisonError::into_inner).push(row);
        let store = self.clone();
        // A task of its own: a sender that goes away must not take the messages of others with it.
        tokio::spawn(async move { store.commit_waiting().await });
        answer.await.unwrap_or_else(|_| Err(StoreError::Database("the commit was cut off".to_owned())))
    }

    async fn due_messages(&self, tenants: &[TenantId], now: Timestamp, limit: u32) -> Result<Vec<Message>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM inbox WHERE next_at <= ? AND +tenant IN (SELECT value FROM json_each(?)) ORDER BY next_at LIMIT ?"
        );
        let due = sqlx::query(AssertSqlSafe(query)).bind(millis(now)).bind(names(tenants)).bind(limit);
        let rows = due.fetch_all(&self.readers).await?;
        rows.iter().map(message).collect()
    }

    async fn next_message(&self, tenants: &[TenantId]) -> Result<Option<Timestamp>, StoreError> {
        let next: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(next_at) FROM inbox WHERE next_at IS NOT NULL AND +tenant IN (SELECT value FROM json_each(?))",
        )
        .bind(names(tenants))
        .fetch_one(&self.readers)
        .await?;
        next.map(instant).transpose()
    }

    async fn message_body(&self, message: &Message) -> Result<Option<Bytes>, StoreError> {
        let sealed: Option<Option<Vec<u8>>> = sqlx::query_scalar("SELECT sealed FROM inbox WHERE tenant = ? AND id = ?")
            .bind(&message.tenant)
            .bind(&message.id)
            .fetch_optional(&self.readers)
            .await?;
        let Some(sealed) = sealed.flatten() else { return Ok(None) };
        self.vault.open_message(message, &sealed).map(Some)
    }

    async fn settle_messages(&self, settled: &[Settled], now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.writer.begin().await?;
        for one in settled {
            self.settle(&mut tx, one, now).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    async fn messages(&self, tenant: &str, state: Option<MessageState>, limit: u32) -> Result<Vec<Message>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM inbox WHERE tenant = ? AND (? IS NULL OR state = ?) ORDER BY received_at DESC, id LIMIT ?"
        );
        let word = state.map(MessageState::word);
        let rows = sqlx::query(AssertSqlSafe(query)).bind(tenant).bind(word).bind(word).bind(limit);
        rows.fetch_all(&self.readers).await?.iter().map(message).collect()
    }

    async fn replay_messages(&self, tenant: &str, which: Replay<'_>, now: Timestamp) -> Result<u64, StoreError> {
        let (state, id) = match which {
            Replay::Quarantined => (Some(MessageState::Quarantined.word()), None),
            Replay::One(id) => (None, Some(id)),
        };
        let replay = sqlx::query(
            "UPDATE inbox SET state = 'NEW', tries = 0, next_at = ?
             WHERE tenant = ? AND sealed IS NOT NULL AND (? IS NULL OR state = ?) AND (? IS NULL OR id = ?)",
        )
        .bind(millis(now))
        .bind(tenant)
        .bind(state)
        .bind(state)
        .bind(id)
        .bind(id);
        self.writer.execute(replay).await
    }

    async fn drop_pushed_data(&self, tenant: &str, journey_id: &str) -> Result<(), StoreError> {
        let forget = sqlx::query("UPDATE inbox SET sealed = NULL, next_at = NULL WHERE tenant = ? AND data_of = ?");
        self.writer.execute(forget.bind(tenant).bind(journey_id)).await?;
        Ok(())
    }
}

impl SqliteStore {
    /// Commits what waits. Whoever finds nothing was served by the one before.
    async fn commit_waiting(&self) {
        let _turn = self.waiting.turn.lock().await;
        let mut rows = {
            let mut waiting = self.waiting.rows.lock().unwrap_or_else(PoisonError::into_inner);
            let most = waiting.len().min(MOST_AT_ONCE);
            waiting.drain(..most).collect::<Vec<_>>()
        };
        if rows.is_empty() {
            return;
        }
        let kept = self.insert_messages(&rows).await;
        for (place, row) in rows.drain(..).enumerate() {
            let answer = kept.as_ref().map(|kept| kept.get(place).copied().unwrap_or_default()).map_err(Clone::clone);
            // Without a listener there is nobody to tell; the message is kept all the same.
            let _ = row.done.send(answer);
        }
    }

    async fn insert_messages(&self, rows: &[WaitingRow]) -> Result<Vec<bool>, StoreError> {
        let mut tx = self.writer.begin().await?;
        let mut kept = Vec::with_capacity(rows.len());
        for WaitingRow { message, dedupe, sealed, .. } in rows {
            let done = sqlx::query(
                "INSERT INTO inbox (tenant, id, provider, credential, journey_id, attempt_id, verified, dedupe, received_at, state,
                     next_at, purge_at, sealed)
                 VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'NEW', ?, ?, ?) ON CONFLICT (tenant, dedupe) DO NOTHING",
            )
            .bind(&message.tenant)
            .bind(&message.id)
            .bind(&message.provider)
            .bind(&message.credential)
            .bind(message.attempt.as_ref().map(|attempt| attempt.journey_id.as_str()))
            .bind(message.attempt.as_ref().map(|attempt| attempt.attempt_id.as_str()))
            .bind(message.verified)
            .bind(dedupe)
            .bind(millis(message.received_at))
            .bind(millis(message.received_at))
            .bind(millis(message.purge_at))
            .bind(sealed)
            .execute(&mut tx)
            .await?;
            kept.push(done.rows_affected() > 0);
        }
        tx.commit().await?;
        Ok(kept)
    }

    async fn settle(&self, tx: &mut Write, one: &Settled, now: Timestamp) -> Result<(), StoreError> {
        for journey_id in &one.wakes {
            sqlx::query("UPDATE journeys SET due_at = ?, woken = 1 WHERE tenant = ? AND id = ?")
                .bind(millis(now))
                .bind(&one.tenant)
                .bind(journey_id)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("DELETE FROM inbox_refs WHERE tenant = ? AND id = ?")
            .bind(&one.tenant)
            .bind(&one.id)
            .execute(&mut *tx)
            .await?;
        let mut known = false;
        for (kind, value) in &one.waits_for {
            let hash = self.vault.lookup(&one.tenant, kind, value);
            // The journey may have learnt it since it was looked up.
            known |= sqlx::query("SELECT 1 FROM journey_refs WHERE hash = ? AND tenant = ?")
                .bind(&hash)
                .bind(&one.tenant)
                .fetch_optional(&mut *tx)
                .await?
                .is_some();
            sqlx::query(
                "INSERT OR IGNORE INTO inbox_refs (hash, tenant, id) SELECT ?, tenant, id FROM inbox WHERE tenant = ? AND id = ?",
            )
            .bind(hash)
            .bind(&one.tenant)
            .bind(&one.id)
            .execute(&mut *tx)
            .await?;
        }
        let next_at = if known { Some(now) } else { one.next_at };
        sqlx::query(
            "UPDATE inbox SET state = ?, tries = tries + 1, next_at = ?, purge_at = COALESCE(?, purge_at), data_of = COALESCE(?, data_of)
             WHERE tenant = ? AND id = ?",
        )
        .bind(one.state.word())
        .bind(next_at.map(millis))
        .bind(one.purge_at.map(millis))
        .bind(one.data_of.as_deref())
        .bind(&one.tenant)
        .bind(&one.id)
        .execute(&mut *tx)
        .await?;
        Ok(())
    }

    /// Makes the messages due that waited for a reference.
    pub(super) async fn learnt(&self, tx: &mut Write, tenant: &str, hash: &[u8], now: Timestamp) -> Result<(), StoreError> {
        sqlx::query(
            "UPDATE inbox SET next_at = ? WHERE tenant = ? AND state = 'PARKED'
             AND id IN (SELECT id FROM inbox_refs WHERE hash = ? AND tenant = ?)",
        )
        .bind(millis(now))
        .bind(tenant)
        .bind(hash)
        .bind(tenant)
        .execute(&mut *tx)
        .await?;
        Ok(())
    }
}

fn message(row: &SqliteRow) -> Result<Message, StoreError> {
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
        tries: row.get("tries"),
        purge_at: instant(row.get("purge_at"))?,
    })
}
