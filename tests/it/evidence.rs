//! Where answers come from, what is kept of what providers sent, and reading it again.

use std::{fs, path::Path, sync::Arc};

use aws_lc_rs::digest::{SHA256, digest};
use sangam::{
    app::App,
    clock::SystemClock,
    config::Config,
    data::{EntryKind, NORMALISER_VERSION, Provenance, RowsBuilder},
    pb::{self, JourneyState, Product, Purpose, View, get_evidence_response::Part},
    sandbox::{Sandbox, SandboxConfig, customer, gateway_config::gateway_toml},
    seal::Keys,
    store::{self, KeptSnapshot, Purging, Store},
};
use tempfile::TempDir;
use tonic::{Code, Status, transport::Channel};

use crate::{
    command::sangam,
    harness::{ShiftedClock, World, connect, data_request, impatient, reason, start_request, until},
    replay::{AGGREGATOR, ANALYSER, CONSENT, ORCHESTRATION, documented},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage},
};

type Client = pb::journey_service_client::JourneyServiceClient<Channel>;

/// Evidence as a caller reads it.
struct Read {
    head: pb::EvidenceHead,
    bytes: Vec<u8>,
    chunks: usize,
}

async fn evidence(client: &Client, request: pb::GetEvidenceRequest) -> Result<Read, Status> {
    let mut stream = client.clone().get_evidence(request).await?.into_inner();
    let mut read = None;
    let mut ended = false;
    while let Some(message) = stream.message().await? {
        assert!(!ended, "something follows the trailer");
        match (message.part.unwrap(), &mut read) {
            (Part::Head(head), None) => read = Some(Read { head, bytes: Vec::new(), chunks: 0 }),
            (Part::Chunk(chunk), Some(read)) => {
                assert!(chunk.len() <= 256 * 1024);
                read.bytes.extend_from_slice(&chunk);
                read.chunks += 1;
            }
            (Part::Trailer(trailer), Some(read)) => {
                assert_eq!(trailer.size_bytes, read.bytes.len() as i64);
                assert_eq!(trailer.sha256, digest(&SHA256, &read.bytes).as_ref());
                ended = true;
            }
            (part, _) => panic!("out of order: {part:?}"),
        }
    }
    assert!(ended, "broken off");
    Ok(read.unwrap())
}

fn of(journey_id: &str) -> pb::GetEvidenceRequest {
    pb::GetEvidenceRequest { journey_id: journey_id.to_owned(), ..Default::default() }
}

/// The refusal of evidence.
async fn refused(client: &Client, request: pb::GetEvidenceRequest) -> (Code, String) {
    let status = evidence(client, request).await.err().expect("evidence was handed out");
    (status.code(), reason(&status))
}

async fn retaining() -> World {
    World::with(SandboxConfig::default(), |config| config.tenant.retain_evidence = true).await
}

/// A journey whose data is kept.
async fn ready(world: &World) -> (String, pb::Fetch) {
    let journey_id = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let mut journey = world.until_picked_up(&journey_id).await;
    (journey_id, journey.consents.remove(0).fetches.remove(0))
}

async fn is_kept(world: &World, fetch_id: &str) -> bool {
    world.gateway.service().store().evidence("demo", fetch_id).await.unwrap().is_some()
}

