//! The end of what is kept. A key goes in the same transaction as its item, and its bytes are overwritten in the file.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::{Row, sqlite::SqliteRow};

use super::{SqliteStore, write::Write};
use crate::{
    pb::PurgeReason,
    store::{
        KeptReceipt, Overdue, OverdueItem, PurgeStore, Purging, REQUEST_LIFE, ReceiptLife, StoreError,
        columns::{instant, millis},
        purges::{GRACE, MOST_OVERDUE, kind_of, reason_of},
        vault::oldest_request,
    },
};

/// Fetches and journeys that one transaction removes: whoever writes beside it waits so long.
const BATCH: u32 = 256;

/// Everything that has a purge date, with that date.
const DATED: &str = "
    SELECT 'KEPT_KIND_SNAPSHOT' AS kind, tenant, journey_id, fetch_id, purge_at FROM snapshots
    UNION ALL SELECT 'KEPT_KIND_EVIDENCE', tenant, journey_id, fetch_id, purge_at FROM evidence
    UNION ALL SELECT 'KEPT_KIND_DOCUMENT', tenant, '', fetch_id, purge_at FROM documents
    UNION ALL SELECT 'KEPT_KIND_INCREMENT', tenant, journey_id, '', purge_at FROM increments
    UNION ALL SELECT 'KEPT_KIND_MESSAGE', tenant, COALESCE(journey_id, ''), '', purge_at FROM inbox
    UNION ALL SELECT 'KEPT_KIND_JOURNEY', tenant, id, '', purge_at FROM journeys
    UNION ALL SELECT 'KEPT_KIND_REFERENCE', r.tenant, r.journey_id, '', 0 FROM journey_refs r
        WHERE NOT EXISTS (SELECT 1 FROM journeys j WHERE j.tenant = r.tenant AND j.id = r.journey_id)
    UNION ALL SELECT 'KEPT_KIND_REQUEST', tenant, journey_id, '', created_at + ?1 FROM requests
    UNION ALL SELECT 'KEPT_KIND_RECEIPT', tenant, journey_id, fetch_id, purge_at FROM receipts
    UNION ALL SELECT 'KEPT_KIND_CONSENT_AT_PROVIDER', tenant, id, '', undelivered_at - ?4 FROM journeys
        WHERE undelivered_at IS NOT NULL";

#[async_trait]
impl PurgeStore for SqliteStore {
    async fn drop_fetch(
        &self,
        tenant: &str,
        journey_id: &str,
        fetch_id: &str,
        purging: Purging,
    ) -> Result<KeptReceipt, StoreError> {
        let mut tx = self.writer.begin().await?;
        let receipt = remove(&mut tx, tenant, journey_id, fetch_id, None, purging).await?;
        let before = receipts_of(&mut tx, tenant, fetch_id).await?;
        let receipt = match before {
            Some(before) if receipt.items() == 0 => before,
            _ => {
                write_receipt(&mut tx, tenant, &receipt, purging).await?;
                receipt
            }
        };
        tx.commit().await?;
        self.overwrite().await;
        Ok(receipt)
    }

    async fn purge_with(
        &self,
        now: Timestamp,
        receipt_until: &ReceiptLife,
        receipts: &mut Vec<(String, KeptReceipt)>,
    ) -> Result<u64, StoreError> {
        let mut gone = 0;
        loop {
            let batch = self.purge_batch(now, receipt_until, receipts).await?;
            gone += batch;
            if batch < u64::from(BATCH) {
                break;
            }
        }
        if gone > 0 {
            self.overwrite().await;
        }
        Ok(gone)
    }

    async fn overdue(&self, tenant: &str, now: Timestamp) -> Result<Overdue, StoreError> {
        let limit = millis(now.checked_sub(GRACE).unwrap_or(now));
        let life = i64::try_from(REQUEST_LIFE.as_millis()).unwrap_or(i64::MAX);
        // What waits for an operator has had its time.
        let grace = i64::try_from(GRACE.as_millis()).unwrap_or_default();
        let counted = format!("SELECT COUNT(*) FROM ({DATED}) WHERE tenant = ?2 AND purge_at < ?3");
        let total: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(counted))
            .bind(life)
            .bind(tenant)
            .bind(limit)
            .bind(grace)
            .fetch_one(&self.readers)
            .await?;
        let listed = format!(
            "SELECT kind, journey_id, fetch_id, purge_at FROM ({DATED}) WHERE tenant = ?2 AND purge_at < ?3 ORDER BY purge_at LIMIT ?5"
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(listed))
            .bind(life)
            .bind(tenant)
            .bind(limit)
            .bind(grace)
            .bind(MOST_OVERDUE)
            .fetch_all(&self.readers)
            .await?;
        let item = |row: &SqliteRow| {
            Ok(OverdueItem {
                kind: kind_of(row.get("kind"))?,
                journey_id: row.get("journey_id"),
                fetch_id: row.get("fetch_id"),
                purge_at: instant(row.get("purge_at"))?,
            })
        };
        let items = rows.iter().map(item).collect::<Result<_, StoreError>>()?;
        Ok(Overdue { items, total: u64::try_from(total).unwrap_or_default() })
    }

    async fn receipts(&self, tenant: &str, journey_id: Option<&str>) -> Result<Vec<KeptReceipt>, StoreError> {
        let rows = sqlx::query("SELECT * FROM receipts WHERE tenant = ?1 AND (?2 IS NULL OR journey_id = ?2) ORDER BY id")
            .bind(tenant)
            .bind(journey_id)
            .fetch_all(&self.readers)
            .await?;
        rows.iter().map(receipt).collect()
    }
}

