//! The answer of `/transaction/status`: one transaction with its steps, as facts about attempt, consents and data.

use super::{consents, institutions};
use crate::{
    journey::model::{AttemptState, Consent, ConsentState, FetchState, FetchedAccount, PdfProgress, StepState},
    providers::{
        error::ProviderError,
        finpro::{envelope, session},
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members, identifier},
        provider::{AttemptFact, ConsentFact, FetchFact, Observation},
    },
};

/// How a transaction stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Overall {
    Open,
    Successful,
    Failed,
    Skipped,
}

fn overall(word: &str) -> Overall {
    match word {
        "SUCCESSFUL" | "SUCCESS" => Overall::Successful,
        "UNSUCCESSFUL" | "FAILED" | "FAILURE" | "EXPIRED" | "CANCELLED" | "CANCELED" => Overall::Failed,
        "SKIPPED" => Overall::Skipped,
        _ => Overall::Open,
    }
}

/// The state of a step; a missing or unknown word says nothing.
pub(super) fn step_state(step: &Members<'_>) -> StepState {
    match lenient::word(&step.text(&["status"]).unwrap_or_default()).as_str() {
        "SUCCESSFUL" | "SUCCESS" => StepState::Successful,
        "UNSUCCESSFUL" | "FAILED" | "FAILURE" | "EXPIRED" | "CANCELLED" => StepState::Failed,
        "SKIPPED" => StepState::Skipped,
        "IN_PROGRESS" => StepState::InProgress,
        "PENDING" => StepState::Pending,
        "PARTIAL" => StepState::Partial,
        _ => StepState::Unspecified,
    }
}

/// The steps of a transaction; any may be missing, and so may its `data`.
#[derive(Debug, Default)]
pub(super) struct Steps<'a> {
    pub health: Members<'a>,
    pub aa: Members<'a>,
    pub pdf: Members<'a>,
    routing: Members<'a>,
}

impl<'a> Steps<'a> {
    fn of(top: &Members<'a>) -> Self {
        let mut steps = Self::default();
        for raw in top.list(&["data"]) {
            let step = Members::within(Some(raw));
            match lenient::word(&step.text(&["type"]).unwrap_or_default()).as_str() {
                "HEALTH_CHECK" => steps.health = step,
                "AA" => steps.aa = step,
                "PDF" => steps.pdf = step,
                "SMART_ROUTING_DECISION" => steps.routing = step,
                _ => {}
            }
        }
        steps
    }

    /// Whether the way led to uploaded statements, if any step tells.
    fn by_upload(&self) -> bool {
        let route = self.routing.object(&["data"]).text(&["route"]).is_some_and(|route| lenient::word(&route) == "PDF");
        let (aa, pdf) = (step_state(&self.aa), step_state(&self.pdf));
        match pdf {
            StepState::Successful | StepState::Partial => aa != StepState::Successful && aa != StepState::Partial,
            StepState::Skipped | StepState::Failed => false,
            _ => route,
        }
    }

    fn progress(&self) -> Option<PdfProgress> {
        let state = step_state(&self.pdf);
        let data = self.pdf.object(&["data"]);
        let count = |names: &[&str]| data.int(names).map(|count| i32::try_from(count.clamp(0, 10_000)).unwrap_or(0));
        let listed = i32::try_from(data.list(&["expected_fips"]).len()).unwrap_or(0);
        let progress = PdfProgress {
            state,
            expected: count(&["total_expected"]).unwrap_or(listed),
            uploaded: count(&["uploaded"]).unwrap_or(0),
            processed: count(&["processed"]).unwrap_or(0),
        };
        (state != StepState::Unspecified).then_some(progress)
    }
}

/// Reads a transaction. `consents` are those of the attempt, in the order of asking.
pub(in crate::providers::finpro) fn read(
    origin: Origin,
    response: &OutboundResponse,
    transaction_id: &str,
    consents: &[&Consent],
) -> Result<Observation, ProviderError> {
    let answer = envelope::read_bare(origin, response)?;
    let top = &answer.top;
    if top.text(&["transaction_id"]).is_some_and(|told| told != transaction_id) {
        return Err(origin.unusable("the answer is about another transaction"));
    }
    let text = top.text(&["status"]).ok_or_else(|| origin.unusable("the answer has no status"))?;
    let steps = Steps::of(top);
    let (aa, pdf) = (step_state(&steps.aa), steps.progress());
    let word = overall(&lenient::word(&text));
    // Both skipped is skipped, whichever word stands over it: the message says FAILED where the poll says SKIPPED.
    let both = aa == StepState::Skipped && pdf.is_some_and(|pdf| pdf.state == StepState::Skipped);
    let word = if both { Overall::Skipped } else { word };
    let attempt = AttemptFact {
        state: match word {
            Overall::Open => AttemptState::AwaitingCustomer,
            Overall::Successful | Overall::Skipped => AttemptState::Done,
            Overall::Failed => AttemptState::Failed,
        },
        text: lenient::shown(&text),
        institutions: institutions::read(&steps, pdf),
        aa,
        pdf,
        skipped: word == Overall::Skipped,
    };
    Ok(Observation { attempt: Some(attempt), consents: consent_facts(&steps, word, pdf, consents), fault: None })
}

