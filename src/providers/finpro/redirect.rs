//! The customer's way back. In the consent style the aggregator appends a sealed answer that FinPro opens; in the orchestration style the
//! query says it in clear, and anybody can write such a query.

use serde::Serialize;
use url::form_urlencoded;

use super::{envelope, words::REDIRECT_CODES};
use crate::{
    pb::RedirectOutcome,
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, identifier},
        provider::Redirected,
    },
};

/// What the aggregator appended, to be sent back unchanged.
#[derive(Serialize)]
pub(super) struct SealedReturn {
    ecres: String,
    resdate: String,
    fi: String,
}

/// A query that FinPro's pages appended.
pub(super) enum Return {
    /// Sealed by the aggregator.
    Sealed(SealedReturn),
    /// In clear, of a transaction.
    Transaction(Redirected),
}

/// Reads the query of a return; none if it is no return from FinPro. The caller's own parameters may stand beside.
pub(super) fn read_query(query: &str) -> Option<Return> {
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.trim_start_matches('?').as_bytes()).into_owned().collect();
    let first = |name: &str| {
        let found = pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone()).filter(|value| !value.is_empty())
    };
    if let (Some(ecres), Some(resdate), Some(fi)) = (first("ecres"), first("resdate"), first("fi")) {
        return Some(Return::Sealed(SealedReturn { ecres, resdate, fi }));
    }
    let reference = first("txnid").and_then(identifier)?;
    let outcome = match first("status")?.to_ascii_lowercase().as_str() {
        "true" => RedirectOutcome::Approved,
        // The customer failed, left or skipped: the word does not tell which.
        _ => RedirectOutcome::Other,
    };
    Some(Return::Transaction(Redirected { reference, outcome, code: None, confirmed: false }))
}

/// Whether FinPro says that it cannot open a query: it was made for another credential, or by nobody. Only FinPro's own refusal has a code;
/// a gateway's says nothing of the query.
pub(super) fn is_foreign(error: &ProviderError) -> bool {
    (error.kind == ErrorKind::Refused && error.code.is_some()) || error.kind == ErrorKind::UnknownReference
}

/// Reads the answer of `/webRedirection/decryptUrl`.
pub(super) fn read(origin: Origin, response: &OutboundResponse) -> Result<Redirected, ProviderError> {
    let answer = envelope::read_bare(origin, response)?;
    let data = answer.object(origin)?;
    let told = ["status", "errorcode"];
    if data.has_odd_text(&told) || data.has_odd_word(&["status"]) || data.text(&told).is_none() {
        return Err(origin.unusable("the answer does not say how the customer returns"));
    }
    let Some(reference) = data.text(&["srcref"]).and_then(identifier) else {
        return Err(origin.unusable("the answer names no handle"));
    };
    let code = data.text(&["errorcode"]).map(|code| code.trim().to_owned()).unwrap_or_default();
    let approved = data.text(&["status"]).is_some_and(|status| lenient::word(&status) == "S");
    let outcome = outcome(&code, approved);
    let code = Some(REDIRECT_CODES.shown(&code)).filter(|code| !code.is_empty());
    Ok(Redirected { reference, outcome, code, confirmed: true })
}

/// The codes of the aggregators' redirect. Only 1 is a refusal; aggregators must support 0 to 3, the others they may.
const OUTCOMES: [RedirectOutcome; 21] = [
    RedirectOutcome::Approved,
    RedirectOutcome::Rejected,
    // The aggregator does not know the consent.
    RedirectOutcome::Other,
    // The request's data is invalid.
    RedirectOutcome::Other,
    // The customer could not be authenticated.
    RedirectOutcome::OtpFailed,
    // Unused now; an older specification means "not decided yet".
    RedirectOutcome::Pending,
    // The login page ran out of time.
    RedirectOutcome::Timeout,
    // A bank was given and has no account; the customer went back. 8: it answered with a fault.
    RedirectOutcome::NoAccount,
    RedirectOutcome::NoAccount,
    // No bank or several were given, and nothing was found.
    RedirectOutcome::NoAccount,
    // Found, not linked: time ran out, or the customer left.
    RedirectOutcome::Timeout,
    RedirectOutcome::LinkFailed,
    // Linking begun, no one-time password: left, or out of time.
    RedirectOutcome::OtpFailed,
    RedirectOutcome::Timeout,
    // All links failed on the password: left, or out of time.
    RedirectOutcome::OtpFailed,
    RedirectOutcome::Timeout,
    // The password was right, the bank failed to link.
    RedirectOutcome::LinkFailed,
    // Some passwords were wrong: left, or out of time.
    RedirectOutcome::OtpFailed,
    RedirectOutcome::Timeout,
    // Some accounts failed, and the customer left.
    RedirectOutcome::LinkFailed,
    RedirectOutcome::Other,
];

