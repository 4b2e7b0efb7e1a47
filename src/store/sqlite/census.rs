//! How much of what there is.

use async_trait::async_trait;
use sqlx::Row;

use super::SqliteStore;
use crate::{
    access::TenantId,
    store::{Census, CensusStore, Connections, JourneyStore, StoreError, census::gathered},
};

#[async_trait]
impl CensusStore for SqliteStore {
    async fn census(&self, tenants: &[TenantId]) -> Result<Census, StoreError> {
        let journeys = sqlx::query(
            "SELECT state, COUNT(*) AS count, MIN(created_at) AS oldest FROM journeys WHERE due_at IS NOT NULL GROUP BY state",
        )
        .fetch_all(&self.readers)
        .await?;
        let messages = sqlx::query(
            "SELECT state, COUNT(*) AS count, MIN(received_at) AS oldest FROM inbox WHERE next_at IS NOT NULL GROUP BY state",
        )
        .fetch_all(&self.readers)
        .await?;
        let next_due = self.next_due(tenants).await?;
        gathered(
            journeys.iter().map(|row| (row.get("state"), row.get("count"), row.get("oldest"))),
            messages.iter().map(|row| (row.get("state"), row.get("count"), row.get("oldest"))),
            next_due,
        )
    }

    fn connections(&self) -> Connections {
        let pools = [&self.writer, &self.readers];
        let idle = pools.iter().map(|pool| u32::try_from(pool.num_idle()).unwrap_or(u32::MAX)).sum();
        let open: u32 = pools.iter().map(|pool| pool.size()).sum();
        let most = pools.iter().map(|pool| pool.options().get_max_connections()).sum();
        Connections { idle, used: open.saturating_sub(idle), most }
    }
}
