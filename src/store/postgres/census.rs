//! How much of what there is.

use async_trait::async_trait;
use sqlx::Row;

use super::PostgresStore;
use crate::{
    access::TenantId,
    store::{Census, CensusStore, Connections, JourneyStore, StoreError, census::gathered},
};

#[async_trait]
impl CensusStore for PostgresStore {
    async fn census(&self, tenants: &[TenantId]) -> Result<Census, StoreError> {
        let journeys = sqlx::query(
            "SELECT state, COUNT(*) AS count, MIN(created_at) AS oldest FROM journeys WHERE due_at IS NOT NULL GROUP BY state",
        )
        .fetch_all(&self.pool)
        .await?;
        let messages = sqlx::query(
            "SELECT state, COUNT(*) AS count, MIN(received_at) AS oldest FROM inbox WHERE next_at IS NOT NULL GROUP BY state",
        )
        .fetch_all(&self.pool)
        .await?;
        let next_due = self.next_due(tenants).await?;
        gathered(
            journeys.iter().map(|row| (row.get("state"), row.get("count"), row.get("oldest"))),
            messages.iter().map(|row| (row.get("state"), row.get("count"), row.get("oldest"))),
            next_due,
        )
    }

    fn connections(&self) -> Connections {
        let pool = self.pool.pool();
        let idle = u32::try_from(pool.num_idle()).unwrap_or(u32::MAX);
        let most = pool.options().get_max_connections();
        Connections { idle, used: pool.size().saturating_sub(idle), most }
    }
}
