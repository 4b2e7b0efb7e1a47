//! The statuses that the layers answer by themselves. Everything else is made where the rpcs are.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    access::Scope,
    journey::progress::{Progress, Reached},
    pb::ErrorReason,
};

/// When a token that could not be judged may be sent again.
const SOON: Duration = Duration::from_secs(5);

/// The status at the end of a call's time, with what is known of its work.
pub(super) fn deadline_exceeded(progress: &Progress) -> Status {
    let Reached { journey_id, effect } = progress.reached();
    let journey = journey_id.map(|id| ("journey_id".to_owned(), id));
    let metadata = journey.into_iter().chain([("effect".to_owned(), effect.name().to_owned())]).collect();
    let text = "The call's time was over before its answer was there.";
    Status::with_error_details(Code::DeadlineExceeded, text, details(ErrorReason::DeadlineExceeded, metadata))
}

/// The status of a call whose time was over before its work began.
pub(super) fn expired() -> Status {
    refused(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, "The call's time was over before its work began.", None)
}

/// The status of a fault of the gateway itself; what it was is in the log only.
pub(super) fn internal() -> Status {
    status(Code::Internal, ErrorReason::Internal, "The gateway has failed; the call id finds it in the log.")
}

/// The status of a call that is nobody's. It is the same whatever was wrong with the proof.
pub(super) fn unauthenticated() -> Status {
    refused(Code::Unauthenticated, ErrorReason::Unauthenticated, "The call proves no caller.", None)
}

/// The status of a call whose token cannot be judged yet.
pub(super) fn issuer_unavailable() -> Status {
    let reason = ErrorReason::IssuerUnavailable.as_str_name().trim_start_matches("ERROR_REASON_");
    let metadata = HashMap::from([("effect".to_owned(), "NONE".to_owned())]);
    let mut details = ErrorDetails::with_error_info(reason, "sangam", metadata);
    details.set_retry_info(Some(SOON));
    Status::with_error_details(Code::Unavailable, "The token cannot be judged yet.", details)
}

/// The status of a call that its caller may not make.
pub(super) fn scope_missing(scope: Scope) -> Status {
    refused(Code::PermissionDenied, ErrorReason::ScopeMissing, "The caller may not make this call.", Some(scope))
}

/// The status of a call that there is not.
pub(super) fn unimplemented() -> Status {
    refused(Code::Unimplemented, ErrorReason::MethodUnknown, "There is no such method.", None)
}

/// The status of a request that is no call of gRPC.
pub(super) fn not_grpc() -> Status {
    refused(Code::InvalidArgument, ErrorReason::NotGrpc, "A call is a POST with the content type application/grpc.", None)
}

/// The status of a message that cannot be unpacked or decoded. The decoder's own text can quote the message and stays out.
pub(in crate::server) fn request_unreadable() -> Status {
    refused(Code::InvalidArgument, ErrorReason::RequestUnreadable, "The request's message cannot be read.", None)
}

/// The status of a message that is larger than a method takes.
pub(in crate::server) fn request_too_large() -> Status {
    refused(Code::ResourceExhausted, ErrorReason::RequestTooLarge, "The request's message is too large.", None)
}

/// The status of a message in an encoding that is not offered; `grpc-accept-encoding` lists those that are.
pub(super) fn compression_unknown() -> Status {
    refused(Code::Unimplemented, ErrorReason::CompressionUnknown, "The request's compression is not offered.", None)
}

/// The status of a call whose caller went away before its message was whole.
pub(super) fn abandoned() -> Status {
    refused(Code::Cancelled, ErrorReason::CallAbandoned, "The request ended before its message was whole.", None)
}

/// The status of a health check of a name that has no health.
pub(super) fn health_name_unknown() -> Status {
    refused(Code::NotFound, ErrorReason::HealthNameUnknown, "No service of this name has a health.", None)
}

/// The status of a reflection call about a name that the contract does not have.
pub(in crate::server) fn reflection_name_unknown() -> Status {
    refused(Code::NotFound, ErrorReason::ReflectionNameUnknown, "The contract has nothing of this name.", None)
}

/// The status of a call whose metadata is larger than the gateway takes.
pub(super) fn metadata_too_large() -> Status {
    refused(Code::ResourceExhausted, ErrorReason::RequestTooLarge, "The request's metadata is too large.", None)
}

/// The status of a watch whose connection is to go. It goes on at once on another one, wherever that leads.
pub(super) fn leaving() -> Status {
    let mut details = details(ErrorReason::ShuttingDown, [("effect".to_owned(), "NONE".to_owned())].into());
    details.set_retry_info(Some(Duration::ZERO));
    Status::with_error_details(Code::Unavailable, "The connection has reached its age; another one goes on.", details)
}

fn refused(code: Code, reason: ErrorReason, text: &str, scope: Option<Scope>) -> Status {
    let scope = scope.map(|scope| ("scope".to_owned(), scope.name().to_owned()));
    let metadata = scope.into_iter().chain([("effect".to_owned(), "NONE".to_owned())]).collect();
    Status::with_error_details(code, text, details(reason, metadata))
}

fn status(code: Code, reason: ErrorReason, text: &str) -> Status {
    Status::with_error_details(code, text, details(reason, HashMap::from([("effect".to_owned(), "UNKNOWN".to_owned())])))
}

fn details(reason: ErrorReason, metadata: HashMap<String, String>) -> ErrorDetails {
    let reason = reason.as_str_name().trim_start_matches("ERROR_REASON_");
    ErrorDetails::with_error_info(reason, "sangam", metadata)
}

/// A status as the trailers of a stream that has begun. Trailers that cannot be written become a bare INTERNAL.
pub(in crate::server) fn trailers(status: &Status) -> http::HeaderMap {
    let mut trailers = http::HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, http::HeaderValue::from(Code::Internal as i32));
    }
    trailers
}
