//! Why a caller is not let in: for the log only. Callers read the same words whatever it was.

/// Why a call is nobody's. A closed list: nothing that the caller sent can stand in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The call has no proof at all.
    Nothing,
    /// The call has more than one proof in its headers.
    Several,
    /// The header is in no form that is known.
    Header,
    /// The way of this proof is not switched on.
    WayOff,
    /// No such API key.
    KeyUnknown,
    /// The API key's time is over.
    KeyExpired,
    /// The certificate is not, or no longer, of a trusted authority, or its time is over.
    Certificate,
    /// The certificate's names are on no list.
    CertificateUnlisted,
    /// The certificate's names are those of several callers.
    CertificateAmbiguous,
    /// The token is too large.
    TokenSize,
    /// The token is no signed token in compact form.
    TokenForm,
    /// The token's header asks for what is not done here: an algorithm without a key, a key of the token's own, extensions.
    TokenHeader,
    /// The token is of no issuer that is known.
    TokenIssuer,
    /// The issuer has no such key, or not yet.
    TokenKey,
    /// None of the issuer's keys has ever come: the token may be good.
    KeysMissing,
    /// The token names another algorithm than its key is for.
    TokenAlgorithm,
    /// The signature is not the issuer's.
    TokenSignature,
    /// A claim is missing or is not what it must be.
    TokenClaims,
    /// The token is for somebody else.
    TokenAudience,
    /// The token's time is over.
    TokenExpired,
    /// The token's time has not begun.
    TokenEarly,
    /// The tenant is not served here.
    Tenant,
}

impl Refused {
    /// The word in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Several => "several",
            Self::Header => "header",
            Self::WayOff => "way_off",
            Self::KeyUnknown => "key_unknown",
            Self::KeyExpired => "key_expired",
            Self::Certificate => "certificate",
            Self::CertificateUnlisted => "certificate_unlisted",
            Self::CertificateAmbiguous => "certificate_ambiguous",
            Self::TokenSize => "token_size",
            Self::TokenForm => "token_form",
            Self::TokenHeader => "token_header",
            Self::TokenIssuer => "token_issuer",
            Self::TokenKey => "token_key",
            Self::KeysMissing => "keys_missing",
            Self::TokenAlgorithm => "token_algorithm",
            Self::TokenSignature => "token_signature",
            Self::TokenClaims => "token_claims",
            Self::TokenAudience => "token_audience",
            Self::TokenExpired => "token_expired",
            Self::TokenEarly => "token_early",
            Self::Tenant => "tenant",
        }
    }
}
