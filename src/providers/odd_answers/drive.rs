//! Which calls of an adapter send a read call, and what an answer comes to.

use std::{
    fmt,
    sync::{Arc, LazyLock},
    time::Duration,
};

use futures_util::FutureExt;
use http::{HeaderMap, StatusCode};
use tokio::{
    runtime::{Builder, Runtime},
    time::Instant,
};

use super::shapes::Odd;
use crate::{
    config::Faults,
    data::ReadContext,
    journey::{
        apply::Merge,
        fair_use::TemplateTerms,
        model::{AttemptState, ConsentState, FactSource, FetchState, Journey, Product},
        policy::Assumptions,
    },
    memory::BodyBudget,
    pb::ReportFormat,
    providers::{
        download::Downloader,
        error::{ErrorKind, ProviderError},
        finpass, finpro,
        hosts::HostRules,
        http::{Executor, OutboundRequest, OutboundResponse},
        provider::{Body, Call, Latest, Observation, Provider, References, Target},
    },
    random::SystemRandom,
    sandbox::fuzzing::answers::{finpass_adapter, finpro_adapters, journey::journey},
    seal::KeyedHash,
};

/// The style or product under which a call is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Setting {
    /// FinPro, consents first.
    Consent,
    /// FinPro, one transaction.
    Orchestration,
    /// Finpass, the plain product.
    Plain,
    /// Finpass, the product with an analysis.
    Analysed,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A call of the adapter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    Observe,
    LookUp,
    OwnerOf,
    FreshUrl,
    Resolve,
    Terms,
    /// LookUp by the consent's id alone.
    LookUpById,
    Fetch,
    Latest,
    Analysis,
    Xml,
    Excel,
}

impl Op {
    /// Whether it returns terms, which may stay unknown.
    pub fn tells_terms(self) -> bool {
        self == Self::Terms
    }
}

/// A documented answer.
#[derive(Debug, Clone, Copy)]
pub(super) enum Good {
    Text(&'static str),
    /// The smallest workbook.
    Workbook,
}

impl Good {
    pub fn bytes(self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.as_bytes().to_vec(),
            Self::Workbook => crate::providers::workbook::tests::smallest(),
        }
    }
}

/// A read call with all that sends it.
pub(super) struct Row {
    pub provider: &'static str,
    pub stage: &'static str,
    pub setting: Setting,
    pub ops: &'static [Op],
    /// The documented answer.
    pub good: Good,
    /// Whether a file host answers, to which the provider's words are foreign.
    pub file_host: bool,
    /// Whether the call decides the outcome, or only adds to what other calls have said.
    pub decides: bool,
    /// What a value that is null or empty is documented to mean.
    pub waits: &'static [ErrorKind],
}

const NOTHING: &[ErrorKind] = &[];
const LIST: &str = include_str!("../../../tests/it/documented/finpro_consents_list.json");
const SESSION: &str = include_str!("../../../tests/it/documented/finpro_fi_status.json");
const TRANSACTION: &str = r#"{"status":"SUCCESSFUL","transaction_id":"aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa","message":null,"data":[
    {"type":"health_check","status":"SUCCESSFUL","data":{"healthy_fips":["FIP-A"],"unhealthy_fips":[],
     "fip_decisions":[{"fip":"FIP-A","decision":"FIP_HEALTHY"}]}},
    {"type":"aa","status":"SUCCESSFUL","data":{"fips":[{"fip":"FIP-A","status":"SUCCESSFUL"}],"consents":[
     {"consentHandle":"11111111-1111-4111-8111-111111111111","consentId":"22222222-2222-4222-8222-222222222222",
      "consentStatus":"CONSENT_APPROVED","productId":"PROD01","dataFetchStatus":"SUCCESS","accounts":[
      {"linkRefNumber":"33333333-3333-4333-8333-333333333333","fiStatus":"DELIVERED","fip":"FIP-A","maskedAccountNumber":"XXXXXXXX1234"}]}]}},
    {"type":"pdf","status":"SUCCESSFUL","data":{"expected_fips":[],"total_expected":0,"uploaded":0,"processed":0,"fetched":0}},
    {"type":"analytics","status":"SUCCESSFUL"},
    {"type":"smart_routing_decision","status":"SUCCESSFUL","data":{"route":"AA"}}]}"#;
