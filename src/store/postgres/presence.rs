//! Signs of life. What a replica is at work on carries its id; when it is gone, the others free that at once instead of waiting for a time
//! limit that must be longer than the longest work.

use std::time::Duration;

use sqlx::PgPool;

use super::PostgresStore;
use crate::store::StoreError;

/// So many signs may be missed before a replica counts as gone.
const SIGNS: u32 = 5;

impl PostgresStore {
    /// Gives the first sign of life, and from now on one after the other until the store is closed.
    pub(super) async fn appear(&self, timeout: Duration) -> Result<(), StoreError> {
        sign(&self.pool, &self.owner, timeout).await?;
        let (pool, owner, ended) = (self.pool.clone(), self.owner.clone(), self.ended.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    () = ended.cancelled() => return,
                    () = tokio::time::sleep(timeout / SIGNS) => {}
                }
                if let Err(error) = sign(&pool, &owner, timeout).await {
                    tracing::warn!(%error, "no sign of life can be given");
                    continue;
                }
                if let Err(error) = bury(&pool).await {
                    tracing::warn!(%error, "what a replica left cannot be freed");
                }
            }
        });
        Ok(())
    }

    /// Leaves: what this replica was still at work on is free.
    pub(super) async fn disappear(&self) {
        let gone = sqlx::query("UPDATE replicas SET alive_until = '-infinity' WHERE id = $1")
            .bind(&self.owner)
            .execute(&self.pool)
            .await;
        // Should it fail, the others find out by themselves.
        if gone.is_ok() {
            let _ = bury(&self.pool).await;
        }
    }
}

async fn sign(pool: &PgPool, owner: &str, timeout: Duration) -> Result<(), StoreError> {
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

/// Frees what the replicas that are gone were at work on. What they looked at is due.
async fn bury(pool: &PgPool) -> Result<(), StoreError> {
    sqlx::query(
        "WITH gone AS (DELETE FROM replicas WHERE alive_until < now() RETURNING id),
         looks AS (UPDATE journeys SET looking_by = NULL, due_at = 0 WHERE looking_by IN (SELECT id FROM gone))
         UPDATE requests SET owner = NULL WHERE owner IN (SELECT id FROM gone)",
    )
    .execute(pool)
    .await?;
    Ok(())
}
