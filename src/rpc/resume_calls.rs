//! ResumeCalls.

use tonic::{Request, Response, Status};

use super::{Edge, status};
use crate::pb::{ResumeCallsRequest, ResumeCallsResponse};

pub(super) fn handle(edge: &Edge, request: Request<ResumeCallsRequest>) -> Result<Response<ResumeCallsResponse>, Status> {
    let asked = edge.asked(&request)?;
    let ResumeCallsRequest { provider, credential } = request.into_inner();
    let credentials = asked.service.resume_calls(&provider, &credential).map_err(status::of)?;
    tracing::warn!(credentials = credentials.len(), "resumed calls to a provider on an operator's word");
    Ok(Response::new(ResumeCallsResponse { credentials }))
}
