//! What belongs to one tenant is nothing to another: its ids read like ids that were never given.

use std::collections::BTreeMap;

use sangam::{
    pb::{self, Product},
    random::{SystemRandom, new_id},
    sandbox::SandboxConfig,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{World, reason, start_request};

/// What a caller sees of a status, but for the ids that he gave himself.
fn shape(status: &Status, given: &str) -> (Code, String, String) {
    let mut details = status.get_error_details();
    let info = details.error_info().cloned().unwrap();
    // A map has no order of its own.
    let metadata: BTreeMap<_, _> = info.metadata.iter().collect();
    let said = format!("{} {} {metadata:?}", info.domain, info.reason);
    details.set_error_info("", "", std::collections::HashMap::new());
    (status.code(), status.message().to_owned(), format!("{said} {details:?}").replace(given, "ID"))
}

#[tokio::test]
async fn the_ids_of_another_tenant_are_answered_as_ids_that_never_were() {
    let world = World::with(SandboxConfig::default(), |_| ()).await;
    let request = start_request("finpro", "consent", "01", &[Product::Data, Product::Analytics]);
    let theirs = world.approved(request.clone()).await;
    let tree = world.until_picked_up(&theirs).await;
    let (consent, fetch) = (tree.consents[0].consent_id.clone(), tree.consents[0].fetches[0].fetch_id.clone());
    let mut page = crate::harness::data_request(&theirs, pb::View::Masked);
    page.page_bytes = 20_000;
    let token = world.client.clone().fetch_data(page).await.unwrap().into_inner().next_page_token;
    assert!(!token.is_empty());

    // The same store, served for somebody else.
    let world = world.paused().await.for_tenant("other").resumed().await;
    let client = || world.client.clone();
    let never = new_id(&SystemRandom, "jrn");
    let asked = async |id: &str, consent: &str, fetch: &str| {
        let id = || id.to_owned();
        let write = || uuid::Uuid::new_v4().to_string();
        let (consent, fetch) = (consent.to_owned(), fetch.to_owned());
        vec![
            client().get_status(pb::GetStatusRequest { journey_id: id() }).await.unwrap_err(),
            client().watch_status(pb::WatchStatusRequest { journey_id: id(), ..Default::default() }).await.unwrap_err(),
            client().fetch_data(pb::FetchDataRequest { journey_id: id(), ..Default::default() }).await.unwrap_err(),
            client()
                .fetch_data(pb::FetchDataRequest { journey_id: id(), fetch_id: fetch.clone(), ..Default::default() })
                .await
                .unwrap_err(),
            client()
                .fetch_data(pb::FetchDataRequest { journey_id: id(), page_token: token.clone(), ..Default::default() })
                .await
                .unwrap_err(),
            client().stream_data(pb::StreamDataRequest { journey_id: id(), ..Default::default() }).await.unwrap_err(),
            client()
                .fetch_changes(pb::FetchChangesRequest { journey_id: id(), since_fetch_id: fetch.clone(), ..Default::default() })
                .await
                .unwrap_err(),
            client().fetch_analytics(pb::FetchAnalyticsRequest { journey_id: id(), ..Default::default() }).await.unwrap_err(),
            client()
                .fetch_report(pb::FetchReportRequest {
                    journey_id: id(),
                    report_id: format!("rep_json_{fetch}"),
                    ..Default::default()
                })
                .await
                .unwrap_err(),
            client().get_evidence(pb::GetEvidenceRequest { journey_id: id(), ..Default::default() }).await.unwrap_err(),
            client()
                .resume_journey(pb::ResumeJourneyRequest { journey_id: id(), request_id: write(), ..Default::default() })
                .await
                .unwrap_err(),
            client().cancel_journey(pb::CancelJourneyRequest { journey_id: id(), request_id: write() }).await.unwrap_err(),
            client()
                .refresh_data(pb::RefreshDataRequest { journey_id: id(), request_id: write(), consent_id: consent.clone() })
                .await
                .unwrap_err(),
            client()
                .revoke_consent(pb::RevokeConsentRequest {
                    journey_id: id(),
                    request_id: write(),
                    all_consents: true,
                    ..Default::default()
                })
                .await
                .unwrap_err(),
            client()
                .purge_data(pb::PurgeDataRequest {
                    journey_id: id(),
                    request_id: write(),
                    fetch_ids: vec![fetch.clone()],
                    ..Default::default()
                })
                .await
                .unwrap_err(),
        ]
    };
    let foreign = asked(&theirs, &consent, &fetch).await;
    let unknown = asked(&never, &new_id(&SystemRandom, "cns"), &new_id(&SystemRandom, "fch")).await;
    for (number, (foreign, unknown)) in foreign.iter().zip(&unknown).enumerate() {
        assert_eq!(shape(foreign, &theirs), shape(unknown, &never), "{number}");
        assert_eq!(reason(foreign), "JOURNEY_NOT_FOUND", "{number}");
    }
    let listed = client().list_journeys(pb::ListJourneysRequest::default()).await.unwrap().into_inner();
    assert!(listed.journeys.is_empty());

    // A page token, within a journey of the other tenant's own.
    let ours = world.approved(request.clone()).await;
    // The same request id is another request here: it gave another journey.
    assert_ne!(ours, theirs);
    world.until_picked_up(&ours).await;
    let with_token = |token: &str| pb::FetchDataRequest {
        journey_id: ours.clone(),
        page_bytes: 20_000,
        view: pb::View::Masked.into(),
        page_token: token.to_owned(),
        ..Default::default()
    };
    let own = client().fetch_data(with_token("")).await.unwrap().into_inner().next_page_token;
    assert!(client().fetch_data(with_token(&own)).await.is_ok());
    let foreign = client().fetch_data(with_token(&token)).await.unwrap_err();
    let broken = client().fetch_data(with_token(&own[..own.len() - 2])).await.unwrap_err();
    assert_eq!((shape(&foreign, "-"), reason(&foreign).as_str()), (shape(&broken, "-"), "PAGE_TOKEN_MISMATCH"));
    // And what lies within a journey: of the other tenant's, of nobody's.
    let fetched = async |fetch: &str| {
        let request = pb::FetchDataRequest { journey_id: ours.clone(), fetch_id: fetch.to_owned(), ..Default::default() };
        client().fetch_data(request).await.unwrap_err()
    };
    let never = new_id(&SystemRandom, "fch");
    assert_eq!(shape(&fetched(&fetch).await, &fetch), shape(&fetched(&never).await, &never));
    world.stop().await;
}
