//! Events: one row for each change. Transactions are committed in another order than they begin, so the feed is read in the order of
//! transactions, and only below the oldest one that is still under way: nothing can appear there any more.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, postgres::PgRow};

use super::{PostgresStore, statements::Statements, write::Write};
use crate::{
    journey::model::Journey,
    store::{
        Event, EventStore, FeedEvent, FeedPage, FeedPosition, StoreError,
        columns::{instant, millis},
        events::state,
    },
};

#[async_trait]
impl EventStore for PostgresStore {
    async fn events_of(&self, tenant: &str, journey_id: &str, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        // The journey's row is locked from the writing of an event to its commit: here no event can come in between.
        let read = sqlx::query(
            "SELECT sequence, at, tree FROM events
             WHERE tenant = $1 AND journey_id = $2 AND sequence > $3 ORDER BY sequence LIMIT $4",
        )
        .bind(tenant)
        .bind(journey_id)
        .bind(after)
        .bind(i64::from(limit));
        let rows = self.within(async { Ok(read.fetch_all(&self.pool).await?) }).await?;
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
        // What is settled and what is there is told by one and the same look at the database.
        let read = sqlx::query(
            "SELECT transaction, id, journey_id, sequence, at, state, note,
                 transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS settled
             FROM events WHERE tenant = $1 AND (transaction, id) > ($2, $3) ORDER BY transaction, id LIMIT $4",
        )
        .bind(tenant)
        .bind(after.transaction)
        .bind(after.row)
        .bind(i64::from(limit));
        let rows = self.within(async { Ok(read.fetch_all(&self.pool).await?) }).await?;
        let readable = rows.iter().take_while(|row| row.get("settled"));
        let events = readable.map(|row| self.feed_event(tenant, row)).collect::<Result<Vec<_>, _>>()?;
        // Read afterwards: what was removed before the rows were read is noticed, and what went since only costs a needless reset.
        let trimmed = self.is_missed(tenant, after).await?;
        Ok(FeedPage { held_back: events.len() < rows.len(), events, trimmed })
    }

    async fn feed_end(&self, _tenant: &str) -> Result<FeedPosition, StoreError> {
        let oldest: i64 =
            sqlx::query_scalar("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint").fetch_one(&self.pool).await?;
        Ok(FeedPosition { transaction: oldest - 1, row: i64::MAX })
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
        let mut tx = self.write_bulk().await?;
        let long = sqlx::query(
            "SELECT tenant, journey_id, MAX(sequence) AS newest FROM events WHERE sequence > $1 GROUP BY tenant, journey_id",
        )
        .bind(i64::from(keep))
        .fetch_all(&mut tx)
        .await?;
        tx.rollback().await?;
        for row in long {
            let last: i64 = row.get::<i64, _>("newest") - i64::from(keep);
            gone += self.trim_long(row.get("tenant"), row.get("journey_id"), last).await?;
        }
        Ok(gone)
    }
}

/// Raises the floors of the feeds from which `gone` was removed; the floors of two replicas that do so together are taken in one order.
/// Only what the feed has passed is removed, so a floor is never ahead of it.
macro_rules! trim {
    ($old:literal) => {
        concat!(
            "WITH old AS (SELECT id FROM events WHERE ",
            $old,
            "     AND transaction < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                 ORDER BY at LIMIT 1000 FOR UPDATE SKIP LOCKED),
             gone AS (DELETE FROM events USING old WHERE events.id = old.id
                 RETURNING events.tenant, events.transaction, events.id),
             floors AS (INSERT INTO feed_floor (tenant, transaction, id)
                 SELECT DISTINCT ON (tenant) tenant, transaction, id FROM gone ORDER BY tenant, transaction DESC, id DESC
                 ON CONFLICT (tenant) DO UPDATE SET transaction = excluded.transaction, id = excluded.id
                 WHERE (feed_floor.transaction, feed_floor.id) < (excluded.transaction, excluded.id))
             SELECT COUNT(*) FROM gone"
        )
    };
}

