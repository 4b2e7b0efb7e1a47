//! What providers answer: any body, through every call of their adapters.

use std::{sync::OnceLock, time::Duration};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use prost::Message;
use tokio::time::Instant;

use self::journey::{customer, journey};
use crate::{
    clock::{ManualClock, SharedClock},
    data::{ReadContext, Rows, view},
    journey::model::{Journey, Product},
    pb,
    providers::{
        error::ProviderError,
        finpass, finpro,
        http::{Executor, Limits, OutboundResponse, Outward},
        provider::{Call, Latest, Opening, Plan, Provider, Target},
    },
    seal::KeyedHash,
};

pub(crate) mod journey;

/// When every body comes: 2026-01-01.
const NOW: i64 = 1_767_225_600;

fn clock() -> SharedClock {
    std::sync::Arc::new(ManualClock::new(jiff::Timestamp::from_second(NOW).unwrap_or_default()))
}

/// A body of FinPro's financial data, of a consent and of uploaded statements.
pub(super) fn finpro_data(body: &[u8]) {
    for product in ["consent", "orchestration"] {
        read(body, |context| finpro::data::read(product, body, context));
    }
}

/// A report of Finpass' plain product.
pub(super) fn finpass_report(body: &[u8]) {
    read(body, |context| finpass::data::read("account_aggregator", body, context));
}

/// A statement of Finpass' analysed product.
pub(super) fn finpass_statement(body: &[u8]) {
    read(body, |context| finpass::data::read("aa_bsa", body, context));
}

/// Rows that were read can be kept, decoded, and shown in every view.
fn read(body: &[u8], read: impl FnOnce(&ReadContext<'_>) -> Result<Rows, ProviderError>) {
    let ids = KeyedHash::new(b"fuzzing");
    let (applicant, received_at) = (customer(), clock().now());
    let context = ReadContext {
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &ids,
        applicant: &applicant,
        received_at,
        asked: Default::default(),
    };
    let Ok(rows) = read(&context) else { return };
    assert!(rows.transactions as usize <= body.len() && rows.accounts as usize <= body.len(), "rows out of nothing");
    assert_eq!(Rows::from_kept_bytes(rows.to_kept_bytes()).as_ref(), Ok(&rows), "rows cannot be kept");
    let decoded = pb::FetchDataResponse::decode(rows.bytes.clone());
    let counts = decoded.map(|page| (page.accounts.len(), page.transactions.len()));
    assert_eq!(counts.ok(), Some((rows.accounts as usize, rows.transactions as usize)), "rows cannot be decoded");
    for shown in [pb::View::Masked, pb::View::Summary] {
        assert_eq!(view::apply(&rows, shown).accounts, rows.accounts, "a view loses accounts");
    }
}

/// A body beyond this is read with one status only: it is there for its size or depth.
const LARGE: usize = 256 * 1024;

/// What a status and a media type may change.
fn responses(body: &[u8]) -> impl Iterator<Item = OutboundResponse> {
    let body = Bytes::copy_from_slice(body);
    let count = if body.len() > LARGE { 1 } else { 4 };
    let kinds = [(200, "application/json"), (200, "application/octet-stream"), (400, "application/json"), (503, "text/html")];
    kinds.into_iter().take(count).map(move |(status, kind)| {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Ok(pause) = HeaderValue::from_bytes(&body[..body.len().min(40)]) {
            headers.insert(header::RETRY_AFTER, pause);
        }
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::IM_A_TEAPOT);
        OutboundResponse::new(status, headers, body.clone())
    })
}

/// FinPro's adapter in the consent style and in the orchestration style. Neither can send.
pub(crate) fn finpro_adapters() -> &'static [finpro::FinPro] {
    static BUILT: OnceLock<Vec<finpro::FinPro>> = OnceLock::new();
    BUILT.get_or_init(|| {
        let styles = [finpro::Style::Consent, finpro::Style::Orchestration];
        styles
            .into_iter()
            .filter_map(|style| finpro::FinPro::new("fuzzed", finpro_settings(style)?, outward(), clock()).ok())
            .collect()
    })
}

fn outward() -> Outward {
    Outward {
        jitter: std::sync::Arc::new(|| 0.0),
        meter: crate::telemetry::metrics::CallMeter::silent(),
        bodies: crate::memory::BodyBudget::new(1 << 30).share(),
    }
}

