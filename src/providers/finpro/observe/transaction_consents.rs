//! The consents of a transaction and the data of each. FinPro collects the data of a transaction as a whole and reports for each consent
//! how that went, in `dataFetchStatus`.

use super::{
    consents, institutions,
    transaction::{Overall, Steps, step_state},
};
use crate::{
    journey::{
        machine::consent_given,
        model::{Consent, ConsentState, FetchState, FetchedAccount, PdfProgress, StepState},
    },
    providers::{
        finpro::{session, words},
        lenient::{self, Members, identifier},
        provider::{ConsentFact, FetchFact},
    },
};

/// One consent of the aggregator's step.
struct Listed {
    fact: ConsentFact,
    /// Its `dataFetchStatus`; empty where the row has none.
    word: String,
    accounts: Vec<FetchedAccount>,
}

/// The consents' facts: each consent that was given has its own data session. Uploaded statements stand apart, under a stand-in consent.
pub(super) fn facts(steps: &Steps<'_>, overall: Overall, pdf: Option<PdfProgress>, asked: &[&Consent]) -> Vec<ConsentFact> {
    let listed = listed(steps, asked);
    if listed.is_empty() {
        return untold(steps, overall, pdf, asked);
    }
    let upload = overall.has_data() && steps.by_upload();
    let aa = aa_outcome(steps, overall, upload);
    let mut facts: Vec<ConsentFact> = listed.into_iter().map(|row| fact(row, aa)).collect();
    let sessions = || facts.iter().flat_map(|fact| &fact.fetches);
    let usable = sessions().any(|fetch| matches!(fetch.state, FetchState::Ready | FetchState::Partial));
    // A step that is not whole says nothing more where a consent's own state shows what is missing.
    let explained = sessions().any(|fetch| fetch.state != FetchState::Ready);
    let statements_missing = !upload && upload_is_short(pdf);
    if statements_missing || (!explained && aggregator_is_short(steps, overall, pdf)) {
        mark_partial(&mut facts);
    }
    // A success in which no consent brought anything is one by statements, whichever steps are missing.
    if upload || (overall.has_data() && !usable && !explained) {
        facts.push(uploaded(fetch(upload_state(overall, pdf), overall.word(), Vec::new())));
    }
    facts
}

/// The facts of a transaction that lists no consent. A success hangs on the consent that was asked for first.
fn untold(steps: &Steps<'_>, overall: Overall, pdf: Option<PdfProgress>, asked: &[&Consent]) -> Vec<ConsentFact> {
    if !overall.has_data() {
        return Vec::new();
    }
    let first = asked.iter().find(|consent| !consent.uploaded).filter(|_| !steps.by_upload());
    let Some(first) = first else {
        return vec![uploaded(fetch(upload_state(overall, pdf), overall.word(), Vec::new()))];
    };
    let short = upload_is_short(pdf) || aggregator_is_short(steps, overall, pdf);
    let state = if short { FetchState::Partial } else { FetchState::Ready };
    vec![ConsentFact {
        handle: first.handle.clone(),
        consent_ref: first.provider_ref.clone(),
        template: Some(first.template.clone()),
        state: Some(ConsentState::Active),
        text: overall.word().to_owned(),
        fetches: vec![fetch((state, true), overall.word(), Vec::new())],
        ..ConsentFact::default()
    }]
}

fn listed(steps: &Steps<'_>, asked: &[&Consent]) -> Vec<Listed> {
    let rows = steps.aa.object(&["data"]).list(&["consents"]);
    let mut listed: Vec<Listed> = rows.into_iter().map(|raw| read(&Members::within(Some(raw)))).collect();
    name_templates(&mut listed, asked);
    listed
}