impl SqliteStore {
    async fn purge_batch(
        &self,
        now: Timestamp,
        receipt_until: &ReceiptLife,
        receipts: &mut Vec<(String, KeptReceipt)>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.writer.begin().await?;
        let fetches = sqlx::query(
            "SELECT tenant, fetch_id, MAX(journey_id) AS journey_id FROM (
                 SELECT tenant, fetch_id, journey_id, purge_at FROM snapshots WHERE purge_at <= ?1
                 UNION ALL SELECT tenant, fetch_id, journey_id, purge_at FROM evidence WHERE purge_at <= ?1
                 UNION ALL SELECT tenant, fetch_id, '', purge_at FROM documents WHERE purge_at <= ?1
             ) GROUP BY tenant, fetch_id LIMIT ?2",
        )
        .bind(millis(now))
        .bind(BATCH)
        .fetch_all(&mut tx)
        .await?;
        let (mut gone, mut written) = (0, Vec::new());
        for row in &fetches {
            let (tenant, journey_id, fetch_id): (String, String, String) =
                (row.get("tenant"), row.get("journey_id"), row.get("fetch_id"));
            let life = Purging { reason: PurgeReason::DataLife, at: now, receipt_until: receipt_until(&tenant) };
            let receipt = remove(&mut tx, &tenant, &journey_id, &fetch_id, Some(now), life).await?;
            gone += receipt.items();
            write_receipt(&mut tx, &tenant, &receipt, life).await?;
            written.push((tenant, receipt));
        }
        gone += purge_increments(&mut tx, now).await?;
        gone += purge_journeys(&mut tx, now, receipt_until, &mut written).await?;
        let messages = sqlx::query("DELETE FROM inbox WHERE purge_at <= ?").bind(millis(now)).execute(&mut tx).await?;
        gone += messages.rows_affected();
        let oldest = oldest_request(now);
        for (statement, bound) in
            [("DELETE FROM requests WHERE created_at < ?", oldest), ("DELETE FROM receipts WHERE purge_at <= ?", millis(now))]
        {
            sqlx::query(statement).bind(bound).execute(&mut tx).await?;
        }
        tx.commit().await?;
        receipts.append(&mut written);
        Ok(gone)
    }

    /// Puts what was written into the file itself, so that the log does not keep the bytes that are gone.
    async fn overwrite(&self) {
        // A reader that holds the log up only delays it: the next checkpoint does the same.
        if let Err(error) = self.writer.checkpoint().await {
            tracing::warn!(%error, "the log of the database is not shortened");
        }
    }
}

/// Removes what a fetch brought, all of it or what is past its date, and the keys of that.
async fn remove(
    tx: &mut Write,
    tenant: &str,
    journey_id: &str,
    fetch_id: &str,
    past: Option<Timestamp>,
    purging: Purging,
) -> Result<KeptReceipt, StoreError> {
    let until = past.map_or(i64::MAX, millis);
    let mut counts = [0u32; 3];
    for (count, (keys, items)) in counts.iter_mut().zip([
        (
            "DELETE FROM item_keys WHERE tenant = ?1 AND fetch_id = ?2 AND kind = 'snapshot' AND EXISTS
                 (SELECT 1 FROM snapshots s WHERE s.tenant = ?1 AND s.fetch_id = ?2 AND s.purge_at <= ?3)",
            "DELETE FROM snapshots WHERE tenant = ?1 AND fetch_id = ?2 AND purge_at <= ?3",
        ),
        (
            "DELETE FROM item_keys WHERE tenant = ?1 AND fetch_id = ?2 AND kind = 'evidence' AND EXISTS
                 (SELECT 1 FROM evidence e WHERE e.tenant = ?1 AND e.fetch_id = ?2 AND e.purge_at <= ?3)",
            "DELETE FROM evidence WHERE tenant = ?1 AND fetch_id = ?2 AND purge_at <= ?3",
        ),
        (
            "DELETE FROM item_keys WHERE tenant = ?1 AND fetch_id = ?2 AND kind = 'document' AND part IN
                 (SELECT format FROM documents d WHERE d.tenant = ?1 AND d.fetch_id = ?2 AND d.purge_at <= ?3)",
            "DELETE FROM documents WHERE tenant = ?1 AND fetch_id = ?2 AND purge_at <= ?3",
        ),
    ]) {
        sqlx::query(keys).bind(tenant).bind(fetch_id).bind(until).execute(&mut *tx).await?;
        let done = sqlx::query(items).bind(tenant).bind(fetch_id).bind(until).execute(&mut *tx).await?;
        *count = u32::try_from(done.rows_affected()).unwrap_or(u32::MAX);
    }
    let [snapshots, evidence, documents] = counts;
    let (journey_id, fetch_id) = (journey_id.to_owned(), fetch_id.to_owned());
    Ok(KeptReceipt { journey_id, fetch_id, reason: purging.reason, at: purging.at, snapshots, evidence, documents })
}

