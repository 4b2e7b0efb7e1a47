//! The gateway as it is run, with the default configuration, and a journey that has its data.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use sangam::{
    app::App,
    clock::SystemClock,
    config::{Admin, Config},
    data::{EntryKind, Provenance, RowsBuilder},
    pb,
    random::encode_id,
    seal::Keys,
    store::{self, KeptSnapshot},
    telemetry,
};

use crate::journey;

const ROWS: usize = 8_000;

fn config(directory: &Path) -> Config {
    let mut config = Config::default();
    config.listen.grpc = SocketAddr::from(([127, 0, 0, 1], 0));
    config.listen.webhook = config.listen.grpc;
    config.listen.admin = Admin::At(config.listen.grpc);
    config.store.path = directory.join("sangam.db");
    config.seal.key_file = directory.join("seal.key");
    config
}

/// Writes the key, the journey and its rows.
pub async fn seed(directory: &Path) {
    let config = config(directory);
    fs::write(&config.seal.key_file, "5a".repeat(32)).expect("a file");
    let keys = Keys::new(&config.seal.load().expect("a key"));
    let store = store::open(&config.store.path, &keys).await.expect("a store");
    let now = Timestamp::now();
    let journey = journey::journey(&config.tenant.id, Some(now));
    store.insert_journey(&journey, None, now).await.expect("a journey");
    let purge_at = now + SignedDuration::from_hours(1);
    let fetch = &journey.consents[0].fetches[0];
    let snapshot = KeptSnapshot { rows: rows(), provenance: Provenance::read_now("bench", now) };
    store.put_snapshot(&journey.tenant, &fetch.id, &journey.id, purge_at, &snapshot, None).await.expect("rows");
    store.close().await;
}

/// Serves with logs and spans as the command does.
pub async fn serve(directory: &Path) -> SocketAddr {
    let config = config(directory);
    let logs = telemetry::init(&config.telemetry).expect("a log");
    let running = App::start(config, Arc::new(SystemClock)).await.expect("a gateway");
    let address = running.grpc;
    // Both go on until the process ends.
    std::mem::forget((logs, running));
    address
}

fn rows() -> Vec<u8> {
    let account_id = encode_id("acc", [11; 16]);
    let mut rows = RowsBuilder::with_capacity(2_000_000);
    let account = pb::Account { account_id: account_id.clone(), delivered: true, ..Default::default() };
    rows.framed(EntryKind::Account, &pb::FetchDataResponse { accounts: vec![account], ..Default::default() });
    for row in 0..ROWS {
        let money = |units: usize| Some(pb::Money { minor_units: units as i64 * 100 + 25, currency_code: "INR".to_owned() });
        let day = Some(pb::Date { year: 2025, month: 1 + (row % 12) as i32, day: 1 + (row % 28) as i32 });
        let row = pb::Transaction {
            transaction_id: format!("txn_{row:026}"),
            account_id: account_id.clone(),
            r#type: pb::TransactionType::Debit.into(),
            amount: money(row),
            balance: money(row * 3),
            transaction_time: Some(prost_types::Timestamp { seconds: 1_750_000_000 + row as i64, nanos: 0 }),
            transaction_date: day,
            value_date: day,
            bank_transaction_id: format!("S{row:08}"),
            ordinal: row as i32,
            ..Default::default()
        };
        rows.framed(EntryKind::Transaction, &pb::FetchDataResponse { transactions: vec![row], ..Default::default() });
    }
    rows.finish().expect("rows").to_kept_bytes()
}
