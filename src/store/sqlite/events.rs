//! Events: one row for each change. SQLite has one writer, so rows are committed in the order of their positions.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use super::{SqliteStore, write::Write};
use crate::{
    journey::model::Journey,
    store::{
        Event, EventStore, FeedEvent, FeedPage, FeedPosition, StoreError,
        columns::{instant, millis},
        events::state,
    },
};

/// Rows that are removed in one transaction: others write meanwhile.
const TRIM_BATCH: i64 = 1_000;

#[async_trait]
impl EventStore for SqliteStore {
    async fn events_of(&self, tenant: &str, journey_id: &str, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, at, tree FROM events WHERE tenant = ? AND journey_id = ? AND sequence > ? ORDER BY sequence LIMIT ?",
        )
        .bind(tenant)
        .bind(journey_id)
        .bind(after)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let sequence: i64 = row.get("sequence");
            // Written by a version that is too different: as if it were not kept any more.
            let Some(journey) = self.vault.open_event_tree(tenant, journey_id, sequence, row.get("tree"))? else { break };
            events.push(Event { sequence, at: instant(row.get("at"))?, journey });
        }
        Ok(events)
    }

    async fn feed(&self, tenant: &str, after: FeedPosition, limit: u32) -> Result<FeedPage, StoreError> {
        let rows = sqlx::query(
            "SELECT position, journey_id, sequence, at, state, note FROM events
             WHERE tenant = ? AND position > ? ORDER BY position LIMIT ?",
        )
        .bind(tenant)
        .bind(after.row)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        let events = rows.iter().map(|row| self.feed_event(tenant, row)).collect::<Result<_, _>>()?;
        // Read afterwards: what was removed before the rows were read is noticed, and what went since only costs a needless reset.
        let mut trimmed = self.feed_floor(tenant).await? > after.row;
        if rows.is_empty() {
            // A reader who came further before an older file was restored would pass over all that comes.
            trimmed |= self.feed_end(tenant).await?.row < after.row;
        }
        Ok(FeedPage { events, trimmed, held_back: false })
    }

    async fn feed_end(&self, tenant: &str) -> Result<FeedPosition, StoreError> {
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT MAX(position) FROM events WHERE tenant = ?").bind(tenant).fetch_one(&self.readers).await?;
        let row = newest.unwrap_or(0).max(self.feed_floor(tenant).await?);
        Ok(FeedPosition { transaction: 0, row })
    }

    async fn trim_events(&self, keep: u32, before: Timestamp) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let batch = self.trim_old(millis(before)).await?;
            gone += batch;
            if batch == 0 {
                break;
            }
        }
        let long = sqlx::query(
            "SELECT tenant, journey_id, MAX(sequence) AS newest FROM events WHERE sequence > ? GROUP BY tenant, journey_id",
        )
        .bind(keep)
        .fetch_all(&self.readers)
        .await?;
        for row in long {
            let last: i64 = row.get::<i64, _>("newest") - i64::from(keep);
            gone += self.trim_long(row.get("tenant"), row.get("journey_id"), last).await?;
        }
        Ok(gone)
    }
}

impl SqliteStore {
    /// Writes the event of a change, if the tree's sequence rose. The tree's own row must be written already in this transaction.
    pub(super) async fn write_event(&self, tx: &mut Write, journey: &Journey, now: Timestamp) -> Result<(), StoreError> {
        let rose = sqlx::query("UPDATE journeys SET sequence = ?1 WHERE tenant = ?2 AND id = ?3 AND sequence < ?1")
            .bind(journey.sequence)
            .bind(&journey.tenant)
            .bind(&journey.id)
            .execute(&mut *tx)
            .await?;
        if rose.rows_affected() == 0 {
            return Ok(());
        }
        let (note, tree) = self.vault.seal_event(journey)?;
        sqlx::query("INSERT INTO events (tenant, journey_id, sequence, at, state, note, tree) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(&journey.tenant)
            .bind(&journey.id)
            .bind(journey.sequence)
            .bind(millis(now))
            .bind(journey.state.as_str_name())
            .bind(note)
            .bind(tree)
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    fn feed_event(&self, tenant: &str, row: &SqliteRow) -> Result<FeedEvent, StoreError> {
        let journey_id: String = row.get("journey_id");
        let sequence: i64 = row.get("sequence");
        let note = self.vault.open_event_note(tenant, &journey_id, sequence, row.get("note"))?;
        Ok(FeedEvent {
            position: FeedPosition { transaction: 0, row: row.get("position") },
            journey_id,
            sequence,
            at: instant(row.get("at"))?,
            state: state(row.get("state"))?,
            note,
        })
    }

    async fn feed_floor(&self, tenant: &str) -> Result<i64, StoreError> {
        let floor: Option<i64> = sqlx::query_scalar("SELECT position FROM feed_floor WHERE tenant = ?")
            .bind(tenant)
            .fetch_optional(&self.readers)
            .await?;
        Ok(floor.unwrap_or(0))
    }

    /// Removes a batch of what is older, and raises the floors with it.
    async fn trim_old(&self, before: i64) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin().await?;
        let old = sqlx::query("SELECT position, tenant FROM events WHERE at < ? ORDER BY at LIMIT ?")
            .bind(before)
            .bind(TRIM_BATCH)
            .fetch_all(&mut tx)
            .await?;
        for row in &old {
            raise_floor(&mut tx, row.get("tenant"), row.get("position")).await?;
            sqlx::query("DELETE FROM events WHERE position = ?").bind(row.get::<i64, _>("position")).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(old.len() as u64)
    }

    /// Removes the events of a journey up to a sequence.
    async fn trim_long(&self, tenant: &str, journey_id: &str, last: i64) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin().await?;
        let newest: Option<i64> =
            sqlx::query_scalar("SELECT MAX(position) FROM events WHERE tenant = ? AND journey_id = ? AND sequence <= ?")
                .bind(tenant)
                .bind(journey_id)
                .bind(last)
                .fetch_one(&mut tx)
                .await?;
        let Some(newest) = newest else {
            tx.rollback().await?;
            return Ok(0);
        };
        raise_floor(&mut tx, tenant, newest).await?;
        let gone = sqlx::query("DELETE FROM events WHERE tenant = ? AND journey_id = ? AND sequence <= ?")
            .bind(tenant)
            .bind(journey_id)
            .bind(last)
            .execute(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}

async fn raise_floor(tx: &mut Write, tenant: &str, position: i64) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO feed_floor (tenant, position) VALUES (?, ?)
         ON CONFLICT (tenant) DO UPDATE SET position = MAX(position, excluded.position)",
    )
    .bind(tenant)
    .bind(position)
    .execute(tx)
    .await?;
    Ok(())
}
