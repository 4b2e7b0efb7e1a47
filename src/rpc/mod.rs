//! The edge of the contract: one file an rpc. Each decodes, validates, calls the service, and encodes.

mod adopt_consent;
mod audited;
mod cancel_journey;
mod chunks;
mod convert;
mod encoded;
mod explain_consent;
mod fetch_analytics;
mod fetch_changes;
mod fetch_data;
mod fetch_report;
mod frames;
mod get_evidence;
mod get_status;
mod idempotent;
pub(crate) mod json;
mod list_journeys;
mod list_overdue;
mod list_providers;
mod purge_data;
mod refresh_data;
mod resolve_redirect;
mod resume_calls;
mod resume_journey;
mod revoke_consent;
mod start_journey;
pub mod status;
mod stream_data;
pub(crate) mod validate;
mod watch_journeys;
mod watch_status;

use std::sync::Arc;

use tokio::time::Instant;
use tonic::{
    Request, Response, Status, async_trait,
    codec::CompressionEncoding::{Gzip, Zstd},
    service::Routes,
};

pub use convert::journey as journey_message;

use crate::{
    access::{Caller, Scope, audit::Act},
    journey::{
        error::JourneyError,
        progress::Progress,
        service::{Service, Tenants},
    },
    pb::{
        self, View,
        journey_service_server::{JourneyService, JourneyServiceServer},
        provider_service_server::{ProviderService, ProviderServiceServer},
    },
    providers::provider::Call,
    server::Deadline,
};

/// Says in an answer's metadata whether it came from a cache: `hit` or `miss`.
pub const CACHE_HEADER: &str = "sangam-cache";
/// A request is small; a larger one is refused before it is decoded.
const MAX_REQUEST_BYTES: usize = 256 * 1024;

/// Adds both services to the routes.
pub fn add(routes: Routes, tenants: Tenants) -> Routes {
    let edge = Edge { in_flight: idempotent::InFlight::default(), tenants };
    let journeys = JourneyServiceServer::new(edge.clone())
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .accept_compressed(Gzip)
        .accept_compressed(Zstd)
        .send_compressed(Gzip)
        .send_compressed(Zstd);
    let providers = ProviderServiceServer::new(edge)
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .accept_compressed(Gzip)
        .accept_compressed(Zstd)
        .send_compressed(Gzip)
        .send_compressed(Zstd);
    // Answers that are kept encoded are put into their frames outside the generated code, which would encode them anew.
    routes.add_service(encoded::SendEncoded(journeys)).add_service(providers)
}

/// Both services of the contract.
#[derive(Clone)]
struct Edge {
    tenants: Tenants,
    in_flight: idempotent::InFlight,
}

impl Edge {
    /// Whose call it is, and the service of his tenant. A call that passed no check of its caller is nobody's and gets nothing.
    fn asked<T>(&self, request: &Request<T>) -> Result<Asked, Status> {
        let known = request.extensions().get::<Arc<Caller>>().and_then(|caller| {
            let service = self.tenants.get(&caller.tenant)?.clone();
            let progress = request.extensions().get::<Progress>().cloned().unwrap_or_default();
            Some(Asked { caller: caller.clone(), service, in_flight: self.in_flight.clone(), progress })
        });
        known.ok_or_else(|| status::of(JourneyError::Internal("a call without a caller, or of a tenant that is not served")))
    }

    /// The same for a call that goes on record.
    fn audited<T>(&self, act: Act, request: &Request<T>) -> Result<(Asked, audited::Audited), Status> {
        let asked = self.asked(request)?;
        let audit = audited::Audited::new(asked.service.audit(), &asked.caller, act, request);
        Ok((asked, audit))
    }
}

/// A call with its caller.
struct Asked {
    caller: Arc<Caller>,
    /// The service of the caller's tenant: nothing of another one can be named through it.
    service: Service,
    in_flight: idempotent::InFlight,
    /// What the answer says if the call's time ends before its work.
    progress: Progress,
}

