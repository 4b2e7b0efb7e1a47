//! Orchestration: one call tells of the transaction, and the lists of consents tell what became of its consents since. A transaction goes
//! on saying that its consents were given, so a later pause, withdrawal or end stands in the lists alone.

use super::{apply, consents, later_sessions, lists, transaction};
use crate::{
    journey::{
        machine::consent_given,
        model::{Attempt, Consent, ConsentState, FetchTrigger, Journey},
    },
    providers::{
        error::ProviderError,
        finpro::{FinPro, build},
        provider::{Call, ConsentFact, Observation},
    },
};

/// Polls a transaction. The lists are asked first, since only they end a consent.
pub(in crate::providers::finpro) async fn by_transaction(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
) -> Observation {
    // An opening whose answer was lost has no id, and FinPro cannot be asked for it otherwise.
    let Some(transaction_id) = attempt.provider_ref.as_deref() else { return Observation::default() };
    let held: Vec<&Consent> = journey.consents_of(&attempt.id).filter(|consent| !consent.uploaded).collect();
    let given: Vec<&Consent> = held.iter().copied().filter(|consent| consent_given(consent.state)).collect();
    let listed = lists::read(finpro, call, journey, attempt, &given).await;
    let later = later_facts(&listed.rows, &held);
    if listed.withdrawn {
        return Observation { attempt: None, consents: later, fault: listed.fault };
    }
    let mut seen = Observation::from(read(finpro, call, transaction_id, &held).await);
    seen.note(listed.fault);
    for fact in &mut seen.consents {
        hold(fact, &held);
        add_terms(finpro, call, attempt, fact).await;
    }
    seen.consents.extend(later);
    for consent in given {
        let (fetches, failed) = later_sessions(finpro, call, consent).await;
        seen.note(failed);
        if !fetches.is_empty() {
            let (handle, consent_ref) = (consent.handle.clone(), consent.provider_ref.clone());
            seen.consents.push(ConsentFact { handle, consent_ref, fetches, ..ConsentFact::default() });
        }
    }
    seen
}

async fn read(finpro: &FinPro, call: Call, transaction_id: &str, held: &[&Consent]) -> Result<Observation, ProviderError> {
    let (origin, response) = finpro.send(call, build::transaction_status(transaction_id)).await?;
    transaction::read(origin, &response, transaction_id, held)
}

/// What the lists say of consents that were given. A row that waits for the customer, or whose word is not known, says less than the
/// transaction does.
fn later_facts(rows: &[consents::Row], held: &[&Consent]) -> Vec<ConsentFact> {
    let told = |row: &&consents::Row| !matches!(row.state, ConsentState::Pending | ConsentState::Other);
    let ours = |row: &&consents::Row| held.iter().any(|consent| consents::is_of(row, consent));
    rows.iter().filter(told).filter(ours).map(|row| consents::consent_fact(row, held)).collect()
}

/// A transaction does not know that a consent was paused meanwhile: its old approval must not make the consent live again.
fn hold(fact: &mut ConsentFact, held: &[&Consent]) {
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    let paused = |consent: &&&Consent| {
        consent.state == ConsentState::Paused
            && (same(&consent.handle, &fact.handle) || same(&consent.provider_ref, &fact.consent_ref))
    };
    if fact.state == Some(ConsentState::Active) && held.iter().any(|consent| paused(&consent)) {
        fact.state = None;
    }
}

async fn add_terms(finpro: &FinPro, call: Call, attempt: &Attempt, fact: &mut ConsentFact) {
    let template = fact.template.clone().unwrap_or_default();
    if fact.uploaded || template.is_empty() || !matches!(fact.state, None | Some(ConsentState::Active)) {
        return;
    }
    let terms = finpro.template_terms(call, &template).await;
    apply(&terms, attempt, fact);
    // FinPro itself collects the data of a transaction, whatever the template says.
    fact.trigger = Some(FetchTrigger::Provider);
}