fn finpro_settings(style: finpro::Style) -> Option<finpro::Settings> {
    Some(finpro::Settings {
        base_url: "https://provider.example/x".parse().ok()?,
        style,
        credentials: HeaderMap::new(),
        aa_handle: "onemoney".to_owned(),
        products: [("underwriting".to_owned(), journey::TEMPLATE.to_owned())].into(),
        templates: Default::default(),
        analytics: finpro::AnalyticsJourneys {
            json: Some("json_v1".to_owned()),
            xml: Some("xml_v1".to_owned()),
            excel: Some("excel_v1".to_owned()),
        },
        // No link may be followed: nothing is sent from here.
        report_hosts: Default::default(),
        customer_url_hosts: Default::default(),
        door: None,
        limits: Limits::default(),
    })
}

/// Every call of FinPro's adapter, in both styles.
pub(super) fn finpro(body: &[u8]) {
    let built = finpro_adapters();
    assert_eq!(built.len(), 2, "the adapters cannot be made");
    for adapter in built {
        for response in responses(body) {
            every_call(&adapter.with_executor(Executor::answering(response)), &[Product::Data, Product::Analytics]);
        }
    }
}

/// Finpass's adapter, which cannot send.
pub(crate) fn finpass_adapter() -> Option<&'static finpass::Finpass> {
    static BUILT: OnceLock<Option<finpass::Finpass>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let base_url = "https://provider.example/x".parse().ok()?;
        let settings = finpass::Settings {
            base_url,
            credentials: HeaderMap::new(),
            customer_url_hosts: Default::default(),
            limits: Limits::default(),
        };
        finpass::Finpass::new("fuzzed", settings, outward(), clock()).ok()
    });
    assert!(built.is_some(), "the adapter cannot be made");
    built.as_ref()
}

/// Every call of Finpass' adapter, for both products.
pub(super) fn finpass(body: &[u8]) {
    if let Some(adapter) = finpass_adapter() {
        for response in responses(body) {
            let adapter = adapter.with_executor(Executor::answering(response));
            every_call(&adapter, &[Product::Data]);
            every_call(&adapter, &[Product::Data, Product::Analytics]);
        }
    }
}

/// A message to the webhook listener.
pub(super) fn webhooks(body: &[u8]) {
    let adapters = finpro_adapters().iter().map(|adapter| adapter as &dyn Provider);
    for adapter in adapters.chain(finpass_adapter().map(|adapter| adapter as &dyn Provider)) {
        let _ = adapter.read_webhook(body);
    }
}

/// Drives everything that the trait has. Nothing waits, so that every future is ready at once.
fn every_call(adapter: &dyn Provider, products: &[Product]) {
    let mut journey = journey(adapter.id(), products);
    let Ok(plan) = adapter.plan(&journey.ask) else { return };
    journey.provider_product = plan.provider_product.to_owned();
    let call = Call { deadline: Instant::now() + Duration::from_secs(60) };
    // A report's link may not be followed, so that no call is left waiting.
    let done = calls(adapter, call, &journey, &plan).now_or_never();
    assert!(done.is_some(), "a call waits for something");
}

async fn calls(adapter: &dyn Provider, call: Call, journey: &Journey, plan: &Plan) {
    let (Some(attempt), Some(consent)) = (journey.attempts.first(), journey.consents.first()) else { return };
    let opening = Opening { ask: &journey.ask, plan, attempt_id: &attempt.id, webhook_url: None };
    if let Ok(opened) = adapter.open(call, opening).await {
        assert!(opened.handles.is_empty() || opened.handles.len() == plan.consents.len(), "handles that no consent has");
    }
    let _ = adapter.fresh_url(call, journey, attempt, None).await;
    let _ = adapter.observe(call, journey, attempt).await;
    let _ = adapter.owner_of(call, journey, attempt, "reference").await;
    let target = Target { journey, attempt, consent, fetch: consent.fetches.first(), accounts: &[] };
    let _ = adapter.request_data(call, target, None).await;
    if let Ok(fetched) = adapter.fetch(call, target).await {
        read(&fetched.bytes, |context| adapter.read_data(&journey.provider_product, &fetched.bytes, context));
    }
    if let Ok(Latest::Data(latest)) = adapter.latest(call, target).await {
        read(&latest.bytes, |context| adapter.read_data(&journey.provider_product, &latest.bytes, context));
    }
    if let Ok(analysis) = adapter.analysis(call, target).await {
        assert!(
            serde_json::from_slice::<&serde_json::value::RawValue>(&analysis.document).is_ok(),
            "an analysis that is no JSON"
        );
    }
    for format in [pb::ReportFormat::Json, pb::ReportFormat::Xml, pb::ReportFormat::Excel, pb::ReportFormat::Pdf] {
        if let Ok(document) = adapter.document(call, target, format).await {
            assert!(!document.bytes.is_empty(), "an empty document");
        }
    }
}
