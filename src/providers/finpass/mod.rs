//! Finpass, both of its aggregator products: the plain one, and the one with an analysis (AA-BSA).

use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

use super::{
    capability::ProviderProduct,
    customer_url::UrlRules,
    error::{ErrorKind, ProviderError},
    http::{Executor, OutboundRequest, OutboundResponse, Outward},
    inbound::{Inbound, Owner, Reading},
    judge::Origin,
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
    data::{ReadContext, Rows},
    journey::fair_use::TemplateTerms,
    journey::model::{Ask, Attempt, DayRange, Journey},
    pb,
};

mod analysis;
mod build;
mod config;
pub mod data;
mod data_bsa;
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

pub use config::{Config, Settings};
use plan::AA_BSA;
pub use reads::READS;

/// Finpass's id in the contract.
pub const ID: &str = "finpass";

/// One Finpass credential.
pub struct Finpass {
    credential: String,
    urls: UrlRules,
    products: Vec<ProviderProduct>,
    executor: Executor,
}

impl Finpass {
    /// A credential by its valid settings.
    pub fn new(credential: &str, settings: Settings, outward: Outward, clock: SharedClock) -> Result<Self, reqwest::Error> {
        let urls = UrlRules { hosts: settings.customer_url_hosts, loopback: is_loopback(&settings.base_url) };
        let executor = Executor::new(settings.base_url, settings.credentials, settings.limits, outward, clock)?;
        Ok(Self { credential: credential.to_owned(), urls, products: products::products(), executor })
    }

    /// The same credential behind another executor.
    #[cfg(feature = "sandbox")]
    #[doc(hidden)]
    pub fn with_executor(&self, executor: Executor) -> Self {
        let (credential, products) = (self.credential.clone(), self.products.clone());
        Self { credential, urls: self.urls.clone(), products, executor }
    }

    async fn send(&self, call: Call, request: OutboundRequest) -> Result<(Origin, OutboundResponse), ProviderError> {
        self.executor.send(call, request).await
    }
}

fn error(kind: ErrorKind, stage: &'static str) -> ProviderError {
    ProviderError::new(kind, ID, stage)
}

/// The session's id.
fn client_id<'a>(target: &Target<'a>, stage: &'static str) -> Result<&'a str, ProviderError> {
    let missing = || error(ErrorKind::NotReady, stage).with_detail("there is no client id yet");
    target.attempt.provider_ref.as_deref().ok_or_else(missing)
}

fn is_analysed(target: &Target<'_>) -> bool {
    target.journey.provider_product == AA_BSA
}

