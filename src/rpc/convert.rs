//! The inner model as messages of the contract. Provider ids stay inside.

use bytes::Bytes;
use jiff::{Timestamp, civil::Date};
use prost::Message;

use crate::{
    data::Provenance,
    journey::{
        attempt_step::AttemptStep,
        calls::ProviderCall,
        derive,
        model::{
            Attempt, Consent, ConsentState, DayRange, Evidence, FactSource, Fetch, FetchState, FetchTrigger, FetchedAccount,
            Institution, Journey, LaterFetches, PdfProgress, Routing, UploadedStatement,
        },
        service::ConsentOutcome,
        withdraw::{self, DeliveryKind},
    },
    pb,
    providers::{self, vocabulary::vetted},
    store::KeptReceipt,
};

/// An instant.
pub(super) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

fn date(day: Date) -> pb::Date {
    pb::Date { year: day.year().into(), month: day.month().into(), day: day.day().into() }
}

/// A range of days; none if neither end is known.
pub(super) fn range(range: DayRange) -> Option<pb::DateRange> {
    (range != DayRange::default()).then(|| pb::DateRange { from: range.from.map(date), to: range.to.map(date) })
}

fn evidence(evidence: &Evidence) -> Option<pb::Evidence> {
    Some(pb::Evidence {
        as_of: Some(timestamp(evidence.as_of)),
        source: evidence.source.into(),
        provider_text: vetted(&evidence.text),
    })
}

/// Where an answer comes from.
pub(super) fn provenance(journey: &Journey, fetch_id: &str, provenance: &Provenance) -> pb::Provenance {
    pb::Provenance {
        provider: journey.routing.provider.clone(),
        credential: journey.routing.credential.clone(),
        provider_product: journey.provider_product.clone(),
        endpoint: provenance.endpoint.clone(),
        fetch_id: fetch_id.to_owned(),
        fetch_time: Some(timestamp(provenance.received_at)),
        normaliser_version: provenance.normaliser_version,
    }
}

/// The routing decision.
pub(super) fn routing(routing: &Routing) -> pb::RoutingDecision {
    pb::RoutingDecision {
        provider: routing.provider.clone(),
        credential: routing.credential.clone(),
        cause: routing.cause.into(),
    }
}

fn institution(row: &Institution) -> pb::Institution {
    pb::Institution { fip: row.fip.clone(), health: row.health.into(), aa: row.aa.into(), pdf: row.pdf.into() }
}

fn pdf(progress: PdfProgress) -> pb::PdfProgress {
    pb::PdfProgress {
        state: progress.state.into(),
        expected: progress.expected,
        uploaded: progress.uploaded,
        processed: progress.processed,
        fetched: progress.fetched,
    }
}

fn step(step: &AttemptStep) -> pb::AttemptStep {
    pb::AttemptStep {
        kind: step.kind.clone(),
        state: step.state.into(),
        provider_text: step.text.clone(),
        state_time: Some(timestamp(step.as_of)),
    }
}

fn attempt(attempt: &Attempt) -> pb::Attempt {
    pb::Attempt {
        attempt_id: attempt.id.clone(),
        state: attempt.state.into(),
        evidence: evidence(&attempt.evidence),
        create_time: Some(timestamp(attempt.created_at)),
        url_expire_time: attempt.url_expires_at.map(timestamp),
        institutions: attempt.institutions.iter().map(institution).collect(),
        aa: attempt.aa.into(),
        pdf: attempt.pdf.map(pdf),
        skipped: attempt.skipped,
        failure_reason: attempt.failure_reason.clone().unwrap_or_default(),
        provider_calls: Vec::new(),
        steps: attempt.steps.iter().map(step).collect(),
        route: attempt.route.clone().unwrap_or_default(),
        statements: attempt.statements.iter().map(statement).collect(),
    }
}

fn statement(statement: &UploadedStatement) -> pb::UploadedStatement {
    pb::UploadedStatement {
        institution: statement.institution.clone(),
        account_type: statement.account_type.clone(),
        masked_number: statement.masked_number.clone(),
        range: range(DayRange { from: statement.from, to: statement.to }),
        source: FactSource::Webhook.into(),
        as_of: statement.as_of.map(timestamp),
    }
}

fn provider_call(call: &ProviderCall) -> pb::ProviderCall {
    pb::ProviderCall { stage: call.stage.clone(), x_request_id: call.x_request_id.clone(), time: Some(timestamp(call.at)) }
}

