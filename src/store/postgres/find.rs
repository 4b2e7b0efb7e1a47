//! Looking for journeys.

use async_trait::async_trait;
use sqlx::Row;

use super::{PostgresStore, write::Write};
use crate::{
    journey::model::Journey,
    store::{
        Behind, FindStore, StoreError, Wanted,
        columns::millis,
        find::{OPEN, listed},
    },
};

#[async_trait]
impl FindStore for PostgresStore {
    async fn find_journeys(
        &self,
        tenant: &str,
        wanted: &Wanted,
        behind: Option<&Behind>,
        limit: u32,
    ) -> Result<Vec<Journey>, StoreError> {
        let hash = |kind: &str, value: &Option<String>| value.as_deref().map(|value| self.vault.lookup(tenant, kind, value));
        let found = sqlx::query(
            "SELECT j.id, j.sealed FROM journeys j
             WHERE j.tenant = $1
               AND ($2::bytea IS NULL OR EXISTS
                   (SELECT 1 FROM journey_refs r WHERE r.hash = $2 AND r.tenant = j.tenant AND r.journey_id = j.id))
               AND ($3::bytea IS NULL OR EXISTS
                   (SELECT 1 FROM journey_refs r WHERE r.hash = $3 AND r.tenant = j.tenant AND r.journey_id = j.id))
               AND ($4 = ',' OR position(',' || j.state || ',' IN $4) > 0)
               AND ($5::text IS NULL OR j.provider = $5)
               AND ($6::bigint IS NULL OR j.expires_at < $6)
               AND ($7::bigint IS NULL OR (j.created_at, j.id) < ($7, $8))
             ORDER BY j.created_at DESC, j.id DESC LIMIT $9",
        )
        .bind(tenant)
        .bind(hash("client", &wanted.client_reference))
        .bind(hash("customer", &wanted.customer_reference))
        .bind(listed(&wanted.states))
        .bind(&wanted.provider)
        .bind(wanted.expires_before.map(millis))
        .bind(behind.map(|behind| millis(behind.created_at)))
        .bind(behind.map(|behind| behind.journey_id.as_str()))
        .bind(i64::from(limit));
        let rows = self.within(async { Ok(found.fetch_all(&self.pool).await?) }).await?;
        rows.iter().map(|row| self.vault.open_journey(tenant, row.get("id"), row.get("sealed"))).collect()
    }
}

impl PostgresStore {
    /// The open journey that stands in the way of a new one. Until the end of the transaction nobody else writes one that would.
    pub(super) async fn in_the_way(
        &self,
        tx: &mut Write,
        journey: &Journey,
        except: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let hash = |(kind, value): (&'static str, String)| self.vault.lookup(&journey.tenant, kind, &value);
        let mut guards: Vec<Vec<u8>> = journey.guards().map(hash).collect();
        // Locked in one order everywhere, so that two that share several never wait for each other.
        guards.sort();
        for guard in &guards {
            // Held until the commit: whoever asks for the same then sees the journey.
            sqlx::query("SELECT pg_advisory_xact_lock(('x' || encode(substring($1 FROM 1 FOR 8), 'hex'))::bit(64)::bigint)")
                .bind(guard)
                .execute(&mut *tx)
                .await?;
        }
        let open = sqlx::query_scalar(
            "SELECT j.id FROM journey_refs r JOIN journeys j ON j.tenant = r.tenant AND j.id = r.journey_id
             WHERE r.hash = ANY($1) AND r.tenant = $2 AND position(',' || j.state || ',' IN $3) > 0
               AND ($4::text IS NULL OR j.id <> $4)
             ORDER BY j.created_at DESC LIMIT 1",
        )
        .bind(&guards)
        .bind(&journey.tenant)
        .bind(listed(&OPEN))
        .bind(except)
        .fetch_optional(tx)
        .await?;
        Ok(open)
    }
}
