//! The audit log. A batch of rows is one statement, so it is there as a whole or not at all.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{AssertSqlSafe, Postgres, QueryBuilder, Row, postgres::PgRow};

use super::PostgresStore;
use crate::{
    access::audit::{AuditRow, Head, TEXTS},
    store::{
        Aged, AuditStore, Chains, KeptCheckpoint, StoreError, Trim,
        audit::{COLUMNS, hash, text},
        columns::millis,
        outcomes::Noted,
    },
};

#[async_trait]
impl AuditStore for PostgresStore {
    async fn append_audit(&self, rows: &[AuditRow]) -> Result<(), StoreError> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut insert = QueryBuilder::<Postgres>::new(format!("INSERT INTO audit_rows ({COLUMNS}) "));
        insert.push_values(rows, |mut values, row| {
            values.push_bind(&row.writer).push_bind(&row.tenant).push_bind(row.seq).push_bind(row.at);
            for text in &row.texts {
                values.push_bind(text);
            }
            values.push_bind(row.previous.as_slice()).push_bind(row.hash.as_slice());
        });
        // Statements of many rows are of many lengths: only the usual one is kept prepared.
        insert.build().persistent(rows.len() == 1).execute(&self.pool).await.noted(&self.outcomes)?;
        Ok(())
    }

    async fn audit_heads(&self, chains: Chains<'_>) -> Result<Vec<(Head, i64)>, StoreError> {
        let fits = match chains {
            Chains::Of(_) => "writer = $1",
            Chains::Since(_) => "at >= $1",
        };
        let query = format!(
            "SELECT a.tenant, a.writer, a.seq, a.at, a.hash FROM audit_rows a JOIN
                 (SELECT writer, tenant, MAX(seq) AS seq FROM audit_rows WHERE {fits} GROUP BY writer, tenant) h
             ON h.writer = a.writer AND h.tenant = a.tenant AND h.seq = a.seq ORDER BY a.writer, a.tenant"
        );
        let query = sqlx::query(AssertSqlSafe(query));
        let query = match chains {
            Chains::Of(writer) => query.bind(writer),
            Chains::Since(at) => query.bind(millis(at)),
        };
        let rows = query.fetch_all(&self.pool).await?;
        Ok(rows.iter().map(|row| (head(row), row.get("at"))).collect())
    }

    async fn audit_rows(
        &self,
        tenant: Option<&str>,
        (writer, of, seq): (&str, &str, i64),
        limit: u32,
    ) -> Result<Vec<AuditRow>, StoreError> {
        let query = format!(
            "SELECT {COLUMNS} FROM audit_rows WHERE ($1::text IS NULL OR tenant = $1) AND (writer, tenant, seq) > ($2, $3, $4)
             ORDER BY writer, tenant, seq LIMIT $5"
        );
        let rows = sqlx::query(AssertSqlSafe(query)).bind(tenant).bind(writer).bind(of).bind(seq).bind(i64::from(limit));
        Ok(rows.fetch_all(&self.pool).await?.iter().map(row).collect())
    }

    async fn aged_audit(&self, before: Timestamp) -> Result<Vec<Aged>, StoreError> {
        let mut tx = self.write_bulk().await?;
        let rows = sqlx::query(
            "SELECT a.tenant, a.writer, a.seq, a.hash, h.first_seq, h.total FROM audit_rows a JOIN
                 (SELECT writer, tenant, MIN(seq) AS first_seq, MAX(seq) AS last_seq, COUNT(*) AS total
                  FROM audit_rows WHERE at < $1 GROUP BY writer, tenant) h
             ON h.writer = a.writer AND h.tenant = a.tenant AND h.last_seq = a.seq ORDER BY a.writer, a.tenant",
        )
        .bind(millis(before))
        .fetch_all(&mut tx)
        .await?;
        tx.rollback().await?;
        Ok(rows.iter().map(|row| Aged { last: head(row), first: row.get("first_seq"), count: row.get("total") }).collect())
    }

    async fn checkpoints(&self, after: i64, limit: u32) -> Result<Vec<KeptCheckpoint>, StoreError> {
        let rows = sqlx::query("SELECT number, at, line FROM audit_checkpoints WHERE number > $1 ORDER BY number LIMIT $2");
        Ok(rows.bind(after).bind(i64::from(limit)).fetch_all(&self.pool).await?.iter().map(checkpoint).collect())
    }

    async fn last_checkpoint(&self) -> Result<Option<KeptCheckpoint>, StoreError> {
        let row = sqlx::query("SELECT number, at, line FROM audit_checkpoints ORDER BY number DESC LIMIT 1");
        Ok(row.fetch_optional(&self.pool).await?.as_ref().map(checkpoint))
    }

    async fn checkpoint_since(&self, at: Timestamp) -> Result<Option<i64>, StoreError> {
        let number = sqlx::query_scalar("SELECT MIN(number) FROM audit_checkpoints WHERE at >= $1").bind(millis(at));
        Ok(number.fetch_one(&self.pool).await?)
    }

    async fn append_checkpoint(&self, checkpoint: &KeptCheckpoint, trim: &Trim) -> Result<bool, StoreError> {
        let mut tx = self.write_bulk().await?;
        // One at a time, so that two processes do not make the same one again and again.
        sqlx::query("SELECT pg_advisory_xact_lock(hashtextextended('sangam audit checkpoints', 0))").execute(&mut tx).await?;
        let insert =
            sqlx::query("INSERT INTO audit_checkpoints (number, at, line) VALUES ($1, $2, $3) ON CONFLICT (number) DO NOTHING");
        let done = insert.bind(checkpoint.number).bind(checkpoint.at).bind(&checkpoint.line).execute(&mut tx).await?;
        if done.rows_affected() == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        for last in &trim.rows {
            sqlx::query("DELETE FROM audit_rows WHERE writer = $1 AND tenant = $2 AND seq <= $3")
                .bind(&last.writer)
                .bind(&last.tenant)
                .bind(last.seq)
                .execute(&mut tx)
                .await?;
        }
        if trim.checkpoint > 0 {
            let delete = sqlx::query("DELETE FROM audit_checkpoints WHERE number <= $1");
            delete.bind(trim.checkpoint).execute(&mut tx).await?;
        }
        tx.commit().await?;
        Ok(true)
    }
}

fn head(row: &PgRow) -> Head {
    Head {
        tenant: text(row.try_get("tenant").ok()),
        writer: text(row.try_get("writer").ok()),
        seq: row.get("seq"),
        hash: hash(row.try_get("hash").ok()),
    }
}

fn row(row: &PgRow) -> AuditRow {
    let Head { tenant, writer, seq, hash: own } = head(row);
    AuditRow {
        tenant,
        writer,
        seq,
        at: row.get("at"),
        texts: TEXTS.map(|name| text(row.try_get(name).ok())),
        previous: hash(row.try_get("previous").ok()),
        hash: own,
    }
}

fn checkpoint(row: &PgRow) -> KeptCheckpoint {
    KeptCheckpoint { number: row.get("number"), at: row.get("at"), line: text(row.try_get("line").ok()) }
}
