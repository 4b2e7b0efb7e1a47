//! What is lived through on a store before it is kept: each kind of journey, answer and message at least once.

use std::sync::Arc;

use sangam::{
    app::{App, Running},
    clock::SystemClock,
    config::Config,
    pb::{self, JourneyState, Product, View, journey_service_client::JourneyServiceClient},
    sandbox::customer,
    seal::Keys,
    store::{self, Addressee, NewMessage},
};
use tonic::transport::Channel;

use super::{FEED_MESSAGES, calls::Call};
use crate::{
    harness::{connect, data_request, start_request, until},
    writes::{monitoring, revoke, uuid},
};

const BOTH: [Product; 2] = [Product::Data, Product::Analytics];

/// A running gateway, and the calls that are to be kept.
struct Teller {
    gateway: Running,
    client: JourneyServiceClient<Channel>,
    calls: Vec<Call>,
}

/// Lives the story; answers the calls by which a reader of the store hears it. The gateway is stopped at the end.
pub async fn live(config: &mut Config) -> Vec<Call> {
    config.tenant.retain_evidence = true;
    let mut teller = Teller::start(config, Vec::new()).await;
    teller.with_evidence().await;
    teller.gateway.stop().await;
    config.tenant.retain_evidence = false;
    let mut teller = Teller::start(config, teller.calls).await;
    teller.settled_journeys().await;
    teller.gateway.stop().await;
    // From here on nothing is looked at by itself, so that nothing is due when the store is read.
    config.poller.first_ms = 3_600_000;
    config.poller.max_ms = 3_600_000;
    let mut teller = Teller::start(config, teller.calls).await;
    let open = teller.open_journeys().await;
    teller.lists().await;
    teller.gateway.stop().await;
    inbox(config, &open).await;
    teller.calls
}

impl Teller {
    async fn start(config: &Config, calls: Vec<Call>) -> Self {
        let gateway = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap();
        let client = connect(&gateway).await;
        Self { gateway, client, calls }
    }

    fn keep(&mut self, name: &str, method: &str, request: &impl prost::Message) {
        let path = format!("/sangam.v1.JourneyService/{method}");
        self.calls.push(Call { name: format!("{name}: {method}"), path, request: request.encode_to_vec(), most: None });
    }

    /// The tree; and its changes, of a journey whose watch ends.
    fn keep_tree(&mut self, name: &str, journey_id: &str, settled: bool) {
        let journey_id = journey_id.to_owned();
        self.keep(name, "GetStatus", &pb::GetStatusRequest { journey_id: journey_id.clone() });
        if settled {
            let request = pb::WatchStatusRequest { journey_id, after_sequence: Some(0), follow: false };
            self.keep(name, "WatchStatus", &request);
        }
    }

    async fn opened(&mut self, name: &str, request: pb::StartJourneyRequest, decide: Decide) -> String {
        let opened = self.client.start_journey(request.clone()).await.unwrap().into_inner();
        match decide {
            Decide::Approve => customer::approve(&opened.customer_url).await.unwrap(),
            Decide::Reject => customer::reject(&opened.customer_url).await.unwrap(),
            Decide::Upload => customer::upload(&opened.customer_url, 2).await.unwrap(),
            Decide::Wait => None,
        };
        if request.credential == "orchestration" || request.provider == "finpass" {
            self.keep(name, "StartJourney", &request);
        }
        opened.journey_id
    }