#[tokio::test]
async fn every_answer_says_where_it_comes_from() {
    let world = World::start().await;
    let both = [Product::Data, Product::Analytics];
    for (provider, credential, products, product, endpoint, analysed) in [
        ("finpro", "consent", &both[..], "consent", "getallfidata", "analytics_json"),
        ("finpro", "orchestration", &both[..], "orchestration", "getallfidata", "analytics_json"),
        ("finpass", "main", &both[..1], "account_aggregator", "fetch_json_report", ""),
        ("finpass", "main", &both[..], "aa_bsa", "statement_result", "analysis_json"),
    ] {
        let journey_id = world.approved(start_request(provider, credential, "01", products)).await;
        let journey = world.until_picked_up(&journey_id).await;
        let fetch = &journey.consents[0].fetches[0];
        let mut client = world.client.clone();
        let expected = |endpoint: &str, fetch_time| pb::Provenance {
            provider: provider.to_owned(),
            credential: credential.to_owned(),
            provider_product: product.to_owned(),
            endpoint: endpoint.to_owned(),
            fetch_id: fetch.fetch_id.clone(),
            fetch_time,
            normaliser_version: NORMALISER_VERSION,
        };
        let page = client.fetch_data(data_request(&journey_id, View::Masked)).await.unwrap().into_inner();
        assert_eq!(page.provenance, Some(expected(endpoint, page.accounts[0].fetch_time)));
        let again = client.fetch_data(data_request(&journey_id, View::Masked)).await.unwrap().into_inner();
        assert_eq!(again.provenance, page.provenance);
        let ask = pb::StreamDataRequest { journey_id: journey_id.clone(), ..Default::default() };
        let mut stream = client.stream_data(ask).await.unwrap().into_inner();
        let Some(pb::stream_data_response::Part::Manifest(manifest)) = stream.message().await.unwrap().unwrap().part else {
            panic!("no manifest");
        };
        assert_eq!(manifest.provenance, page.provenance);
        if analysed.is_empty() {
            continue;
        }
        let ask = pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
        let first = client.fetch_analytics(ask.clone()).await.unwrap().into_inner();
        assert_eq!(first.provenance, Some(expected(analysed, first.fetch_time)));
        let kept = client.fetch_analytics(ask).await.unwrap().into_inner();
        assert_eq!(kept.provenance, first.provenance);
        let report_id = first.reports.last().unwrap().report_id.clone();
        let ask = pb::FetchReportRequest { journey_id: journey_id.clone(), report_id, ..Default::default() };
        let mut stream = client.fetch_report(ask).await.unwrap().into_inner();
        let Some(pb::fetch_report_response::Part::Head(head)) = stream.message().await.unwrap().unwrap().part else {
            panic!("no head");
        };
        let told = head.provenance.unwrap();
        let named = ["analytics_excel", "report_download", "analysis_json"].contains(&told.endpoint.as_str());
        assert!(named, "{}", told.endpoint);
        assert_eq!(told, expected(&told.endpoint, told.fetch_time));
    }
    world.stop().await;
}

#[tokio::test]
async fn evidence_is_exactly_what_the_provider_sent() {
    let stage = Stage::with(PATIENT, 1_000, |config| config.tenant.retain_evidence = true).await;
    for (way, path) in [
        (CONSENT_WAY, format!("{CONSENT}/getallfidata")),
        (ORCHESTRATION_WAY, format!("{ORCHESTRATION}/getallfidata")),
        (AGGREGATOR_WAY, format!("{AGGREGATOR}/fetch-json-report")),
        (ANALYSER_WAY, format!("{ANALYSER}/statement-result")),
    ] {
        let journey_id = stage.ready(way).await;
        let data = stage.data(&journey_id, View::Masked).await.unwrap();
        let read = evidence(&stage.client, of(&journey_id)).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&read.bytes), documented(&path), "{path}");
        assert_eq!(read.head.media_type, "application/json");
        assert_eq!(read.head.provenance, data.provenance);
        assert_eq!(read.head.consent_id, data.fetch.as_ref().unwrap().consent_id);
        // The store keeps milliseconds.
        let mut end = data.fetch.unwrap().data_expire_time.unwrap();
        end.nanos -= end.nanos % 1_000_000;
        assert_eq!(read.head.purge_time, Some(end));
    }
    stage.gateway.stop().await;
}

#[tokio::test]
async fn a_large_body_comes_in_chunks_also_after_a_restart() {
    let world = retaining().await;
    let (journey_id, fetch) = ready(&world).await;
    let by_fetch = pb::GetEvidenceRequest { fetch_id: fetch.fetch_id.clone(), ..of(&journey_id) };
    let first = evidence(&world.client, by_fetch.clone()).await.unwrap();
    assert!(first.chunks > 1, "{} bytes", first.bytes.len());
    let calls = world.sandbox.calls().count("finpro:received:/getallfidata");
    let world = world.restart().await;
    let again = evidence(&world.client, by_fetch).await.unwrap();
    assert_eq!((again.head, again.bytes == first.bytes), (first.head, true));
    assert_eq!((calls, world.sandbox.calls().count("finpro:received:/getallfidata")), (1, 1));
    world.stop().await;
}

