//! Lanes, found by the index of lanes alone.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{SqliteStore, names};
use crate::{
    access::TenantId,
    store::{
        ClaimedJourney, DueLane, Lane, LaneStore, Look, Share, StoreError,
        columns::{instant, millis},
    },
};

/// Steps from lane to lane by the index, instead of reading every due row: a lane may hold very many.
const LANES: &str = "
    WITH RECURSIVE lanes (tenant, lane) AS (
        SELECT served.value,
            (SELECT lane FROM journeys WHERE tenant = served.value AND due_at IS NOT NULL ORDER BY lane LIMIT 1)
        FROM json_each(?1) AS served
        UNION ALL
        SELECT lanes.tenant,
            (SELECT next.lane FROM journeys AS next
             WHERE next.tenant = lanes.tenant AND next.lane > lanes.lane AND next.due_at IS NOT NULL ORDER BY next.lane LIMIT 1)
        FROM lanes WHERE lanes.lane IS NOT NULL
    )
    SELECT tenant, lane,
        (SELECT due_at FROM journeys WHERE journeys.tenant = lanes.tenant AND journeys.lane = lanes.lane AND due_at IS NOT NULL
             AND (looking_by IS NULL OR looking_until <= ?2) ORDER BY due_at LIMIT 1) AS due_at
    FROM lanes WHERE lane IS NOT NULL";

const CLAIM: &str = "
    UPDATE journeys SET due_at = ?2, woken = 0, looking_by = ?3, looking_until = ?2
    WHERE (tenant, id) IN (
        SELECT tenant, id FROM journeys
        WHERE tenant = ?5 AND lane = ?6 AND due_at <= ?1 AND (looking_by IS NULL OR looking_until <= ?1)
        ORDER BY due_at LIMIT ?4
    ) RETURNING id";

#[async_trait]
impl LaneStore for SqliteStore {
    async fn due_lanes(&self, tenants: &[TenantId], now: Timestamp) -> Result<Vec<DueLane>, StoreError> {
        let lanes = sqlx::query(LANES).bind(names(tenants)).bind(millis(now)).fetch_all(&self.readers).await?;
        let due = lanes.iter().filter_map(|row| Some((row, row.get::<Option<i64>, _>("due_at")?)));
        due.map(|(row, due_at)| {
            Ok(DueLane { lane: Lane { tenant: row.get("tenant"), name: row.get("lane") }, due_at: instant(due_at)? })
        })
        .collect()
    }

    async fn claim_due(&self, shares: &[Share], look: Look) -> Result<Vec<ClaimedJourney>, StoreError> {
        let mut claimed = Vec::new();
        let mut tx = self.writer.begin().await?;
        for Share { lane, limit } in shares {
            let rows = sqlx::query(CLAIM)
                .bind(millis(look.now))
                .bind(millis(look.until))
                .bind(&self.owner)
                .bind(limit)
                .bind(&lane.tenant)
                .bind(&lane.name)
                .fetch_all(&mut tx)
                .await?;
            claimed.extend(rows.iter().map(|row| ClaimedJourney { lane: lane.clone(), journey_id: row.get("id") }));
        }
        tx.commit().await?;
        Ok(claimed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{seal::Keys, store::Serving};

    #[tokio::test]
    async fn lanes_are_found_by_their_index_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("sangam.db");
        let store = SqliteStore::open(&path, Serving::Alone, false, &Keys::new(&[1; 32])).await.unwrap();
        for statement in [LANES, CLAIM] {
            let explained = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}")));
            let plan = explained.fetch_all(&store.readers).await.unwrap();
            let steps: Vec<String> = plan.iter().map(|row| row.get("detail")).collect();
            let searches = steps.iter().filter(|step| step.contains("journeys_lane"));
            assert!(searches.count() >= 1, "{steps:#?}");
            let others = ["SCAN journeys", "SCAN next", "journeys_due", "TEMP B-TREE FOR ORDER BY"];
            assert!(!steps.iter().any(|step| others.iter().any(|other| step.contains(other))), "{steps:#?}");
        }
    }
}
