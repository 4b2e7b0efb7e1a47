//! Events: one row for each change. SQLite has one writer, so rows are committed in the order of their positions.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};

use super::{SqliteStore, instant, millis};
use crate::{
    journey::model::{Journey, JourneyState},
    store::{
        Event, EventStore, FeedEvent, FeedPage, FeedPosition, StoreError,
        events::{FeedNote, kept},
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
            let plain = self.sealer.open(&["event tree", tenant, journey_id, &sequence.to_string()], row.get("tree"))?;
            // Written by a version that is too different: as if it were not kept any more.
            let Ok(journey) = serde_json::from_slice(&plain) else { break };
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
        Ok(FeedPage { events, trimmed: self.feed_floor(tenant).await? > after.row, held_back: false })
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
    pub(super) async fn write_event(
        &self,
        tx: &mut SqliteConnection,
        journey: &Journey,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let rose = sqlx::query("UPDATE journeys SET sequence = ?1 WHERE tenant = ?2 AND id = ?3 AND sequence < ?1")
            .bind(journey.sequence)
            .bind(&journey.tenant)
            .bind(&journey.id)
            .execute(&mut *tx)
            .await?;
        if rose.rows_affected() == 0 {
            return Ok(());
        }
        let sequence = journey.sequence.to_string();
        let seal = |kind: &str, plain: Result<Vec<u8>, serde_json::Error>| {
            let plain = plain.map_err(|_| StoreError::Unreadable("an event"))?;
            Ok::<_, StoreError>(self.sealer.seal(&[kind, &journey.tenant, &journey.id, &sequence], &plain)?)
        };
        sqlx::query("INSERT INTO events (tenant, journey_id, sequence, at, state, note, tree) VALUES (?, ?, ?, ?, ?, ?, ?)")
            .bind(&journey.tenant)
            .bind(&journey.id)
            .bind(journey.sequence)
            .bind(millis(now))
            .bind(journey.state.as_str_name())
            .bind(seal("event note", serde_json::to_vec(&FeedNote::of(journey)))?)
            .bind(seal("event tree", serde_json::to_vec(&kept(journey)))?)
            .execute(&mut *tx)
            .await?;
        Ok(())
    }

    fn feed_event(&self, tenant: &str, row: &SqliteRow) -> Result<FeedEvent, StoreError> {
        let journey_id: String = row.get("journey_id");
        let sequence: i64 = row.get("sequence");
        let plain = self.sealer.open(&["event note", tenant, &journey_id, &sequence.to_string()], row.get("note"))?;
        let state = JourneyState::from_str_name(row.get("state")).ok_or(StoreError::Unreadable("an event's state"))?;
        Ok(FeedEvent {
            position: FeedPosition { transaction: 0, row: row.get("position") },
            journey_id,
            sequence,
            at: instant(row.get("at"))?,
            state,
            note: serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("an event's note"))?,
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
            .fetch_all(&mut *tx)
            .await?;
        for row in &old {
            raise_floor(&mut tx, row.get("tenant"), row.get("position")).await?;
            sqlx::query("DELETE FROM events WHERE position = ?").bind(row.get::<i64, _>("position")).execute(&mut *tx).await?;
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
                .fetch_one(&mut *tx)
                .await?;
        let Some(newest) = newest else { return Ok(0) };
        raise_floor(&mut tx, tenant, newest).await?;
        let gone = sqlx::query("DELETE FROM events WHERE tenant = ? AND journey_id = ? AND sequence <= ?")
            .bind(tenant)
            .bind(journey_id)
            .bind(last)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(gone.rows_affected())
    }
}

async fn raise_floor(tx: &mut SqliteConnection, tenant: &str, position: i64) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journey::testing,
        seal::Keys,
        store::{JourneyStore, Storage},
    };

    async fn open(dir: &std::path::Path) -> SqliteStore {
        SqliteStore::open(&dir.join("sangam.db"), &Keys::new(&[1; 32])).await.unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Changes `jrn_1` so often, one second each; answers the store.
    async fn changed(dir: &std::path::Path, times: i64) -> SqliteStore {
        let store = open(dir).await;
        let mut journey = testing::journey();
        journey.ask.client_reference = Some("loan-1".to_owned());
        store.insert_journey(&journey, None, at(1)).await.unwrap();
        for sequence in 2..=times {
            journey.sequence = sequence;
            assert!(store.save_journey(&journey, sequence - 1, None, at(sequence)).await.unwrap());
        }
        store
    }

    async fn sequences(store: &SqliteStore, after: i64) -> Vec<i64> {
        store.events_of("default", "jrn_1", after, 100).await.unwrap().iter().map(|event| event.sequence).collect()
    }

    #[tokio::test]
    async fn each_change_leaves_one_event_and_a_mere_look_none() {
        let dir = tempfile::tempdir().unwrap();
        let store = changed(dir.path(), 3).await;
        let Some(read) = store.journey("default", "jrn_1").await.unwrap() else { panic!("no journey") };
        assert!(store.save_journey(&read.journey, read.version, Some(at(9)), at(9)).await.unwrap());
        assert!(!store.save_journey(&read.journey, 1, None, at(9)).await.unwrap());
        assert_eq!(sequences(&store, 0).await, [1, 2, 3]);
        assert_eq!(sequences(&store, 2).await, [3]);
        assert!(store.events_of("other", "jrn_1", 0, 100).await.unwrap().is_empty());
        let feed = store.feed("default", FeedPosition::default(), 100).await.unwrap();
        assert_eq!(feed.events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(feed.events[0].note.client_reference.as_deref(), Some("loan-1"));
        assert!(store.feed("other", FeedPosition::default(), 100).await.unwrap().events.is_empty());
        assert_eq!(store.feed_end("default").await.unwrap(), feed.events[2].position);
    }

    #[tokio::test]
    async fn the_history_does_not_say_who_was_asked_and_shows_nothing_in_clear() {
        let dir = tempfile::tempdir().unwrap();
        let store = changed(dir.path(), 2).await;
        for event in store.events_of("default", "jrn_1", 0, 10).await.unwrap() {
            assert_eq!(event.journey.ask.customer, crate::journey::model::Customer::default());
            assert!(event.journey.attempts.iter().all(|attempt| attempt.webhook_token.is_empty()));
        }
        store.close().await;
        for entry in std::fs::read_dir(dir.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            for secret in [&b"9000000001"[..], b"loan-1", b"handle-1"] {
                assert!(!bytes.windows(secret.len()).any(|window| window == secret));
            }
        }
    }

    #[tokio::test]
    async fn what_is_trimmed_is_noticed_by_whoever_stands_before_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = changed(dir.path(), 6).await;
        let all = store.feed("default", FeedPosition::default(), 100).await.unwrap().events;
        assert_eq!(store.trim_events(100, at(1)).await.unwrap(), 0);
        // The two of the first two seconds by age, one more by number.
        assert_eq!(store.trim_events(3, at(3)).await.unwrap(), 3);
        assert_eq!(sequences(&store, 0).await, [4, 5, 6]);
        for (place, event) in all.iter().enumerate() {
            let page = store.feed("default", event.position, 100).await.unwrap();
            assert_eq!(page.trimmed, place < 2, "after event {}", place + 1);
        }
        // Nothing is left, and still nothing begins anew.
        assert_eq!(store.trim_events(3, at(100)).await.unwrap(), 3);
        assert_eq!(store.feed_end("default").await.unwrap(), all[5].position);
        let Some(read) = store.journey("default", "jrn_1").await.unwrap() else { panic!("no journey") };
        assert!(store.save_journey(&read.journey, read.version, None, at(200)).await.unwrap());
        assert!(sequences(&store, 0).await.is_empty());
    }
}
