//! Who did what with whose consent, and who read which data: on record before it happens, or it does not happen.

use std::{collections::BTreeSet, sync::Arc};

use jiff::Timestamp;
use sangam::{
    access::audit::{Act, AuditRow, Report, Selection, checkpoint_key, export, verify_store},
    app::App,
    clock::SystemClock,
    config::Config,
    pb::{self, ChangesMode, JourneyState, Product, View},
    sandbox::{SandboxConfig, bank::Bank, credentials::FINPRO_CONSENT, customer},
    seal::Keys,
    store::{self, Store},
};
use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tokio::task::JoinSet;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::{
    command::sangam,
    harness::{PATIENCE, ShiftedClock, World, connect, data_request, metadata, reason, start_request},
    metrics::until_scraped,
    offers::{analytics, report},
    postgres::Database,
    stores::on_server,
    webhooks::{attempt_id, event, quiet, signed, until_applied},
    writes::{DAY, REVOKE, cancel, monitoring, purge, refresh, revoke, uuid},
};

const REQUEST_CONSENT: &str = "finpro:/v3/requestconsent";
const DATA: [Product; 1] = [Product::Data];
/// What the caller sends beside the sandbox's own customers: words that stand nowhere else.
const PLANTED: [&str; 3] = ["Quillemarker Zyxwvut", "quillemarker@zyxwvut.example", "reference-of-zyxwvut"];

async fn rows_of(store: &Store) -> Vec<AuditRow> {
    store.audit_rows(None, ("", "", 0), 10_000).await.unwrap()
}

/// Waits until the log `fits`: what came of an act is written as soon as it can be, and nobody waits for it.
async fn told(world: &World, fits: impl Fn(&[AuditRow]) -> bool) -> Vec<AuditRow> {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        let rows = rows_of(world.gateway.service().store()).await;
        if fits(&rows) {
            return rows;
        }
        assert!(tokio::time::Instant::now() < give_up, "{:#?}", words(&rows));
        tokio::task::yield_now().await;
    }
}

/// Act and result of each row.
fn words(rows: &[AuditRow]) -> Vec<(&str, &str)> {
    rows.iter().map(|row| (row.text("act"), row.text("result"))).collect()
}

fn of(rows: &[AuditRow], act: Act) -> Vec<&AuditRow> {
    rows.iter().filter(|row| row.text("act") == act.word()).collect()
}

fn results(rows: &[AuditRow], act: Act) -> Vec<&str> {
    of(rows, act).into_iter().map(|row| row.text("result")).collect()
}

async fn verified(config: &Config) -> Report {
    let keys = Keys::new(&config.seal.load().unwrap());
    let store = store::connect(&config.store, &keys).await.unwrap();
    let report = verify_store(store.as_ref(), &checkpoint_key(&store.keyed_hash())).await.unwrap();
    store.close().await;
    report
}

/// Runs a statement beside the gateway.
async fn execute(world: &World, statement: &str) {
    let path = world.config.store.path.to_str().unwrap();
    let mut connection = SqliteConnection::connect(&format!("sqlite://{path}")).await.unwrap();
    sqlx::query(AssertSqlSafe(statement.to_owned())).execute(&mut connection).await.unwrap();
}

fn planted(mut request: pb::StartJourneyRequest) -> pb::StartJourneyRequest {
    let customer = request.customer.as_mut().unwrap();
    (customer.name, customer.email) = (PLANTED[0].to_owned(), PLANTED[1].to_owned());
    customer.customer_reference = PLANTED[2].to_owned();
    request.client_reference = PLANTED[2].to_owned();
    request
}

/// A world that keeps evidence, with its clock.
async fn world() -> (World, Arc<ShiftedClock>) {
    let clock = Arc::new(ShiftedClock::default());
    let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    (World::both_at(clock.clone(), sandbox, |config| config.tenant.retain_evidence = true).await, clock)
}