/// Removes the history that a dump brought from another cluster. The feed's order is that of the cluster's transactions; what a cluster with
/// higher numbers has written would for ever stand after everything new, and be held back. Who watches is told to begin anew.
pub(super) async fn leave_foreign_history(pool: &Statements) -> Result<(), StoreError> {
    let mut tx = Write::begin(pool, &std::sync::Arc::default()).await?;
    // Of replicas that start together one does it, and the others find nothing.
    sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('sangam/feed', 0))").execute(&mut tx).await?;
    // Nothing of this cluster is from a transaction that has not begun. The newest are enough: this comes before anything is written.
    let foreign: bool = sqlx::query_scalar(
        "SELECT EXISTS (
             SELECT 1 FROM (
                 (SELECT transaction FROM events ORDER BY id DESC LIMIT 1000) UNION ALL SELECT transaction FROM feed_floor) known
             WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint)",
    )
    .fetch_one(&mut tx)
    .await?;
    if foreign {
        let gone = sqlx::query(
            "WITH gone AS (DELETE FROM events RETURNING tenant)
             INSERT INTO feed_floor (tenant, transaction, id)
                 SELECT tenant, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1, $1
                 FROM (SELECT tenant FROM gone UNION SELECT tenant FROM feed_floor) known
                 ON CONFLICT (tenant) DO UPDATE SET transaction = excluded.transaction, id = excluded.id",
        );
        gone.bind(i64::MAX).execute(&mut tx).await?;
        tracing::warn!("the history of changes is another database cluster's and was removed: watchers begin anew");
    }
    tx.commit().await?;
    Ok(())
}

impl PostgresStore {
    /// Writes the event of a change, if the tree's sequence rose. The tree's own row must be written already in this transaction.
    pub(super) async fn write_event(&self, tx: &mut Write, journey: &Journey, now: Timestamp) -> Result<(), StoreError> {
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

    fn feed_event(&self, tenant: &str, row: &PgRow) -> Result<FeedEvent, StoreError> {
        let journey_id: String = row.get("journey_id");
        let sequence: i64 = row.get("sequence");
        let note = self.vault.open_event_note(tenant, &journey_id, sequence, row.get("note"))?;
        Ok(FeedEvent {
            position: FeedPosition { transaction: row.get("transaction"), row: row.get("id") },
            journey_id,
            sequence,
            at: instant(row.get("at"))?,
            state: state(row.get("state"))?,
            note,
        })
    }

    /// Whether something after a place was removed, or the place is of a history that is not this database's: a reader who came so far
    /// before an older state was restored would pass over all that comes.
    async fn is_missed(&self, tenant: &str, place: FeedPosition) -> Result<bool, StoreError> {
        let missed = sqlx::query_scalar(
            "SELECT $2 >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
                 OR EXISTS (SELECT 1 FROM feed_floor WHERE tenant = $1 AND (transaction, id) > ($2, $3))",
        );
        Ok(missed.bind(tenant).bind(place.transaction).bind(place.row).fetch_one(&self.pool).await?)
    }

    /// Removes a batch of what is older.
    async fn trim_old(&self, before: i64) -> Result<u64, StoreError> {
        let mut tx = self.write_bulk().await?;
        let gone: i64 = sqlx::query_scalar(trim!("at < $1")).bind(before).fetch_one(&mut tx).await?;
        tx.commit().await?;
        Ok(u64::try_from(gone).unwrap_or_default())
    }

    /// Removes the events of a journey up to a sequence; what is more than a batch goes the next time.
    async fn trim_long(&self, tenant: &str, journey_id: &str, last: i64) -> Result<u64, StoreError> {
        let mut tx = self.write_bulk().await?;
        let gone: i64 = sqlx::query_scalar(trim!("tenant = $1 AND journey_id = $2 AND sequence <= $3"))
            .bind(tenant)
            .bind(journey_id)
            .bind(last)
            .fetch_one(&mut tx)
            .await?;
        tx.commit().await?;
        Ok(u64::try_from(gone).unwrap_or_default())
    }
}
