//! MoneyOne FinPro, in both of its styles: consents first, or one transaction through aggregator and uploaded statement.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;
use secrecy::SecretString;

use super::{
    capability::ProviderProduct,
    customer_url::UrlRules,
    download::Downloader,
    error::{ErrorKind, Exchange, ProviderError},
    http::{Executor, OutboundRequest, OutboundResponse, Outward},
    inbound::{Inbound, Owner, Reading},
    judge::{self, Origin},
    logged::{self, Concerned},
    message_content::MessageContent,
    provider::{
        Analysis, Beginning, Body, Call, CustomerUrl, Document, Found, Latest, Observation, Opened, Opening, PartOf, Plan,
        PlanFault, Provider, Redirected, References, Target,
    },
    settings::is_loopback,
};
use crate::{
    clock::SharedClock,
    config::Faults,
    data::personal::exposed,
    data::{ReadContext, Rows},
    journey::fair_use::TemplateTerms,
    journey::model::{Ask, Attempt, Consent, ConsentState, DayRange, Journey},
    pb,
};

mod analysis;
mod build;
mod config;
pub mod data;
mod delivery;
mod divide;
mod document;
mod envelope;
mod error;
mod fetch;
pub mod fields;
mod look_up;
mod message_content;
mod neutral;
mod observe;
mod open;
mod owner;
mod plan;
mod products;
mod reads;
mod redirect;
mod session;
mod terms;
#[cfg(test)]
mod testing;
mod webhook;
mod withdraw;
mod words;

pub use config::{AnalyticsJourneys, Config, FetchType, FiFetch, Mode, Settings, Style, TemplateFacts, WebhookConfig};
pub use reads::READS;
use terms::Terms;

/// FinPro's id in the contract.
pub const ID: &str = "finpro";

/// For how long a template's terms as listed by FinPro are believed: they change in its portal, seldom.
const TERMS_AGE_SECONDS: i64 = 3600;

/// One FinPro credential.
pub struct FinPro {
    credential: String,
    settings: Settings,
    urls: UrlRules,
    products: Vec<ProviderProduct>,
    executor: Executor,
    downloader: Downloader,
    clock: SharedClock,
    terms: Mutex<HashMap<String, (Timestamp, Terms)>>,
}

impl FinPro {
    /// A credential by its valid settings.
    pub fn new(credential: &str, settings: Settings, outward: Outward, clock: SharedClock) -> Result<Self, reqwest::Error> {
        let (base_url, limits, bodies) = (settings.base_url.clone(), settings.limits, outward.bodies.clone());
        let executor = Executor::new(base_url, settings.credentials.clone(), limits, outward, clock.clone())?;
        let downloader = Downloader::new(settings.report_hosts.clone(), is_loopback(&settings.base_url), limits, bodies)?;
        let urls = UrlRules { hosts: settings.customer_url_hosts.clone(), loopback: is_loopback(&settings.base_url) };
        let products = products::products(&settings);
        let terms = Mutex::default();
        Ok(Self { credential: credential.to_owned(), settings, urls, products, executor, downloader, clock, terms })
    }

    /// The same credential behind another executor, with nothing remembered.
    #[cfg(feature = "sandbox")]
    #[doc(hidden)]
    pub fn with_executor(&self, executor: Executor) -> Self {
        Self {
            credential: self.credential.clone(),
            settings: self.settings.clone(),
            urls: self.urls.clone(),
            products: self.products.clone(),
            executor,
            downloader: self.downloader.clone(),
            clock: self.clock.clone(),
            terms: Mutex::default(),
        }
    }

    /// The same credential, whose links are fetched by this downloader.
    #[cfg(test)]
    pub(crate) fn with_downloader(mut self, downloader: Downloader) -> Self {
        self.downloader = downloader;
        self
    }

    async fn send(&self, call: Call, request: OutboundRequest) -> Result<(Origin, OutboundResponse), ProviderError> {
        self.executor.send(call, request).await
    }

    /// Logs a failure that ends nothing, and so is not logged by the caller of this adapter.
    fn note(&self, error: &ProviderError) {
        logged::failure(error, &self.credential, Concerned::default());
    }

    fn error(&self, kind: ErrorKind, stage: &'static str) -> ProviderError {
        ProviderError::new(kind, ID, stage)
    }