#[tokio::test]
async fn every_act_and_every_read_is_on_record_and_nothing_personal_is() {
    let (world, clock) = world().await;
    let mut client = world.client.clone();
    let id = world.approved(planted(start_request("finpro", "consent", "01", &[Product::Data, Product::Analytics]))).await;
    let journey = world.until_picked_up(&id).await;
    let (consent, fetch) = (&journey.consents[0].consent_id, &journey.consents[0].fetches[0].fetch_id);
    world.data(data_request(&id, View::Full)).await.unwrap();
    let stream = pb::StreamDataRequest { journey_id: id.clone(), ..Default::default() };
    let mut stream = client.stream_data(stream).await.unwrap().into_inner();
    while stream.message().await.unwrap().is_some() {}
    let analysis = analytics(&world, &id).await.unwrap();
    report(&world, &id, &analysis.reports[0].report_id).await.unwrap();
    let ask = pb::GetEvidenceRequest { journey_id: id.clone(), ..Default::default() };
    let mut stream = client.get_evidence(ask).await.unwrap().into_inner();
    while stream.message().await.unwrap().is_some() {}
    let strange = pb::FetchDataRequest { consent_id: "9000000001".to_owned(), ..data_request(&id, View::Masked) };
    assert_eq!(reason(&client.fetch_data(strange).await.unwrap_err()), "CONSENT_NOT_FOUND");
    let nobody = data_request("Quillemarker Zyxwvut", View::Masked);
    assert!(client.fetch_data(nobody).await.is_err());

    let watched = world.approved(planted(monitoring("finpro", "consent", "01"))).await;
    let since = world.until_picked_up(&watched).await.consents[0].fetches[0].fetch_id.clone();
    clock.advance(DAY);
    world.refresh(refresh(&watched)).await.unwrap();
    let both = |journey: &pb::Journey| journey.consents[0].fetches.iter().filter(|f| f.pick_up_time.is_some()).count() == 2;
    world.until(&watched, both).await;
    let changes = pb::FetchChangesRequest { journey_id: watched.clone(), since_fetch_id: since, ..Default::default() };
    client.fetch_changes(changes).await.unwrap();
    let latest = pb::FetchChangesRequest {
        journey_id: watched.clone(),
        mode: ChangesMode::Provider.into(),
        request_id: uuid(),
        ..Default::default()
    };
    client.fetch_changes(latest).await.unwrap();
    world.revoke(revoke(&watched)).await.unwrap();
    world.purge(purge(&id, consent)).await.unwrap();
    let opened = client.start_journey(planted(start_request("finpro", "consent", "01", &DATA))).await.unwrap().into_inner();
    let again = pb::ResumeJourneyRequest { request_id: uuid(), journey_id: opened.journey_id.clone(), ..Default::default() };
    client.resume_journey(again).await.unwrap();
    let given_up = cancel(&opened.journey_id);
    world.cancel(given_up.clone()).await.unwrap();
    assert!(world.cancel(given_up).await.unwrap().replayed);
    customer::approve(&opened.customer_url).await.unwrap();

    let done = |rows: &[AuditRow]| !of(rows, Act::LateApprovalRevoked).is_empty() && of(rows, Act::ToldRevoke).len() == 2;
    let rows = told(&world, done).await;
    let pair = ["ASKED", "OK"];
    for act in [Act::ResumeJourney, Act::RefreshData, Act::RevokeConsent, Act::PurgeData, Act::AskLatest] {
        assert_eq!(results(&rows, act), pair, "{act:?}");
    }
    assert_eq!(results(&rows, Act::StartJourney), ["ASKED", "OK", "ASKED", "OK", "ASKED", "OK"]);
    // The repeat of an answer is no second act, and on record all the same.
    assert_eq!(results(&rows, Act::CancelJourney), ["ASKED", "OK", "OK"]);
    for act in [Act::StreamData, Act::FetchReport, Act::GetEvidence] {
        assert_eq!(results(&rows, act), ["OK"], "{act:?}");
    }
    assert_eq!(results(&rows, Act::FetchChanges), ["OK", "OK"]);
    assert_eq!(results(&rows, Act::FetchAnalytics).last(), Some(&"OK"));
    let reads = results(&rows, Act::FetchData);
    assert_eq!(&reads[reads.len() - 2..], ["CONSENT_NOT_FOUND", "JOURNEY_NOT_FOUND"]);
    assert!(reads[..reads.len() - 2].iter().all(|result| *result == "OK"), "{reads:?}");
    for act in [Act::ConsentActive, Act::ConsentRevoked, Act::DataRequested, Act::DataPurged, Act::ToldDelete] {
        assert!(!of(&rows, act).is_empty(), "{act:?} in {:?}", words(&rows));
    }

    let read = of(&rows, Act::FetchData)[0];
    let expected = [("caller", "anybody"), ("journey_id", &id), ("consent_ids", consent), ("fetch_ids", fetch)];
    for (name, text) in expected.into_iter().chain([("purposes", "UNDERWRITING"), ("view", "FULL")]) {
        assert_eq!(read.text(name), text, "{name}");
    }
    assert_eq!((read.tenant.as_str(), read.text("call_id").len()), ("demo", 36));
    let learnt = of(&rows, Act::ConsentActive)[0];
    assert_eq!((learnt.text("caller"), learnt.text("consent_ids")), ("gateway", consent.as_str()));
    assert!(["WEBHOOK", "POLL", "READ"].contains(&learnt.text("source")), "{learnt:?}");
    let purged = of(&rows, Act::DataPurged);
    assert!(purged.iter().any(|row| row.text("fetch_ids") == fetch && row.text("reason") == "CALLER"), "{purged:?}");

    let config = world.config.clone();
    let mut out = Vec::new();
    export(world.gateway.service().store().as_ref(), &Selection::default(), &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    let person = Bank::person("9000000001");
    let mut personal: BTreeSet<String> = PLANTED.map(str::to_owned).into();
    personal.extend([person.mobile, person.pan, person.email, person.name, person.address]);
    personal.extend(["Quillemarker".to_owned(), "lender.example".to_owned(), "http".to_owned()]);
    for account in Bank::accounts_for("9000000001", Timestamp::now()) {
        personal.insert(account.number);
        personal.extend(account.rows.iter().take(200).flat_map(|row| [row.narration.clone(), row.reference.clone()]));
    }
    let found: Vec<_> = personal.iter().filter(|word| word.len() > 3 && text.contains(word.as_str())).collect();
    assert_eq!(found, Vec::<&String>::new());
    let _files = world.paused().await;
    let report = verified(&config).await;
    assert_eq!((report.fault, report.uncovered), (None, 0));
}

fn refused_without_a_record(status: &Status) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::Unavailable, "AUDIT_UNAVAILABLE"), "{status:?}");
    assert_eq!(metadata(status, "effect").as_deref(), Some("NONE"));
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn without_a_log_no_data_leaves_and_no_consent_is_acted_on() {
    let (world, _) = world().await;
    let mut client = world.client.clone();
    let id = world.approved(start_request("finpro", "consent", "01", &[Product::Data, Product::Analytics])).await;
    world.until_picked_up(&id).await;
    let analysis = analytics(&world, &id).await.unwrap();
    world.data(data_request(&id, View::Masked)).await.unwrap();
    let (started, revoked) = (world.sandbox.calls().count(REQUEST_CONSENT), world.sandbox.calls().count(REVOKE));

    execute(&world, "ALTER TABLE audit_rows RENAME TO audit_rows_gone").await;
    refused_without_a_record(&client.fetch_data(data_request(&id, View::Masked)).await.unwrap_err());
    let stream = pb::StreamDataRequest { journey_id: id.clone(), ..Default::default() };
    refused_without_a_record(&client.stream_data(stream).await.map(drop).unwrap_err());
    refused_without_a_record(&report(&world, &id, &analysis.reports[0].report_id).await.map(drop).unwrap_err());
    let ask = pb::FetchAnalyticsRequest { journey_id: id.clone(), ..Default::default() };
    refused_without_a_record(&client.fetch_analytics(ask).await.unwrap_err());
    let ask = pb::GetEvidenceRequest { journey_id: id.clone(), ..Default::default() };
    refused_without_a_record(&client.get_evidence(ask).await.map(drop).unwrap_err());
    let start = start_request("finpro", "consent", "02", &DATA);
    refused_without_a_record(&client.start_journey(start.clone()).await.unwrap_err());
    let withdrawal = revoke(&id);
    refused_without_a_record(&world.revoke(withdrawal.clone()).await.unwrap_err());
    // What is no data is answered.
    assert_eq!(world.status(&id).await.state(), JourneyState::Ready);
    until_scraped(&world, |text| text.contains("sangam_audit_waiting ") && !text.contains("sangam_audit_waiting 0\n")).await;
    let calls = world.sandbox.calls();
    assert_eq!((calls.count(REQUEST_CONSENT), calls.count(REVOKE)), (started, revoked));

    execute(&world, "ALTER TABLE audit_rows_gone RENAME TO audit_rows").await;
    world.data(data_request(&id, View::Masked)).await.unwrap();
    // The same request ids: nothing was done under them.
    assert!(!client.start_journey(start).await.unwrap().into_inner().replayed);
    assert!(!world.revoke(withdrawal).await.unwrap().replayed);
    assert_eq!(world.sandbox.calls().count(REQUEST_CONSENT), started + 1);
    // The refusals are on record as soon as there is a log again.
    let refused = |rows: &[AuditRow]| {
        let missing =
            [Act::FetchData, Act::StreamData, Act::FetchReport, Act::GetEvidence, Act::StartJourney, Act::RevokeConsent];
        missing.iter().all(|act| results(rows, *act).contains(&"AUDIT_UNAVAILABLE"))
    };
    told(&world, refused).await;
    let all = |text: &str| text.contains("sangam_audit_waiting 0\n") && text.contains("sangam_audit_lost_total 0\n");
    until_scraped(&world, all).await;
    let config = world.config.clone();
    let _files = world.paused().await;
    assert_eq!(verified(&config).await.fault, None);
}

