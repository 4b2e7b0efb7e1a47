//! The rows of `/v2/getconsentslist`.

use jiff::Timestamp;

use crate::{
    journey::model::{AttemptState, Certainty, Consent, ConsentState, StepState},
    providers::{
        error::ProviderError,
        finpro::{envelope, words},
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members, identifier},
        provider::{AttemptFact, ConsentFact},
    },
};

/// One consent as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::providers::finpro) struct Row {
    /// The handle.
    pub handle: Option<String>,
    /// The consent id; none until approval.
    pub consent_ref: Option<String>,
    /// Template.
    pub template: String,
    /// State.
    pub state: ConsentState,
    /// The provider's word.
    pub text: String,
    /// When it ends.
    pub expires_at: Option<Timestamp>,
}

/// Reads the rows that belong to one template of one attempt. FinPro's own filter is not relied upon.
///
/// A row that cannot be understood takes nothing from the others: what they say of their consents counts. It is an error only where no row
/// of the attempt is left, since the list would then read as one that does not hold it.
pub(in crate::providers::finpro) fn read(
    origin: Origin,
    response: &OutboundResponse,
    template: &str,
    attempt_id: &str,
    known: &[&str],
) -> Result<Vec<Row>, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let rows = answer.rows(origin)?;
    let (odd, whole): (Vec<_>, Vec<_>) = rows.read.iter().partition(|row| is_odd(row));
    let mine: Vec<Row> = whole.into_iter().filter_map(|row| read_row(row, template, attempt_id, known)).collect();
    if odd.is_empty() && rows.odd == 0 {
        return Ok(mine);
    }
    tracing::warn!(
        provider = origin.provider,
        stage = origin.stage,
        odd = odd.len() + rows.odd,
        "skipped unreadable rows of a list"
    );
    if mine.is_empty() { Err(origin.unusable("the list has rows that cannot be read")) } else { Ok(mine) }
}

/// What names a consent, and how it stands.
const NAMES: [&str; 5] = ["consentHandle", "consent_handle_id", "consentID", "accountID", "productID"];
const STATUS: [&str; 2] = ["status", "consentStatus"];

/// Whether a row has one of its names in another type, or no state.
fn is_odd(row: &Members<'_>) -> bool {
    row.has_odd_text(&NAMES) || row.has_odd_word(&STATUS) || row.text(&STATUS).is_none()
}

fn read_row(row: &Members<'_>, template: &str, attempt_id: &str, known: &[&str]) -> Option<Row> {
    let handle = row.text(&["consentHandle", "consent_handle_id"]).and_then(identifier);
    // A row without our reference counts only if we hold its handle.
    let ours = match row.text(&["accountID"]) {
        Some(account) => account == attempt_id,
        None => handle.as_deref().is_some_and(|handle| known.contains(&handle)),
    };
    let of_template = row.text(&["productID"]).is_none_or(|product| product == template);
    let status = row.text(&["status", "consentStatus"]);
    if !ours || !of_template || (handle.is_none() && status.is_none()) {
        return None;
    }
    let status = status.unwrap_or_default();
    Some(Row {
        handle,
        consent_ref: row.text(&["consentID"]).and_then(identifier),
        template: template.to_owned(),
        state: state(&status),
        text: words::STATES.shown(&status),
        expires_at: row.instant(&["consentExpiry", "consent_expiry"]),
    })
}

/// The state behind a word of the lists, the webhooks or an orchestrated transaction.
pub(in crate::providers::finpro) fn state(text: &str) -> ConsentState {
    let word = lenient::word(text);
    match word.strip_prefix("CONSENT_").unwrap_or(&word) {
        "PENDING" | "REQUESTED" | "INITIATED" => ConsentState::Pending,
        // A resumed consent is one that is active again.
        "ACTIVE" | "APPROVED" | "RESUMED" | "READY" => ConsentState::Active,
        "PAUSED" => ConsentState::Paused,
        "REJECTED" | "DENIED" => ConsentState::Rejected,
        "REVOKED" => ConsentState::Revoked,
        "EXPIRED" => ConsentState::Expired,
        "FAILED" => ConsentState::Failed,
        _ => ConsentState::Other,
    }
}

