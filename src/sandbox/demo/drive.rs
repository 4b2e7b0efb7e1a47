//! One journey from the first call to the analysis, as a client would drive it.

use std::time::{Duration, Instant};

use tonic::{Code, Request, Response, Status, transport::Channel};
use tonic_types::StatusExt;

use super::{DemoFailure, progress::Progress, report};
use crate::{
    pb::{self, journey_service_client::JourneyServiceClient},
    sandbox::customer,
};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(60);
/// Small on purpose, so that there are several pages.
const PAGE_BYTES: i32 = 128 * 1024;

/// One journey to drive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::sandbox) struct Plan {
    /// How progress names it.
    pub(in crate::sandbox) label: &'static str,
    /// The provider's id.
    pub(in crate::sandbox) provider: &'static str,
    /// The tenant's credential.
    pub(in crate::sandbox) credential: &'static str,
    /// What is wanted out of it.
    pub(in crate::sandbox) products: Vec<pb::Product>,
    /// Whether its analysis has an Excel report.
    pub(in crate::sandbox) excel: bool,
    /// How its data is asked for.
    pub(in crate::sandbox) view: pb::View,
}

impl Plan {
    pub(in crate::sandbox) fn has_analytics(&self) -> bool {
        self.products.contains(&pb::Product::Analytics)
    }
}

/// The four.
pub(in crate::sandbox) fn plans() -> Vec<Plan> {
    let both = vec![pb::Product::Data, pb::Product::Analytics];
    let plan = |label, provider, credential, products: &[_], excel| Plan {
        label,
        provider,
        credential,
        products: products.to_vec(),
        excel,
        view: pb::View::Masked,
    };
    vec![
        plan("FinPro consent", "finpro", "consent", &both, true),
        plan("FinPro orchestration", "finpro", "orchestration", &both, true),
        plan("Finpass AA", "finpass", "main", &both[..1], false),
        plan("Finpass AA-BSA", "finpass", "main", &both, false),
    ]
}

/// What came of it.
#[derive(Debug, Clone, Default)]
pub(in crate::sandbox) struct Seen {
    pub(in crate::sandbox) journey: pb::Journey,
    pub(in crate::sandbox) accounts: Vec<pb::Account>,
    pub(in crate::sandbox) transactions: Vec<pb::Transaction>,
    pub(in crate::sandbox) requested: Option<pb::DateRange>,
    pub(in crate::sandbox) pages: usize,
    pub(in crate::sandbox) analysis: Option<pb::AnalyticsCore>,
    /// Bytes of the Excel report.
    pub(in crate::sandbox) excel_bytes: Option<usize>,
    /// The sum of all calls' times.
    pub(in crate::sandbox) in_gateway: Duration,
    /// What the gateway said of a repeated GetStatus and FetchData.
    pub(in crate::sandbox) cache: [String; 2],
}

struct Driver<'a> {
    client: JourneyServiceClient<Channel>,
    plan: &'a Plan,
    progress: &'a Progress,
    seen: Seen,
}

/// Drives one journey to its end.
pub(in crate::sandbox) async fn drive(
    channel: Channel,
    plan: &Plan,
    customer: &pb::Customer,
    progress: &Progress,
) -> Result<Seen, DemoFailure> {
    let mut driver = Driver { client: JourneyServiceClient::new(channel), plan, progress, seen: Seen::default() };
    let journey_id = driver.open(customer).await?;
    driver.wait_until_ready(&journey_id).await?;
    driver.fetch_data(&journey_id).await?;
    if plan.has_analytics() {
        driver.fetch_analysis(&journey_id).await?;
    }
    driver.ask_again(&journey_id).await?;
    Ok(driver.seen)
}

