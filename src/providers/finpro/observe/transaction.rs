//! The answer of `/transaction/status`: one transaction with its steps, as facts about attempt, consents and data.

use super::{institutions, shape, transaction_consents};
use crate::{
    journey::model::{AttemptState, Consent, PdfProgress, StepState},
    providers::{
        error::ProviderError,
        finpro::{envelope, words},
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members},
        provider::{AttemptFact, Observation, StepFact},
    },
};

/// How a transaction stands as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Overall {
    Open,
    Successful,
    /// A success that says itself that it is not whole.
    Partial,
    Failed,
    Skipped,
}

impl Overall {
    /// Whether there is something to fetch.
    pub(super) fn has_data(self) -> bool {
        matches!(self, Self::Successful | Self::Partial)
    }

    /// The provider's word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Open => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Partial => "PARTIAL",
            Self::Failed => "UNSUCCESSFUL",
            Self::Skipped => "SKIPPED",
        }
    }
}

fn overall(word: &str) -> Overall {
    match word {
        "SUCCESSFUL" | "SUCCESS" => Overall::Successful,
        // Documented of steps alone. A transaction that says it has ended.
        "PARTIAL" | "PARTIAL_SUCCESS" | "PARTIALLY_SUCCESSFUL" => Overall::Partial,
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
    /// Every step, unknown ones too, in the order of the answer.
    all: Vec<StepFact>,
}

/// More steps than any transaction has; an answer with more is cut.
const MOST_STEPS: usize = 20;

impl<'a> Steps<'a> {
    fn of(top: &Members<'a>) -> Self {
        let mut steps = Self::default();
        for raw in top.list(&["data"]) {
            let step = Members::within(Some(raw));
            let kind = lenient::word(&step.text(&["type"]).unwrap_or_default());
            steps.note(&kind, &step);
            match kind.as_str() {
                "HEALTH_CHECK" => steps.health = step,
                "AA" => steps.aa = step,
                "PDF" => steps.pdf = step,
                "SMART_ROUTING_DECISION" => steps.routing = step,
                _ => {}
            }
        }
        steps
    }

    /// Notes a step as it is shown. Of two steps of one kind the later one counts, as it does for the states.
    fn note(&mut self, kind: &str, step: &Members<'_>) {
        let kind = words::STEPS.shown(&lenient::word(kind));
        let text = words::STATES.shown(&step.text(&["status"]).unwrap_or_default());
        let fact = StepFact { kind, state: step_state(step), text };
        if fact.kind.is_empty() {
            return;
        }
        if let Some(known) = self.all.iter_mut().find(|known| known.kind == fact.kind) {
            *known = fact;
        } else if self.all.len() < MOST_STEPS {
            self.all.push(fact);
        }
    }

    /// The way that FinPro's routing chose.
    fn route(&self) -> Option<String> {
        let route = self.routing.object(&["data"]).text(&["route"])?;
        Some(words::STEPS.shown(&lenient::word(&route))).filter(|route| !route.is_empty())
    }

    /// Whether the way led to uploaded statements, if any step tells.
    pub(super) fn by_upload(&self) -> bool {
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
            fetched: count(&["fetched"]).unwrap_or(0),
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
    shape::check(origin, top)?;
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
            Overall::Successful | Overall::Partial | Overall::Skipped => AttemptState::Done,
            Overall::Failed => AttemptState::Failed,
        },
        text: words::STATES.shown(&text),
        institutions: institutions::read(&steps, pdf),
        aa,
        pdf,
        skipped: word == Overall::Skipped,
        steps: steps.all.clone(),
        route: steps.route(),
    };
    Ok(Observation { attempt: Some(attempt), consents: transaction_consents::facts(&steps, word, pdf, consents), fault: None })
}

#[cfg(test)]
#[path = "transaction_tests.rs"]
mod tests;