/// Whether a row is about this consent: of its template, with its handle, or its consent id, where both sides know one.
pub(in crate::providers::finpro) fn is_of(row: &Row, consent: &Consent) -> bool {
    let same =
        |ours: &Option<String>, theirs: &Option<String>| ours.as_ref().zip(theirs.as_ref()).map(|(ours, theirs)| ours == theirs);
    let named = same(&consent.handle, &row.handle).or_else(|| same(&consent.provider_ref, &row.consent_ref));
    consent.template == row.template && named.unwrap_or(true)
}

/// What the rows say of the attempt: it is done once every consent that was asked for is decided.
pub(in crate::providers::finpro) fn attempt_fact(rows: &[Row], asked: usize) -> Option<AttemptFact> {
    let open = |row: &&Row| matches!(row.state, ConsentState::Pending | ConsentState::Other);
    let first_open = rows.iter().find(open);
    let state = if first_open.is_some() || rows.len() < asked { AttemptState::AwaitingCustomer } else { AttemptState::Done };
    Some(AttemptFact {
        state,
        text: first_open.or_else(|| rows.first())?.text.clone(),
        institutions: Vec::new(),
        aa: StepState::Unspecified,
        pdf: None,
        skipped: false,
        steps: Vec::new(),
        route: None,
    })
}

