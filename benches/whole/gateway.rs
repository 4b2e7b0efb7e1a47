//! The gateway as it is run, with the default configuration, and a journey that has its data.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use sangam::{
    app::App,
    clock::SystemClock,
    config::Config,
    data::{EntryKind, Provenance, RowsBuilder},
    journey::model::*,
    pb,
    random::encode_id,
    seal::Keys,
    store::{self, KeptSnapshot},
    telemetry,
};

const ROWS: usize = 8_000;

pub fn journey_id() -> String {
    encode_id("jrn", [7; 16])
}

fn config(directory: &Path) -> Config {
    let mut config = Config::default();
    config.listen.grpc = SocketAddr::from(([127, 0, 0, 1], 0));
    config.listen.webhook = config.listen.grpc;
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
    let (journey, now) = (journey(&config.tenant.id), Timestamp::now());
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

fn evidence() -> Evidence {
    Evidence { as_of: Timestamp::now(), source: FactSource::Poll, text: "READY".to_owned() }
}

/// One attempt at three institutions, one consent, one fetch of three accounts.
fn journey(tenant: &str) -> Journey {
    let attempt_id = encode_id("att", [8; 16]);
    Journey {
        id: journey_id(),
        tenant: tenant.to_owned(),
        ask: Ask {
            customer: Customer { mobile: Some("9000000001".to_owned()), ..Customer::default() },
            consents: vec![ConsentAsk { purpose: Purpose::Underwriting, template: None, data_range: None }],
            products: vec![Product::Data],
            institutions: Vec::new(),
            redirect_url: None,
            client_reference: Some("loan-1".to_owned()),
        },
        routing: Routing { provider: "finpro".to_owned(), credential: "main".to_owned(), cause: RoutingCause::Named },
        provider_product: "consent".to_owned(),
        ignored_inputs: Vec::new(),
        notes: Vec::new(),
        attempts: vec![attempt(&attempt_id)],
        consents: vec![consent(&attempt_id)],
        state: JourneyState::Ready,
        state_at: Timestamp::now(),
        created_at: Timestamp::now(),
        sequence: 9,
        looks: 0,
        superseded_by: None,
    }
}

fn attempt(id: &str) -> Attempt {
    let institution = |number| Institution {
        fip: format!("BANK{number}-FIP"),
        health: InstitutionHealth::Healthy,
        aa: StepState::Successful,
        pdf: StepState::Unspecified,
    };
    Attempt {
        id: id.to_owned(),
        state: AttemptState::Done,
        evidence: evidence(),
        created_at: Timestamp::now(),
        provider_ref: None,
        webhook_token: "token".to_owned(),
        url_expires_at: None,
        institutions: (1..=3).map(institution).collect(),
        aa: StepState::Successful,
        pdf: None,
        skipped: false,
        failure_reason: None,
    }
}

fn consent(attempt_id: &str) -> Consent {
    Consent {
        id: encode_id("cns", [9; 16]),
        attempt_id: attempt_id.to_owned(),
        purpose: Purpose::Underwriting,
        template: "UW-ONETIME".to_owned(),
        asked_range: None,
        template_range: None,
        state: ConsentState::Active,
        evidence: evidence(),
        mode: ConsentMode::Store,
        periodic: false,
        trigger: FetchTrigger::Provider,
        expires_at: None,
        expires_certainty: Certainty::Unspecified,
        handle: Some("handle-1".to_owned()),
        provider_ref: Some("consent-1".to_owned()),
        uploaded: false,
        fetches: vec![fetch()],
    }
}

fn fetch() -> Fetch {
    let account = |number| FetchedAccount {
        fip: format!("BANK{number}-FIP"),
        masked_number: format!("XXXX000{number}"),
        link_ref: format!("link-{number}"),
        state: FetchState::Ready,
    };
    Fetch {
        id: encode_id("fch", [10; 16]),
        provider_ref: None,
        state: FetchState::Ready,
        settled: true,
        evidence: evidence(),
        requested_at: Timestamp::now(),
        requested_range: DayRange::default(),
        range_certainty: Certainty::Unspecified,
        data_expires_at: None,
        data_expires_certainty: Certainty::Unspecified,
        accounts: (1..=3).map(account).collect(),
        picked_up_at: Some(Timestamp::now()),
        account_count: 3,
        transaction_count: ROWS as u64,
        pick_up_failure: None,
    }
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
