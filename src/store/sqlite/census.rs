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
        let reading = u32::try_from(self.readers.num_idle()).unwrap_or(u32::MAX);
        let (writers, writing) = self.writer.connections();
        let idle = reading + writers.saturating_sub(writing);
        let used = self.readers.size().saturating_sub(reading) + writing;
        Connections { idle, used, most: self.readers.options().get_max_connections() + 1 }
    }
}
