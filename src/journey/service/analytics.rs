//! FetchAnalytics: the provider's analysis, asked for once and kept as long as the data: a second question may be billed.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use prost::Message;

use super::{FetchChoice, Service, select::select};
use crate::{
    cache::{Cached, Origin},
    journey::{
        error::{Failure, JourneyError},
        model::{Consent, Fetch, Journey, Product},
    },
    pb::{AnalyticsCore, ReportFormat},
    providers::provider::{Analysis, Call, Target},
    store::KeptDocument,
};

/// The figures are kept beside the documents, under a name that is no format.
const CORE: &str = "CORE";
const JSON: &str = "application/json";

/// The analysis of one consent.
#[derive(Debug, Clone)]
pub struct AnalyticsAnswer {
    /// The consent.
    pub consent_id: String,
    /// The fetch that was analysed.
    pub fetch_id: String,
    /// The figures.
    pub core: AnalyticsCore,
    /// The whole as JSON.
    pub document: Bytes,
    /// The documents to be had.
    pub formats: Vec<ReportFormat>,
    /// When it came.
    pub received_at: Timestamp,
    /// Whether it was kept already.
    pub origin: Origin,
}

impl Cached for Analysis {
    fn weight(&self) -> usize {
        self.document.len() + 512
    }
    fn until(&self) -> Timestamp {
        self.received_at.checked_add(SignedDuration::from_mins(5)).unwrap_or(self.received_at)
    }
}

/// An instant as the store keeps it, so that the first answer is the same as every later one.
fn as_kept(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

impl Service {
    /// The analysis of a journey's consent.
    pub async fn analytics(&self, call: Call, journey: &Journey, consent_id: &str) -> Result<AnalyticsAnswer, Failure> {
        self.analytics_of(call, journey, consent_id).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn analytics_of(&self, call: Call, journey: &Journey, consent_id: &str) -> Result<AnalyticsAnswer, JourneyError> {
        let choice = FetchChoice { consent_id: consent_id.to_owned(), ..FetchChoice::default() };
        let (consent, fetch) = self.analysed(journey, &choice)?;
        let (analysis, origin) = self.analysis(call, journey, consent, fetch).await?;
        Ok(AnalyticsAnswer {
            consent_id: consent.id.clone(),
            fetch_id: fetch.id.clone(),
            core: analysis.core,
            document: analysis.document,
            formats: self.formats(journey)?,
            received_at: analysis.received_at,
            origin,
        })
    }

    /// The consent and fetch whose analysis may be served.
    pub(super) fn analysed<'a>(
        &self,
        journey: &'a Journey,
        choice: &FetchChoice,
    ) -> Result<(&'a Consent, &'a Fetch), JourneyError> {
        if !journey.ask.products.contains(&Product::Analytics) {
            return Err(JourneyError::ProductNotRequested(Product::Analytics));
        }
        select(journey, choice, self.parts.clock.now(), self.parts.pace.first)
    }

    /// The analysis: kept, or asked for once for all who wait.
    pub(super) async fn analysis(
        &self,
        call: Call,
        journey: &Journey,
        consent: &Consent,
        fetch: &Fetch,
    ) -> Result<(Analysis, Origin), JourneyError> {
        if let Some(kept) = self.kept_analysis(&journey.tenant, &fetch.id).await? {
            return Ok((kept, Origin::Hit));
        }
        let this = self.clone();
        let key = (journey.tenant.clone(), fetch.id.clone());
        let (journey, consent, fetch) = (journey.clone(), consent.clone(), fetch.clone());
        let work = move || async move {
            let provider = this.provider_of(&journey.routing)?;
            let attempt = journey.attempts.iter().find(|attempt| attempt.id == consent.attempt_id);
            let attempt = attempt.ok_or(JourneyError::Internal("a consent without its attempt"))?;
            let target = Target { journey: &journey, attempt, consent: &consent, fetch: Some(&fetch) };
            let mut analysis = provider.analysis(call, target).await?;
            analysis.received_at = as_kept(analysis.received_at);
            this.keep_analysis(&journey, &fetch, &analysis).await?;
            Ok(analysis)
        };
        self.analyses.get(key, self.parts.clock.now(), |_| true, work).await
    }

    async fn kept_analysis(&self, tenant: &str, fetch_id: &str) -> Result<Option<Analysis>, JourneyError> {
        let store = &self.parts.store;
        let Some(core) = store.document(tenant, fetch_id, CORE).await? else { return Ok(None) };
        let json = ReportFormat::Json.as_str_name();
        let Some(document) = store.document(tenant, fetch_id, json).await? else { return Ok(None) };
        let Ok(core) = AnalyticsCore::decode(core.bytes.as_slice()) else { return Ok(None) };
        Ok(Some(Analysis { core, document: document.bytes.into(), received_at: document.received_at }))
    }

    async fn keep_analysis(&self, journey: &Journey, fetch: &Fetch, analysis: &Analysis) -> Result<(), JourneyError> {
        let json = ReportFormat::Json.as_str_name();
        let document = |bytes: Vec<u8>| KeptDocument { bytes, media_type: JSON.to_owned(), received_at: analysis.received_at };
        // The figures last: an analysis is there only when both parts are.
        self.keep_document(journey, fetch, json, &document(analysis.document.to_vec())).await?;
        self.keep_document(journey, fetch, CORE, &document(analysis.core.encode_to_vec())).await
    }

    pub(super) async fn keep_document(
        &self,
        journey: &Journey,
        fetch: &Fetch,
        format: &str,
        document: &KeptDocument,
    ) -> Result<(), JourneyError> {
        let now = self.parts.clock.now();
        let purge_at = fetch.data_expires_at.unwrap_or_else(|| now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now));
        Ok(self.parts.store.put_document(&journey.tenant, &fetch.id, format, purge_at, document).await?)
    }

    /// The documents that the journey's product offers.
    pub(super) fn formats(&self, journey: &Journey) -> Result<Vec<ReportFormat>, JourneyError> {
        let provider = self.provider_of(&journey.routing)?;
        let product = provider.products().iter().find(|product| product.name == journey.provider_product);
        Ok(product.map(|product| product.report_formats.to_vec()).unwrap_or_default())
    }
}
