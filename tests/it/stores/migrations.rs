//! Replicas of several releases on one database.

use sangam::store::StoreError;
use sqlx::Row;

use super::{Kit, keys, on_every_store, on_server};
use crate::postgres::Database;

on_every_store!(a_newer_schema_is_worked_with_until_it_says_otherwise, a_migration_that_was_changed_is_refused);

async fn a_newer_schema_is_worked_with_until_it_says_otherwise(kit: &Kit) {
    let checksum = kit.bytes("00");
    kit.execute(format!(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9000, 'of a later release', true, {checksum}, 0)"
    ))
    .await;
    kit.open(1).await.unwrap().close().await;
    kit.execute("UPDATE compatibility SET oldest = 9000".to_owned()).await;
    assert_eq!(kit.open(1).await.err(), Some(StoreError::Outdated));
}

async fn a_migration_that_was_changed_is_refused(kit: &Kit) {
    let checksum = kit.bytes("00");
    kit.execute(format!("UPDATE _sqlx_migrations SET checksum = {checksum} WHERE version = 1")).await;
    assert!(matches!(kit.open(1).await.err(), Some(StoreError::Database(_))));
}

#[tokio::test]
async fn replicas_that_start_together_migrate_once() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::new().await);
    let config = on_server(&database, &directory);
    let mut starts = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let config = config.clone();
        starts.spawn(async move { sangam::store::connect(&config, &keys(1)).await.map(drop) });
    }
    assert_eq!(starts.join_all().await, vec![Ok(()); 6]);
    let mut connection = database.connect().await;
    let applied = sqlx::query("SELECT count(*) = count(DISTINCT version), bool_and(success) FROM _sqlx_migrations");
    let applied = applied.fetch_one(&mut connection).await.unwrap();
    assert!(applied.get::<bool, _>(0) && applied.get::<bool, _>(1));
}
