//! The statuses that the layers answer by themselves. Everything else is made where the rpcs are.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::pb::ErrorReason;

/// The status at the end of a call's time. What was begun may have been done: the effect is not known here.
pub(super) fn deadline_exceeded() -> Status {
    status(Code::DeadlineExceeded, ErrorReason::DeadlineExceeded, "The call's time was over before its answer was there.")
}

/// The status of a fault of the gateway itself; what it was is in the log only.
pub(super) fn internal() -> Status {
    status(Code::Internal, ErrorReason::Internal, "The gateway has failed; the call id finds it in the log.")
}

/// The status of a watch whose connection is to go. It goes on at once on another one, wherever that leads.
pub(super) fn leaving() -> Status {
    let mut details = details(ErrorReason::ShuttingDown, "NONE");
    details.set_retry_info(Some(Duration::ZERO));
    Status::with_error_details(Code::Unavailable, "The connection has reached its age; another one goes on.", details)
}

fn status(code: Code, reason: ErrorReason, text: &str) -> Status {
    Status::with_error_details(code, text, details(reason, "UNKNOWN"))
}

fn details(reason: ErrorReason, effect: &str) -> ErrorDetails {
    let reason = reason.as_str_name().trim_start_matches("ERROR_REASON_");
    ErrorDetails::with_error_info(reason, "sangam", HashMap::from([("effect".to_owned(), effect.to_owned())]))
}

/// A status as the trailers of a stream that has begun. Trailers that cannot be written become a bare INTERNAL.
pub(super) fn trailers(status: &Status) -> http::HeaderMap {
    let mut trailers = http::HeaderMap::new();
    if status.add_header(&mut trailers).is_err() {
        trailers.insert(Status::GRPC_STATUS, http::HeaderValue::from(Code::Internal as i32));
    }
    trailers
}