#[tokio::test]
async fn a_hundred_reads_at_once_and_a_restart_leave_whole_chains() {
    let (world, _) = world().await;
    let id = world.approved(start_request("finpro", "consent", "01", &DATA)).await;
    world.until_picked_up(&id).await;
    let mut reads = JoinSet::new();
    for _ in 0..100 {
        let (mut client, request) = (world.client.clone(), data_request(&id, View::Summary));
        reads.spawn(async move { client.fetch_data(request).await.map(drop) });
    }
    assert!(reads.join_all().await.iter().all(Result::is_ok));
    let before = rows_of(world.gateway.service().store()).await;
    assert_eq!(results(&before, Act::FetchData), vec!["OK"; 100]);
    let world = world.restart().await;
    world.data(data_request(&id, View::Summary)).await.unwrap();
    let after = rows_of(world.gateway.service().store()).await;
    let writers: BTreeSet<_> = after.iter().map(|row| row.writer.as_str()).collect();
    assert_eq!(writers.len(), 2, "each run of the process has a chain of its own");
    let config = world.config.clone();
    let _files = world.paused().await;
    let report = verified(&config).await;
    assert_eq!((report.chains, report.uncovered, report.fault), (2, 0, None));
}

#[tokio::test]
async fn one_message_a_thousand_times_is_one_row() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &DATA)).await.unwrap().into_inner();
    let attempt_id = attempt_id(&world.status(&opened.journey_id).await);
    customer::reject(&opened.customer_url).await.unwrap();
    let news = event(&attempt_id, "CONSENT_REJECTED", 0);
    for _ in 0..1_000 {
        assert!(signed(&world, &FINPRO_CONSENT, &news).await.is_success());
    }
    world.until_state(&opened.journey_id, JourneyState::Rejected).await;
    until_applied(&world).await;
    let config = world.config.clone();
    let _files = world.paused().await;
    let keys = Keys::new(&config.seal.load().unwrap());
    let store = store::connect(&config.store, &keys).await.unwrap();
    let rows = rows_of(&store).await;
    assert_eq!(words(&rows), [("START_JOURNEY", "ASKED"), ("START_JOURNEY", "OK"), ("CONSENT_REJECTED", "OK")]);
    assert_eq!(rows[2].text("attempt_id"), attempt_id);
    store.close().await;
}