    /// A template's terms: configured, else as FinPro lists them, kept for an hour. A list that cannot be had leaves them unknown. The list
    /// is read also where the configuration says everything, since it may state a shorter data life.
    async fn template_terms(&self, call: Call, template: &str) -> Terms {
        let known = self.known(template);
        if self.listed(template).is_some() {
            return known;
        }
        let now = self.clock.now();
        let listed = match self.send(call, build::products_list(template)).await {
            Ok((origin, response)) => terms::read(origin, &response, template),
            Err(error) => Err(error),
        };
        match listed {
            Ok(listed) => {
                let listed = listed.unwrap_or_default();
                let mut kept = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
                kept.insert(template.to_owned(), (now, listed.clone()));
                known.or(listed)
            }
            Err(error) => {
                // The terms stay unknown, and what hangs on them is asked again.
                self.note(&error);
                Terms { unread: true, ..known }
            }
        }
    }

    /// What is known without a call.
    fn known(&self, template: &str) -> Terms {
        let configured = self.settings.templates.get(template).map(Terms::configured).unwrap_or_default();
        configured.or(self.listed(template).unwrap_or_default())
    }

    /// What FinPro listed lately.
    fn listed(&self, template: &str) -> Option<Terms> {
        let now = self.clock.now();
        let kept = self.terms.lock().unwrap_or_else(PoisonError::into_inner);
        let (read_at, listed) = kept.get(template)?;
        ((now.as_second() - read_at.as_second()).abs() < TERMS_AGE_SECONDS).then(|| listed.clone())
    }

    fn expected(&self, consents: usize) -> open::Expected<'_> {
        open::Expected { style: self.settings.style, consents, urls: &self.urls }
    }
}

