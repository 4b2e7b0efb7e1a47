//! Polls everything that FinPro tells about an attempt.

use jiff::{SignedDuration, Timestamp};

use super::{FinPro, build, plan, session, terms::Terms};
use crate::{
    journey::model::{Attempt, Consent, ConsentState, Fetch, Journey},
    providers::{
        error::{ErrorKind, ProviderError},
        provider::{Call, ConsentFact, FetchFact, Observation},
    },
};

pub(super) mod consents;
mod institutions;
mod lists;
mod orchestrated;
mod shape;
pub(super) mod transaction;
mod transaction_consents;

pub(super) use orchestrated::by_transaction;

/// Most sessions of a consent that one look asks for.
const SESSIONS: usize = 5;

/// Consent style: the list of each template, the template's terms, and the sessions of what was approved.
pub(super) async fn by_consent(finpro: &FinPro, call: Call, journey: &Journey, attempt: &Attempt) -> Observation {
    let held: Vec<&Consent> = journey.consents_of(&attempt.id).filter(|consent| !consent.uploaded).collect();
    let listed = lists::read(finpro, call, journey, attempt, &held).await;
    let facts = listed.rows.iter().map(|row| consents::consent_fact(row, &held)).collect();
    let mut seen = Observation { consents: facts, ..Observation::default() };
    let whole = !listed.withdrawn && listed.fault.is_none();
    seen.note(listed.fault);
    if listed.withdrawn {
        return seen;
    }
    if whole {
        let mut templates: Vec<&str> = held.iter().map(|consent| consent.template.as_str()).collect();
        templates.sort_unstable();
        templates.dedup();
        seen.attempt = consents::attempt_fact(&listed.rows, templates.len());
    }
    let mut failed = None;
    for (row, fact) in listed.rows.iter().zip(&mut seen.consents) {
        let mine = held.iter().find(|consent| consent.template == row.template).copied();
        failed = failed.or(add_terms_and_sessions(finpro, call, attempt, mine, fact).await);
    }
    seen.note(failed);
    seen
}

/// Answers the first session that could not be read.
async fn add_terms_and_sessions(
    finpro: &FinPro,
    call: Call,
    attempt: &Attempt,
    mine: Option<&Consent>,
    fact: &mut ConsentFact,
) -> Option<ProviderError> {
    let fetched = mine.is_some_and(|consent| !consent.fetches.is_empty());
    let look = match fact.state {
        Some(ConsentState::Active) => true,
        Some(ConsentState::Paused | ConsentState::Expired) => fetched,
        _ => false,
    };
    let consent_ref = fact.consent_ref.clone().filter(|_| look)?;
    let terms = finpro.template_terms(call, fact.template.as_deref().unwrap_or_default()).await;
    apply(&terms, attempt, fact);
    let mut failed = None;
    for session in open_sessions(mine) {
        match session_fact(finpro, call, &consent_ref, session).await {
            Ok(found) => fact.fetches.extend(found),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    failed
}

fn apply(terms: &Terms, attempt: &Attempt, fact: &mut ConsentFact) {
    fact.mode = terms.mode;
    // A stated data life means that data may be stored: a VIEW consent has a data life of 0 (ReBIT).
    fact.mode_untold = Some(terms.unread && terms.mode.is_none() && terms.lives.is_empty());
    fact.periodic = terms.periodic;
    fact.trigger = terms.trigger;
    fact.later = terms.later;
    fact.data_life = terms.data_life(attempt.created_at);
    fact.template_range = terms.days(attempt.created_at);
    fact.frequency = terms.frequency;
}

/// The sessions of fetches that were asked for by consent under a transaction. FinPro's first fetch has none of its own here, so the newest
/// session counts for a lost request only if its data was fetched since.
async fn later_sessions(finpro: &FinPro, call: Call, consent: &Consent) -> (Vec<FetchFact>, Option<ProviderError>) {
    let (mut found, mut failed) = (Vec::new(), None);
    let Some(consent_ref) = consent.provider_ref.as_deref() else { return (found, failed) };
    let lost = consent.fetches.iter().filter(|fetch| fetch.is_lost()).map(|fetch| fetch.requested_at).min();
    let named = consent.fetches.iter().filter(|fetch| !fetch.settled).filter_map(|fetch| fetch.provider_ref.as_deref());
    let sessions = named.take(SESSIONS).map(Some).chain(lost.map(|_| None));
    for session in sessions {
        match session_fact(finpro, call, consent_ref, session).await {
            Ok(Some(fact)) if session.is_some() || fact.fetched_at.zip(lost).is_some_and(is_later) => {
                found.push(fact);
            }
            Ok(_) => {}
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    (found, failed)
}

/// Whether a session's data was fetched after a request was sent, by two clocks that need not agree to the second.
fn is_later((fetched, requested): (Timestamp, Timestamp)) -> bool {
    requested.duration_since(fetched) <= SignedDuration::from_mins(1)
}

/// The sessions to ask for: those that are open, by id; without any, the consent's newest.
fn open_sessions(consent: Option<&Consent>) -> Vec<Option<&str>> {
    let fetches = consent.map(|consent| consent.fetches.as_slice()).unwrap_or_default();
    let open = fetches.iter().rev().filter(|fetch| !fetch.settled);
    let mut sessions: Vec<_> = open.filter_map(|fetch| fetch.provider_ref.as_deref()).take(SESSIONS).map(Some).collect();
    sessions.reverse();
    // The newest session is also how one is found whose request's answer was lost.
    if sessions.is_empty() || fetches.iter().any(Fetch::is_lost) {
        sessions.push(None);
    }
    sessions
}

async fn session_fact(
    finpro: &FinPro,
    call: Call,
    consent_ref: &str,
    session: Option<&str>,
) -> Result<Option<FetchFact>, ProviderError> {
    let (origin, response) = finpro.send(call, build::session_status(consent_ref, session)).await?;
    match session::read_status(origin, &response, consent_ref, session) {
        Ok(fact) => Ok(Some(fact)),
        // There is no session yet.
        Err(error) if is_absence(error.kind) => {
            finpro.note(&error);
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A refusal that only says that FinPro has nothing to show.
fn is_absence(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::NotReady | ErrorKind::UnknownReference | ErrorKind::NoAccounts | ErrorKind::DataExpired)
}

/// What a fetch's data hang on: a transaction's consent that was fetched again, under a session of its own, is read by consent.
pub(super) fn data_selector<'a>(
    finpro: &FinPro,
    target: &crate::providers::provider::Target<'a>,
    stage: &'static str,
) -> Result<build::Selector<'a>, ProviderError> {
    let own_session = target.fetch.is_some_and(|fetch| fetch.provider_ref.is_some()) && !target.consent.uploaded;
    match target.consent.provider_ref.as_deref() {
        Some(consent_ref) if own_session => Ok(build::Selector::Consent(consent_ref)),
        _ => selector(finpro, target, stage),
    }
}

/// What an attempt's data and analyses hang on.
pub(super) fn selector<'a>(
    finpro: &FinPro,
    target: &crate::providers::provider::Target<'a>,
    stage: &'static str,
) -> Result<build::Selector<'a>, ProviderError> {
    let orchestrated = target.journey.provider_product == plan::provider_product(super::Style::Orchestration);
    let selector = if orchestrated || target.consent.uploaded {
        target.attempt.provider_ref.as_deref().map(build::Selector::Transaction)
    } else {
        target.consent.provider_ref.as_deref().map(build::Selector::Consent)
    };
    selector.ok_or_else(|| finpro.error(ErrorKind::NotReady, stage).with_detail("there is no consent id or transaction yet"))
}