fn account(account: &FetchedAccount) -> pb::FetchedAccount {
    pb::FetchedAccount {
        fip: account.fip.clone(),
        masked_number: account.masked_number.clone(),
        state: account.state.into(),
        source: account.source.into(),
    }
}

/// A data session of the consent `consent_id`.
pub(super) fn fetch(fetch: &Fetch, consent_id: &str) -> pb::Fetch {
    pb::Fetch {
        fetch_id: fetch.id.clone(),
        consent_id: consent_id.to_owned(),
        state: fetch.state.into(),
        settled: fetch.settled,
        evidence: evidence(&fetch.evidence),
        request_time: Some(timestamp(fetch.requested_at)),
        pick_up_time: fetch.picked_up_at.map(timestamp),
        data_expire_time: fetch.data_expires_at.map(timestamp),
        data_expire_certainty: fetch.data_expires_certainty.into(),
        requested_range: range(fetch.requested_range),
        requested_range_certainty: fetch.range_certainty.into(),
        accounts: fetch.accounts.iter().map(account).collect(),
        account_count: i32::try_from(fetch.account_count).unwrap_or(i32::MAX),
        transaction_count: i64::try_from(fetch.transaction_count).unwrap_or(i64::MAX),
        pick_up_failure_reason: fetch.pick_up_failure.clone().unwrap_or_default(),
        failure_reason: fetch.failure_reason.clone().unwrap_or_default(),
        purge_time: fetch.purge.map(|purge| timestamp(purge.at)),
        rows_fetch_id: fetch.rows_with.clone().filter(|rows| *rows != fetch.id).unwrap_or_default(),
        purge_reason: fetch.purge.map_or(pb::PurgeReason::Unspecified, |purge| purge.reason).into(),
    }
}

fn consent(consent: &Consent) -> pb::Consent {
    pb::Consent {
        consent_id: consent.id.clone(),
        attempt_id: consent.attempt_id.clone(),
        purpose: consent.purpose.into(),
        state: consent.state.into(),
        evidence: evidence(&consent.evidence),
        mode: consent.mode.into(),
        periodic: consent.periodic,
        expire_time: consent.expires_at.map(timestamp),
        expire_certainty: consent.expires_certainty.into(),
        template: consent.template.clone(),
        fetches: consent.fetches.iter().map(|one| fetch(one, &consent.id)).collect(),
        // For operators only.
        provider_references: None,
        revocation: withdraw::delivered(consent, DeliveryKind::Revoke).into(),
        data_deletion: withdraw::delivered(consent, DeliveryKind::DeleteData).into(),
        next_fetch_by: next_fetch_by(consent).into(),
    }
}

/// Who begins the next fetch. A consent for one fetch has none once that has begun, unless it failed.
fn next_fetch_by(consent: &Consent) -> pb::NextFetchBy {
    if consent.state != ConsentState::Active || consent.uploaded {
        return pb::NextFetchBy::Unspecified;
    }
    let failed =
        |fetch: &Fetch| fetch.settled && !matches!(fetch.state, FetchState::Ready | FetchState::Partial | FetchState::Empty);
    match (consent.fetches.is_empty(), consent.trigger) {
        (true, FetchTrigger::Provider) => return pb::NextFetchBy::Provider,
        (true, FetchTrigger::Gateway) => return pb::NextFetchBy::Gateway,
        (false, _) if !consent.periodic && !consent.fetches.iter().all(failed) => return pb::NextFetchBy::Unspecified,
        (false, _) => {}
    }
    match consent.later {
        LaterFetches::Provider => pb::NextFetchBy::Provider,
        LaterFetches::Caller => pb::NextFetchBy::Caller,
        LaterFetches::Unknown => pb::NextFetchBy::Unspecified,
    }
}

/// How far a provider is with one consent.
pub(super) fn outcome(outcome: ConsentOutcome) -> pb::ConsentOutcome {
    pb::ConsentOutcome { consent_id: outcome.consent_id, provider: outcome.provider.into() }
}

/// That something was removed.
pub(super) fn receipt(receipt: KeptReceipt) -> pb::Receipt {
    let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
    pb::Receipt {
        journey_id: receipt.journey_id,
        fetch_id: receipt.fetch_id,
        reason: receipt.reason.into(),
        purge_time: Some(timestamp(receipt.at)),
        snapshots: count(receipt.snapshots),
        evidence: count(receipt.evidence),
        documents: count(receipt.documents),
    }
}