const LATEST: &str = include_str!("../../../tests/it/documented/finpro_latest_data.json");
const DATA: &str = include_str!("../../../tests/it/documented/finpro_data.json");
const PDF_DATA: &str = include_str!("../../../tests/it/documented/finpro_pdf_data.json");
const ANALYTICS: &str = include_str!("../../../tests/it/documented/finpro_analytics.json");
const PRODUCTS: &str = include_str!("../../../tests/it/documented/finpro_products_list.json");
const URL: &str = include_str!("../../../tests/it/documented/finpro_encrypted_url.json");
const RETURN: &str = r#"{"ver":"1.15.0","status":"success","data":{"status":"S","errorcode":"0","txnid":"44444444-4444-4444-8444-444444444444",
    "sessionid":"opaque23chars","srcref":"11111111-1111-4111-8111-111111111111","userid":"9000000001@onemoney",
    "redirect":"https://fiu.example/cb"},"message":"Success"}"#;
const LINK: &str = r#"{"ver":"1.21.0","status":"success","data":{"status":"SUCCESS","message":"Success","status_code":"success",
    "journey_id":"aa_excel_analytics_v1","data":{"s3Url":"https://files.example/book.xlsx?X-Amz-Signature=1","expiresIn":3600}}}"#;
const REPORT: &str = include_str!("../../../tests/it/documented/finpass_report.json");
const STATUS: &str = include_str!("../../../tests/it/documented/finpass_bsa_status.json");
const STATEMENT: &str = include_str!("../../../tests/it/documented/finpass_bsa_result.json");
const BSA_ANALYSIS: &str = include_str!("../../../tests/it/documented/finpass_bsa_analysis.json");

const fn finpro(stage: &'static str, setting: Setting, ops: &'static [Op], good: &'static str) -> Row {
    Row { provider: finpro::ID, stage, setting, ops, good: Good::Text(good), file_host: false, decides: true, waits: NOTHING }
}

const fn finpass(
    stage: &'static str,
    setting: Setting,
    ops: &'static [Op],
    good: &'static str,
    waits: &'static [ErrorKind],
) -> Row {
    Row { provider: finpass::ID, stage, setting, ops, good: Good::Text(good), file_host: false, decides: true, waits }
}

/// Every read call of every provider.
pub(super) const TABLE: &[Row] = &[
    finpro("getconsentslist", Setting::Consent, &[Op::Observe], LIST),
    finpro("getconsentslist", Setting::Orchestration, &[Op::OwnerOf], LIST),
    Row { decides: false, ..finpro("getconsentslist", Setting::Orchestration, &[Op::Observe], LIST) },
    finpro("getconsentslist_v3", Setting::Consent, &[Op::LookUp, Op::LookUpById], LIST),
    Row { decides: false, ..finpro("firequest_status", Setting::Consent, &[Op::Observe], SESSION) },
    finpro("transaction_status", Setting::Orchestration, &[Op::Observe, Op::LookUp, Op::OwnerOf], TRANSACTION),
    Row { waits: &[ErrorKind::NoAccounts], ..finpro("getallfidata", Setting::Consent, &[Op::Fetch], DATA) },
    Row { waits: &[ErrorKind::NoAccounts], ..finpro("getallfidata", Setting::Orchestration, &[Op::Fetch], PDF_DATA) },
    finpro("getalllatestfidata", Setting::Consent, &[Op::Latest], LATEST),
    finpro("analytics_json", Setting::Consent, &[Op::Analysis], ANALYTICS),
    finpro("analytics_json", Setting::Orchestration, &[Op::Analysis], ANALYTICS),
    finpro("analytics_xml", Setting::Consent, &[Op::Xml], "<?xml version=\"1.0\"?><analysis/>"),
    finpro("analytics_xml", Setting::Orchestration, &[Op::Xml], "<?xml version=\"1.0\"?><analysis/>"),
    finpro("analytics_excel", Setting::Consent, &[Op::Excel], LINK),
    finpro("analytics_excel", Setting::Orchestration, &[Op::Excel], LINK),
    Row { good: Good::Workbook, file_host: true, ..finpro("report_download", Setting::Consent, &[Op::Excel], "") },
    Row { decides: false, ..finpro("productslist", Setting::Consent, &[Op::Terms, Op::Observe], PRODUCTS) },
    finpro("getEncryptedUrl", Setting::Consent, &[Op::FreshUrl], URL),
    finpro("decryptUrl", Setting::Consent, &[Op::Resolve], RETURN),
    finpass(
        "fetch_json_report",
        Setting::Plain,
        &[Op::Observe, Op::LookUp, Op::OwnerOf, Op::Fetch],
        REPORT,
        &[ErrorKind::NotReady],
    ),
    finpass("aa_bsa_status", Setting::Analysed, &[Op::Observe, Op::LookUp, Op::OwnerOf], STATUS, NOTHING),
    finpass("statement_result", Setting::Analysed, &[Op::Fetch], STATEMENT, &[ErrorKind::NotReady, ErrorKind::NoAccounts]),
    finpass("analysis_json", Setting::Analysed, &[Op::Analysis], BSA_ANALYSIS, &[ErrorKind::NotReady]),
];