#[tokio::test]
async fn evidence_has_the_fences_of_the_data_and_needs_the_full_view() {
    let world = World::start().await;
    let (journey_id, fetch) = ready(&world).await;
    assert!(!is_kept(&world, &fetch.fetch_id).await, "nothing is retained unless it is asked for");
    let missing = |text: &str| (Code::NotFound, text.to_owned());
    assert_eq!(refused(&world.client, of(&journey_id)).await, missing("EVIDENCE_NOT_KEPT"));
    let unknown = pb::GetEvidenceRequest { fetch_id: "fch_x".to_owned(), ..of(&journey_id) };
    assert_eq!(refused(&world.client, unknown).await, missing("FETCH_NOT_FOUND"));
    let unknown = pb::GetEvidenceRequest { consent_id: "cns_x".to_owned(), ..of(&journey_id) };
    assert_eq!(refused(&world.client, unknown).await, missing("CONSENT_NOT_FOUND"));
    assert_eq!(refused(&world.client, of("jrn_x")).await, missing("JOURNEY_NOT_FOUND"));
    assert_eq!(refused(&world.client, of("")).await, (Code::InvalidArgument, "INVALID_FIELDS".to_owned()));
    world.stop().await;
    let masked = World::with(SandboxConfig::default(), |config| {
        (config.tenant.full_view, config.tenant.retain_evidence) = (false, true);
    })
    .await;
    let (journey_id, fetch) = ready(&masked).await;
    assert!(is_kept(&masked, &fetch.fetch_id).await);
    assert_eq!(refused(&masked.client, of(&journey_id)).await, (Code::PermissionDenied, "SCOPE_MISSING".to_owned()));
    masked.stop().await;
}

#[tokio::test]
async fn a_withdrawal_takes_the_evidence_along() {
    let world = retaining().await;
    let request = start_request("finpro", "consent", "01", &[Product::Data]);
    let opened = world.client.clone().start_journey(request).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    let journey = world.until_picked_up(&opened.journey_id).await;
    let fetch_id = &journey.consents[0].fetches[0].fetch_id;
    assert!(is_kept(&world, fetch_id).await);
    customer::revoke(&opened.customer_url).await.unwrap();
    world.gateway.service().nudge(&opened.journey_id).await.unwrap();
    world.until_state(&opened.journey_id, JourneyState::Revoked).await;
    let fenced = refused(&world.client, of(&opened.journey_id)).await;
    assert_eq!(fenced, (Code::FailedPrecondition, "CONSENT_REVOKED".to_owned()));
    world.until_gone(fetch_id).await;
    assert!(!is_kept(&world, fetch_id).await);
    world.stop().await;
}

#[tokio::test]
async fn evidence_ends_with_the_life_of_the_data() {
    let clock = Arc::new(ShiftedClock::default());
    let world = World::at(clock.clone(), SandboxConfig::default(), |config| config.tenant.retain_evidence = true).await;
    let (journey_id, fetch) = ready(&world).await;
    assert!(is_kept(&world, &fetch.fetch_id).await);
    clock.advance(24 * 3_700);
    let fenced = refused(&world.client, of(&journey_id)).await;
    assert_eq!(fenced, (Code::FailedPrecondition, "DATA_EXPIRED".to_owned()));
    world.gateway.service().nudge(&journey_id).await.unwrap();
    world.until_gone(&fetch.fetch_id).await;
    assert!(!is_kept(&world, &fetch.fetch_id).await);
    world.stop().await;
}

