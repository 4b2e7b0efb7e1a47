//! Finpass's words, as far as they are documented or follow from the labels of its documentation: what of its answers may be shown.

use crate::providers::vocabulary::Vocabulary;

/// Codes of both generations of its interface (`message_code` and `error_code`).
pub(super) const CODES: Vocabulary = Vocabulary(&[
    "success",
    "unauthorized",
    "invalid_client_id",
    "INVALID_INPUT",
    "INVALID_CREDENTIALS",
    // The labels of the response list, as codes.
    "accepted",
    "authentication_error",
    "client_not_found",
    "consent_status_pending",
    "consent_status_rejected",
    "consent_status_revoked",
    "account_data_not_found",
    "account_data_fetch_expired",
    "account_data_fetch_error",
    "no_financial_information_request_found",
    "missing_request_id",
    "data_not_ready",
    "validation_error",
    "server_error",
    // The newer generation, whose list of errors is not public.
    "SESSION_NOT_FOUND",
    "SESSION_EXPIRED",
    "ANALYSIS_NOT_READY",
    "JOB_NOT_FOUND",
    "JOB_NOT_COMPLETED",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
]);

/// States of both products.
pub(super) const STATES: Vocabulary = Vocabulary(&[
    "INITIATED",
    "CONSENT_PENDING",
    "CONSENT_GRANTED",
    "CONSENT_APPROVED",
    "CONSENT_DENIED",
    "CONSENT_REJECTED",
    "CONSENT_REVOKED",
    "CONSENT_EXPIRED",
    "DATA_FETCHING",
    "DATA_FETCHED",
    "PROCESSING",
    "ANALYSING",
    "ANALYSIS_IN_PROGRESS",
    "ANALYSIS_COMPLETE",
    "ANALYSIS_COMPLETED",
    "ANALYSIS_FAILED",
    "COMPLETED",
    "FAILED",
    "ERROR",
    "EXPIRED",
    "SESSION_EXPIRED",
    "CANCELLED",
    "DENIED",
    "REJECTED",
    "REVOKED",
    "PENDING",
    "IN_PROGRESS",
    "READY",
    "ACTIVE",
]);