/// What an answer comes to.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A typed error.
    Error(ProviderError),
    /// Facts; what they end in the journey's tree, if anything.
    Facts { ended: Option<String> },
    /// Nothing was found.
    Unknown,
    /// What was asked for.
    Right,
}

/// Makes one call while its read call is answered oddly and every other one as documented.
pub(super) fn run(row: &Row, op: Op, odd: &Odd) -> Outcome {
    let (stage, response) = (row.stage, odd.response());
    let answer = move |request: &OutboundRequest| if request.stage == stage { response.clone() } else { good(request.stage) };
    let executor = Executor::answering_each(answer.clone());
    let finpro = |style: usize| finpro_adapters()[style].with_executor(executor.clone()).with_downloader(downloader(answer));
    let (adapter, products): (Box<dyn Provider>, &[Product]) = match row.setting {
        Setting::Consent => (Box::new(finpro(0)), &[Product::Data, Product::Analytics]),
        Setting::Orchestration => (Box::new(finpro(1)), &[Product::Data, Product::Analytics]),
        Setting::Plain => (Box::new(finpass_adapter().unwrap().with_executor(executor)), &[Product::Data]),
        Setting::Analysed => (Box::new(finpass_adapter().unwrap().with_executor(executor)), &[Product::Data, Product::Analytics]),
    };
    let mut journey = journey(row.provider, products);
    journey.provider_product = adapter.plan(&journey.ask).unwrap().provider_product.to_owned();
    if !row.decides && row.setting == Setting::Orchestration {
        // The lists of consents are read once the data has come.
        (journey.consents[0].fetches[0].state, journey.consents[0].fetches[0].settled) = (FetchState::Ready, true);
    }
    // Nothing waits: no call is sent. A download takes its time from a runtime all the same.
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Builder::new_current_thread().enable_time().build().unwrap());
    let _guard = RUNTIME.enter();
    let outcome = call(adapter.as_ref(), op, &journey).now_or_never().unwrap();
    outcome.unwrap_or_else(Outcome::Error)
}

/// A downloader that follows the documented link.
fn downloader(answer: impl Fn(&OutboundRequest) -> OutboundResponse + Send + Sync + 'static) -> Downloader {
    let hosts = HostRules::check(&["files.example".to_owned()], "report_hosts", &mut Faults::default());
    Downloader::answering_each(hosts, BodyBudget::new(1 << 30).share(), Arc::new(answer)).unwrap()
}

fn good(stage: &str) -> OutboundResponse {
    let row = TABLE.iter().find(|row| row.stage == stage).unwrap();
    OutboundResponse::new(StatusCode::OK, HeaderMap::new(), row.good.bytes().into())
}

