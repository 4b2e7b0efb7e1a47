//! PurgeData, and the clock of everything that is kept.

use std::sync::Arc;

use sangam::{
    app::App,
    pb::{self, ConsentState, KeptKind, ProviderDelivery, PurgeReason, View},
    sandbox::SandboxConfig,
    seal::Keys,
    store::{self, Purging},
};
use tonic::Code;

use crate::{
    command::{configured, sangam},
    harness::{ShiftedClock, World, data_request, reason},
    offers::{self, offers},
    writes::{DAY, DELETE, monitoring, purge, refresh, world},
};

#[tokio::test]
async fn every_product_forgets_at_once_and_the_provider_where_it_can() {
    let (world, _) = world().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let journey = offers::ready(&world, &offer, "01").await;
        let journey_id = &journey.journey_id;
        let consent = journey.consents.iter().find(|consent| !consent.fetches.is_empty()).unwrap();
        let fetch_id = &consent.fetches[0].fetch_id;
        let before = world.sandbox.calls().count(DELETE);
        let request = purge(journey_id, &consent.consent_id);
        let answer = world.purge(request.clone()).await.unwrap();
        let receipt = &answer.receipts[0];
        assert_eq!((receipt.fetch_id.as_str(), receipt.reason(), receipt.snapshots), (fetch_id.as_str(), PurgeReason::Caller, 1));
        let refused = world.data(data_request(journey_id, View::Masked)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "DATA_PURGED"), "{name}");
        assert!(world.gateway.service().store().snapshot("demo", fetch_id).await.unwrap().is_none(), "{name}");
        let mine = |journey: &pb::Journey| {
            let mut consents = journey.consents.iter();
            consents.find(|other| other.consent_id == consent.consent_id).unwrap().clone()
        };
        if offer.product.deletes_data {
            assert_eq!(answer.consents[0].provider(), ProviderDelivery::Pending, "{name}");
            world.until(journey_id, |journey| mine(journey).data_deletion() == ProviderDelivery::Done).await;
            assert_eq!(world.sandbox.calls().count(DELETE) - before, 1, "{name}");
        } else {
            assert_eq!(answer.consents[0].provider(), ProviderDelivery::NotOffered, "{name}");
        }
        let journey = world.status(journey_id).await;
        assert_eq!(mine(&journey).state(), ConsentState::Active, "{name}: the consent stays");
        assert_eq!(mine(&journey).fetches[0].purge_reason(), PurgeReason::Caller, "{name}");
        let again = world.purge(request).await.unwrap();
        assert!(again.replayed && again.receipts == answer.receipts, "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_sent_again_and_a_fetch_alone_is_not_the_providers_business() {
    let (world, clock) = world().await;
    let journey_id = world.approved(monitoring("finpro", "consent", "01")).await;
    let first = world.until_picked_up(&journey_id).await.consents[0].fetches[0].fetch_id.clone();
    clock.advance(DAY);
    let second = world.refresh(refresh(&journey_id)).await.unwrap().fetch.unwrap().fetch_id;
    world.until_picked_up(&journey_id).await;
    let fetches = |ids: &[&String]| pb::PurgeDataRequest {
        fetch_ids: ids.iter().map(|id| (*id).clone()).collect(),
        ..purge(&journey_id, "")
    };
    let answer = world.purge(fetches(&[&second])).await.unwrap();
    assert_eq!(answer.consents[0].provider(), ProviderDelivery::NotOffered, "the other fetch is still wanted");
    let (accounts, _) = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
    assert!(accounts.iter().all(|account| account.fetch_id == first), "the newest that is left");
    world.sandbox.lose_next_answer("/finpro/fidata");
    let answer = world.purge(fetches(&[&first])).await.unwrap();
    assert_eq!(answer.consents[0].provider(), ProviderDelivery::Pending);
    world.until(&journey_id, |journey| journey.consents[0].data_deletion() == ProviderDelivery::Done).await;
    assert!(world.sandbox.calls().count("finpro:received:/fidata") >= 2, "resent");
    // A consent that is live brings new data.
    clock.advance(DAY);
    let third = world.refresh(refresh(&journey_id)).await.unwrap().fetch.unwrap().fetch_id;
    let came = |journey: &pb::Journey| journey.consents[0].fetches.last().unwrap().pick_up_time.is_some();
    let journey = world.until(&journey_id, came).await;
    assert_eq!(journey.consents[0].fetches.last().unwrap().fetch_id, third);
    assert!(world.data(data_request(&journey_id, View::Masked)).await.is_ok());
    let unknown = fetches(&[&format!("fch_{}", "0".repeat(26))]);
    assert_eq!(reason(&world.purge(unknown).await.unwrap_err()), "FETCH_NOT_FOUND");
    let both = pb::PurgeDataRequest { fetch_ids: vec![first.clone()], ..purge(&journey_id, &journey.consents[0].consent_id) };
    assert_eq!(reason(&world.purge(both).await.unwrap_err()), "INVALID_FIELDS");
    world.stop().await;
}

