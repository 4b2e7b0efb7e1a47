//! What can go wrong at a provider, free of any transport.

use std::{borrow::Cow, fmt, time::Duration};

use uuid::Uuid;

use super::vocabulary::Vocabulary;
use crate::pb::ErrorReason;

/// What happened, in words that every provider shares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The provider refuses the tenant's credentials.
    Credentials,
    /// What the tenant has set up at the provider does not fit the request (template, aggregator, analytics journey).
    Configuration,
    /// The provider refuses the request itself.
    Refused,
    /// The provider refuses one value of the caller's request: the path of the field.
    InvalidInput(InputField),
    /// Too many calls.
    RateLimited,
    /// Not reached, or a fault of the provider's own.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// The answer cannot be understood.
    ResponseInvalid,
    /// The answer is larger than the bound.
    ResponseTooLarge,
    /// The gateway had no memory for the answer within the call's time. The provider is not to blame.
    NoRoom,
    /// Not there yet: ask again.
    NotReady,
    /// The data's life is over.
    DataExpired,
    /// The consent is revoked.
    Revoked,
    /// The consent is paused, revoked or expired; the provider does not say which.
    NotActive,
    /// The customer declined.
    Rejected,
    /// There is no account.
    NoAccounts,
    /// The provider does not know the consent, client or transaction.
    UnknownReference,
    /// The provider has no such call.
    Unsupported,
}

/// A field of the caller's request that a provider refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum InputField {
    /// `customer.vua`.
    CustomerVua,
}

impl InputField {
    /// Its path in the request.
    pub fn path(self) -> &'static str {
        match self {
            Self::CustomerVua => "customer.vua",
        }
    }
}

/// The name of a host, apart: errors travel by value and should be small.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedHost(pub String);

impl ErrorKind {
    /// The reason that a caller is told.
    pub fn reason(self) -> ErrorReason {
        match self {
            Self::Credentials => ErrorReason::ProviderCredentials,
            Self::Configuration => ErrorReason::ProviderConfiguration,
            Self::Refused | Self::UnknownReference => ErrorReason::ProviderRefused,
            Self::InvalidInput(_) => ErrorReason::InvalidFields,
            Self::RateLimited => ErrorReason::ProviderRateLimited,
            Self::Unavailable => ErrorReason::ProviderUnavailable,
            Self::Timeout => ErrorReason::ProviderTimeout,
            Self::ResponseInvalid => ErrorReason::ProviderResponseInvalid,
            Self::ResponseTooLarge => ErrorReason::ProviderResponseTooLarge,
            Self::NoRoom => ErrorReason::Overloaded,
            Self::NotReady => ErrorReason::DataNotReady,
            Self::DataExpired => ErrorReason::DataExpired,
            Self::Revoked => ErrorReason::ConsentRevoked,
            Self::NotActive => ErrorReason::ConsentNotActive,
            Self::Rejected => ErrorReason::JourneyEnded,
            Self::NoAccounts => ErrorReason::NoAccounts,
            Self::Unsupported => ErrorReason::CapabilityMissing,
        }
    }

    /// The reason's name as programs read it: without the enum's prefix.
    pub fn reason_name(self) -> &'static str {
        self.reason().as_str_name().trim_start_matches("ERROR_REASON_")
    }
}

/// What the call has done at the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing.
    None,
    /// It did what was asked.
    Applied,
    /// It cannot be told: the request may have arrived.
    Unknown,
}

impl Effect {
    /// Its name in errors and logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Applied => "APPLIED",
            Self::Unknown => "UNKNOWN",
        }
    }
}

/// A failed provider call. What a caller may read (`kind`, `code`, `stage`) and what only a log reads (`detail`) are two fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderError {
    /// What happened.
    pub kind: ErrorKind,
    /// The provider's id.
    pub provider: &'static str,
    /// The call's name, such as `requestconsent`.
    pub stage: &'static str,
    /// The provider's own code, in the spelling of its documentation; a code that is not documented shows as `OTHER` with a hash.
    pub code: Option<String>,
    /// What it has done there.
    pub effect: Effect,
    /// When to ask again, if the provider says so.
    pub retry_after: Option<Duration>,
    /// For the log: why, in words of ours. It holds nothing of the answer's content.
    pub detail: Cow<'static, str>,
    /// The HTTP call behind it; none where nothing was sent. Boxed, because errors travel by value.
    pub exchange: Option<Box<Exchange>>,
    /// The host that the configuration does not allow, as [`super::hosts::shown`] gives it.
    pub refused_host: Option<Box<RefusedHost>>,
}

/// The HTTP call behind a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exchange {
    /// The id under which it was sent as `x-request-id`, by which the provider's support finds it.
    pub x_request_id: Uuid,
    /// The shape of the answer; none where no answer came.
    pub answer: Option<Shape>,
}

/// The shape of an answer, without its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The HTTP status.
    pub http_status: u16,
    /// The length of the body in bytes, after decompression.
    pub bytes: usize,
    /// What the body looks like, such as `JSON_OBJECT`.
    pub form: &'static str,
}

impl ProviderError {
    /// A failure without code or effect.
    pub fn new(kind: ErrorKind, provider: &'static str, stage: &'static str) -> Self {
        Self {
            kind,
            provider,
            stage,
            code: None,
            effect: Effect::None,
            retry_after: None,
            detail: Cow::Borrowed(""),
            exchange: None,
            refused_host: None,
        }
    }

    /// With the provider's own code, as far as its documented `codes` let it be shown. An empty code is none.
    #[must_use]
    pub fn with_code(mut self, codes: Vocabulary, code: &str) -> Self {
        self.code = Some(codes.shown(code)).filter(|shown| !shown.is_empty());
        self
    }

    /// With a detail for the log. It must hold nothing personal: shapes, counts and names of fields only.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With the call behind it.
    #[must_use]
    pub fn with_exchange(mut self, exchange: Exchange) -> Self {
        self.exchange = Some(Box::new(exchange));
        self
    }

    /// With a host that the configuration does not allow.
    #[must_use]
    pub fn with_refused_host(mut self, host: Option<String>) -> Self {
        self.refused_host = host.map(|host| Box::new(RefusedHost(host)));
        self
    }

    /// With the effect.
    #[must_use]
    pub fn with_effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }
}

impl fmt::Display for ProviderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {:?}", self.provider, self.stage, self.kind)?;
        if let Some(code) = &self.code {
            write!(f, " ({code})")?;
        }
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

impl std::error::Error for ProviderError {}
