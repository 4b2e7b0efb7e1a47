//! Looks at everything that FinPro tells about an attempt.

use std::collections::BTreeSet;

use super::{FinPro, build, plan, session, terms::Terms};
use crate::{
    journey::model::{Attempt, Certainty, Consent, ConsentState, Fetch, FetchTrigger, Journey},
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundRequest,
        provider::{Call, ConsentFact, FetchFact, Observation},
    },
};

pub(super) mod consents;
mod institutions;
mod shape;
pub(super) mod transaction;

/// Most sessions of a consent that one look asks for.
const SESSIONS: usize = 5;

/// Consent style: the list of each template, the template's terms, and the sessions of what was approved.
pub(super) async fn by_consent(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
) -> Result<Observation, ProviderError> {
    let held: Vec<&Consent> = journey.consents_of(&attempt.id).filter(|consent| !consent.uploaded).collect();
    let known: Vec<&str> = held.iter().filter_map(|consent| consent.handle.as_deref()).collect();
    let templates: BTreeSet<&str> = held.iter().map(|consent| consent.template.as_str()).collect();
    let mut rows = Vec::new();
    for template in &templates {
        let Some(request) = build::consents_list(&journey.ask.customer, template, attempt.account()) else { continue };
        let (origin, response) = finpro.send(call, request).await?;
        match consents::read(origin, &response, template, attempt.account(), &known) {
            Ok(found) => rows.extend(found),
            // FinPro does not know the reference yet: nothing is said.
            Err(error) if error.kind == ErrorKind::UnknownReference => {}
            Err(error) => return Err(error),
        }
    }
    let mut facts = Vec::new();
    for row in &rows {
        let mut fact = consents::consent_fact(row, &held);
        let mine = held.iter().find(|consent| consent.template == row.template).copied();
        add_terms_and_sessions(finpro, call, attempt, mine, &mut fact).await?;
        facts.push(fact);
    }
    Ok(Observation { attempt: consents::attempt_fact(&rows, templates.len()), consents: facts })
}

async fn add_terms_and_sessions(
    finpro: &FinPro,
    call: Call,
    attempt: &Attempt,
    mine: Option<&Consent>,
    fact: &mut ConsentFact,
) -> Result<(), ProviderError> {
    let fetched = mine.is_some_and(|consent| !consent.fetches.is_empty());
    let look = match fact.state {
        Some(ConsentState::Active) => true,
        Some(ConsentState::Paused | ConsentState::Expired) => fetched,
        _ => false,
    };
    let Some(consent_ref) = fact.consent_ref.clone().filter(|_| look) else { return Ok(()) };
    let terms = finpro.template_terms(call, fact.template.as_deref().unwrap_or_default()).await;
    apply(&terms, attempt, fact);
    for session in open_sessions(mine) {
        fact.fetches.extend(session_fact(finpro, call, &consent_ref, session, &terms).await?);
    }
    Ok(())
}

fn apply(terms: &Terms, attempt: &Attempt, fact: &mut ConsentFact) {
    fact.mode = terms.mode;
    fact.periodic = terms.periodic;
    fact.trigger = terms.trigger;
    fact.template_range = terms.days(attempt.created_at);
    fact.frequency = terms.frequency;
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
    terms: &Terms,
) -> Result<Option<FetchFact>, ProviderError> {
    let (origin, response) = finpro.send(call, build::session_status(consent_ref, session)).await?;
    match session::read_status(origin, &response, consent_ref, session, terms) {
        Ok(fact) => Ok(Some(fact)),
        Err(error) if passes(error.kind) => Err(error),
        // No session yet, or none that can be read: what is known of the consent still counts.
        Err(error) => {
            if error.kind == ErrorKind::ResponseInvalid {
                tracing::warn!(provider = error.provider, stage = error.stage, %error, "failed to read a data session");
            } else {
                tracing::debug!(provider = error.provider, stage = error.stage, %error, "no data session to be seen");
            }
            Ok(None)
        }
    }
}

/// Faults that concern every call alike.
fn passes(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Credentials | ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Timeout)
}

/// Orchestration: one call tells everything.
pub(super) async fn by_transaction(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
) -> Result<Observation, ProviderError> {
    // An opening whose answer was lost has no id, and FinPro cannot be asked for it otherwise.
    let Some(transaction_id) = attempt.provider_ref.as_deref() else { return Ok(Observation::default()) };
    let held: Vec<&Consent> = journey.consents_of(&attempt.id).filter(|consent| !consent.uploaded).collect();
    let request: OutboundRequest = build::transaction_status(transaction_id);
    let (origin, response) = finpro.send(call, request).await?;
    let mut observation = transaction::read(origin, &response, transaction_id, &held)?;
    for fact in &mut observation.consents {
        let template = fact.template.clone().unwrap_or_default();
        if fact.uploaded || template.is_empty() || fact.state != Some(ConsentState::Active) {
            continue;
        }
        let terms = finpro.template_terms(call, &template).await;
        apply(&terms, attempt, fact);
        // FinPro itself collects the data of a transaction, whatever the template says.
        fact.trigger = Some(FetchTrigger::Provider);
    }
    later_states(finpro, call, journey, attempt, &mut observation).await?;
    Ok(observation)
}

/// A transaction goes on saying that its consents were given. What became of them since stands in the lists of consents alone: they are
/// asked once the data has come, so that a withdrawn consent is noticed.
async fn later_states(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
    observation: &mut Observation,
) -> Result<(), ProviderError> {
    let over = |consent: &&Consent| {
        !consent.uploaded && !consent.fetches.is_empty() && consent.fetches.iter().all(|fetch| fetch.settled)
    };
    let held: Vec<&Consent> = journey.consents_of(&attempt.id).filter(over).collect();
    let known: Vec<&str> = held.iter().filter_map(|consent| consent.handle.as_deref()).collect();
    let templates: BTreeSet<&str> = held.iter().map(|consent| consent.template.as_str()).collect();
    for template in templates {
        let Some(request) = build::consents_list(&journey.ask.customer, template, attempt.account()) else { continue };
        let (origin, response) = finpro.send(call, request).await?;
        let rows = match consents::read(origin, &response, template, attempt.account(), &known) {
            Ok(rows) => rows,
            Err(error) if passes(error.kind) => return Err(error),
            // Without the lists the transaction's own word stands.
            Err(error) => {
                if error.kind == ErrorKind::ResponseInvalid {
                    tracing::warn!(provider = error.provider, stage = error.stage, %error, "failed to read the transaction's consents");
                } else {
                    tracing::debug!(provider = error.provider, stage = error.stage, %error, "the transaction's consents are not listed");
                }
                continue;
            }
        };
        for row in rows.iter().filter(|row| !matches!(row.state, ConsentState::Pending | ConsentState::Other)) {
            let mine = |fact: &&mut ConsentFact| !fact.uploaded && fact.handle.is_some() && fact.handle == row.handle;
            for fact in observation.consents.iter_mut().filter(mine) {
                fact.state = Some(row.state);
                fact.text.clone_from(&row.text);
                fact.expires_at = row.expires_at.map(|end| (end, Certainty::Provider)).or(fact.expires_at);
            }
        }
    }
    Ok(())
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
