//! Lanes, found by the index of lanes alone.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::{PostgresStore, names};
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
        SELECT served.tenant,
            (SELECT lane FROM journeys WHERE journeys.tenant = served.tenant AND due_at IS NOT NULL ORDER BY lane LIMIT 1)
        FROM unnest($1::text[]) AS served (tenant)
        UNION ALL
        SELECT lanes.tenant,
            (SELECT next.lane FROM journeys AS next
             WHERE next.tenant = lanes.tenant AND next.lane > lanes.lane AND next.due_at IS NOT NULL ORDER BY next.lane LIMIT 1)
        FROM lanes WHERE lanes.lane IS NOT NULL
    )
    SELECT tenant, lane,
        (SELECT due_at FROM journeys WHERE journeys.tenant = lanes.tenant AND journeys.lane = lanes.lane AND due_at IS NOT NULL
             AND (looking_by IS NULL OR looking_until <= $2) ORDER BY due_at LIMIT 1) AS due_at
    FROM lanes WHERE lane IS NOT NULL";

/// SKIP LOCKED: replicas that claim together get different journeys instead of waiting for each other. Only the lanes in the shares are
/// read, each by its own range of the index.
const CLAIM: &str = "
    WITH due AS (
        SELECT tenant, id FROM journeys
        WHERE tenant = $5 AND lane = $6 AND due_at <= $1 AND (looking_by IS NULL OR looking_until <= $1)
        ORDER BY due_at LIMIT $4 FOR UPDATE SKIP LOCKED
    )
    UPDATE journeys SET due_at = $2, woken = false, looking_by = $3, looking_until = $2
    FROM due WHERE journeys.tenant = due.tenant AND journeys.id = due.id
    RETURNING journeys.id";

#[async_trait]
impl LaneStore for PostgresStore {
    async fn due_lanes(&self, tenants: &[TenantId], now: Timestamp) -> Result<Vec<DueLane>, StoreError> {
        let lanes = sqlx::query(LANES).bind(names(tenants)).bind(millis(now)).fetch_all(&self.pool).await?;
        let due = lanes.iter().filter_map(|row| Some((row, row.get::<Option<i64>, _>("due_at")?)));
        due.map(|(row, due_at)| {
            Ok(DueLane { lane: Lane { tenant: row.get("tenant"), name: row.get("lane") }, due_at: instant(due_at)? })
        })
        .collect()
    }

    async fn claim_due(&self, shares: &[Share], look: Look) -> Result<Vec<ClaimedJourney>, StoreError> {
        let mut claimed = Vec::new();
        // Each share commits by itself: a claim of one lane holds no lock while another one is read.
        for Share { lane, limit } in shares {
            let ids: Vec<String> = sqlx::query_scalar(CLAIM)
                .bind(millis(look.now))
                .bind(millis(look.until))
                .bind(&self.owner)
                .bind(i64::from(*limit))
                .bind(&lane.tenant)
                .bind(&lane.name)
                .fetch_all(&self.pool)
                .await?;
            claimed.extend(ids.into_iter().map(|journey_id| ClaimedJourney { lane: lane.clone(), journey_id }));
        }
        Ok(claimed)
    }
}
