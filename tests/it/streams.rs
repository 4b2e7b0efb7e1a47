//! Filters and streams over real sockets, by a client with its library's default limits.

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use prost::Message;
use sangam::{
    data::{EntryKind, Provenance, Rows, RowsBuilder},
    journey::model::DayRange,
    pb::{
        self, DataManifest, DataTrailer, FetchDataResponse, FiType, JourneyState, Product, View,
        journey_service_client::JourneyServiceClient, stream_data_response::Part,
    },
    sandbox::SandboxConfig,
    store::KeptSnapshot,
};
use tonic::{Code, Status, transport::Channel};
use tonic_types::StatusExt;

use crate::harness::{World, channel, data_request, reason, start_request};

const DATA: [Product; 1] = [Product::Data];

/// A stream, read to its end and checked against its own trailer.
struct Streamed {
    manifest: DataManifest,
    payloads: usize,
    trailer: DataTrailer,
    data: FetchDataResponse,
}

async fn default_client(world: &World) -> JourneyServiceClient<Channel> {
    JourneyServiceClient::new(channel(&world.gateway).await)
}

async fn streamed(world: &World, request: pb::StreamDataRequest) -> Result<Streamed, Status> {
    let mut stream = default_client(world).await.stream_data(request).await?.into_inner();
    let Some(Part::Manifest(manifest)) = stream.message().await?.unwrap().part else { panic!("no manifest") };
    let (mut bytes, mut payloads) = (Vec::new(), 0);
    loop {
        match stream.message().await?.expect("the stream ends without a trailer").part.unwrap() {
            Part::Payload(payload) => {
                assert!(!payload.is_empty() && payload.len() <= 1024 * 1024);
                assert!(FetchDataResponse::decode(&payload[..]).is_ok(), "each payload parses by itself");
                bytes.extend_from_slice(&payload);
                payloads += 1;
            }
            Part::Trailer(trailer) => {
                assert!(stream.message().await?.is_none(), "something follows the trailer");
                assert_eq!(trailer.sha256, digest(&SHA256, &bytes).as_ref());
                assert_eq!(trailer.payload_bytes, bytes.len() as i64);
                let data = FetchDataResponse::decode(&bytes[..]).unwrap();
                let counts = (data.accounts.len() as i64, data.transactions.len() as i64);
                assert_eq!((trailer.account_count, trailer.transaction_count), counts);
                assert_eq!((manifest.account_count, manifest.transaction_count), counts);
                assert_eq!(manifest.payload_bytes, trailer.payload_bytes);
                return Ok(Streamed { manifest, payloads, trailer, data });
            }
            Part::Manifest(_) => panic!("a second manifest"),
        }
    }
}

/// All pages, by a client of default limits.
async fn paged(world: &World, mut request: pb::FetchDataRequest) -> Result<FetchDataResponse, Status> {
    let mut client = default_client(world).await;
    let mut all = FetchDataResponse::default();
    loop {
        let page = client.fetch_data(request.clone()).await?.into_inner();
        all.accounts.extend(page.accounts);
        all.transactions.extend(page.transactions);
        if page.next_page_token.is_empty() {
            return Ok(all);
        }
        request.page_token = page.next_page_token;
    }
}

/// The StreamData that asks for the same as a FetchData.
fn same(request: &pb::FetchDataRequest) -> pb::StreamDataRequest {
    pb::StreamDataRequest {
        journey_id: request.journey_id.clone(),
        consent_id: request.consent_id.clone(),
        fetch_id: request.fetch_id.clone(),
        view: request.view,
        completeness: request.completeness,
        account_ids: request.account_ids.clone(),
        fi_types: request.fi_types.clone(),
        transaction_range: request.transaction_range,
        accept_assumed_range: request.accept_assumed_range,
    }
}

