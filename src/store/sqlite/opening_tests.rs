use super::*;
use crate::{
    journey::testing::journey,
    seal::Keys,
    store::{JourneyStore, Serving, Storage, sqlite::SqliteStore},
};

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    /// A directory with a store in it that holds one journey.
    async fn with_store() -> Self {
        let place = Self { directory: tempfile::tempdir().unwrap() };
        let store = place.open(false).await.unwrap();
        store.insert_journey(&journey(), None, jiff::Timestamp::from_second(5).unwrap()).await.unwrap();
        store.close().await;
        place
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("sangam.db")
    }

    async fn open(&self, expect_existing: bool) -> Result<SqliteStore, StoreError> {
        SqliteStore::open(&self.path(), Serving::Alone, expect_existing, &Keys::new(&[1; 32])).await
    }

    async fn refusal(&self, expect_existing: bool) -> StoreError {
        match self.open(expect_existing).await {
            Err(error) => error,
            Ok(_) => panic!("the store opens"),
        }
    }
}

fn empty() -> Place {
    Place { directory: tempfile::tempdir().unwrap() }
}

#[tokio::test]
async fn an_empty_file_beside_a_log_is_no_fresh_start() {
    for bytes in [&b""[..], b"x"] {
        let place = empty();
        fs::write(place.path(), bytes).unwrap();
        fs::write(beside(&place.path(), "-wal"), [1; 64]).unwrap();
        assert!(matches!(place.refusal(false).await, StoreError::Lost { .. }));
        assert_eq!(fs::read(beside(&place.path(), "-wal")).unwrap(), [1; 64], "the log is still there");
        assert_eq!(fs::read(place.path()).unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_missing_file_beside_a_log_is_no_fresh_start() {
    let place = empty();
    fs::write(beside(&place.path(), "-wal"), [1; 64]).unwrap();
    assert!(matches!(place.refusal(false).await, StoreError::Lost { .. }));
    assert!(!place.path().exists());
}

#[tokio::test]
async fn an_expected_store_is_never_made() {
    let place = empty();
    assert!(matches!(place.refusal(true).await, StoreError::Lost { .. }));
    assert!(!place.path().exists());
    // A file that SQLite has only begun.
    let mut begun = SqliteConnectOptions::new().filename(place.path()).create_if_missing(true).connect().await.unwrap();
    sqlx::query("PRAGMA user_version = 1").execute(&mut begun).await.unwrap();
    begun.close().await.unwrap();
    let error = place.refusal(true).await.to_string();
    assert!(error.contains("store.expect_existing") && error.contains("backup"), "{error}");
}

#[tokio::test]
async fn an_expected_store_that_is_there_opens() {
    let place = Place::with_store().await;
    let store = place.open(true).await.unwrap();
    assert!(store.journey("default", "jrn_1").await.unwrap().is_some());
}

#[tokio::test]
async fn a_truncated_file_is_refused_with_advice() {
    for left in [100, 4_096, 20_000, 40_000] {
        let place = Place::with_store().await;
        let file = File::options().write(true).open(place.path()).unwrap();
        assert!(file.metadata().unwrap().len() > left);
        file.set_len(left).unwrap();
        let error = place.refusal(false).await;
        assert!(matches!(error, StoreError::Damaged(_)), "{left}: {error}");
        assert!(error.to_string().contains("restore the latest backup"), "{error}");
    }
}

#[tokio::test]
async fn a_file_with_an_overwritten_page_is_refused() {
    let place = Place::with_store().await;
    let mut bytes = fs::read(place.path()).unwrap();
    let pages = bytes.len() / 4_096;
    let mut refused = 0;
    for page in 1..pages {
        let whole = bytes.clone();
        bytes[page * 4_096..(page + 1) * 4_096].fill(0xa5);
        fs::write(place.path(), &bytes).unwrap();
        let answer = place.open(false).await;
        refused += usize::from(matches!(answer, Err(StoreError::Damaged(_))));
        if let Ok(store) = answer {
            store.close().await;
        }
        for name in ["-wal", "-shm"] {
            let _ = fs::remove_file(beside(&place.path(), name));
        }
        bytes = whole;
    }
    // A page that is free may hold anything.
    assert!(refused + 1 >= pages - 1, "{refused} of {pages}");
}

#[tokio::test]
async fn a_file_of_another_kind_is_foreign() {
    for bytes in [vec![0; 8_192], b"%PDF-1.7 ".repeat(100), b"id,name\n".repeat(200)] {
        let place = empty();
        fs::write(place.path(), &bytes).unwrap();
        let error = place.refusal(false).await;
        assert!(matches!(error, StoreError::Foreign { .. }), "{error}");
        assert_eq!(fs::read(place.path()).unwrap(), bytes);
    }
}

#[tokio::test]
async fn another_programs_database_is_foreign_and_untouched() {
    let place = empty();
    let mut other = SqliteConnectOptions::new().filename(place.path()).create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE accounts (id INTEGER); CREATE TABLE _sqlx_migrations (version BIGINT)")
        .execute(&mut other)
        .await
        .unwrap();
    assert!(matches!(place.refusal(false).await, StoreError::Foreign { .. }));
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_schema").fetch_one(&mut other).await.unwrap();
    assert_eq!(tables, 2);
}

#[tokio::test]
async fn a_second_name_of_a_served_file_is_refused() {
    let place = Place::with_store().await;
    let store = place.open(false).await.unwrap();
    let other = place.directory.path().join("other.db");
    fs::hard_link(place.path(), &other).unwrap();
    for serving in [Serving::Alone, Serving::Beside] {
        let answer = SqliteStore::open(&other, serving, false, &Keys::new(&[1; 32])).await;
        assert!(matches!(answer, Err(StoreError::Served)));
    }
    assert!(!beside(&other, "-wal").exists(), "nothing was opened");
    store.close().await;
    SqliteStore::open(&other, Serving::Alone, false, &Keys::new(&[1; 32])).await.unwrap().close().await;
}