impl Asked {
    /// Notes the journey that the call names. What is no journey's id is not noted.
    fn concerns(&self, journey_id: &str) {
        if validate::journey_id(journey_id).is_ok() {
            self.progress.journey(journey_id);
        }
    }

    /// Refuses a view that is not open to the caller.
    fn shows(&self, view: View) -> Result<(), Status> {
        match view {
            View::Full if !self.caller.may(Scope::PiiRead) => Err(status::of(JourneyError::ViewNotAllowed)),
            _ => Ok(()),
        }
    }
}

/// What a call may take. The deadline layer puts it there for every call of the contract.
fn call_of<T>(request: &Request<T>) -> Call {
    let deadline = request.extensions().get::<Deadline>().map(|deadline| deadline.0);
    Call { deadline: deadline.unwrap_or_else(|| Instant::now() + std::time::Duration::from_secs(30)) }
}

/// An answer that says whether it came from a cache.
fn with_origin<T>(mut response: Response<T>, origin: crate::cache::Origin) -> Response<T> {
    tracing::Span::current().record("cache", origin.as_str());
    let word = tonic::metadata::MetadataValue::from_static(origin.as_str());
    response.metadata_mut().insert(CACHE_HEADER, word);
    response
}

#[async_trait]
impl JourneyService for Edge {
    async fn start_journey(
        &self,
        request: Request<pb::StartJourneyRequest>,
    ) -> Result<Response<pb::StartJourneyResponse>, Status> {
        let (asked, audit) = self.audited(Act::StartJourney, &request)?;
        audit.end(start_journey::handle(&asked, &audit, request).await)
    }

    async fn explain_consent(
        &self,
        request: Request<pb::ExplainConsentRequest>,
    ) -> Result<Response<pb::ExplainConsentResponse>, Status> {
        explain_consent::handle(self, request).await
    }

    async fn resume_journey(
        &self,
        request: Request<pb::ResumeJourneyRequest>,
    ) -> Result<Response<pb::ResumeJourneyResponse>, Status> {
        let (asked, audit) = self.audited(Act::ResumeJourney, &request)?;
        audit.end(resume_journey::handle(&asked, &audit, request).await)
    }

    async fn resolve_redirect(
        &self,
        request: Request<pb::ResolveRedirectRequest>,
    ) -> Result<Response<pb::ResolveRedirectResponse>, Status> {
        resolve_redirect::handle(self, request).await
    }

    async fn adopt_consent(
        &self,
        request: Request<pb::AdoptConsentRequest>,
    ) -> Result<Response<pb::AdoptConsentResponse>, Status> {
        let (asked, audit) = self.audited(Act::AdoptConsent, &request)?;
        audit.end(adopt_consent::handle(&asked, &audit, request).await)
    }

    async fn list_journeys(
        &self,
        request: Request<pb::ListJourneysRequest>,
    ) -> Result<Response<pb::ListJourneysResponse>, Status> {
        list_journeys::handle(self, request).await
    }

    async fn get_status(&self, request: Request<pb::GetStatusRequest>) -> Result<Response<pb::GetStatusResponse>, Status> {
        get_status::handle(self, request).await
    }

    type WatchStatusStream = watch_status::Changes;

    async fn watch_status(&self, request: Request<pb::WatchStatusRequest>) -> Result<Response<Self::WatchStatusStream>, Status> {
        watch_status::handle(self, request).await
    }

    type WatchJourneysStream = watch_journeys::Changes;

    async fn watch_journeys(
        &self,
        request: Request<pb::WatchJourneysRequest>,
    ) -> Result<Response<Self::WatchJourneysStream>, Status> {
        watch_journeys::handle(self, request).await
    }