fn fields(status: &Status) -> Vec<String> {
    assert_eq!((status.code(), reason(status).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    let details = status.get_error_details();
    details.bad_request().unwrap().field_violations.iter().map(|violation| violation.field.clone()).collect()
}

async fn ready(world: &World, provider: &str, credential: &str, digits: &str) -> String {
    let journey_id = world.approved(start_request(provider, credential, digits, &DATA)).await;
    world.until_picked_up(&journey_id).await;
    journey_id
}

#[tokio::test]
async fn a_stream_is_what_the_pages_are_in_every_view() {
    let world = World::start().await;
    for (provider, credential) in [("finpro", "consent"), ("finpass", "main")] {
        let journey_id = ready(&world, provider, credential, "01").await;
        for view in [View::Masked, View::Full, View::Summary] {
            let request = data_request(&journey_id, view);
            let streamed = streamed(&world, same(&request)).await.unwrap();
            assert_eq!(streamed.manifest.view(), view);
            assert_eq!(streamed.manifest.journey_id, journey_id);
            assert_eq!(streamed.data, paged(&world, request).await.unwrap());
            assert_eq!(streamed.data.transactions.is_empty(), view == View::Summary);
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn filters_choose_the_same_rows_in_pages_and_streams() {
    let world = World::start().await;
    let journey_id = ready(&world, "finpro", "consent", "01").await;
    let whole = paged(&world, data_request(&journey_id, View::Masked)).await.unwrap();
    let fullest = whole.accounts.iter().max_by_key(|account| account.transaction_count).unwrap();
    let mut days: Vec<pb::Date> = whole.transactions.iter().filter_map(|row| row.transaction_date).collect();
    days.sort_by_key(|day| (day.year, day.month, day.day));
    let key = |day: &pb::Date| (day.year, day.month, day.day);
    let (first, last) = (days[days.len() / 3], days[days.len() / 2]);
    let kinds: BTreeSet<i32> = whole.accounts.iter().map(|account| account.fi_type).collect();
    assert!(kinds.len() >= 2, "the customer has accounts of one kind only");
    let range = Some(pb::DateRange { from: Some(first), to: Some(last) });
    let ids = vec![fullest.account_id.clone()];
    for (account_ids, fi_types, transaction_range) in [
        (ids.clone(), vec![], None),
        (vec![], vec![FiType::TermDeposit.into(), FiType::RecurringDeposit.into()], None),
        (vec![], vec![], range),
        (ids.clone(), vec![fullest.fi_type], range),
        (ids, vec![FiType::Other.into()], range),
    ] {
        let takes = |account: &pb::Account| {
            (account_ids.is_empty() || account_ids.contains(&account.account_id))
                && (fi_types.is_empty() || fi_types.contains(&account.fi_type))
        };
        let accounts: Vec<pb::Account> = whole.accounts.iter().filter(|account| takes(account)).cloned().collect();
        let inside = |row: &pb::Transaction| {
            transaction_range.is_none()
                || row.transaction_date.is_some_and(|day| key(&first) <= key(&day) && key(&day) <= key(&last))
        };
        let of = |row: &pb::Transaction| accounts.iter().any(|account| account.account_id == row.account_id);
        let transactions = whole.transactions.iter().filter(|row| of(row) && inside(row)).cloned().collect();
        let wanted = FetchDataResponse { accounts: accounts.clone(), transactions, ..Default::default() };
        let mut request = data_request(&journey_id, View::Masked);
        (request.account_ids, request.fi_types, request.transaction_range) =
            (account_ids.clone(), fi_types.clone(), transaction_range);
        request.page_bytes = 16 * 1024;
        assert_eq!(paged(&world, request.clone()).await.unwrap(), wanted);
        assert_eq!(streamed(&world, same(&request)).await.unwrap().data, wanted);
    }
    world.stop().await;
}

#[tokio::test]
async fn a_page_token_holds_the_filter_and_wrong_filters_are_named_whole() {
    let world = World::start().await;
    let journey_id = ready(&world, "finpro", "consent", "01").await;
    let mut request = data_request(&journey_id, View::Masked);
    request.page_bytes = 16 * 1024;
    request.fi_types = vec![FiType::Deposit.into()];
    let mut client = default_client(&world).await;
    request.page_token = client.fetch_data(request.clone()).await.unwrap().into_inner().next_page_token;
    assert!(client.fetch_data(request.clone()).await.is_ok());
    request.fi_types.push(FiType::TermDeposit.into());
    let other = client.fetch_data(request.clone()).await.unwrap_err();
    assert_eq!((other.code(), reason(&other).as_str()), (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH"));

    let (day, stranger) = (pb::Date { year: 2025, month: 1, day: 2 }, format!("acc_{}", "0".repeat(26)));
    let bad = pb::FetchDataRequest {
        account_ids: vec!["me".to_owned(), stranger.clone()],
        fi_types: vec![77_777],
        transaction_range: Some(pb::DateRange { from: Some(day), to: Some(pb::Date { day: 1, ..day }) }),
        ..data_request(&journey_id, View::Masked)
    };
    let wanted = ["account_ids[0]", "fi_types[0]", "transaction_range"];
    assert_eq!(fields(&client.fetch_data(bad.clone()).await.unwrap_err()), wanted);
    assert_eq!(fields(&client.stream_data(same(&bad)).await.unwrap_err()), wanted);
    let unknown = pb::FetchDataRequest { account_ids: vec![stranger], ..data_request(&journey_id, View::Masked) };
    assert_eq!(fields(&client.fetch_data(unknown.clone()).await.unwrap_err()), ["account_ids[0]"]);
    assert_eq!(fields(&client.stream_data(same(&unknown)).await.unwrap_err()), ["account_ids[0]"]);
    world.stop().await;
}

#[tokio::test]
async fn what_may_only_be_looked_at_passes_through_and_nothing_of_it_is_kept() {
    let world = World::with(SandboxConfig::default(), |config| {
        let finpro = config.tenant.providers.finpro.get_mut("consent").unwrap();
        finpro.products.insert("one_time".to_owned(), "VIEW-ONCE".to_owned());
    })
    .await;
    let mut start = start_request("finpro", "consent", "01", &DATA);
    start.consents[0].purpose = pb::Purpose::OneTime.into();
    let journey_id = world.approved(start).await;
    let journey = world.until_state(&journey_id, JourneyState::Ready).await;
    let fetch_id = &journey.consents[0].fetches[0].fetch_id;
    assert_eq!(journey.consents[0].mode(), pb::ConsentMode::View);

    let request = data_request(&journey_id, View::Full);
    let refused = default_client(&world).await.fetch_data(request.clone()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "VIEW_ONLY"));
    let asked = || {
        let calls = world.sandbox.calls().all();
        calls
            .iter()
            .filter(|(call, _)| call.contains("received") && call.ends_with("/getallfidata"))
            .map(|(_, n)| n)
            .sum::<usize>()
    };
    assert_eq!(asked(), 0);
    let first = streamed(&world, same(&request)).await.unwrap();
    assert_eq!(asked(), 1);
    assert!(first.trailer.transaction_count > 100);
    assert_eq!(first.manifest.fetch.as_ref().unwrap().pick_up_time, None);
    let masked = streamed(&world, same(&data_request(&journey_id, View::Masked))).await.unwrap();
    assert_eq!(asked(), 2);
    assert!(masked.data.transactions.iter().all(|row| row.narration.is_empty()));
    let ids = |data: &FetchDataResponse| data.transactions.iter().map(|row| row.transaction_id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&first.data), ids(&masked.data));

    let service = world.gateway.service();
    assert_eq!(service.store().snapshot(&service.tenant().id, fetch_id).await.unwrap(), None);
    assert_eq!(world.status(&journey_id).await.consents[0].fetches[0].pick_up_time, None);
    world.stop().await;
}

#[tokio::test]
async fn a_large_fetch_is_read_both_ways_within_a_clients_default_limits() {
    let world = World::start().await;
    let journey_id = ready(&world, "finpro", "consent", "26").await;
    let request = data_request(&journey_id, View::Full);
    let pages = paged(&world, request.clone()).await.unwrap();
    assert!(pages.transactions.len() >= 25_000);
    let streamed = streamed(&world, same(&request)).await.unwrap();
    assert!(streamed.payloads > 4);
    assert_eq!(streamed.data, pages);
    world.stop().await;
}

/// One account with so many rows.
fn account_of(count: i32) -> Rows {
    let mut builder = RowsBuilder::with_capacity(0);
    let account_id = format!("acc_{}", "1".repeat(26));
    let head = pb::Account {
        account_id: account_id.clone(),
        fi_type: FiType::Deposit.into(),
        transaction_count: count.into(),
        delivered: true,
        ..Default::default()
    };
    builder.framed(EntryKind::Account, &FetchDataResponse { accounts: vec![head], ..Default::default() });
    for ordinal in 0..count {
        let row = pb::Transaction {
            transaction_id: format!("txn_{ordinal:026}"),
            account_id: account_id.clone(),
            amount: Some(pb::Money { minor_units: i64::from(ordinal), currency_code: "INR".to_owned() }),
            transaction_date: Some(pb::Date { year: 2025, month: 1 + ordinal % 12, day: 1 + ordinal % 28 }),
            narration: "synthetic narration of usual length/0000/".to_owned(),
            ordinal,
            ..Default::default()
        };
        builder.framed(EntryKind::Transaction, &FetchDataResponse { transactions: vec![row], ..Default::default() });
    }
    builder.finish().unwrap()
}

/// What the newest fetch of the journey has that the first one had not, by a client of default limits.
async fn all_added(world: &World, journey_id: &str) -> Vec<pb::Transaction> {
    let since_fetch_id = world.status(journey_id).await.consents[0].fetches[0].fetch_id.clone();
    let mut request = pb::FetchChangesRequest {
        journey_id: journey_id.to_owned(),
        since_fetch_id,
        view: View::Full.into(),
        ..Default::default()
    };
    let mut client = default_client(world).await;
    let mut added = Vec::new();
    loop {
        let page = client.fetch_changes(request.clone()).await.unwrap().into_inner();
        added.extend(page.transactions.into_iter().filter_map(|one| one.after));
        if page.next_page_token.is_empty() {
            assert_eq!(page.counts.unwrap().transactions_added, added.len() as i64);
            return added;
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test]
async fn an_account_of_a_hundred_thousand_transactions_goes_both_ways() {
    let world = World::start().await;
    let journey_id = ready(&world, "finpro", "consent", "01").await;
    let service = world.gateway.service();
    let (tenant, fetch_id) = (service.tenant().id.clone(), format!("fch_{}", "1".repeat(26)));
    let rows = account_of(100_000);
    let (_, purge_at) = service
        .change(&tenant, &journey_id, |journey| {
            let fetches = &mut journey.consents[0].fetches;
            let mut fetch = fetches[0].clone();
            fetch.id.clone_from(&fetch_id);
            fetch.provider_ref = Some("another session".to_owned());
            fetch.requested_range = DayRange::default();
            fetch.transaction_count = rows.transactions;
            fetches.push(fetch);
            fetches[0].data_expires_at.unwrap()
        })
        .await
        .unwrap();
    let provenance = Provenance::read_now("test", jiff::Timestamp::now());
    let snapshot = KeptSnapshot { rows: rows.to_kept_bytes(), provenance };
    service.store().put_snapshot(&tenant, &fetch_id, &journey_id, purge_at, &snapshot, None).await.unwrap();
    let request = pb::FetchDataRequest { fetch_id, ..data_request(&journey_id, View::Full) };
    let pages = paged(&world, request.clone()).await.unwrap();
    assert!(pages.transactions.iter().map(|row| row.ordinal).eq(0..100_000));
    let streamed = streamed(&world, same(&request)).await.unwrap();
    assert!(streamed.payloads > 10);
    assert_eq!(streamed.data, pages);
    let added = all_added(&world, &journey_id).await;
    assert_eq!(added, pages.transactions);
    world.stop().await;
}