#[tokio::test]
async fn what_the_sweeper_removes_is_on_record() {
    let (world, clock) = world().await;
    let id = world.approved(start_request("finpro", "consent", "01", &DATA)).await;
    let fetch = world.until_picked_up(&id).await.consents[0].fetches[0].fetch_id.clone();
    clock.advance(400 * DAY);
    let config = world.config.clone();
    let world = world.restart().await;
    let gone = |rows: &[AuditRow]| of(rows, Act::DataPurged).iter().any(|row| row.text("fetch_ids") == fetch);
    let rows = told(&world, gone).await;
    let purged = of(&rows, Act::DataPurged);
    assert_eq!((purged.len(), purged[0].text("reason"), purged[0].text("journey_id")), (1, "DATA_LIFE", id.as_str()));
    let _files = world.paused().await;
    assert_eq!(verified(&config).await.fault, None);
}

#[tokio::test]
async fn two_gateways_on_one_database_write_one_chain_of_checkpoints() {
    let (directory, database) = (tempfile::tempdir().unwrap(), Database::new().await);
    let server = on_server(&database, &directory);
    let one = World::with(SandboxConfig::default(), |config| {
        config.store = server;
        config.audit.timeout_ms = 20_000;
    })
    .await;
    let other = App::start(one.config.clone(), Arc::new(SystemClock)).await.unwrap();
    let mut client = connect(&other).await;
    let id = one.approved(start_request("finpro", "consent", "01", &DATA)).await;
    one.until_picked_up(&id).await;
    for _ in 0..10 {
        let request = data_request(&id, View::Summary);
        one.client.clone().fetch_data(request.clone()).await.unwrap();
        client.fetch_data(request).await.unwrap();
        let (here, there) = (one.gateway.service().audit().clone(), other.service().audit().clone());
        let (here, there) = tokio::join!(here.checkpoint(), there.checkpoint());
        assert_eq!((here, there), (Ok(()), Ok(())));
    }
    let config = one.config.clone();
    other.stop().await;
    let Report { chains, checkpoints, uncovered, fault, .. } = {
        let report = verified(&config).await;
        one.stop().await;
        report
    };
    assert_eq!((chains, uncovered, fault), (2, 0, None));
    assert!(checkpoints >= 20, "{checkpoints}");
    let number = "SELECT count(*) = max(number) AND min(number) = 1 FROM audit_checkpoints";
    let gapless: bool = sqlx::query_scalar(number).fetch_one(&mut database.connect().await).await.unwrap();
    assert!(gapless);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_commands_verify_and_export_and_name_the_first_fault() {
    let (world, _) = world().await;
    let id = world.approved(start_request("finpro", "consent", "01", &DATA)).await;
    world.until_picked_up(&id).await;
    world.data(data_request(&id, View::Masked)).await.unwrap();
    let (path, key) = (world.config.store.path.clone(), world.config.seal.key_file.clone());
    let directory = crate::command::configured(&format!("[store]\npath = {:?}", path.to_str().unwrap()));
    std::fs::copy(key, directory.path().join("seal.key")).unwrap();
    let run = |arguments: &[&str]| {
        let output = sangam(directory.path(), arguments).env("THE_SECRET", "x").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (before, told) = run(&["audit", "verify", "--config", "sangam.toml"]);
    assert!(before == Some(0) && told.ends_with("OK\n"), "{told}");
    let paused = world.paused().await;
    let (code, exported) = run(&["audit", "export", "--config", "sangam.toml", "--tenant", "demo"]);
    assert_eq!(code, Some(0));
    let reads = exported.lines().filter(|line| line.contains("\"act\":\"FETCH_DATA\""));
    assert!(reads.count() >= 1, "{exported}");
    std::fs::write(directory.path().join("export.jsonl"), &exported).unwrap();
    let (code, told) = run(&["audit", "verify", "--file", "export.jsonl"]);
    assert!(code == Some(0) && told.contains("skipped the signatures") && told.ends_with("OK\n"), "{told}");
    let changed = exported.replacen("\"act\":\"FETCH_DATA\"", "\"act\":\"STREAM_DATA\"", 1);
    std::fs::write(directory.path().join("changed.jsonl"), changed).unwrap();
    let (code, told) = run(&["audit", "verify", "--file", "changed.jsonl", "--config", "sangam.toml"]);
    assert!(code == Some(1) && told.contains("FAULT tenant \"demo\"") && told.contains("was changed"), "{told}");
    let future = run(&["audit", "export", "--config", "sangam.toml", "--since", "2999-01-01T00:00:00Z"]).1;
    assert!(!future.contains("\"kind\":\"row\""));

    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.to_str().unwrap())).await.unwrap();
    sqlx::query("DELETE FROM audit_rows WHERE seq = 2").execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let (code, told) = run(&["audit", "verify", "--config", "sangam.toml"]);
    assert!(code == Some(1) && told.contains("row 3: does not follow"), "{told}");
    paused.resumed().await.stop().await;
}
