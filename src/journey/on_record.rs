//! What a change of a tree puts on record: whatever became of a consent, and what was done about it. It is told from the trees before and
//! after a change, and a change is written once, so each state goes on record once however often it was told.

use super::{
    model::{Asking, Consent, ConsentState, FactSource, Fetch, Journey},
    withdraw::{Delivery, DeliveryKind, ProviderDelivery, given_up},
};
use crate::{
    access::audit::{Act, Id, Outcome, Record, Who},
    store::KeptReceipt,
};

/// What is new in `after`.
pub fn news(before: &Journey, after: &Journey, at: jiff::Timestamp) -> Vec<Record> {
    let mut records = Vec::new();
    for consent in &after.consents {
        let old = before.consent(&consent.id);
        let about = |act| Record {
            journey: Id::of(&after.id),
            attempt: Id::of(&consent.attempt_id),
            consents: Id::of(&consent.id).into_iter().collect(),
            purposes: vec![consent.purpose],
            ..Record::new(&after.tenant, at, Who::Gateway, act)
        };
        if let Some(act) = became(after, consent, old) {
            records.push(Record { source: Some(consent.evidence.source), ..about(act) });
        }
        for fetch in consent.fetches.iter().filter(|fetch| asked_now(fetch, old)) {
            records.push(Record { fetches: Id::of(&fetch.id).into_iter().collect(), ..about(Act::DataRequested) });
        }
        for delivery in consent.deliveries.iter().filter(|delivery| ended_now(delivery, old)) {
            let act = match delivery.kind {
                DeliveryKind::Revoke => Act::ToldRevoke,
                DeliveryKind::DeleteData => Act::ToldDelete,
            };
            records.push(Record { outcome: Outcome::Delivery(delivery.state), ..about(act) });
        }
    }
    records
}

/// That something was removed.
pub fn purged(tenant: &str, receipt: &KeptReceipt) -> Record {
    let act = if receipt.fetch_id.is_empty() { Act::JourneyPurged } else { Act::DataPurged };
    Record {
        journey: Id::of(&receipt.journey_id),
        fetches: Id::of(&receipt.fetch_id).into_iter().collect(),
        reason: Some(receipt.reason),
        ..Record::new(tenant, receipt.at, Who::Gateway, act)
    }
}

fn became(journey: &Journey, consent: &Consent, old: Option<&Consent>) -> Option<Act> {
    if old.map_or(ConsentState::Pending, |old| old.state) == consent.state {
        return None;
    }
    match consent.state {
        ConsentState::Active => Some(Act::ConsentActive),
        ConsentState::Paused => Some(Act::ConsentPaused),
        ConsentState::Rejected => Some(Act::ConsentRejected),
        ConsentState::Revoked if consent.evidence.source == FactSource::Gateway && given_up(journey, consent) => {
            Some(Act::LateApprovalRevoked)
        }
        ConsentState::Revoked => Some(Act::ConsentRevoked),
        ConsentState::Expired => Some(Act::ConsentExpired),
        ConsentState::Failed => Some(Act::ConsentFailed),
        ConsentState::Pending | ConsentState::Other | ConsentState::Unspecified => None,
    }
}

/// Whether the change wrote down that data is asked for.
fn asked_now(fetch: &Fetch, old: Option<&Consent>) -> bool {
    let known = old.is_some_and(|old| old.fetches.iter().any(|known| known.id == fetch.id));
    !known && fetch.asked == Asking::Open
}

/// Whether the change wrote down what came of telling the provider.
fn ended_now(delivery: &Delivery, old: Option<&Consent>) -> bool {
    let same = |known: &&Delivery| known.kind == delivery.kind && known.asked_at == delivery.asked_at;
    let before = old.and_then(|old| old.deliveries.iter().find(same)).map(|known| known.state);
    !matches!(delivery.state, ProviderDelivery::Pending | ProviderDelivery::Unspecified) && before != Some(delivery.state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::testing;

    fn acts(before: &Journey, after: &Journey) -> Vec<Act> {
        news(before, after, jiff::Timestamp::UNIX_EPOCH).iter().map(|record| record.act).collect()
    }

    #[test]
    fn a_state_goes_on_record_when_it_changes_and_only_then() {
        let before = testing::journey();
        let mut after = before.clone();
        assert_eq!(acts(&before, &after), []);
        for (state, act) in [
            (ConsentState::Active, Act::ConsentActive),
            (ConsentState::Paused, Act::ConsentPaused),
            (ConsentState::Rejected, Act::ConsentRejected),
            (ConsentState::Revoked, Act::ConsentRevoked),
            (ConsentState::Expired, Act::ConsentExpired),
            (ConsentState::Failed, Act::ConsentFailed),
        ] {
            after.consents[0].state = state;
            assert_eq!(acts(&before, &after), [act]);
            assert_eq!(acts(&after, &after), []);
        }
    }

    #[test]
    fn what_a_provider_was_told_goes_on_record_with_its_outcome() {
        let before = testing::journey();
        let mut after = before.clone();
        let at = jiff::Timestamp::UNIX_EPOCH;
        let kind = DeliveryKind::Revoke;
        let pending = Delivery {
            kind,
            state: ProviderDelivery::Pending,
            asked_at: at,
            tries: 0,
            next_at: None,
            unsure: false,
            unconfirmed: 0,
        };
        after.consents[0].deliveries.push(pending);
        assert_eq!(acts(&before, &after), []);
        let mut told = after.clone();
        told.consents[0].deliveries[0].state = ProviderDelivery::Failed;
        let records = news(&after, &told, at);
        assert_eq!((records.len(), records[0].act), (1, Act::ToldRevoke));
        assert_eq!(records[0].outcome, Outcome::Delivery(ProviderDelivery::Failed));
        assert_eq!(acts(&told, &told), []);
    }
}