    /// A journey until its data are kept.
    async fn kept(&mut self, name: &str, request: pb::StartJourneyRequest, decide: Decide) -> pb::Journey {
        let journey_id = self.opened(name, request, decide).await;
        let kept = |journey: &pb::Journey| {
            let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches).peekable();
            journey.settled && fetches.peek().is_some() && fetches.all(|fetch| fetch.pick_up_time.is_some())
        };
        let journey = until(&self.gateway, &self.client, &journey_id, kept).await;
        self.keep_tree(name, &journey_id, true);
        let mut request = data_request(&journey_id, View::Full);
        request.page_bytes = 64 * 1024;
        self.keep(name, "FetchData", &request);
        request.page_token = self.client.fetch_data(request.clone()).await.unwrap().into_inner().next_page_token;
        if !request.page_token.is_empty() {
            self.keep(&format!("{name}, second page"), "FetchData", &request);
        }
        journey
    }

    /// A journey whose provider's own bodies are kept too.
    async fn with_evidence(&mut self) {
        let journey = self.kept("profiles only", start_request("finpro", "consent", "22", &BOTH[..1]), Decide::Approve).await;
        let request = pb::GetEvidenceRequest { journey_id: journey.journey_id, ..Default::default() };
        self.keep("profiles only", "GetEvidence", &request);
    }

    async fn settled_journeys(&mut self) {
        let feed = self.client.watch_journeys(pb::WatchJourneysRequest::default()).await.unwrap();
        let mut feed = feed.into_inner();

        let request = start_request("finpro", "orchestration", "15", &BOTH);
        let orchestrated = self.kept("orchestration with joint holders", request, Decide::Approve).await;
        self.analysed("orchestration with joint holders", &orchestrated.journey_id).await;

        // A place in the feed that a watcher may come back to.
        let resume_token = feed.message().await.unwrap().unwrap().resume_token;
        self.keep("feed", "WatchJourneys", &pb::WatchJourneysRequest { resume_token, ..Default::default() });
        self.calls.last_mut().unwrap().most = Some(FEED_MESSAGES);

        let request = monitoring("finpro", "consent", "01");
        let monitored = self.kept("monitoring", request, Decide::Approve).await;
        let latest = pb::FetchChangesRequest {
            journey_id: monitored.journey_id.clone(),
            mode: pb::ChangesMode::Provider.into(),
            request_id: uuid(),
            view: View::Full.into(),
            ..Default::default()
        };
        self.client.fetch_changes(latest.clone()).await.unwrap();
        self.keep("latest data", "FetchChanges", &latest);

        self.kept("every kind", start_request("finpro", "consent", "44", &BOTH[..1]), Decide::Approve).await;
        self.kept("aggregator only", start_request("finpass", "main", "22", &BOTH[..1]), Decide::Approve).await;
        let analysed = self.kept("analyser", start_request("finpass", "main", "01", &BOTH), Decide::Approve).await;
        self.analysed("analyser", &analysed.journey_id).await;
        self.kept("uploaded", start_request("finpro", "orchestration", "06", &BOTH[..1]), Decide::Upload).await;
        self.ended().await;
    }

    /// The analysis and its first document.
    async fn analysed(&mut self, name: &str, journey_id: &str) {
        let request = pb::FetchAnalyticsRequest { journey_id: journey_id.to_owned(), ..Default::default() };
        let analysis = loop {
            // The sandbox counts looks, so asking again is what brings it nearer.
            if let Ok(answer) = self.client.fetch_analytics(request.clone()).await {
                break answer.into_inner();
            }
        };
        let report_id = analysis.reports[0].report_id.clone();
        let request = pb::FetchReportRequest { journey_id: journey_id.to_owned(), report_id, ..Default::default() };
        let mut stream = self.client.fetch_report(request.clone()).await.unwrap().into_inner();
        while stream.message().await.unwrap().is_some() {}
        self.keep(name, "FetchReport", &request);
    }

    async fn ended(&mut self) {
        let request = start_request("finpro", "consent", "39", &BOTH[..1]);
        let journey_id = self.opened("revoked", request, Decide::Approve).await;
        until(&self.gateway, &self.client, &journey_id, |journey| journey.settled).await;
        let request = revoke(&journey_id);
        self.client.revoke_consent(request.clone()).await.unwrap();
        let done = |consent: &pb::Consent| consent.revocation() == pb::ProviderDelivery::Done;
        until(&self.gateway, &self.client, &journey_id, |journey| journey.consents.iter().all(done)).await;
        self.keep("revoked", "RevokeConsent", &request);
        self.keep_tree("revoked", &journey_id, true);
        self.keep("revoked: FailedPrecondition CONSENT_REVOKED", "FetchData", &data_request(&journey_id, View::Masked));
        self.calls.last_mut().unwrap().name = "revoked: FailedPrecondition CONSENT_REVOKED".to_owned();

        let request = start_request("finpro", "orchestration", "01", &BOTH[..1]);
        let journey_id = self.opened("rejected", request, Decide::Reject).await;
        until(&self.gateway, &self.client, &journey_id, |journey| journey.state() == JourneyState::Rejected).await;
        self.keep_tree("rejected", &journey_id, true);
    }

    /// Journeys that still wait; answers the id of one and of its attempt.
    async fn open_journeys(&mut self) -> Addressee {
        let mut request = start_request("finpro", "orchestration", "01", &BOTH[..1]);
        request.client_reference = "loan-1".to_owned();
        let waiting = self.opened("waiting", request, Decide::Wait).await;
        self.keep_tree("waiting", &waiting, false);

        let cancelled = self.opened("cancelled", start_request("finpass", "main", "01", &BOTH[..1]), Decide::Wait).await;
        self.calls.pop();
        let request = pb::CancelJourneyRequest { request_id: uuid(), journey_id: cancelled.clone() };
        self.client.cancel_journey(request.clone()).await.unwrap();
        self.keep("cancelled", "CancelJourney", &request);
        self.keep_tree("cancelled", &cancelled, false);

        let lost = start_request("finpro", "orchestration", "36", &BOTH[..1]);
        let status = self.client.start_journey(lost.clone()).await.unwrap_err();
        let unknown = crate::harness::metadata(&status, "journey_id").unwrap();
        self.keep_tree("unknown outcome", &unknown, false);
        self.keep("", "StartJourney", &lost);
        self.calls.last_mut().unwrap().name = "unknown outcome: FailedPrecondition OUTCOME_UNKNOWN".to_owned();

        // A message wakes it as soon as a gateway serves the store, so its tree is no fixed answer.
        let journey_id = self.opened("woken", start_request("finpass", "main", "01", &BOTH[..1]), Decide::Wait).await;
        self.calls.pop();
        let request = pb::GetStatusRequest { journey_id: journey_id.clone() };
        let journey = self.client.get_status(request).await.unwrap().into_inner().journey.unwrap();
        Addressee { journey_id, attempt_id: journey.attempts[0].attempt_id.clone() }
    }

    async fn lists(&mut self) {
        let mut request = pb::ListJourneysRequest { page_size: 4, ..Default::default() };
        self.keep("all", "ListJourneys", &request);
        request.page_token = self.client.list_journeys(request.clone()).await.unwrap().into_inner().next_page_token;
        self.keep("all, second page", "ListJourneys", &request);
        let request = pb::ListJourneysRequest { client_reference: "loan-1".to_owned(), ..Default::default() };
        self.keep("by reference", "ListJourneys", &request);
        self.keep("all", "ListOverdue", &pb::ListOverdueRequest {});
    }
}

/// What the customer does.
#[derive(Clone, Copy)]
enum Decide {
    Approve,
    Reject,
    Upload,
    Wait,
}

/// Messages that were acknowledged when the process ended: one for an attempt, one for a credential.
async fn inbox(config: &Config, open: &Addressee) {
    let store = store::connect(&config.store, &Keys::of(config.seal.ring().unwrap())).await.unwrap();
    let now = jiff::Timestamp::now();
    for (number, attempt) in [Some(open.clone()), None].into_iter().enumerate() {
        let message = NewMessage {
            id: format!("msg_0000000000000000000000000{number}"),
            tenant: "demo".to_owned(),
            provider: if attempt.is_some() { "finpass" } else { "finpro" }.to_owned(),
            credential: if attempt.is_some() { "main" } else { "consent" }.to_owned(),
            verified: attempt.is_none(),
            attempt,
            token: format!("golden-{number}"),
            body: format!("{{\"event\":\"GOLDEN\",\"number\":{number}}}").into(),
            received_at: now,
            purge_at: now + jiff::SignedDuration::from_hours(24 * 365 * 100),
        };
        assert!(store.keep_message(message).await.unwrap());
    }
    store.close().await;
}