/// The tree.
pub fn journey(journey: &Journey) -> pb::Journey {
    pb::Journey {
        journey_id: journey.id.clone(),
        client_reference: journey.ask.client_reference.clone().unwrap_or_default(),
        customer_reference: journey.ask.customer.customer_reference.clone().unwrap_or_default(),
        state: journey.state.into(),
        state_time: Some(timestamp(journey.state_at)),
        routing: Some(routing(&journey.routing)),
        products: journey.ask.products.iter().map(|product| i32::from(*product)).collect(),
        provider_product: journey.provider_product.clone(),
        attempts: journey.attempts.iter().map(attempt).collect(),
        consents: journey.consents.iter().map(consent).collect(),
        create_time: Some(timestamp(journey.created_at)),
        sequence: journey.sequence,
        ignored_inputs: journey.ignored_inputs.clone(),
        settled: derive::settled(journey),
        superseded_by: journey.superseded_by.clone().unwrap_or_default(),
        purge_time: journey.purge_at.map(timestamp),
    }
}

/// The encoded answer of GetStatus, as the cache keeps it.
pub(super) fn status_bytes(tree: &Journey) -> Bytes {
    pb::GetStatusResponse { journey: Some(journey(tree)), stale: false }.encode_to_vec().into()
}

/// The same for operators, who find a consent at its provider by the provider's own ids, and a call by the id that was sent with it.
pub(super) fn ops_status_bytes(tree: &Journey) -> Bytes {
    let mut message = journey(tree);
    for (shown, kept) in message.attempts.iter_mut().zip(&tree.attempts) {
        shown.provider_calls = kept.calls.iter().map(provider_call).collect();
    }
    let as_handle = providers::ALL.iter().any(|known| known.id == tree.routing.provider && known.opening_is_handle);
    for (shown, kept) in message.consents.iter_mut().zip(&tree.consents) {
        let attempt = tree.attempts.iter().find(|attempt| attempt.id == kept.attempt_id);
        let opening = attempt.and_then(|attempt| attempt.provider_ref.clone());
        let (handle, orchestration) = if as_handle { (opening, None) } else { (kept.handle.clone(), opening) };
        let references = pb::ProviderReferences {
            handle: handle.unwrap_or_default(),
            consent: kept.provider_ref.clone().unwrap_or_default(),
            orchestration: orchestration.unwrap_or_default(),
        };
        shown.provider_references = (references != pb::ProviderReferences::default()).then_some(references);
    }
    pb::GetStatusResponse { journey: Some(message), stale: false }.encode_to_vec().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::testing;

    #[test]
    fn operators_see_an_opening_under_the_name_that_adopts_it() {
        let mut tree = testing::journey();
        tree.attempts[0].provider_ref = Some("opening-1".to_owned());
        tree.consents[0].handle = None;
        for known in providers::ALL {
            tree.routing.provider = known.id.to_owned();
            let shown = pb::GetStatusResponse::decode(ops_status_bytes(&tree)).unwrap().journey.unwrap();
            let ids = shown.consents[0].provider_references.clone().unwrap();
            let expected = if known.opening_is_handle { ("opening-1", "") } else { ("", "opening-1") };
            assert_eq!((ids.handle.as_str(), ids.orchestration.as_str()), expected, "{}", known.id);
        }
    }

    #[test]
    fn no_provider_id_and_nothing_personal_leaves_through_the_tree() {
        let mut tree = testing::journey();
        tree.attempts[0].provider_ref = Some("orchestration-1".to_owned());
        tree.consents[0].provider_ref = Some("consent-1".to_owned());
        tree.ask.customer.name = Some("A Sample".into());
        let call = ProviderCall { stage: "s".to_owned(), x_request_id: "sent-id-1".to_owned(), at: Timestamp::UNIX_EPOCH };
        tree.attempts[0].calls = vec![call];
        assert!(ops_status_bytes(&tree).windows(9).any(|window| window == b"sent-id-1"));
        let bytes = status_bytes(&tree);
        for secret in ["sent-id-1", "orchestration-1", "consent-1", "handle-1", "9000000001", "A Sample", "token"] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{secret}");
        }
    }
}