impl Driver<'_> {
    fn say(&self, what: &str) {
        self.progress.say(self.plan.label, what);
    }

    fn took(&mut self, begin: Instant) {
        self.seen.in_gateway += begin.elapsed();
    }

    fn refused(&self, call: &'static str) -> impl Fn(Status) -> DemoFailure + use<> {
        let journey = self.plan.label;
        move |status| {
            let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
            DemoFailure::Refused { journey, call, status: format!("{:?} {reason}: {}", status.code(), status.message()) }
        }
    }

    async fn open(&mut self, customer: &pb::Customer) -> Result<String, DemoFailure> {
        let request = pb::StartJourneyRequest {
            request_id: uuid::Uuid::new_v4().to_string(),
            provider: self.plan.provider.to_owned(),
            credential: self.plan.credential.to_owned(),
            customer: Some(customer.clone()),
            consents: vec![pb::ConsentAsk { purpose: pb::Purpose::Underwriting.into(), ..pb::ConsentAsk::default() }],
            products: self.plan.products.iter().map(|product| (*product).into()).collect(),
            redirect_url: "https://lender.example/return".to_owned(),
            client_reference: self.plan.label.to_lowercase().replace(' ', "-"),
            // AA-BSA takes a mobile number only.
            allow_ignored: true,
            ..pb::StartJourneyRequest::default()
        };
        let begin = Instant::now();
        let opened = self.client.start_journey(request).await.map_err(self.refused("StartJourney"))?.into_inner();
        self.took(begin);
        self.say("journey opened, the customer has the link");
        let journey = self.plan.label;
        customer::approve(&opened.customer_url).await.map_err(|error| DemoFailure::Customer { journey, error })?;
        self.say("customer approved");
        Ok(opened.journey_id)
    }

    async fn wait_until_ready(&mut self, journey_id: &str) -> Result<(), DemoFailure> {
        let mut last = None;
        loop {
            let (journey, _) = self.status(journey_id).await?;
            let state = journey.state();
            if last != Some(state) {
                self.say(state_name(state));
                last = Some(state);
            }
            let settled = journey.settled;
            self.seen.journey = journey;
            match state {
                pb::JourneyState::Ready => return Ok(()),
                pb::JourneyState::Rejected | pb::JourneyState::Revoked | pb::JourneyState::Expired | pb::JourneyState::Failed => {
                    return Err(self.wrong(format!("it ended {}", state_name(state))));
                }
                _ if settled => return Err(self.wrong(format!("it settled {}", state_name(state)))),
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    fn wrong(&self, what: String) -> DemoFailure {
        DemoFailure::Wrong { journey: self.plan.label, what }
    }

    async fn status(&mut self, journey_id: &str) -> Result<(pb::Journey, String), DemoFailure> {
        let begin = Instant::now();
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        let response = self.client.get_status(request).await.map_err(self.refused("GetStatus"))?;
        self.took(begin);
        let cache = cache_word(&response);
        Ok((response.into_inner().journey.unwrap_or_default(), cache))
    }

    async fn page(&mut self, journey_id: &str, token: String) -> Result<Response<pb::FetchDataResponse>, DemoFailure> {
        let request = pb::FetchDataRequest {
            journey_id: journey_id.to_owned(),
            page_bytes: PAGE_BYTES,
            page_token: token,
            view: self.plan.view.into(),
            ..pb::FetchDataRequest::default()
        };
        loop {
            let begin = Instant::now();
            let answer = self.client.fetch_data(Request::new(request.clone())).await;
            self.took(begin);
            match answer {
                Err(status) if waits(&status) => tokio::time::sleep(PAUSE).await,
                other => return other.map_err(self.refused("FetchData")),
            }
        }
    }

    async fn fetch_data(&mut self, journey_id: &str) -> Result<(), DemoFailure> {
        let mut token = String::new();
        loop {
            let page = self.page(journey_id, token).await?.into_inner();
            self.seen.pages += 1;
            self.seen.accounts.extend(page.accounts);
            self.seen.transactions.extend(page.transactions);
            if self.seen.requested.is_none() {
                self.seen.requested = page.fetch.and_then(|fetch| fetch.requested_range);
            }
            token = page.next_page_token;
            if token.is_empty() {
                break;
            }
        }
        let (accounts, rows) = (self.seen.accounts.len(), self.seen.transactions.len());
        self.say(&format!("{accounts} accounts, {rows} transactions on {} pages", self.seen.pages));
        Ok(())
    }

    async fn fetch_analysis(&mut self, journey_id: &str) -> Result<(), DemoFailure> {
        let answer = loop {
            let begin = Instant::now();
            let request = pb::FetchAnalyticsRequest { journey_id: journey_id.to_owned(), ..pb::FetchAnalyticsRequest::default() };
            let answer = self.client.fetch_analytics(request).await;
            self.took(begin);
            match answer {
                Err(status) if waits(&status) => tokio::time::sleep(PAUSE).await,
                other => break other.map_err(self.refused("FetchAnalytics"))?.into_inner(),
            }
        };
        self.seen.analysis = answer.core;
        self.say("analysis fetched");
        if !self.plan.excel {
            return Ok(());
        }
        let Some(handle) = answer.reports.iter().find(|report| report.format() == pb::ReportFormat::Excel) else {
            return Err(self.wrong("the analysis offers no Excel report".to_owned()));
        };
        let request = pb::FetchReportRequest {
            journey_id: journey_id.to_owned(),
            report_id: handle.report_id.clone(),
            ..Default::default()
        };
        let begin = Instant::now();
        let stream = self.client.fetch_report(request).await.map_err(self.refused("FetchReport"))?.into_inner();
        let document = report::collect(stream).await.map_err(|what| self.wrong(what))?;
        self.took(begin);
        self.say(&format!("Excel report of {} bytes, size and SHA-256 as stated", document.len()));
        self.seen.excel_bytes = Some(document.len());
        Ok(())
    }

    async fn ask_again(&mut self, journey_id: &str) -> Result<(), DemoFailure> {
        let (_, status) = self.status(journey_id).await?;
        let page = self.page(journey_id, String::new()).await?;
        self.seen.cache = [status, cache_word(&page)];
        Ok(())
    }
}

/// What the gateway says of where an answer came from.
fn cache_word<T>(response: &Response<T>) -> String {
    response.metadata().get("sangam-cache").and_then(|word| word.to_str().ok()).unwrap_or("-").to_owned()
}

/// Whether a refusal means "not yet": the gateway then says when to ask again.
fn waits(status: &Status) -> bool {
    matches!(status.code(), Code::FailedPrecondition | Code::Unavailable) && status.get_details_retry_info().is_some()
}

pub(in crate::sandbox) fn state_name(state: pb::JourneyState) -> &'static str {
    let name = state.as_str_name();
    name.strip_prefix("JOURNEY_STATE_").unwrap_or(name)
}