/// One consent of the aggregator's step.
struct Listed {
    fact: ConsentFact,
    fetch: String,
    accounts: Vec<FetchedAccount>,
}

fn listed(steps: &Steps<'_>, consents: &[&Consent]) -> Vec<Listed> {
    let rows = steps.aa.object(&["data"]).list(&["consents"]);
    // A rejected consent comes without its template; where one was asked and one is listed, they are the same.
    let lone = match (rows.as_slice(), consents) {
        ([_], [only]) => Some(only.template.clone()),
        _ => None,
    };
    let read = |raw| {
        let row = Members::within(Some(raw));
        let text = row.text(&["consentStatus", "status"]).unwrap_or_default();
        Listed {
            fact: ConsentFact {
                handle: row.text(&["consentHandle"]).and_then(identifier),
                consent_ref: row.text(&["consentId"]).and_then(identifier),
                template: row.text(&["productId"]).and_then(identifier).or_else(|| lone.clone()),
                state: (!text.is_empty()).then(|| consents::state(&text)),
                text: lenient::shown(&text),
                ..ConsentFact::default()
            },
            fetch: lenient::word(&row.text(&["dataFetchStatus"]).unwrap_or_default()),
            accounts: session::accounts(&row, &["accounts"]),
        }
    };
    rows.into_iter().map(read).collect()
}

/// The consents' facts. One call brings the data of the whole transaction, so exactly one fetch stands for it: on the stand-in for
/// uploaded statements if those brought it, else on the first approved consent.
fn consent_facts(steps: &Steps<'_>, word: Overall, pdf: Option<PdfProgress>, consents: &[&Consent]) -> Vec<ConsentFact> {
    let listed = listed(steps, consents);
    let accounts: Vec<FetchedAccount> = listed.iter().flat_map(|row| row.accounts.clone()).collect();
    let fetches: Vec<String> = listed.iter().map(|row| row.fetch.clone()).collect();
    let mut facts: Vec<ConsentFact> = listed.into_iter().map(|row| row.fact).collect();
    let approved = facts.iter().position(|fact| fact.state == Some(ConsentState::Active));
    let upload = steps.by_upload();
    let said = |wanted: &str| fetches.iter().any(|word| word == wanted);
    let (state, settled) = match word {
        Overall::Successful if !upload && said("NO_DATA") && !said("SUCCESS") && !said("SUCCESSFUL") => (FetchState::Empty, true),
        Overall::Successful if is_partial(steps, pdf, upload) => (FetchState::Partial, true),
        Overall::Successful => (FetchState::Ready, true),
        Overall::Open => (FetchState::Requested, false),
        Overall::Failed | Overall::Skipped if said("NO_DATA") => (FetchState::Empty, true),
        Overall::Failed | Overall::Skipped => (FetchState::Failed, true),
    };
    let fetch = FetchFact {
        session: None,
        state,
        settled,
        text: steps_word(word).to_owned(),
        accounts: if upload { Vec::new() } else { accounts },
        fetched_at: None,
        data_expires_at: None,
        body: None,
    };
    match (approved, word) {
        (_, Overall::Successful) if upload => facts.push(uploaded(fetch)),
        (Some(first), _) => {
            if let Some(fact) = facts.get_mut(first) {
                fact.fetches.push(fetch);
            }
        }
        // A success whose steps are not told: it hangs on the consent that was asked for.
        (None, Overall::Successful) => match consents.iter().find(|consent| !consent.uploaded) {
            Some(consent) => facts.push(ConsentFact {
                template: Some(consent.template.clone()),
                state: Some(ConsentState::Active),
                text: steps_word(word).to_owned(),
                fetches: vec![fetch],
                ..ConsentFact::default()
            }),
            None => facts.push(uploaded(fetch)),
        },
        (None, _) => {}
    }
    facts
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

fn steps_word(word: Overall) -> &'static str {
    match word {
        Overall::Open => "IN_PROGRESS",
        Overall::Successful => "SUCCESSFUL",
        Overall::Failed => "UNSUCCESSFUL",
        Overall::Skipped => "SKIPPED",
    }
}

/// Whether a successful transaction brought only a part: statements that are missing, or a bank that failed without them.
fn is_partial(steps: &Steps<'_>, pdf: Option<PdfProgress>, upload: bool) -> bool {
    let used = |pdf: &PdfProgress| matches!(pdf.state, StepState::Successful | StepState::Partial);
    if let Some(pdf) = pdf.filter(used) {
        if pdf.state == StepState::Partial || pdf.uploaded < pdf.expected {
            return true;
        }
        // Every expected statement is there: they stand in for the banks that failed.
        if upload {
            return false;
        }
    }
    let replaced = |fip: &str| pdf.filter(used).is_some() && institutions::expected(steps).iter().any(|expected| expected == fip);
    institutions::aa(steps).iter().any(|(fip, state)| *state == StepState::Failed && !replaced(fip))
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
