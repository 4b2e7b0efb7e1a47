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
    let request =
        pb::StreamDataRequest { journey_id: journey_id.to_owned(), consent_id: consent_id.to_owned(), ..Default::default() };
    let stream = world.client.clone().stream_data(request).await;
    let mut stream = stream.map_err(|status| reason(&status))?.into_inner();
    let mut ids = Vec::new();
    while let Some(message) = stream.message().await.unwrap() {
        if let Some(pb::stream_data_response::Part::Payload(payload)) = message.part {
            let part = pb::FetchDataResponse::decode(&payload[..]).unwrap();
            ids.extend(part.accounts.into_iter().map(|account| account.account_id));
        }
    }
    Ok(ids)
}

#[tokio::test]
async fn a_viewed_body_is_divided_by_consent() {
    let world = world().await;
    let journey_id = world.approved(start([Purpose::OneTime, Purpose::Underwriting])).await;
    let ready = |journey: &pb::Journey| journey.state() == JourneyState::Ready && journey.settled;
    let journey = world.until(&journey_id, ready).await;
    let [first, second] = [0, 1].map(|place: usize| journey.consents[place].consent_id.clone());
    let (of_first, of_second) =
        (streamed(&world, &journey_id, &first).await.unwrap(), streamed(&world, &journey_id, &second).await.unwrap());
    assert!(!of_first.is_empty() && !of_second.is_empty() && of_first.iter().all(|id| !of_second.contains(id)));
    let all = streamed(&world, &journey_id, "").await.unwrap();
    assert_eq!(all.len(), of_first.len() + of_second.len());
    assert!(of_first.iter().chain(&of_second).all(|id| all.contains(id)));
    // What is withdrawn is left out of the body, though the provider still sends it.
    let revoke = pb::RevokeConsentRequest { consent_ids: vec![second.clone()], ..crate::writes::revoke(&journey_id) };
    world.revoke(pb::RevokeConsentRequest { all_consents: false, ..revoke }).await.unwrap();
    assert_eq!(streamed(&world, &journey_id, "").await, Ok(of_first.clone()));
    assert_eq!(streamed(&world, &journey_id, &first).await, Ok(of_first));
    assert_eq!(streamed(&world, &journey_id, &second).await, Err("CONSENT_REVOKED".to_owned()));
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
