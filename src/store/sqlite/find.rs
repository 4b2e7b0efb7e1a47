//! Looking for journeys.

use async_trait::async_trait;
use sqlx::Row;

use super::{SqliteStore, write::Write};
use crate::{
    journey::model::Journey,
    store::{
        Behind, FindStore, StoreError, Wanted,
        columns::millis,
        find::{OPEN, listed},
    },
};

#[async_trait]
impl FindStore for SqliteStore {
    async fn find_journeys(
        &self,
        tenant: &str,
        wanted: &Wanted,
        behind: Option<&Behind>,
        limit: u32,
    ) -> Result<Vec<Journey>, StoreError> {
        let hash = |kind: &str, value: &Option<String>| value.as_deref().map(|value| self.vault.lookup(tenant, kind, value));
        let rows = sqlx::query(
            "SELECT j.id, j.sealed FROM journeys j
             WHERE j.tenant = ?1
               AND (?2 IS NULL OR EXISTS
                   (SELECT 1 FROM journey_refs r WHERE r.hash = ?2 AND r.tenant = j.tenant AND r.journey_id = j.id))
               AND (?3 IS NULL OR EXISTS
                   (SELECT 1 FROM journey_refs r WHERE r.hash = ?3 AND r.tenant = j.tenant AND r.journey_id = j.id))
               AND (?4 = ',' OR instr(?4, ',' || j.state || ',') > 0)
               AND (?5 IS NULL OR j.provider = ?5)
               AND (?6 IS NULL OR j.expires_at < ?6)
               AND (?7 IS NULL OR (j.created_at, j.id) < (?7, ?8))
             ORDER BY j.created_at DESC, j.id DESC LIMIT ?9",
        )
        .bind(tenant)
        .bind(hash("client", &wanted.client_reference))
        .bind(hash("customer", &wanted.customer_reference))
        .bind(listed(&wanted.states))
        .bind(&wanted.provider)
        .bind(wanted.expires_before.map(millis))
        .bind(behind.map(|behind| millis(behind.created_at)))
        .bind(behind.map(|behind| behind.journey_id.as_str()))
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        rows.iter().map(|row| self.vault.open_journey(tenant, row.get("id"), row.get("sealed"))).collect()
    }
}

impl SqliteStore {
    /// The open journey that stands in the way of a new one. It is the one writer's transaction: nobody writes between the look and the
    /// insert.
    pub(super) async fn in_the_way(
        &self,
        tx: &mut Write,
        journey: &Journey,
        except: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        for (kind, value) in journey.guards() {
            let open: Option<String> = sqlx::query_scalar(
                "SELECT j.id FROM journey_refs r JOIN journeys j ON j.tenant = r.tenant AND j.id = r.journey_id
                 WHERE r.hash = ?1 AND r.tenant = ?2 AND instr(?3, ',' || j.state || ',') > 0 AND (?4 IS NULL OR j.id <> ?4)
                 ORDER BY j.created_at DESC LIMIT 1",
            )
            .bind(self.vault.lookup(&journey.tenant, kind, &value))
            .bind(&journey.tenant)
            .bind(listed(&OPEN))
            .bind(except)
            .fetch_optional(&mut *tx)
            .await?;
            if open.is_some() {
                return Ok(open);
            }
        }
        Ok(None)
    }
}