/// Removes what providers called the latest data, on its date.
async fn purge_increments(tx: &mut Write, now: Timestamp) -> Result<u64, StoreError> {
    let past = "DELETE FROM item_keys WHERE kind = 'increment' AND EXISTS (SELECT 1 FROM increments i WHERE i.purge_at <= ?
                AND i.tenant = item_keys.tenant AND i.consent_id = item_keys.fetch_id AND lower(hex(i.hash)) = item_keys.part)";
    sqlx::query(past).bind(millis(now)).execute(&mut *tx).await?;
    let done = sqlx::query("DELETE FROM increments WHERE purge_at <= ?").bind(millis(now)).execute(&mut *tx).await?;
    Ok(done.rows_affected())
}

/// Removes journeys past their date, with all that is found by them.
async fn purge_journeys(
    tx: &mut Write,
    now: Timestamp,
    receipt_until: &ReceiptLife,
    written: &mut Vec<(String, KeptReceipt)>,
) -> Result<u64, StoreError> {
    let journeys = sqlx::query("SELECT tenant, id FROM journeys WHERE purge_at <= ? LIMIT ?")
        .bind(millis(now))
        .bind(BATCH)
        .fetch_all(&mut *tx)
        .await?;
    for row in &journeys {
        let (tenant, id): (String, String) = (row.get("tenant"), row.get("id"));
        let life = Purging { reason: PurgeReason::JourneyLife, at: now, receipt_until: receipt_until(&tenant) };
        let fetches: Vec<String> = sqlx::query_scalar("SELECT fetch_id FROM snapshots WHERE tenant = ? AND journey_id = ?")
            .bind(&tenant)
            .bind(&id)
            .fetch_all(&mut *tx)
            .await?;
        // Whatever is left of it, though its own date should have come first.
        for fetch_id in &fetches {
            let receipt = remove(&mut *tx, &tenant, &id, fetch_id, None, life).await?;
            write_receipt(&mut *tx, &tenant, &receipt, life).await?;
            written.push((tenant.clone(), receipt));
        }
        for statement in [
            "DELETE FROM journey_refs WHERE tenant = ? AND journey_id = ?",
            "DELETE FROM events WHERE tenant = ? AND journey_id = ?",
            "DELETE FROM inbox WHERE tenant = ? AND data_of = ?",
            "DELETE FROM requests WHERE tenant = ? AND journey_id = ?",
            "DELETE FROM journeys WHERE tenant = ? AND id = ?",
        ] {
            sqlx::query(statement).bind(&tenant).bind(&id).execute(&mut *tx).await?;
        }
        let receipt = KeptReceipt {
            journey_id: id,
            fetch_id: String::new(),
            reason: life.reason,
            at: now,
            snapshots: 0,
            evidence: 0,
            documents: 0,
        };
        write_receipt(&mut *tx, &tenant, &receipt, life).await?;
        written.push((tenant.clone(), receipt));
    }
    Ok(journeys.len() as u64)
}

async fn write_receipt(tx: &mut Write, tenant: &str, receipt: &KeptReceipt, purging: Purging) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO receipts (tenant, journey_id, fetch_id, reason, at, snapshots, evidence, documents, purge_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(tenant)
    .bind(&receipt.journey_id)
    .bind(&receipt.fetch_id)
    .bind(receipt.reason.as_str_name())
    .bind(millis(receipt.at))
    .bind(receipt.snapshots)
    .bind(receipt.evidence)
    .bind(receipt.documents)
    .bind(millis(purging.receipt_until))
    .execute(tx)
    .await?;
    Ok(())
}

async fn receipts_of(tx: &mut Write, tenant: &str, fetch_id: &str) -> Result<Option<KeptReceipt>, StoreError> {
    let row = sqlx::query("SELECT * FROM receipts WHERE tenant = ? AND fetch_id = ? ORDER BY id LIMIT 1")
        .bind(tenant)
        .bind(fetch_id)
        .fetch_optional(tx)
        .await?;
    row.as_ref().map(receipt).transpose()
}

fn receipt(row: &SqliteRow) -> Result<KeptReceipt, StoreError> {
    Ok(KeptReceipt {
        journey_id: row.get("journey_id"),
        fetch_id: row.get("fetch_id"),
        reason: reason_of(row.get("reason"))?,
        at: instant(row.get("at"))?,
        snapshots: row.get("snapshots"),
        evidence: row.get("evidence"),
        documents: row.get("documents"),
    })
}

#[cfg(test)]
#[path = "purges_tests.rs"]
mod tests;