/// A row as a fact. The order of several handles in the opening's answer is not documented: a handle that we hold for another
/// template is left out, so that the fact finds its consent by template.
pub(in crate::providers::finpro) fn consent_fact(row: &Row, consents: &[&Consent]) -> ConsentFact {
    let elsewhere = |handle: &&String| {
        consents.iter().any(|consent| consent.handle.as_ref() == Some(*handle) && consent.template != row.template)
    };
    ConsentFact {
        handle: row.handle.clone().filter(|handle| !elsewhere(&handle)),
        consent_ref: row.consent_ref.clone(),
        template: Some(row.template.clone()),
        // A word nobody knows says nothing of the state; it is shown.
        state: Some(row.state),
        text: row.text.clone(),
        expires_at: row.expires_at.map(|end| (end, Certainty::Provider)),
        ..ConsentFact::default()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{error::ErrorKind, finpro::testing, http::CallKind};

    fn rows(body: &str) -> Vec<Row> {
        read(testing::origin(CallKind::Read), &testing::response(200, body), "PROD01", "att_1", &["h9"]).unwrap()
    }

    #[test]
    fn both_spellings_of_a_row_are_read() {
        let recorded = r#"{"status":"success","data":[{"consentID":"c","consentHandle":"h","status":"ACTIVE","productID":"PROD01",
            "accountID":"att_1","aaId":"onemoney-aa","consentCreationData":"2025-03-17T10:23:52.000Z","consent_expiry":"2026-03-17 10:23:52",
            "accounts":[],"vua":"x@onemoney"}]}"#;
        let flat = r#"{"status":"success","data":{"consentId":"c","consent_handle":"h","status":"active","productID":"PROD01",
            "accountID":"att_1","createdOn":"x","consentExpiry":"2026-03-17T10:23:52Z","fiTypes":["DEPOSIT"]}}"#;
        for body in [recorded, flat] {
            let rows = rows(body);
            assert_eq!(rows.len(), 1);
            assert_eq!(rows[0].consent_ref.as_deref(), Some("c"));
            assert_eq!(rows[0].handle.as_deref(), Some("h"));
            assert_eq!(rows[0].state, ConsentState::Active);
            assert_eq!(rows[0].expires_at, Some("2026-03-17T10:23:52Z".parse().unwrap()));
        }
    }

    #[test]
    fn rows_of_others_are_left_out() {
        let body = r#"{"data":[{"consentHandle":"h1","status":"ACTIVE","productID":"PROD01","accountID":"att_2"},
            {"consentHandle":"h2","status":"ACTIVE","productID":"OTHER","accountID":"att_1"},
            {"consentHandle":"h3","status":"ACTIVE","productID":"PROD01"},
            {"consentHandle":"h9","status":"PENDING","consentID":"<NULL>"},null,7,"x",[]]}"#;
        let rows = rows(body);
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].handle.as_deref(), rows[0].consent_ref.as_deref()), (Some("h9"), None));
    }

    #[test]
    fn an_unreadable_row_takes_nothing_from_the_others() {
        let body = r#"{"data":[7,{"consentHandle":"h1","status":"REVOKED","productID":"PROD01","accountID":"att_1"},
            {"consentHandle":["h2"],"status":"ACTIVE","productID":"PROD01","accountID":"att_1"}]}"#;
        let rows = rows(body);
        assert_eq!(rows.iter().map(|row| row.state).collect::<Vec<_>>(), [ConsentState::Revoked]);
    }

    #[test]
    fn a_list_that_cannot_be_read_does_not_read_as_empty() {
        let read_list = |data: &str| {
            let body = format!(r#"{{"ver":"1","status":"success","data":{data}}}"#);
            read(testing::origin(CallKind::Read), &testing::response(200, &body), "PROD01", "att_1", &[])
        };
        assert_eq!(read_list("[]").unwrap(), []);
        for data in
            ["null", r#""surprise""#, "7", "{}", "[7]", "[{}]", r#"[{"consentHandle":"h","accountID":"att_1","status":{}}]"#]
        {
            assert_eq!(read_list(data).unwrap_err().kind, ErrorKind::ResponseInvalid, "{data}");
        }
    }

    #[test]
    fn every_word_has_its_state() {
        for (word, expected) in [
            ("PENDING", ConsentState::Pending),
            ("ACTIVE", ConsentState::Active),
            ("RESUMED", ConsentState::Active),
            ("CONSENT_APPROVED", ConsentState::Active),
            ("CONSENT_RESUMED", ConsentState::Active),
            ("PAUSED", ConsentState::Paused),
            ("REJECTED", ConsentState::Rejected),
            ("CONSENT_REVOKED", ConsentState::Revoked),
            ("EXPIRED", ConsentState::Expired),
            ("FAILED", ConsentState::Failed),
            ("WHATEVER", ConsentState::Other),
        ] {
            assert_eq!(state(word), expected, "{word}");
        }
    }

    #[test]
    fn the_customers_turn_ends_with_the_last_decision() {
        let row = |state| Row {
            handle: None,
            consent_ref: None,
            template: "P".to_owned(),
            state,
            text: String::new(),
            expires_at: None,
        };
        let of = |states: &[ConsentState], asked| {
            let rows: Vec<_> = states.iter().map(|state| row(*state)).collect();
            attempt_fact(&rows, asked).map(|fact| fact.state)
        };
        use ConsentState::*;
        assert_eq!(of(&[], 1), None);
        assert_eq!(of(&[Pending], 1), Some(AttemptState::AwaitingCustomer));
        assert_eq!(of(&[Active, Pending], 2), Some(AttemptState::AwaitingCustomer));
        assert_eq!(of(&[Active], 2), Some(AttemptState::AwaitingCustomer));
        assert_eq!(of(&[Active, Rejected], 2), Some(AttemptState::Done));
    }

    #[test]
    fn a_missing_account_reference_is_an_unknown_one() {
        let body = r#"{"ver":"1.21.0","errorCode":"InvalidaccountID","errorMsg":"Invalid Account ID."}"#;
        let found = read(testing::origin(CallKind::Read), &testing::response(400, body), "PROD01", "att_1", &[]);
        assert_eq!(found.unwrap_err().kind, ErrorKind::UnknownReference);
    }

    #[test]
    fn hostile_bodies_list_nothing() {
        for body in testing::hostile() {
            let found = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "PROD01", "att_1", &[]);
            assert!(found.is_err() || found.is_ok_and(|rows| rows.is_empty()));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "P", "a", &[]);
        }
    }
}
