//! Signs of life. What a replica is at work on carries its id; when it is gone, the others free that at once instead of waiting for a time
//! limit that must be longer than the longest work.

use std::{sync::Arc, time::Duration};

use sqlx::Row;
use tokio::time::{Instant, sleep};

use super::{PostgresStore, statements::Statements, write::Write};
use crate::store::{StoreError, Told, outcomes::WriteOutcomes};

/// So many signs may be missed before a replica counts as gone.
const SIGNS: u32 = 5;

impl PostgresStore {
    /// Gives the first sign of life, and from now on one after the other until the store is closed.
    pub(super) async fn appear(&self, timeout: Duration) -> Result<(), StoreError> {
        sign(&self.signs, &self.owner, timeout).await?;
        let (pool, owner, ended) = (self.signs.clone(), self.owner.clone(), self.ended.clone());
        let (heard, outcomes) = (self.line.heard.clone(), self.outcomes.clone());
        tokio::spawn(async move {
            // Since when the others could give signs of life too, as far as can be seen from here: after an outage of the database all
            // look silent, and whoever comes back first must not bury the rest.
            let mut seen_since = Instant::now();
            loop {
                tokio::select! {
                    () = ended.cancelled() => return,
                    () = sleep(timeout / SIGNS) => {}
                }
                if let Err(error) = sign(&pool, &owner, timeout).await {
                    tracing::warn!(%error, "no sign of life can be given");
                    seen_since = Instant::now();
                    continue;
                }
                if seen_since.elapsed() < timeout {
                    continue;
                }
                match bury(&pool, &outcomes, None).await {
                    // Who freed it takes it up, instead of when it looks next by itself.
                    Ok(true) => heard.tell(&Told::Due),
                    Ok(false) => {}
                    Err(error) => tracing::warn!(%error, "what a replica left cannot be freed"),
                }
            }
        });
        Ok(())
    }

    /// Leaves: what this replica was still at work on is free. Should it fail, the others find out by themselves.
    pub(super) async fn disappear(&self) {
        if let Err(error) = bury(&self.signs, &self.outcomes, Some(&self.owner)).await {
            tracing::warn!(%error, "what this replica leaves is not freed at once");
        }
    }
}

async fn sign(pool: &Statements, owner: &str, timeout: Duration) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO replicas (id, alive_until) VALUES ($1, now() + make_interval(secs => $2))
         ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until",
    )
    .bind(owner)
    .bind(timeout.as_secs_f64())
    .execute(pool)
    .await?;
    Ok(())
}

/// Frees what a replica was at work on, or what all those were that are silent for too long. What they looked at is due, and so is what
/// they were writing: an opening whose answer died with them is looked up at once. Answers whether there was anything.
async fn bury(pool: &Statements, outcomes: &Arc<WriteOutcomes>, replica: Option<&str>) -> Result<bool, StoreError> {
    let mut tx = Write::begin(pool, outcomes).await?;
    let gone: Vec<String> =
        sqlx::query_scalar("DELETE FROM replicas WHERE id = $1 OR ($1 IS NULL AND alive_until < now()) RETURNING id")
            .bind(replica)
            .fetch_all(&mut tx)
            .await?;
    if gone.is_empty() {
        tx.rollback().await?;
        return Ok(false);
    }
    let requests = sqlx::query("UPDATE requests SET owner = NULL WHERE owner = ANY($1) RETURNING tenant, journey_id")
        .bind(&gone)
        .fetch_all(&mut tx)
        .await?;
    // A statement of its own: it sees what a replica wrote that still lived while its request was waited for.
    let journeys = sqlx::query(
        "UPDATE journeys SET due_at = 0, looking_by = CASE WHEN looking_by = ANY($1) THEN NULL ELSE looking_by END
         WHERE looking_by = ANY($1) OR (tenant, id) IN (SELECT * FROM unnest($2::text[], $3::text[]))",
    )
    .bind(&gone)
    .bind(requests.iter().map(|row| row.get("tenant")).collect::<Vec<String>>())
    .bind(requests.iter().map(|row| row.get("journey_id")).collect::<Vec<String>>())
    .execute(&mut tx)
    .await?;
    tx.commit().await?;
    Ok(journeys.rows_affected() > 0)
}