fn read(row: &Members<'_>) -> Listed {
    let text = row.text(&["consentStatus", "status"]).unwrap_or_default();
    let word = lenient::word(&row.text(&["dataFetchStatus"]).unwrap_or_default());
    let consent_ref = row.text(&["consentId"]).and_then(identifier);
    let came = matches!(outcome(&word), Some(Outcome::Came | Outcome::Part));
    let state = match text.is_empty() {
        false => Some(consents::state(&text)),
        // Nothing comes under a consent that was not given.
        true if came && consent_ref.is_some() => Some(ConsentState::Active),
        true => None,
    };
    Listed {
        fact: ConsentFact {
            handle: row.text(&["consentHandle"]).and_then(identifier),
            consent_ref,
            template: row.text(&["productId"]).and_then(identifier),
            state,
            text: words::STATES.shown(&text),
            ..ConsentFact::default()
        },
        accounts: session::accounts(row, &["accounts"], if came { FetchState::Ready } else { FetchState::Requested }),
        word,
    }
}

/// A rejected consent comes without its template. It is one of those that were asked for and that no other row is about.
fn name_templates(listed: &mut [Listed], asked: &[&Consent]) {
    let mut left: Vec<&Consent> = asked.iter().copied().filter(|consent| !consent.uploaded).collect();
    for row in listed.iter() {
        let known = |consent: &&Consent| row.fact.handle.is_some() && consent.handle == row.fact.handle;
        let named = |consent: &&Consent| row.fact.template.as_ref() == Some(&consent.template);
        if let Some(place) = left.iter().position(known).or_else(|| left.iter().position(named)) {
            left.remove(place);
        }
    }
    let mut left = left.into_iter();
    for row in listed.iter_mut().filter(|row| row.fact.template.is_none()) {
        let known = asked.iter().find(|consent| row.fact.handle.is_some() && consent.handle == row.fact.handle);
        let template = known.copied().or_else(|| left.next()).map(|consent| consent.template.clone());
        row.fact.template = template;
    }
}

/// What a `dataFetchStatus` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Came,
    Part,
    Nothing,
    Denied,
    Timeout,
    Failed,
}

/// The outcome behind a word; `None` while it is open, and for words without a meaning here.
fn outcome(word: &str) -> Option<Outcome> {
    match word {
        "SUCCESS" | "SUCCESSFUL" | "DELIVERED" | "READY" | "COMPLETED" => Some(Outcome::Came),
        "PARTIAL" | "PARTIAL_SUCCESS" | "PARTIALLY_SUCCESSFUL" => Some(Outcome::Part),
        "NO_DATA" => Some(Outcome::Nothing),
        "DENIED" => Some(Outcome::Denied),
        "TIMEOUT" | "EXPIRED" => Some(Outcome::Timeout),
        "FAILED" | "FAILURE" | "UNSUCCESSFUL" | "NOT_ATTEMPTED" | "SKIPPED" => Some(Outcome::Failed),
        _ => None,
    }
}

/// What holds for a consent that has no `dataFetchStatus`, and whether there is anything to fetch.
#[derive(Debug, Clone, Copy)]
struct AaOutcome {
    overall: Overall,
    unsaid: Outcome,
}

fn aa_outcome(steps: &Steps<'_>, overall: Overall, upload: bool) -> AaOutcome {
    let failed = upload || !overall.has_data() || matches!(step_state(&steps.aa), StepState::Failed | StepState::Skipped);
    AaOutcome { overall, unsaid: if failed { Outcome::Failed } else { Outcome::Came } }
}

fn fact(row: Listed, aa: AaOutcome) -> ConsentFact {
    let Listed { mut fact, word, accounts } = row;
    let given = match fact.state {
        Some(state) if consent_given(state) => true,
        // What it brought before its end is in the answer of the whole.
        Some(ConsentState::Revoked) => !word.is_empty(),
        _ => false,
    };
    if given {
        let text = if word.is_empty() { aa.overall.word().to_owned() } else { words::STATES.shown(&word) };
        fact.fetches.push(fetch(judge(&word, aa, &accounts), &text, accounts));
    }
    fact
}