#[tokio::test]
async fn of_what_may_only_be_looked_at_nothing_is_retained() {
    let world = World::with(SandboxConfig::default(), |config| {
        config.tenant.retain_evidence = true;
        let consent = config.tenant.providers.finpro.get_mut("consent").unwrap();
        consent.templates.insert("VIEW-ONCE".to_owned(), Default::default());
    })
    .await;
    let mut request = start_request("finpro", "consent", "01", &[Product::Data]);
    let template = "VIEW-ONCE".to_owned();
    request.consents = vec![pb::ConsentAsk { purpose: Purpose::OneTime.into(), template, ..Default::default() }];
    let journey_id = world.approved(request).await;
    let journey = world.until_settled(&journey_id).await;
    assert_eq!(journey.consents[0].mode(), pb::ConsentMode::View);
    assert_eq!(refused(&world.client, of(&journey_id)).await, (Code::FailedPrecondition, "VIEW_ONLY".to_owned()));
    assert!(!is_kept(&world, &journey.consents[0].fetches[0].fetch_id).await);
    world.stop().await;
}

/// A token of the second page.
async fn token(client: &Client, journey_id: &str) -> pb::FetchDataRequest {
    let mut request = pb::FetchDataRequest { page_bytes: 16 * 1024, ..data_request(journey_id, View::Masked) };
    request.page_token = client.clone().fetch_data(request.clone()).await.unwrap().into_inner().next_page_token;
    assert!(!request.page_token.is_empty());
    request
}

/// All pages, and where they come from.
async fn whole(client: &Client, journey_id: &str) -> pb::FetchDataResponse {
    let mut request = data_request(journey_id, View::Full);
    let mut whole = client.clone().fetch_data(request.clone()).await.unwrap().into_inner();
    while !whole.next_page_token.is_empty() {
        request.page_token = std::mem::take(&mut whole.next_page_token);
        let page = client.clone().fetch_data(request.clone()).await.unwrap().into_inner();
        whole.accounts.extend(page.accounts);
        whole.transactions.extend(page.transactions);
        whole.next_page_token = page.next_page_token;
    }
    whole
}

/// More than a page of them.
const OLD_ACCOUNTS: u32 = 1_000;

/// Puts rows of an older normaliser, and their counts, in the place of a fetch's own; `body` replaces what they were made from.
async fn make_old(path: &Path, store: &Store, journey_id: &str, fetch_id: &str, body: Option<&'static str>) {
    let kept = store.evidence("demo", fetch_id).await.unwrap().unwrap();
    let mut evidence = kept.evidence;
    if let Some(body) = body {
        evidence.bytes = body.as_bytes().into();
    }
    let mut rows = RowsBuilder::with_capacity(0);
    for _ in 0..OLD_ACCOUNTS {
        let account = pb::Account { account_id: format!("acc_{}", "0".repeat(26)), ..Default::default() };
        rows.framed(EntryKind::Account, &pb::FetchDataResponse { accounts: vec![account], ..Default::default() });
    }
    let rows = rows.finish().unwrap().to_kept_bytes();
    let provenance = Provenance { normaliser_version: 0, ..Provenance::read_now(&evidence.endpoint, evidence.received_at) };
    let now = jiff::Timestamp::now();
    let purging = Purging { reason: pb::PurgeReason::Caller, at: now, receipt_until: now };
    store.drop_fetch("demo", journey_id, fetch_id, purging).await.unwrap();
    // Nothing is ever kept again of a fetch with a receipt, not even by a test.
    let database = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("DELETE FROM receipts").execute(&database).await.unwrap();
    database.close().await;
    let snapshot = KeptSnapshot { rows, provenance };
    store.put_snapshot("demo", fetch_id, journey_id, kept.purge_at, &snapshot, Some(&evidence)).await.unwrap();
    let mut tree = store.journey("demo", journey_id).await.unwrap().unwrap();
    for fetch in tree.journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches) {
        (fetch.account_count, fetch.transaction_count) = (OLD_ACCOUNTS, 0);
    }
    assert!(store.save_journey(&tree.journey, tree.version, None, now).await.unwrap());
}

