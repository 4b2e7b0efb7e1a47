//! FetchAnalytics: the provider's analysis, asked for once and kept as long as the data: a second question may be billed.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use prost::Message;

use super::{
    FetchChoice, Service,
    reading::end_of_all,
    select::{fenced, select},
};
use crate::{
    cache::{Cached, Origin},
    data::{Provenance, account_id},
    journey::{
        error::{Failure, JourneyError, Violation},
        model::{Consent, Fetch, Journey, Product},
        sharing::may_bring,
        transaction::Transaction,
    },
    pb::{AnalyticsCore, ReportFormat},
    providers::{
        capability::{BY_ACCOUNT, ProviderProduct},
        provider::{Analysis, Call, Target},
    },
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
    /// Which call brought it, and when.
    pub provenance: Provenance,
    /// Whether it was kept already.
    pub origin: Origin,
}

impl Cached for Analysis {
    fn weight(&self) -> usize {
        self.document.len() + 512
    }
    fn until(&self) -> Timestamp {
        let at = self.provenance.received_at;
        at.checked_add(SignedDuration::from_mins(5)).unwrap_or(at)
    }
}

/// What is analysed: a fetch, or chosen accounts of it.
pub(super) struct Subject<'a> {
    pub(super) consent: &'a Consent,
    pub(super) fetch: &'a Fetch,
    /// Link references of the chosen accounts; empty means all.
    pub(super) links: Vec<String>,
    /// Stands for the chosen accounts in the names of kept documents; empty means all.
    tag: String,
    /// Under what its documents are kept: the fetch, or the attempt that is analysed as a whole.
    pub(super) kept_under: String,
    /// When they must be gone.
    pub(super) purge_at: Timestamp,
}

impl Subject<'_> {
    /// The name under which a document of it is kept.
    pub(super) fn kept_name(&self, format: &str) -> String {
        format!("{format}{}", self.tag)
    }
}

