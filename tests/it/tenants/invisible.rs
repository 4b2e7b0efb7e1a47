//! Whatever a caller does with another tenant's ids, it is as if they were nobody's.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message;
use prost_types::FileDescriptorSet;
use sangam::{
    pb::{self, JourneyState, Product, watch_journeys_response::Event},
    random::{SystemRandom, new_id},
};
use tokio::time::timeout;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{BOTH, Client, Two};
use crate::harness::{PATIENCE, data_request, reason, start_request};

const DATA: &[Product] = &[Product::Data];

/// What a caller names.
#[derive(Clone)]
struct Names {
    journey: String,
    consent: String,
    fetch: String,
    report: String,
    handle: String,
    query: String,
}

impl Names {
    /// Names that are nobody's.
    fn nobodys(report: &str) -> Self {
        let id = |prefix| new_id(&SystemRandom, prefix);
        let (journey, consent, fetch) = (id("jrn"), id("cns"), id("fch"));
        Self { journey, consent, fetch, report: report.to_owned(), handle: uuid(), query: "status=S&errorcode=0".to_owned() }
    }

    /// A text without them, so that two answers can be compared.
    fn out_of(&self, text: &str) -> String {
        [&self.journey, &self.consent, &self.fetch].into_iter().fold(text.to_owned(), |text, id| text.replace(id.as_str(), "ID"))
    }
}

fn uuid() -> String {
    uuid::Uuid::new_v4().to_string()
}

/// Every method of the contract with these names: its refusal, or that it has none.
async fn everything(client: &Client, names: &Names) -> Vec<(&'static str, Option<Status>)> {
    let Names { journey, consent, fetch, report, handle, query } = names.clone();
    let mut client = client.clone();
    let mut answers = Vec::new();
    let mut note = |name, answer: Option<Status>| answers.push((name, answer));
    let superseding = pb::StartJourneyRequest {
        supersedes: journey.clone(),
        client_reference: "loan-1".to_owned(),
        ..start_request("finpro", "consent", "01", DATA)
    };
    note("StartJourney", client.start_journey(superseding).await.err());
    let request = pb::ResumeJourneyRequest { request_id: uuid(), journey_id: journey.clone(), ..Default::default() };
    note("ResumeJourney", client.resume_journey(request).await.err());
    let request = pb::ResolveRedirectRequest { query, journey_id: journey.clone() };
    note("ResolveRedirect", client.resolve_redirect(request).await.err());
    let request = pb::AdoptConsentRequest {
        request_id: uuid(),
        provider: "finpro".to_owned(),
        credential: "consent".to_owned(),
        customer: start_request("", "", "01", DATA).customer,
        consent: Some(pb::ConsentAsk { purpose: pb::Purpose::Underwriting.into(), ..Default::default() }),
        references: Some(pb::ProviderReferences { handle, ..Default::default() }),
        ..Default::default()
    };
    note("AdoptConsent", client.adopt_consent(request).await.err());
    note("GetStatus", client.get_status(pb::GetStatusRequest { journey_id: journey.clone() }).await.err());
    let request = pb::WatchStatusRequest { journey_id: journey.clone(), ..Default::default() };
    note("WatchStatus", client.watch_status(request).await.err());
    let request = pb::FetchDataRequest { fetch_id: fetch.clone(), ..data_request(&journey, pb::View::Full) };
    note("FetchData", client.fetch_data(request).await.err());
    let request = pb::StreamDataRequest { journey_id: journey.clone(), fetch_id: fetch.clone(), ..Default::default() };
    note("StreamData", client.stream_data(request).await.err());
    let request = pb::FetchChangesRequest { journey_id: journey.clone(), since_fetch_id: fetch.clone(), ..Default::default() };
    note("FetchChanges", client.fetch_changes(request).await.err());
    let request = pb::FetchAnalyticsRequest { journey_id: journey.clone(), ..Default::default() };
    note("FetchAnalytics", client.fetch_analytics(request).await.err());
    let request = pb::FetchReportRequest { journey_id: journey.clone(), report_id: report, ..Default::default() };
    note("FetchReport", client.fetch_report(request).await.err());
    let request = pb::GetEvidenceRequest { journey_id: journey.clone(), fetch_id: fetch.clone(), ..Default::default() };
    note("GetEvidence", client.get_evidence(request).await.err());
    let request = pb::RefreshDataRequest { request_id: uuid(), journey_id: journey.clone(), consent_id: consent.clone() };
    note("RefreshData", client.refresh_data(request).await.err());
    let request = pb::RevokeConsentRequest {
        request_id: uuid(),
        journey_id: journey.clone(),
        consent_ids: vec![consent.clone()],
        ..Default::default()
    };
    note("RevokeConsent", client.revoke_consent(request).await.err());
    let request = pb::CancelJourneyRequest { request_id: uuid(), journey_id: journey.clone() };
    note("CancelJourney", client.cancel_journey(request).await.err());
    let request = pb::PurgeDataRequest { request_id: uuid(), journey_id: journey, fetch_ids: vec![fetch], ..Default::default() };
    note("PurgeData", client.purge_data(request).await.err());
    answers
}