    async fn fetch_data(&self, request: Request<pb::FetchDataRequest>) -> Result<Response<pb::FetchDataResponse>, Status> {
        let (asked, audit) = self.audited(Act::FetchData, &request)?;
        audit.end(fetch_data::handle(&asked, &audit, request).await)
    }

    type StreamDataStream = stream_data::DataParts;

    async fn stream_data(&self, request: Request<pb::StreamDataRequest>) -> Result<Response<Self::StreamDataStream>, Status> {
        let (asked, audit) = self.audited(Act::StreamData, &request)?;
        audit.end(stream_data::handle(&asked, &audit, request).await)
    }

    async fn fetch_changes(
        &self,
        request: Request<pb::FetchChangesRequest>,
    ) -> Result<Response<pb::FetchChangesResponse>, Status> {
        let (asked, audit) = self.audited(Act::FetchChanges, &request)?;
        audit.end(fetch_changes::handle(&asked, &audit, request).await)
    }

    async fn fetch_analytics(
        &self,
        request: Request<pb::FetchAnalyticsRequest>,
    ) -> Result<Response<pb::FetchAnalyticsResponse>, Status> {
        let (asked, audit) = self.audited(Act::FetchAnalytics, &request)?;
        audit.end(fetch_analytics::handle(&asked, &audit, request).await)
    }

    type FetchReportStream = fetch_report::ReportStream;

    async fn fetch_report(&self, request: Request<pb::FetchReportRequest>) -> Result<Response<Self::FetchReportStream>, Status> {
        let (asked, audit) = self.audited(Act::FetchReport, &request)?;
        audit.end(fetch_report::handle(&asked, &audit, request).await)
    }

    type GetEvidenceStream = get_evidence::EvidenceStream;

    async fn get_evidence(&self, request: Request<pb::GetEvidenceRequest>) -> Result<Response<Self::GetEvidenceStream>, Status> {
        let (asked, audit) = self.audited(Act::GetEvidence, &request)?;
        audit.end(get_evidence::handle(&asked, &audit, request).await)
    }

    async fn refresh_data(&self, request: Request<pb::RefreshDataRequest>) -> Result<Response<pb::RefreshDataResponse>, Status> {
        let (asked, audit) = self.audited(Act::RefreshData, &request)?;
        audit.end(refresh_data::handle(&asked, &audit, request).await)
    }

    async fn revoke_consent(
        &self,
        request: Request<pb::RevokeConsentRequest>,
    ) -> Result<Response<pb::RevokeConsentResponse>, Status> {
        let (asked, audit) = self.audited(Act::RevokeConsent, &request)?;
        audit.end(revoke_consent::handle(&asked, &audit, request).await)
    }

    async fn cancel_journey(
        &self,
        request: Request<pb::CancelJourneyRequest>,
    ) -> Result<Response<pb::CancelJourneyResponse>, Status> {
        let (asked, audit) = self.audited(Act::CancelJourney, &request)?;
        audit.end(cancel_journey::handle(&asked, &audit, request).await)
    }

    async fn purge_data(&self, request: Request<pb::PurgeDataRequest>) -> Result<Response<pb::PurgeDataResponse>, Status> {
        let (asked, audit) = self.audited(Act::PurgeData, &request)?;
        audit.end(purge_data::handle(&asked, &audit, request).await)
    }

    async fn list_overdue(&self, request: Request<pb::ListOverdueRequest>) -> Result<Response<pb::ListOverdueResponse>, Status> {
        list_overdue::handle(self, request).await
    }
}

#[async_trait]
impl ProviderService for Edge {
    async fn list_providers(
        &self,
        request: Request<pb::ListProvidersRequest>,
    ) -> Result<Response<pb::ListProvidersResponse>, Status> {
        Ok(Response::new(list_providers::answer(&self.asked(&request)?.service)))
    }

    async fn resume_calls(&self, request: Request<pb::ResumeCallsRequest>) -> Result<Response<pb::ResumeCallsResponse>, Status> {
        resume_calls::handle(self, request)
    }
}
