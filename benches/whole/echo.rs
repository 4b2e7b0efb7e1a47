//! What one writes with tonic alone: a service that answers a message it has, through tonic's own server.

use std::{fs, net::SocketAddr, path::Path};

use prost::Message;
use sangam::pb::{
    self,
    journey_service_server::{JourneyService, JourneyServiceServer},
};
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{
    Request, Response, Status,
    codec::CompressionEncoding::{Gzip, Zstd},
};

const FILES: [&str; 2] = ["status.bin", "page.bin"];

/// Writes down what the service shall answer.
pub fn keep(directory: &Path, status: &pb::GetStatusResponse, page: &pb::FetchDataResponse) {
    for (file, bytes) in FILES.into_iter().zip([status.encode_to_vec(), page.encode_to_vec()]) {
        fs::write(directory.join(file), bytes).expect("a file");
    }
}

struct Echo {
    status: pb::GetStatusResponse,
    page: pb::FetchDataResponse,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl JourneyService for Echo {
    async fn get_status(&self, _: Request<pb::GetStatusRequest>) -> Answer<pb::GetStatusResponse> {
        Ok(Response::new(self.status.clone()))
    }

    async fn fetch_data(&self, _: Request<pb::FetchDataRequest>) -> Answer<pb::FetchDataResponse> {
        Ok(Response::new(self.page.clone()))
    }

    async fn start_journey(&self, _: Request<pb::StartJourneyRequest>) -> Answer<pb::StartJourneyResponse> {
        Err(Status::unimplemented(""))
    }

    async fn explain_consent(&self, _: Request<pb::ExplainConsentRequest>) -> Answer<pb::ExplainConsentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn resolve_redirect(&self, _: Request<pb::ResolveRedirectRequest>) -> Answer<pb::ResolveRedirectResponse> {
        Err(Status::unimplemented(""))
    }

    async fn adopt_consent(&self, _: Request<pb::AdoptConsentRequest>) -> Answer<pb::AdoptConsentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_journeys(&self, _: Request<pb::ListJourneysRequest>) -> Answer<pb::ListJourneysResponse> {
        Err(Status::unimplemented(""))
    }

    async fn resume_journey(&self, _: Request<pb::ResumeJourneyRequest>) -> Answer<pb::ResumeJourneyResponse> {
        Err(Status::unimplemented(""))
    }

    async fn fetch_analytics(&self, _: Request<pb::FetchAnalyticsRequest>) -> Answer<pb::FetchAnalyticsResponse> {
        Err(Status::unimplemented(""))
    }

    type WatchStatusStream = tokio_stream::Empty<Result<pb::WatchStatusResponse, Status>>;

    async fn watch_status(&self, _: Request<pb::WatchStatusRequest>) -> Answer<Self::WatchStatusStream> {
        Err(Status::unimplemented(""))
    }

    type WatchJourneysStream = tokio_stream::Empty<Result<pb::WatchJourneysResponse, Status>>;

    async fn watch_journeys(&self, _: Request<pb::WatchJourneysRequest>) -> Answer<Self::WatchJourneysStream> {
        Err(Status::unimplemented(""))
    }

    async fn refresh_data(&self, _: Request<pb::RefreshDataRequest>) -> Answer<pb::RefreshDataResponse> {
        Err(Status::unimplemented(""))
    }

    async fn revoke_consent(&self, _: Request<pb::RevokeConsentRequest>) -> Answer<pb::RevokeConsentResponse> {
        Err(Status::unimplemented(""))
    }

    async fn cancel_journey(&self, _: Request<pb::CancelJourneyRequest>) -> Answer<pb::CancelJourneyResponse> {
        Err(Status::unimplemented(""))
    }

    async fn purge_data(&self, _: Request<pb::PurgeDataRequest>) -> Answer<pb::PurgeDataResponse> {
        Err(Status::unimplemented(""))
    }

    async fn list_overdue(&self, _: Request<pb::ListOverdueRequest>) -> Answer<pb::ListOverdueResponse> {
        Err(Status::unimplemented(""))
    }

    type StreamDataStream = tokio_stream::Empty<Result<pb::StreamDataResponse, Status>>;

    async fn stream_data(&self, _: Request<pb::StreamDataRequest>) -> Answer<Self::StreamDataStream> {
        Err(Status::unimplemented(""))
    }

    async fn fetch_changes(&self, _: Request<pb::FetchChangesRequest>) -> Answer<pb::FetchChangesResponse> {
        Err(Status::unimplemented(""))
    }

    type FetchReportStream = tokio_stream::Empty<Result<pb::FetchReportResponse, Status>>;

    async fn fetch_report(&self, _: Request<pb::FetchReportRequest>) -> Answer<Self::FetchReportStream> {
        Err(Status::unimplemented(""))
    }

    type GetEvidenceStream = tokio_stream::Empty<Result<pb::GetEvidenceResponse, Status>>;

    async fn get_evidence(&self, _: Request<pb::GetEvidenceRequest>) -> Answer<Self::GetEvidenceStream> {
        Err(Status::unimplemented(""))
    }
}

/// Serves what was kept.
pub async fn serve(directory: &Path) -> SocketAddr {
    let [status, page] = FILES.map(|file| fs::read(directory.join(file)).expect("a file"));
    let echo = Echo {
        status: Message::decode(status.as_slice()).expect("a message"),
        page: Message::decode(page.as_slice()).expect("a message"),
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let service = JourneyServiceServer::new(echo).send_compressed(Gzip).send_compressed(Zstd);
    let server = tonic::transport::Server::builder().tcp_nodelay(true).add_service(service);
    tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
    address
}