/// The kinds of what is overdue.
fn kinds(overdue: &pb::ListOverdueResponse) -> Vec<KeptKind> {
    assert_eq!(overdue.total_count, overdue.items.len() as i64);
    let mut kinds: Vec<_> = overdue.items.iter().map(pb::OverdueItem::kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn everything_ends_on_its_date_and_what_does_not_is_listed() {
    let clock = Arc::new(ShiftedClock::default());
    let world = World::at(clock.clone(), SandboxConfig::default(), |config| config.tenant.retain_evidence = true).await;
    let products = [pb::Product::Data, pb::Product::Analytics];
    let journey_id = world.approved(crate::harness::start_request("finpro", "consent", "01", &products)).await;
    let journey = world.until_picked_up(&journey_id).await;
    let analysis = pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
    world.client.clone().fetch_analytics(analysis).await.unwrap();
    assert_eq!(kinds(&world.overdue().await), []);
    let until = journey.purge_time.unwrap().seconds;
    assert!(until > journey.consents[0].fetches[0].data_expire_time.unwrap().seconds, "the journey outlives its data");
    // Without the sweeper: what should be gone is listed.
    let (config, fetch_id) = (world.config.clone(), journey.consents[0].fetches[0].fetch_id.clone());
    let stopped = world.paused().await;
    clock.advance(24 * 400);
    let tenants = App::offline(&config, clock.clone()).await.unwrap();
    let offline = tenants.first();
    let late = offline.overdue().await.unwrap();
    let mut found: Vec<_> = late.entries.iter().map(|entry| entry.item.kind).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, [KeptKind::Snapshot, KeptKind::Evidence, KeptKind::Document, KeptKind::Journey, KeptKind::Request]);
    offline.store().close().await;
    // With it: nothing is left, of the journey neither.
    let world = stopped.resumed().await;
    world.until_gone(&fetch_id).await;
    let unknown = pb::GetStatusRequest { journey_id: journey_id.clone() };
    let status = world.client.clone().get_status(unknown).await.unwrap_err();
    assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "JOURNEY_NOT_FOUND"));
    assert_eq!(kinds(&world.overdue().await), []);
    let receipts = world.gateway.service().store().receipts("demo", Some(&journey_id)).await.unwrap();
    let reasons: Vec<_> = receipts.iter().map(|receipt| receipt.reason).collect();
    assert_eq!(reasons, [PurgeReason::DataLife, PurgeReason::JourneyLife]);
    assert_eq!((receipts[0].snapshots, receipts[0].evidence), (1, 1));
    assert!(receipts[0].documents >= 2);
    world.stop().await;
}

#[tokio::test]
async fn receipts_are_printed_by_a_command() {
    let directory = configured("");
    let (journey_id, fetch_id) = (format!("jrn_{}", "1".repeat(26)), format!("fch_{}", "2".repeat(26)));
    // The key file of `configured`.
    let store = store::open(&directory.path().join("sangam.db"), &Keys::new(&[0x11; 32])).await.unwrap();
    let at: jiff::Timestamp = "2026-01-02T03:04:05Z".parse().unwrap();
    let purging = Purging { reason: PurgeReason::Caller, at, receipt_until: jiff::Timestamp::MAX };
    store.drop_fetch("default", &journey_id, &fetch_id, purging).await.unwrap();
    store.close().await;
    let print = |more: &[&str]| {
        let mut command = sangam(directory.path(), &[&["receipts", "--config", "sangam.toml"], more].concat());
        let output = command.env("THE_SECRET", "x").output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let line = format!("2026-01-02T03:04:05Z\tCALLER\t{journey_id}\t{fetch_id}\tsnapshots 0\tevidence 0\tdocuments 0\n");
    assert_eq!(print(&[]), (Some(0), line.clone()));
    assert_eq!(print(&["--journey", &journey_id]), (Some(0), line));
    assert_eq!(print(&["--journey", "jrn_x"]), (Some(0), String::new()));
}