impl Service {
    /// The analysis of a journey's consent; `account_ids` choose accounts, none means all.
    pub async fn analytics(
        &self,
        call: Call,
        journey: &Journey,
        consent_id: &str,
        account_ids: &[String],
    ) -> Result<AnalyticsAnswer, Failure> {
        self.analytics_of(call, journey, consent_id, account_ids).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn analytics_of(
        &self,
        call: Call,
        journey: &Journey,
        consent_id: &str,
        account_ids: &[String],
    ) -> Result<AnalyticsAnswer, JourneyError> {
        let choice = FetchChoice { consent_id: consent_id.to_owned(), ..FetchChoice::default() };
        let subject = self.subject(journey, &choice, account_ids)?;
        let (analysis, origin) = self.analysis(call, journey, &subject).await?;
        Ok(AnalyticsAnswer {
            consent_id: subject.consent.id.clone(),
            fetch_id: subject.fetch.id.clone(),
            core: AnalyticsCore { provider: journey.routing.provider.clone(), ..analysis.core },
            document: analysis.document,
            formats: self.product_of(journey)?.map(|product| product.report_formats.to_vec()).unwrap_or_default(),
            provenance: analysis.provenance,
            origin,
        })
    }

    /// What may be analysed and served.
    pub(super) fn subject<'a>(
        &self,
        journey: &'a Journey,
        choice: &FetchChoice,
        account_ids: &[String],
    ) -> Result<Subject<'a>, JourneyError> {
        if !journey.ask.products.contains(&Product::Analytics) {
            return Err(JourneyError::ProductNotRequested(Product::Analytics));
        }
        let (consent, fetch) = select(journey, choice, self.parts.clock.now(), self.parts.pace.first)?;
        let (links, tag) = self.chosen(journey, consent, fetch, account_ids)?;
        let transaction = Transaction::of(journey, consent, fetch);
        // The provider analyses a transaction as a whole: rows of no consent can be left out.
        if let Some(purge) = transaction.as_ref().and_then(Transaction::fence) {
            return Err(fenced(purge));
        }
        let (kept_under, ends) = match &transaction {
            Some(transaction) => (consent.attempt_id.clone(), end_of_all(transaction)),
            None => (fetch.id.clone(), fetch.data_expires_at),
        };
        Ok(Subject { consent, fetch, links, tag, kept_under, purge_at: self.purge_date(ends) })
    }

    /// The link references of chosen accounts. Ids are keyed hashes of link references, so the fetch's own accounts are tried.
    fn chosen(
        &self,
        journey: &Journey,
        consent: &Consent,
        fetch: &Fetch,
        account_ids: &[String],
    ) -> Result<(Vec<String>, String), JourneyError> {
        if account_ids.is_empty() {
            return Ok((Vec::new(), String::new()));
        }
        if !self.product_of(journey)?.is_some_and(|product| product.inputs.contains(&BY_ACCOUNT)) {
            let violation = Violation::new("account_ids", "the provider's product analyses all accounts together");
            return Err(JourneyError::InputNotSupported(vec![violation]));
        }
        let known: Vec<(String, &String)> = fetch
            .accounts
            .iter()
            .map(|account| (account_id(&self.parts.ids, &consent.id, &account.link_ref), &account.link_ref))
            .collect();
        let mut links = Vec::new();
        let mut unknown = Vec::new();
        for (number, id) in account_ids.iter().enumerate() {
            match known.iter().find(|(known, _)| known == id) {
                Some((_, link)) => links.push((*link).clone()),
                None => unknown.push(Violation::new(format!("account_ids[{number}]"), "is no account of the fetch")),
            }
        }
        if !unknown.is_empty() {
            return Err(JourneyError::InvalidFields(unknown));
        }
        links.sort();
        links.dedup();
        let digest = self.parts.ids.digest(links.iter().map(|link| link.as_bytes()));
        let tag = digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        Ok((links, format!("#{tag}")))
    }

    /// The analysis: kept, or asked for once for all who wait.
    pub(super) async fn analysis(
        &self,
        call: Call,
        journey: &Journey,
        subject: &Subject<'_>,
    ) -> Result<(Analysis, Origin), JourneyError> {
        let names = Names { core: subject.kept_name(CORE), json: subject.kept_name(ReportFormat::Json.as_str_name()) };
        // An older version kept it under the fetch.
        for under in [&subject.kept_under, &subject.fetch.id] {
            if let Some(kept) = self.kept_analysis(&journey.tenant, under, &names).await? {
                return Ok((kept, Origin::Hit));
            }
        }
        let this = self.clone();
        let key = (self.parts.tenant.id.clone(), subject.kept_name(&subject.kept_under));
        let links = subject.links.clone();
        let (under, purge_at) = (subject.kept_under.clone(), subject.purge_at);
        let (journey, consent, fetch) = (journey.clone(), subject.consent.clone(), subject.fetch.clone());
        let work = move || async move {
            may_bring(&journey, &consent, Some(&fetch), this.parts.clock.now())?;
            let provider = this.provider_of(&journey.routing)?;
            let analysis = provider.analysis(call, target(&journey, &consent, &fetch, &links)?).await;
            let analysis = this.heeded(&journey, &consent.id, analysis.map_err(JourneyError::from)).await?;
            this.keep_analysis(&journey, (&under, purge_at), &analysis, &names).await?;
            Ok(analysis)
        };
        self.parts.analyses.get(key, self.parts.clock.now(), |_| true, work).await
    }

    async fn kept_analysis(&self, tenant: &str, fetch_id: &str, names: &Names) -> Result<Option<Analysis>, JourneyError> {
        let store = &self.parts.store;
        let Some(core) = store.document(tenant, fetch_id, &names.core).await? else { return Ok(None) };
        let Some(document) = store.document(tenant, fetch_id, &names.json).await? else { return Ok(None) };
        let Ok(core) = AnalyticsCore::decode(core.bytes.as_slice()) else { return Ok(None) };
        Ok(Some(Analysis { core, document: document.bytes.into(), provenance: document.provenance }))
    }

    async fn keep_analysis(
        &self,
        journey: &Journey,
        place: (&str, Timestamp),
        analysis: &Analysis,
        names: &Names,
    ) -> Result<(), JourneyError> {
        let document = |bytes| KeptDocument { bytes, media_type: JSON.to_owned(), provenance: analysis.provenance.clone() };
        // The figures last: an analysis is there only when both parts are.
        self.keep_document(journey, place, &names.json, &document(analysis.document.to_vec())).await?;
        self.keep_document(journey, place, &names.core, &document(analysis.core.encode_to_vec())).await
    }

    pub(super) async fn keep_document(
        &self,
        journey: &Journey,
        (under, purge_at): (&str, Timestamp),
        name: &str,
        document: &KeptDocument,
    ) -> Result<(), JourneyError> {
        Ok(self.parts.store.put_document(&journey.tenant, under, name, purge_at, document).await?)
    }

    /// When data must be gone whose end is `ends`: after a day where that is not known.
    pub(super) fn purge_date(&self, ends: Option<Timestamp>) -> Timestamp {
        let now = self.parts.clock.now();
        ends.unwrap_or_else(|| now.checked_add(SignedDuration::from_hours(24)).unwrap_or(now))
    }

    /// The provider's product that serves a journey.
    pub(super) fn product_of(&self, journey: &Journey) -> Result<Option<ProviderProduct>, JourneyError> {
        let provider = self.provider_of(&journey.routing)?;
        Ok(provider.products().iter().find(|product| product.name == journey.provider_product).cloned())
    }
}

/// The names under which the two parts of an analysis are kept.
struct Names {
    core: String,
    json: String,
}

/// Where a consent's analysis is to be had.
pub(super) fn target<'a>(
    journey: &'a Journey,
    consent: &'a Consent,
    fetch: &'a Fetch,
    accounts: &'a [String],
) -> Result<Target<'a>, JourneyError> {
    let attempt = journey.attempts.iter().find(|attempt| attempt.id == consent.attempt_id);
    let attempt = attempt.ok_or(JourneyError::Internal("a consent without its attempt"))?;
    Ok(Target { journey, attempt, consent, fetch: Some(fetch), accounts })
}
