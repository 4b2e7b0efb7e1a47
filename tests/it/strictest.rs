//! Two consents of one transaction, one of which may be kept and the other only looked at: the stricter one decides, in any order.

use prost::Message;
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

/// The ids of the accounts in a stream.
async fn streamed(world: &World, journey_id: &str, consent_id: &str) -> Result<Vec<String>, String> {
    let (journey_id, consent_id) = (journey_id.to_owned(), consent_id.to_owned());
    let request = pb::StreamDataRequest { journey_id, consent_id, ..Default::default() };
    let stream = world.client.clone().stream_data(request).await;
    let mut stream = stream.map_err(|status| reason(&status))?.into_inner();
    let mut payload = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(pb::stream_data_response::Part::Payload(part)) = message.part {
            payload.extend_from_slice(&part);
        }
    }
    let rows = pb::FetchDataResponse::decode(&payload[..]).unwrap();
    let mut ids: Vec<String> = rows.accounts.into_iter().map(|account| account.account_id).collect();
    ids.sort_unstable();
    Ok(ids)
}

#[tokio::test]
async fn a_viewed_body_shows_each_account_once() {
    let world = world().await;
    // One template is about deposits only, the other one about them and more.
    let journey_id = world.approved(start([Purpose::OneTime, Purpose::Underwriting])).await;
    let ready = |journey: &pb::Journey| journey.state() == JourneyState::Ready && journey.settled;
    let journey = world.until(&journey_id, ready).await;
    let listed: Vec<usize> = journey.consents.iter().map(|consent| consent.fetches[0].accounts.len()).collect();
    let [deposits, all] = listed[..] else { panic!("{listed:?}") };
    assert!(0 < deposits && deposits < all, "{listed:?}");
    for (consent_id, count) in [("", all), (&journey.consents[0].consent_id, deposits), (&journey.consents[1].consent_id, all)] {
        let mut ids = streamed(&world, &journey_id, consent_id).await.unwrap();
        let read = ids.len();
        ids.dedup();
        assert_eq!((read, ids.len()), (count, count), "{consent_id}");
    }
    // What both list cannot be told apart, so the withdrawal of one takes it from both.
    let consent_ids = vec![journey.consents[1].consent_id.clone()];
    let revoke = pb::RevokeConsentRequest { consent_ids, all_consents: false, ..crate::writes::revoke(&journey_id) };
    world.client.clone().revoke_consent(revoke).await.unwrap();
    for consent in &journey.consents {
        let refused = streamed(&world, &journey_id, &consent.consent_id).await;
        assert_eq!(refused, Err("CONSENT_REVOKED".to_owned()));
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
