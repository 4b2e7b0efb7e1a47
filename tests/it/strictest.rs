//! Two consents of one transaction, one of which may be kept and the other only looked at: the stricter one decides, in any order.

use sangam::{
    pb::{self, ConsentAsk, JourneyState, Product, Purpose, View},
    sandbox::SandboxConfig,
};

use crate::harness::{World, data_request, reason, start_request};

async fn world() -> World {
    World::with(SandboxConfig::default(), |config| {
        config.tenant.retain_evidence = true;
        let finpro = config.tenant.providers.finpro.get_mut("orchestration").unwrap();
        finpro.products.insert("one_time".to_owned(), "VIEW-ONCE".to_owned());
    })
    .await
}

fn start(purposes: [Purpose; 2]) -> pb::StartJourneyRequest {
    let mut start = start_request("finpro", "orchestration", "01", &[Product::Data, Product::Analytics]);
    start.consents = purposes.iter().map(|purpose| ConsentAsk { purpose: (*purpose).into(), ..Default::default() }).collect();
    start
}

async fn nothing_is_kept(purposes: [Purpose; 2]) {
    let world = world().await;
    let journey_id = world.approved(start(purposes)).await;
    let journey = world.until(&journey_id, |journey| journey.state() == JourneyState::Ready && journey.settled).await;
    let refused = world.data(data_request(&journey_id, View::Masked)).await.unwrap_err();
    assert_eq!(reason(&refused), "VIEW_ONLY", "{purposes:?}");
    let analysis = pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
    assert_eq!(reason(&world.client.clone().fetch_analytics(analysis).await.unwrap_err()), "VIEW_ONLY");
    let request = pb::StreamDataRequest { journey_id: journey_id.clone(), view: View::Masked.into(), ..Default::default() };
    assert!(world.client.clone().stream_data(request).await.unwrap().into_inner().message().await.unwrap().is_some());
    world.gateway.service().nudge(&journey_id).await.unwrap();
    let later = world.status(&journey_id).await;
    assert!(later.consents.iter().flat_map(|consent| &consent.fetches).all(|fetch| fetch.pick_up_time.is_none()));
    let store = world.gateway.service().store();
    for fetch in journey.consents.iter().flat_map(|consent| &consent.fetches) {
        assert!(store.snapshot("demo", &fetch.fetch_id).await.unwrap().is_none(), "{purposes:?}");
        assert!(store.evidence("demo", &fetch.fetch_id).await.unwrap().is_none(), "{purposes:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn nothing_is_kept_where_the_stored_consent_is_listed_first() {
    nothing_is_kept([Purpose::Underwriting, Purpose::OneTime]).await;
}

#[tokio::test]
async fn nothing_is_kept_where_the_viewed_consent_is_listed_first() {
    nothing_is_kept([Purpose::OneTime, Purpose::Underwriting]).await;
}
