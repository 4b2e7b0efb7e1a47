//! Events: one row for each change. A row is read once no older transaction can still bring one before it.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::PostgresStore;
use crate::{
    journey::model::{Journey, JourneyState},
    store::{
        Event, EventStore, FeedEvent, FeedPage, FeedPosition, StoreError,
        columns::{instant, millis},
    },
};

/// Rows that are removed in one transaction: others write meanwhile.
const TRIM_BATCH: i64 = 1_000;

#[async_trait]
impl EventStore for PostgresStore {
    async fn events_of(&self, tenant: &str, journey_id: &str, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        let rows = sqlx::query(
            "SELECT sequence, at, tree FROM events
             WHERE tenant = $1 AND journey_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
        )
        .bind(tenant)
        .bind(journey_id)
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
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
        // One statement, so that the rows and what is held back are of one snapshot. A transaction in flight has no smaller number than
        // the snapshot's oldest.
        let rows = sqlx::query(
            "SELECT position, transaction, journey_id, sequence, at, state, note FROM events
             WHERE tenant = $1 AND (transaction, position) > ($2, $3)
               AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
             ORDER BY transaction, position LIMIT $4",
        )
        .bind(tenant)
        .bind(after.transaction)
        .bind(after.row)
        .bind(i64::from(limit))
        .fetch_all(&self.pool)
        .await?;
        let events = rows.iter().map(|row| self.feed_event(tenant, row)).collect::<Result<Vec<_>, _>>()?;
        let last = events.last().map_or(after, |event| event.position);
        // Read afterwards: what was removed before the rows were read is noticed, and what went since only costs a needless reset.
        let trimmed = self.feed_floor(tenant).await? > after;
        Ok(FeedPage { events, trimmed, held_back: self.held_back(tenant, last).await? })
    }

    async fn feed_end(&self, tenant: &str) -> Result<FeedPosition, StoreError> {
        let newest = sqlx::query(
            "SELECT transaction, position FROM events
             WHERE tenant = $1 AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
             ORDER BY transaction DESC, position DESC LIMIT 1",
        )
        .bind(tenant)
        .fetch_optional(&self.pool)
        .await?;
        let newest = newest.map(|row| place(&row)).unwrap_or_default();
        Ok(newest.max(self.feed_floor(tenant).await?))
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
            "SELECT tenant, journey_id, MAX(sequence) AS newest FROM events WHERE sequence > $1 GROUP BY tenant, journey_id",
        )
        .bind(i64::from(keep))
        .fetch_all(&self.pool)
        .await?;
        for row in long {
            let last: i64 = row.get::<i64, _>("newest") - i64::from(keep);
            gone += self.trim_long(row.get("tenant"), row.get("journey_id"), last).await?;
        }
        Ok(gone)
    }
}

impl PostgresStore {
    /// Writes the event of a change, if the tree's sequence rose. The tree's own row must be written already in this transaction, so
    /// that its lock is held.
    pub(super) async fn write_event(&self, tx: &mut PgConnection, journey: &Journey, now: Timestamp) -> Result<(), StoreError> {
        let rose = sqlx::query("UPDATE journeys SET sequence = $1 WHERE tenant = $2 AND id = $3 AND sequence < $1")
            .bind(journey.sequence)
            .bind(&journey.tenant)
            .bind(&journey.id)
            .execute(&mut *tx)
            .await?;
        if rose.rows_affected() == 0 {
            return Ok(());
        }
        let (note, tree) = self.vault.seal_event(journey)?;
        sqlx::query(
            "INSERT INTO events (tenant, journey_id, sequence, at, state, note, tree) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
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

    /// Whether an event after a place is committed and cannot be read yet.
    async fn held_back(&self, tenant: &str, after: FeedPosition) -> Result<bool, StoreError> {
        let held = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM events WHERE tenant = $1 AND (transaction, position) > ($2, $3)
                 AND transaction >= pg_snapshot_xmin(pg_current_snapshot())::text::bigint)",
        )
        .bind(tenant)
        .bind(after.transaction)
        .bind(after.row)
        .fetch_one(&self.pool)
        .await?;
        Ok(held)
    }

    fn feed_event(&self, tenant: &str, row: &PgRow) -> Result<FeedEvent, StoreError> {
        let (journey_id, sequence): (String, i64) = (row.get("journey_id"), row.get("sequence"));
        let note = self.vault.open_event_note(tenant, &journey_id, sequence, row.get("note"))?;
        let state = JourneyState::from_str_name(row.get("state")).ok_or(StoreError::Unreadable("an event's state"))?;
        Ok(FeedEvent { position: place(row), journey_id, sequence, at: instant(row.get("at"))?, state, note })
    }

    async fn feed_floor(&self, tenant: &str) -> Result<FeedPosition, StoreError> {
        let floor = sqlx::query("SELECT transaction, position FROM feed_floor WHERE tenant = $1")
            .bind(tenant)
            .fetch_optional(&self.pool)
            .await?;
        Ok(floor.map(|row| place(&row)).unwrap_or_default())
    }

    /// Removes a batch of what is older, and raises the floors with it.
    async fn trim_old(&self, before: i64) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        // SKIP LOCKED: replicas that trim together take different rows.
        let old = sqlx::query(
            "DELETE FROM events WHERE position IN
                 (SELECT position FROM events WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING tenant, transaction, position",
        )
        .bind(before)
        .bind(TRIM_BATCH)
        .fetch_all(&mut *tx)
        .await?;
        let mut floors = std::collections::BTreeMap::<String, FeedPosition>::new();
        for row in &old {
            let floor = floors.entry(row.get("tenant")).or_default();
            *floor = (*floor).max(place(row));
        }
        for (tenant, floor) in floors {
            raise_floor(&mut tx, &tenant, floor).await?;
        }
        tx.commit().await?;
        Ok(old.len() as u64)
    }

    /// Removes the events of a journey up to a sequence.
    async fn trim_long(&self, tenant: &str, journey_id: &str, last: i64) -> Result<u64, StoreError> {
        let mut tx = self.pool.begin().await?;
        let gone = sqlx::query(
            "DELETE FROM events WHERE tenant = $1 AND journey_id = $2 AND sequence <= $3 RETURNING transaction, position",
        )
        .bind(tenant)
        .bind(journey_id)
        .bind(last)
        .fetch_all(&mut *tx)
        .await?;
        if let Some(newest) = gone.iter().map(place).max() {
            raise_floor(&mut tx, tenant, newest).await?;
        }
        tx.commit().await?;
        Ok(gone.len() as u64)
    }
}

fn place(row: &PgRow) -> FeedPosition {
    FeedPosition { transaction: row.get("transaction"), row: row.get("position") }
}

async fn raise_floor(tx: &mut PgConnection, tenant: &str, floor: FeedPosition) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO feed_floor (tenant, transaction, position) VALUES ($1, $2, $3)
         ON CONFLICT (tenant) DO UPDATE SET transaction = excluded.transaction, position = excluded.position
         WHERE (feed_floor.transaction, feed_floor.position) < (excluded.transaction, excluded.position)",
    )
    .bind(tenant)
    .bind(floor.transaction)
    .bind(floor.row)
    .execute(tx)
    .await?;
    Ok(())
}