/// Runs `sangam renormalise` as an operator does; answers the exit code and what it prints.
async fn renormalise(directory: &TempDir, more: &[&str]) -> (Option<i32>, String) {
    let mut command = sangam(directory.path(), &[&["renormalise", "--config", "sangam.toml"], more].concat());
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

fn counts(changed: usize, failed: usize) -> String {
    format!("changed {changed}, unchanged 0, gone 0, failed {failed}\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_normaliser_reads_what_was_kept_and_asks_no_provider() {
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let directory = TempDir::new().unwrap();
    let text =
        gateway_toml(&sandbox, directory.path()).unwrap().replace("full_view = true", "full_view = true\nretain_evidence = true");
    fs::write(directory.path().join("sangam.toml"), &text).unwrap();
    let mut config = Config::from_toml_str(&text).unwrap();
    impatient(&mut config);
    let gateway = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap();
    let client = connect(&gateway).await;
    let mut journeys = Vec::new();
    for (provider, credential) in [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")] {
        let request = start_request(provider, credential, "01", &[Product::Data]);
        let opened = client.clone().start_journey(request).await.unwrap().into_inner();
        customer::approve(&opened.customer_url).await.unwrap();
        let kept = |journey: &pb::Journey| {
            journey.consents.iter().any(|consent| consent.fetches.iter().any(|fetch| fetch.pick_up_time.is_some()))
        };
        until(&gateway, &client, &opened.journey_id, kept).await;
        journeys.push(whole(&client, &opened.journey_id).await);
    }
    gateway.stop().await;
    assert_eq!(renormalise(&directory, &[]).await, (Some(0), counts(0, 0)), "nothing is outdated yet");

    let keys = Keys::new(&config.seal.load().unwrap());
    let store = store::open(&config.store.path, &keys).await.unwrap();
    for before in &journeys {
        make_old(&config.store.path, &store, &before.journey_id, &before.fetch.as_ref().unwrap().fetch_id, None).await;
    }
    store.close().await;
    let gateway = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap();
    let client = connect(&gateway).await;
    let second_page = token(&client, &journeys[0].journey_id).await;
    assert!(client.clone().fetch_data(second_page.clone()).await.is_ok());
    gateway.stop().await;
    let calls = sandbox.calls().all().len();
    assert_eq!(renormalise(&directory, &["--journey", "jrn_x"]).await, (Some(1), String::new()));
    assert_eq!(renormalise(&directory, &["--journey", &journeys[0].journey_id]).await, (Some(0), counts(1, 0)));
    assert_eq!(renormalise(&directory, &[]).await, (Some(0), counts(2, 0)));
    assert_eq!(renormalise(&directory, &[]).await, (Some(0), counts(0, 0)));
    assert_eq!(sandbox.calls().all().len(), calls, "a provider was asked");

    let gateway = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap();
    let client = connect(&gateway).await;
    let mixed = client.clone().fetch_data(second_page).await.unwrap_err();
    assert_eq!((mixed.code(), reason(&mixed).as_str()), (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH"));
    for before in &journeys {
        let after = whole(&client, &before.journey_id).await;
        assert_eq!(after.provenance, before.provenance);
        assert!(after.accounts == before.accounts && after.transactions == before.transactions, "other rows or ids");
        let count =
            |page: &pb::FetchDataResponse| page.fetch.as_ref().map(|fetch| (fetch.account_count, fetch.transaction_count));
        assert_eq!(count(&after), count(before));
    }
    gateway.stop().await;

    // What cannot be read any more stays as it is, and the rest goes on.
    let store = store::open(&config.store.path, &keys).await.unwrap();
    for (before, body) in journeys.iter().zip([Some("{}"), Some("{\"data\":[]}"), None]) {
        make_old(&config.store.path, &store, &before.journey_id, &before.fetch.as_ref().unwrap().fetch_id, body).await;
    }
    assert_eq!(renormalise(&directory, &[]).await, (Some(1), counts(1, 2)));
    let kept = store.snapshot("demo", &journeys[0].fetch.as_ref().unwrap().fetch_id).await.unwrap().unwrap();
    assert_eq!(kept.provenance.normaliser_version, 0);
    store.close().await;
    sandbox.stop().await;
}