#[async_trait]
impl Provider for Finpass {
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
        plan::plan(ask)
    }

    /// Finpass tells nothing about its two consent types.
    fn refusal(&self, call: Call, beginning: Beginning) -> Option<ProviderError> {
        let stage = match beginning {
            Beginning::Opening => "init",
            Beginning::Fetch => "refresh_data",
        };
        self.executor.refusal(call, ID, stage)
    }

    fn held(&self) -> Option<std::time::Duration> {
        self.executor.held()
    }

    fn resume_calls(&self) -> bool {
        self.executor.resume()
    }

    async fn terms(&self, _: Call, template: &str) -> TemplateTerms {
        plan::terms(template)
    }

    async fn open(&self, call: Call, opening: Opening<'_>) -> Result<Opened, ProviderError> {
        let (origin, response) = self.send(call, build::init(&opening)).await?;
        let product = opening.plan.provider_product;
        open::read(origin, &response, open::Expected { product, customer: &opening.ask.customer, urls: &self.urls })
    }

    async fn look_up(
        &self,
        call: Call,
        journey: &Journey,
        _: &Attempt,
        references: &References,
    ) -> Result<Option<Found>, ProviderError> {
        look_up::read(self, call, journey, references).await
    }

    /// Finpass cannot mint one.
    async fn fresh_url(&self, _: Call, _: &Journey, _: &Attempt, _: Option<&str>) -> Result<Option<CustomerUrl>, ProviderError> {
        Ok(None)
    }

    async fn observe(&self, call: Call, journey: &Journey, attempt: &Attempt) -> Observation {
        observe::observe(self, call, journey, attempt).await.into()
    }

    /// The days cannot be chosen. The analysed product has no way to ask anew.
    async fn request_data(&self, call: Call, target: Target<'_>, _: Option<DayRange>) -> Result<Option<String>, ProviderError> {
        if is_analysed(&target) {
            return Err(error(ErrorKind::Unsupported, "refresh_data"));
        }
        let request = build::refresh_data(client_id(&target, "refresh_data")?);
        let (origin, response) = self.send(call, request).await?;
        session::read_request(origin, &response).map(Some)
    }

    async fn revoke(&self, _: Call, _: Target<'_>) -> Result<(), ProviderError> {
        Err(withdraw::unsupported("revoke"))
    }

    async fn delete_data(&self, _: Call, _: Target<'_>) -> Result<(), ProviderError> {
        Err(withdraw::unsupported("delete_data"))
    }

    async fn fetch(&self, call: Call, target: Target<'_>) -> Result<Body, ProviderError> {
        let client_id = client_id(&target, "fetch")?;
        if is_analysed(&target) {
            let (origin, response) = self.send(call, build::statement_result(client_id)).await?;
            return fetch::read_statement(origin, response, client_id);
        }
        let refresh_id = target.fetch.and_then(|fetch| fetch.provider_ref.as_deref());
        let (origin, response) = self.send(call, build::fetch_json_report(client_id, refresh_id)).await?;
        fetch::read(origin, response)
    }

    /// A journey has one consent.
    fn divide(&self, _: &Body, _: PartOf<'_>, _: usize) -> Result<Vec<Option<Body>>, ProviderError> {
        Err(divide::unsupported())
    }

    /// Every report is whole.
    async fn latest(&self, _: Call, _: Target<'_>) -> Result<Latest, ProviderError> {
        Err(error(ErrorKind::Unsupported, "fetch"))
    }

    fn read_data(&self, provider_product: &str, body: &[u8], context: &ReadContext<'_>) -> Result<Rows, ProviderError> {
        data::read(provider_product, body, context)
    }

    async fn analysis(&self, call: Call, target: Target<'_>) -> Result<Analysis, ProviderError> {
        if !is_analysed(&target) {
            return Err(error(ErrorKind::Unsupported, "analysis_json"));
        }
        let client_id = client_id(&target, "analysis_json")?;
        let (origin, response) = self.send(call, build::analysis_json(client_id)).await?;
        analysis::read(origin, &response, client_id)
    }

    async fn document(&self, call: Call, target: Target<'_>, format: pb::ReportFormat) -> Result<Document, ProviderError> {
        match format {
            pb::ReportFormat::Json => self.analysis(call, target).await.map(document::of_analysis),
            pb::ReportFormat::Xml | pb::ReportFormat::Excel | pb::ReportFormat::Pdf | pb::ReportFormat::Unspecified => {
                Err(error(ErrorKind::Unsupported, "analysis_json"))
            }
        }
    }

    fn inbound(&self) -> Inbound<'_> {
        Inbound::Attempt
    }

    async fn resolve_redirect(&self, _: Call, query: &str) -> Result<Option<Redirected>, ProviderError> {
        Ok(redirect::read_query(query))
    }

    fn read_webhook(&self, body: &[u8]) -> Reading {
        webhook::read(body)
    }

    fn message_content(&self, body: &Bytes, received_at: Timestamp) -> MessageContent {
        message_content::read(body, received_at)
    }

    async fn owner_of(&self, call: Call, journey: &Journey, _: &Attempt, reference: &str) -> Result<Owner, ProviderError> {
        owner::read(self, call, journey, reference).await
    }
}

/// Every credential of a tenant, by name; faults are those of [`Config::check`].
pub(super) fn build_all(
    configs: &BTreeMap<String, Config>,
    path: &str,
    outward: &Outward,
    clock: &SharedClock,
    faults: &mut Faults,
) -> Vec<Finpass> {
    let mut built = Vec::new();
    for (name, config) in configs {
        let path = format!("{path}.{ID}.{name}");
        let Some(settings) = config.check(&path, faults) else { continue };
        match Finpass::new(name, settings, outward.of(ID, name), clock.clone()) {
            Ok(finpass) => built.push(finpass),
            Err(_) => faults.add(path, "the HTTP client cannot be made: check the machine's certificates"),
        }
    }
    built
}