/// The state of one consent's data, and whether nothing more comes.
fn judge(word: &str, aa: AaOutcome, accounts: &[FetchedAccount]) -> (FetchState, bool) {
    if aa.overall == Overall::Open {
        return (FetchState::Requested, false);
    }
    let outcome = if word.is_empty() { Some(aa.unsaid) } else { outcome(word) };
    let some = accounts.iter().any(|account| account.state == FetchState::Ready);
    let all = accounts.iter().all(|account| account.state == FetchState::Ready);
    let state = match outcome {
        // The transaction has ended without data, or goes on with this consent's.
        None if aa.overall.has_data() => return (FetchState::Requested, false),
        Some(Outcome::Came) if all => FetchState::Ready,
        Some(Outcome::Came) if !some => worst(accounts).unwrap_or(FetchState::Partial),
        Some(Outcome::Came | Outcome::Part) => FetchState::Partial,
        Some(Outcome::Nothing) => FetchState::Empty,
        Some(Outcome::Denied) => FetchState::Denied,
        Some(Outcome::Timeout) => FetchState::Timeout,
        // The consent's own word decides, whatever stands at its accounts.
        Some(Outcome::Failed) | None => FetchState::Failed,
    };
    // Data can be fetched of a successful transaction only.
    let usable = matches!(state, FetchState::Ready | FetchState::Partial);
    (if usable && !aa.overall.has_data() { FetchState::Failed } else { state }, true)
}

/// What became of accounts of which none came; `None` if that is not known of any.
fn worst(accounts: &[FetchedAccount]) -> Option<FetchState> {
    let any = |state: &FetchState| accounts.iter().any(|account| account.state == *state);
    [FetchState::Denied, FetchState::Timeout, FetchState::Failed].into_iter().find(any)
}

fn mark_partial(facts: &mut [ConsentFact]) {
    for fetch in facts.iter_mut().flat_map(|fact| &mut fact.fetches).filter(|fetch| fetch.state == FetchState::Ready) {
        fetch.state = FetchState::Partial;
    }
}

fn fetch((state, settled): (FetchState, bool), text: &str, accounts: Vec<FetchedAccount>) -> FetchFact {
    FetchFact {
        session: None,
        state,
        settled,
        text: text.to_owned(),
        accounts,
        fetched_at: None,
        data_expires_at: None,
        body: None,
    }
}

/// The stand-in consent of uploaded statements.
fn uploaded(fetch: FetchFact) -> ConsentFact {
    ConsentFact {
        template: Some(String::new()),
        uploaded: true,
        state: Some(ConsentState::Active),
        text: "PDF".to_owned(),
        periodic: Some(false),
        fetches: vec![fetch],
        ..ConsentFact::default()
    }
}

fn upload_state(overall: Overall, pdf: Option<PdfProgress>) -> (FetchState, bool) {
    let short = overall == Overall::Partial || upload_is_short(pdf);
    (if short { FetchState::Partial } else { FetchState::Ready }, true)
}

fn uploaded_some(pdf: &PdfProgress) -> bool {
    matches!(pdf.state, StepState::Successful | StepState::Partial)
}

/// Whether statements are missing that were expected.
fn upload_is_short(pdf: Option<PdfProgress>) -> bool {
    pdf.as_ref().is_some_and(|pdf| uploaded_some(pdf) && (pdf.state == StepState::Partial || pdf.uploaded < pdf.expected))
}

/// Whether the aggregator brought only a part: its step says so, or a bank failed of which no statement came instead.
fn aggregator_is_short(steps: &Steps<'_>, overall: Overall, pdf: Option<PdfProgress>) -> bool {
    let statements = pdf.as_ref().is_some_and(uploaded_some);
    let expected = institutions::expected(steps);
    let banks = institutions::aa(steps);
    let short = |state: StepState| matches!(state, StepState::Failed | StepState::Partial);
    let missing = banks.iter().filter(|(_, state)| short(*state));
    let replaced = |fip: &String| statements && expected.contains(fip);
    match missing.clone().count() {
        0 => overall == Overall::Partial || step_state(&steps.aa) == StepState::Partial,
        _ => overall == Overall::Partial || missing.into_iter().any(|(fip, _)| !replaced(fip)),
    }
}