#[async_trait]
impl Provider for FinPro {
    fn id(&self) -> &'static str {
        ID
    }

    fn credential(&self) -> &str {
        &self.credential
    }

    fn products(&self) -> &[ProviderProduct] {
        &self.products
    }

    fn plan(&self, ask: &Ask) -> Result<Plan, PlanFault> {
        plan::plan(&self.settings, ask)
    }

    fn refusal(&self, call: Call, beginning: Beginning) -> Option<ProviderError> {
        let stage = match beginning {
            Beginning::Opening => "requestconsent",
            Beginning::Fetch => "fi_request",
        };
        self.executor.refusal(call, ID, stage)
    }

    fn held(&self) -> Option<std::time::Duration> {
        self.executor.held()
    }

    fn resume_calls(&self) -> bool {
        self.executor.resume()
    }

    async fn terms(&self, call: Call, template: &str) -> TemplateTerms {
        self.template_terms(call, template).await.neutral(self.clock.now())
    }

    async fn open(&self, call: Call, opening: Opening<'_>) -> Result<Opened, ProviderError> {
        let request = build::request_consent(&self.settings, &opening, self.clock.now());
        let (origin, response) = self.send(call, request).await?;
        open::read(origin, &response, self.expected(opening.plan.consents.len()))
            .map_err(|error| open::name_field(error, &response, &opening.ask.customer))
    }

    async fn look_up(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        references: &References,
    ) -> Result<Option<Found>, ProviderError> {
        match self.settings.style {
            Style::Consent => look_up::consent(self, call, journey, references).await,
            Style::Orchestration => look_up::transaction(self, call, journey, attempt, references).await,
        }
    }

    async fn fresh_url(
        &self,
        call: Call,
        journey: &Journey,
        attempt: &Attempt,
        redirect_url: Option<&str>,
    ) -> Result<Option<CustomerUrl>, ProviderError> {
        let open = |consent: &&Consent| consent.state == ConsentState::Pending;
        let consents = journey.consents_of(&attempt.id).filter(open);
        let handles: Vec<&str> = consents.filter_map(|consent| consent.handle.as_deref()).collect();
        if self.settings.style == Style::Orchestration || handles.is_empty() {
            return Ok(None);
        }
        let redirect_url = redirect_url.or(exposed(&journey.ask.redirect_url));
        let request = build::encrypted_url(&handles, redirect_url, exposed(&journey.ask.customer.pan));
        let (origin, response) = self.send(call, request).await?;
        open::read_url(origin, &response, &self.urls).map(Some)
    }

    async fn observe(&self, call: Call, journey: &Journey, attempt: &Attempt) -> Observation {
        match self.settings.style {
            Style::Consent => observe::by_consent(self, call, journey, attempt).await,
            Style::Orchestration => observe::by_transaction(self, call, journey, attempt).await,
        }
    }

    async fn request_data(
        &self,
        call: Call,
        target: Target<'_>,
        range: Option<DayRange>,
    ) -> Result<Option<String>, ProviderError> {
        // Also of a transaction's consent: what it is asked for later is asked by consent.
        let consent_ref = self.consent_ref(&target, "fi_request")?;
        let request = build::fi_request(consent_ref, range, self.clock.now());
        let (origin, response) = self.send(call, request).await?;
        session::read_request(origin, &response, consent_ref).map(Some)
    }

    async fn revoke(&self, call: Call, target: Target<'_>) -> Result<(), ProviderError> {
        let consent_ref = withdraw::consent_ref(&target, "revokeconsent")?;
        let (origin, response) = self.send(call, build::revoke_consent(consent_ref)).await?;
        withdraw::read_revoked(origin, &response)
    }

    async fn delete_data(&self, call: Call, target: Target<'_>) -> Result<(), ProviderError> {
        let consent_ref = withdraw::consent_ref(&target, "fidata")?;
        let (origin, response) = self.send(call, build::delete_data(consent_ref)).await?;
        withdraw::read_deleted(origin, &response)
    }

    async fn fetch(&self, call: Call, target: Target<'_>) -> Result<Body, ProviderError> {
        let selector = observe::data_selector(self, &target, "getallfidata")?;
        let (origin, response) = self.send(call, build::all_fi_data(selector)).await?;
        fetch::read(origin, response)
    }

    fn divide(&self, body: &Body, part_of: PartOf<'_>, parts: usize) -> Result<Vec<Option<Body>>, ProviderError> {
        divide::divide(body, part_of, parts)
    }

    async fn latest(&self, call: Call, target: Target<'_>) -> Result<Latest, ProviderError> {
        let consent_ref = self.consent_ref(&target, "getalllatestfidata")?;
        let (origin, response) = self.send(call, build::latest_fi_data(consent_ref)).await?;
        fetch::read_latest(origin, response)
    }

    fn read_data(&self, provider_product: &str, body: &[u8], context: &ReadContext<'_>) -> Result<Rows, ProviderError> {
        data::read(provider_product, body, context)
    }

    async fn analysis(&self, call: Call, target: Target<'_>) -> Result<Analysis, ProviderError> {
        let selector = observe::selector(self, &target, "analytics_json")?;
        let response = self.analytics(call, &target, selector, build::Analytics::Json).await?;
        analysis::read(response.0, &response.1, selector)
    }

    async fn document(&self, call: Call, target: Target<'_>, format: pb::ReportFormat) -> Result<Document, ProviderError> {
        let selector = observe::selector(self, &target, "analytics")?;
        match format {
            pb::ReportFormat::Json => {
                let analysis = self.analysis(call, target).await?;
                Ok(Document { bytes: analysis.document, media_type: "application/json", provenance: analysis.provenance })
            }
            pb::ReportFormat::Xml => {
                let (origin, response) = self.analytics(call, &target, selector, build::Analytics::Xml).await?;
                document::read_xml(origin, &response, selector)
            }
            pb::ReportFormat::Excel => {
                let (origin, response) = self.analytics(call, &target, selector, build::Analytics::Excel).await?;
                match document::read_excel(origin, &response, selector)? {
                    document::Excel::Bytes(document) => Ok(document),
                    document::Excel::Link(link) => {
                        let link = SecretString::from(link);
                        let fetched = self.downloader.fetch(call, reads::REPORT_DOWNLOAD, &link).await;
                        // The file host knows nothing of FinPro's ids: the one of the call that gave the link leads to its file.
                        let response = fetched.map_err(|error| match origin.exchange {
                            Some(exchange) => error.with_exchange(Exchange { answer: None, ..exchange }),
                            None => error,
                        })?;
                        let of_file = |exchange| Exchange { answer: Some(judge::shape(&response)), ..exchange };
                        let exchange = origin.exchange.map(of_file);
                        document::read_linked(Origin { stage: reads::REPORT_DOWNLOAD.stage, exchange, ..origin }, &response)
                    }
                }
            }
            pb::ReportFormat::Pdf | pb::ReportFormat::Unspecified => Err(self.error(ErrorKind::Unsupported, "analytics")),
        }
    }

    fn inbound(&self) -> Inbound<'_> {
        match &self.settings.door {
            Some(door) => Inbound::Credential(door),
            None => Inbound::Closed,
        }
    }

    async fn resolve_redirect(&self, call: Call, query: &str) -> Result<Option<Redirected>, ProviderError> {
        match redirect::read_query(query) {
            Some(redirect::Return::Transaction(redirected)) => Ok(Some(redirected)),
            Some(redirect::Return::Sealed(parts)) => {
                let (origin, response) = self.send(call, build::decrypt_url(&parts)).await?;
                match redirect::read(origin, &response) {
                    Ok(redirected) => Ok(Some(redirected)),
                    Err(error) if redirect::is_foreign(&error) => {
                        self.note(&error);
                        Ok(None)
                    }
                    Err(error) => Err(error),
                }
            }
            None => Ok(None),
        }
    }

    fn read_webhook(&self, body: &[u8]) -> Reading {
        webhook::read(body)
    }

    fn message_content(&self, body: &Bytes, received_at: Timestamp) -> MessageContent {
        message_content::read(body, received_at)
    }

    async fn owner_of(&self, call: Call, journey: &Journey, attempt: &Attempt, reference: &str) -> Result<Owner, ProviderError> {
        owner::read(self, call, journey, attempt, reference).await
    }
}