async fn call(adapter: &dyn Provider, op: Op, journey: &Journey) -> Result<Outcome, ProviderError> {
    let call = Call { deadline: Instant::now() + Duration::from_secs(60) };
    let (attempt, consent) = (&journey.attempts[0], &journey.consents[0]);
    let reference = attempt.provider_ref.clone().unwrap();
    let target = Target { journey, attempt, consent, fetch: consent.fetches.first(), accounts: &[] };
    let found = |found: bool| Ok(if found { Outcome::Right } else { Outcome::Unknown });
    let accounts = |body: &Body| {
        let ids = KeyedHash::new(b"odd answers");
        let context = ReadContext {
            fetch_id: "fch_1",
            consent_id: "cns_1",
            ids: &ids,
            applicant: &journey.ask.customer,
            received_at: body.received_at,
            asked: Default::default(),
        };
        adapter.read_data(&journey.provider_product, &body.bytes, &context).map(|rows| rows.accounts)
    };
    match op {
        Op::Observe => {
            let mut seen = adapter.observe(call, journey, attempt).await;
            match seen.fault.take() {
                // A fault beside facts takes nothing from them, so they are looked at.
                Some(fault) if seen.is_empty() => Err(fault),
                _ => Ok(Outcome::Facts { ended: ended(journey, seen) }),
            }
        }
        Op::LookUp => {
            let handle = if adapter.id() == finpass::ID { Some(reference.clone()) } else { consent.handle.clone() };
            let references = References { handle, consent: None, orchestration: Some(reference) };
            found(adapter.look_up(call, journey, attempt, &references).await?.is_some())
        }
        Op::LookUpById => {
            let references = References { consent: consent.provider_ref.clone(), ..References::default() };
            found(adapter.look_up(call, journey, attempt, &references).await?.is_some())
        }
        Op::OwnerOf => adapter.owner_of(call, journey, attempt, &reference).await.map(|_| Outcome::Right),
        Op::FreshUrl => found(adapter.fresh_url(call, journey, attempt, None).await?.is_some()),
        Op::Resolve => found(adapter.resolve_redirect(call, "ecres=a&resdate=250320251652009&fi=Zm9v").await?.is_some()),
        Op::Terms => found(adapter.terms(call, &consent.template).await != TemplateTerms::default()),
        Op::Fetch => {
            let body = adapter.fetch(call, target).await?;
            // Without an account the fetch would count as empty.
            found(accounts(&body)? > 0)
        }
        Op::Latest => match adapter.latest(call, target).await? {
            Latest::Data(body) => found(accounts(&body)? > 0),
            Latest::Nothing { .. } => Ok(Outcome::Unknown),
        },
        Op::Analysis => adapter.analysis(call, target).await.map(|_| Outcome::Right),
        Op::Xml => adapter.document(call, target, ReportFormat::Xml).await.map(|_| Outcome::Right),
        Op::Excel => adapter.document(call, target, ReportFormat::Excel).await.map(|_| Outcome::Right),
    }
}

/// What facts end, once they are merged as after a poll.
fn ended(journey: &Journey, seen: Observation) -> Option<String> {
    let mut journey = journey.clone();
    let (assume, random) = (Assumptions::default(), Arc::new(SystemRandom));
    let merge = Merge { now: journey.created_at, source: FactSource::Poll, random: random.as_ref(), assume: &assume };
    let attempt_id = journey.attempts[0].id.clone();
    merge.observation(&mut journey, &attempt_id, seen);
    let attempt = journey.attempts[0].state;
    if !matches!(attempt, AttemptState::AwaitingCustomer | AttemptState::Done) {
        return Some(format!("the attempt is {attempt:?}"));
    }
    for consent in &journey.consents {
        use ConsentState::{Expired, Failed, Rejected, Revoked};
        if matches!(consent.state, Rejected | Revoked | Expired | Failed) {
            return Some(format!("a consent is {:?}", consent.state));
        }
        let fruitless =
            |state| matches!(state, FetchState::Failed | FetchState::Empty | FetchState::Timeout | FetchState::Denied);
        if let Some(fetch) = consent.fetches.iter().find(|fetch| fruitless(fetch.state)) {
            return Some(format!("a fetch is {:?}", fetch.state));
        }
    }
    None
}