/// What a code says. A code that is not known is a failure of unknown cause, unless the status says that it was approved.
fn outcome(code: &str, approved: bool) -> RedirectOutcome {
    let known = code.parse::<usize>().ok().and_then(|code| OUTCOMES.get(code)).copied();
    match known {
        Some(RedirectOutcome::Approved) if !approved => RedirectOutcome::Other,
        Some(outcome) => outcome,
        None if approved => RedirectOutcome::Approved,
        None => RedirectOutcome::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{finpro::testing, http::CallKind};

    fn opened(status: u16, body: &str) -> Result<Redirected, ProviderError> {
        read(testing::origin(CallKind::Read), &testing::response(status, body))
    }

    fn with_code(status: &str, code: &str) -> (RedirectOutcome, Option<String>) {
        let body = format!(
            r#"{{"ver":"1.15.0","status":"success","data":{{"status":"{status}","errorcode":"{code}","srcref":"h1","email":null}}}}"#
        );
        let redirected = opened(200, &body).unwrap();
        assert_eq!((redirected.reference.as_str(), redirected.confirmed), ("h1", true));
        (redirected.outcome, redirected.code)
    }

    #[test]
    fn only_code_1_is_a_refusal() {
        assert_eq!(with_code("S", "0"), (RedirectOutcome::Approved, Some("0".to_owned())));
        for code in 1..=20 {
            let (outcome, kept) = with_code("F", &code.to_string());
            assert_eq!(outcome == RedirectOutcome::Rejected, code == 1, "{code}");
            assert_ne!(outcome, RedirectOutcome::Approved, "{code}");
            assert_eq!(kept, Some(code.to_string()));
        }
        for odd in ["21", "x", "", "-1"] {
            assert_eq!(with_code("F", odd).0, RedirectOutcome::Other, "{odd}");
        }
        assert_eq!(with_code("F", "0").0, RedirectOutcome::Other);
    }

    #[test]
    fn an_undocumented_code_shows_as_a_hash() {
        for odd in ["AAAPA0001A", "9000000001", "21"] {
            let shown = with_code("F", odd).1.unwrap();
            assert!(shown.starts_with("OTHER-") && !shown.contains(odd), "{odd}: {shown}");
        }
    }

    #[test]
    fn what_finpro_cannot_open_is_none_of_its_own() {
        let body = r#"{"ver":"1.21.0","errorCode":"invalidWebRedirectionUrl","errorMsg":"Invalid webRedirection Url is passed"}"#;
        assert!(is_foreign(&opened(400, body).unwrap_err()));
        assert_eq!(opened(500, "<html>").unwrap_err().kind, ErrorKind::Unavailable);
        assert!(!is_foreign(&opened(500, "<html>").unwrap_err()));
        assert_eq!(opened(200, r#"{"status":"success","data":{}}"#).unwrap_err().kind, ErrorKind::ResponseInvalid);
    }

    #[test]
    fn a_query_is_decoded_once_and_known_by_its_names() {
        let Some(Return::Sealed(parts)) = read_query("mine=1&ecres=a%2Bb%2525&resdate=250320251652009&fi=Zm9v") else { panic!() };
        assert_eq!((parts.ecres.as_str(), parts.resdate.as_str(), parts.fi.as_str()), ("a+b%25", "250320251652009", "Zm9v"));
        let Some(Return::Transaction(said)) = read_query("txnid=t-1&status=true") else { panic!() };
        assert_eq!((said.reference.as_str(), said.outcome, said.confirmed), ("t-1", RedirectOutcome::Approved, false));
        let Some(Return::Transaction(said)) = read_query("status=false&txnid=t-1") else { panic!() };
        assert_eq!(said.outcome, RedirectOutcome::Other);
        for none in ["", "a=b", "txnid=t", "ecres=a&fi=b", "status=true", "txnid=&status=true", "%%%"] {
            assert!(read_query(none).is_none(), "{none}");
        }
    }
}