impl FinPro {
    /// What FinPro knows a consent by. Uploaded statements have no consent there.
    fn consent_ref<'a>(&self, target: &Target<'a>, stage: &'static str) -> Result<&'a str, ProviderError> {
        if target.consent.uploaded {
            return Err(self.error(ErrorKind::Unsupported, stage));
        }
        let missing = || self.error(ErrorKind::NotReady, stage).with_detail("there is no consent id yet");
        target.consent.provider_ref.as_deref().ok_or_else(missing)
    }

    async fn analytics(
        &self,
        call: Call,
        target: &Target<'_>,
        selector: build::Selector<'_>,
        format: build::Analytics,
    ) -> Result<(Origin, OutboundResponse), ProviderError> {
        let (format_name, stage) = match format {
            build::Analytics::Json => (pb::ReportFormat::Json, "analytics_json"),
            build::Analytics::Xml => (pb::ReportFormat::Xml, "analytics_xml"),
            build::Analytics::Excel => (pb::ReportFormat::Excel, "analytics_excel"),
        };
        let journey_id = plan::journey_id(&self.settings, &target.consent.template, format_name);
        if journey_id.is_none() && matches!(selector, build::Selector::Consent(_)) {
            let detail = "no analysis is configured for the template and format";
            return Err(self.error(ErrorKind::Configuration, stage).with_detail(detail));
        }
        self.send(call, build::analytics(format, selector, journey_id, target.accounts)).await
    }
}

/// Every credential of a tenant, by name; faults are those of [`Config::check`].
pub(super) fn build_all(
    configs: &std::collections::BTreeMap<String, Config>,
    path: &str,
    outward: &Outward,
    clock: &SharedClock,
    faults: &mut Faults,
) -> Vec<FinPro> {
    let mut built: Vec<FinPro> = Vec::new();
    for (name, config) in configs {
        let path = format!("{path}.{ID}.{name}");
        let Some(settings) = config.check(&path, faults) else { continue };
        let taken = |other: &FinPro| {
            other.settings.door.as_ref().zip(settings.door.as_ref()).is_some_and(|(one, two)| one.is_the_same_as(two))
        };
        if built.iter().any(taken) {
            faults.add(format!("{path}.webhook.token"), "must differ from the token of every other credential");
        }
        match FinPro::new(name, settings, outward.of(ID, name), clock.clone()) {
            Ok(finpro) => built.push(finpro),
            Err(_) => faults.add(path, "the HTTP client cannot be made: check the machine's certificates"),
        }
    }
    built
}