/// Methods that take no id of anybody: what they answer is looked at apart.
const WITHOUT_IDS: [&str; 4] = ["ExplainConsent", "ListJourneys", "WatchJourneys", "ListOverdue"];

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_ids_are_answered_like_nobodys_by_every_method() {
    let two = Two::with(|config| config.several.iter_mut().for_each(|tenant| tenant.retain_evidence = true)).await;
    let mut request = start_request("finpro", "consent", "01", &[Product::Data, Product::Analytics]);
    request.client_reference = "loan-1".to_owned();
    let journey_id = two.approved(BOTH[0], request).await;
    let before = two.until_kept(BOTH[0], &journey_id).await;
    let analytics = pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
    let analytics = two.client(BOTH[0]).fetch_analytics(analytics).await.unwrap().into_inner();
    let tree = two.service(BOTH[0]).store().journey(BOTH[0], &journey_id).await.unwrap().unwrap().journey;
    let names = Names {
        journey: journey_id.clone(),
        consent: before.consents[0].consent_id.clone(),
        fetch: before.consents[0].fetches[0].fetch_id.clone(),
        report: analytics.reports[0].report_id.clone(),
        handle: tree.consents[0].handle.clone().unwrap(),
        query: "status=S&errorcode=0".to_owned(),
    };
    let nobodys = Names::nobodys(&names.report);
    let stranger = two.client(BOTH[1]);
    let refused = everything(&stranger, &names).await;
    let unknown = everything(&stranger, &nobodys).await;
    for ((method, theirs), (_, none)) in refused.iter().zip(&unknown) {
        let (theirs, none) = (theirs.as_ref().unwrap_or_else(|| panic!("{method} serves it")), none.as_ref().unwrap());
        let shape = |status: &Status, names: &Names| {
            let details = status.get_error_details();
            // In an order: that of the wire is any.
            let metadata: BTreeMap<_, _> = details.error_info().unwrap().metadata.clone().into_iter().collect();
            let rest = format!("{:?} {:?} {:?}", details.bad_request(), details.precondition_failure(), details.retry_info());
            let told = names.out_of(&format!("{} {metadata:?} {rest}", reason(status)));
            (status.code(), status.message().to_owned(), told, status.details().len())
        };
        assert_eq!(shape(theirs, &names), shape(none, &nobodys), "{method}");
        if !["AdoptConsent"].contains(method) {
            assert_eq!((theirs.code(), reason(theirs).as_str()), (Code::NotFound, "JOURNEY_NOT_FOUND"), "{method}");
        }
    }
    // No method is forgotten.
    let described = FileDescriptorSet::decode(pb::DESCRIPTOR_SET).unwrap();
    let services = described.file.iter().flat_map(|file| &file.service).filter(|service| service.name() == "JourneyService");
    let methods: BTreeSet<&str> = services.flat_map(|service| &service.method).map(|method| method.name()).collect();
    let tried: BTreeSet<&str> = refused.iter().map(|(method, _)| *method).chain(WITHOUT_IDS).collect();
    assert_eq!(tried, methods);
    // And nothing came of it: neither there, nor at the provider, nor in what the stranger has.
    let after = two.journey(BOTH[0], &journey_id).await;
    assert_eq!((after.sequence, after.state()), (before.sequence, JourneyState::Ready));
    let listed = two.client(BOTH[1]).list_journeys(pb::ListJourneysRequest::default()).await.unwrap().into_inner();
    assert!(listed.journeys.is_empty(), "{listed:?}");
    assert_eq!(two.sandboxes[1].calls().count("finpro:/v3/requestconsent"), 0);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_tenants_fetch_and_consent_are_nobodys_in_a_journey_of_ones_own() {
    let two = Two::start().await;
    let mut trees = Vec::new();
    for tenant in BOTH {
        let journey_id = two.approved(tenant, start_request("finpro", "consent", "01", DATA)).await;
        trees.push(two.until_kept(tenant, &journey_id).await);
    }
    let (theirs, own) = (&trees[0], &trees[1]);
    let mut client = two.client(BOTH[1]);
    let fetch_id = theirs.consents[0].fetches[0].fetch_id.clone();
    let request = pb::FetchDataRequest { fetch_id, ..data_request(&own.journey_id, pb::View::Full) };
    assert_eq!(reason(&client.fetch_data(request).await.unwrap_err()), "FETCH_NOT_FOUND");
    let consent_id = theirs.consents[0].consent_id.clone();
    let request = pb::FetchDataRequest { consent_id, ..data_request(&own.journey_id, pb::View::Full) };
    assert_eq!(reason(&client.fetch_data(request).await.unwrap_err()), "CONSENT_NOT_FOUND");
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_of_one_tenant_opens_anything_for_the_other() {
    let two = Two::start().await;
    let [acme, bharat] = BOTH;
    let mut own = Vec::new();
    for tenant in BOTH {
        for digits in ["01", "01"] {
            own.push(two.approved(tenant, start_request("finpro", "consent", digits, DATA)).await);
        }
    }
    two.until_kept(acme, &own[0]).await;
    two.until_kept(bharat, &own[2]).await;
    let small = |journey_id: &str| pb::FetchDataRequest { page_bytes: 16 * 1024, ..data_request(journey_id, pb::View::Full) };
    let page = two.client(acme).fetch_data(small(&own[0])).await.unwrap().into_inner();
    assert!(!page.next_page_token.is_empty());
    for journey_id in [&own[2], &own[0]] {
        let request = pb::FetchDataRequest { page_token: page.next_page_token.clone(), ..small(journey_id) };
        let refused = two.client(bharat).fetch_data(request).await.unwrap_err();
        let expected = if journey_id == &own[0] { "JOURNEY_NOT_FOUND" } else { "PAGE_TOKEN_MISMATCH" };
        assert_eq!(reason(&refused), expected);
    }
    let list =
        |page_token: &str| pb::ListJourneysRequest { page_size: 1, page_token: page_token.to_owned(), ..Default::default() };
    let listed = two.client(acme).list_journeys(list("")).await.unwrap().into_inner();
    assert!(!listed.next_page_token.is_empty());
    let refused = two.client(bharat).list_journeys(list(&listed.next_page_token)).await.unwrap_err();
    assert_eq!(reason(&refused), "PAGE_TOKEN_MISMATCH");
    let watch = |resume_token: &str| pb::WatchJourneysRequest { resume_token: resume_token.to_owned(), states: Vec::new() };
    let mut feed = two.client(acme).watch_journeys(watch("")).await.unwrap().into_inner();
    let place = timeout(PATIENCE, feed.message()).await.unwrap().unwrap().unwrap().resume_token;
    let refused = two.client(bharat).watch_journeys(watch(&place)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH"));
    drop(feed);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_of_a_tenant_tells_of_its_own_journeys_only() {
    let two = Two::start().await;
    let [acme, bharat] = BOTH;
    let mut feed = two.client(bharat).watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap().into_inner();
    let other = two.approved(acme, start_request("finpro", "consent", "01", DATA)).await;
    two.until_kept(acme, &other).await;
    let own = two.approved(bharat, start_request("finpro", "consent", "01", DATA)).await;
    let last = two.until_kept(bharat, &own).await.sequence;
    let mut told = Vec::new();
    while told.last() != Some(&last) {
        if let Some(Event::Change(change)) = timeout(PATIENCE, feed.message()).await.unwrap().unwrap().unwrap().event {
            assert_eq!(change.journey_id, own);
            told.push(change.sequence);
        }
    }
    assert!(told.is_sorted(), "{told:?}");
    drop(feed);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_in_particular_reaches_no_tenant_of_several() {
    let two = Two::start().await;
    let mut client = crate::harness::connect(&two.gateway).await;
    assert!(client.start_journey(start_request("finpro", "consent", "01", DATA)).await.is_err());
    assert!(client.list_journeys(pb::ListJourneysRequest::default()).await.is_err());
    for sandbox in &two.sandboxes {
        assert_eq!(sandbox.calls().all().len(), 0);
    }
    two.stop().await;
}
