//! What is taken back: consents withdrawn by us, data purged before its time. The tree is changed at once and fences every read; what the
//! provider must hear stands in the tree beside it, as a delivery that the background makes until it succeeds.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{
    machine::consent_given,
    model::{AttemptState, Consent, ConsentState, Evidence, FactSource, Fetch, Journey},
    transaction,
};
pub use crate::pb::{ProviderDelivery, PurgeReason};

/// That what a fetch brought is removed before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Purge {
    /// Since when nothing of it is served.
    pub at: Timestamp,
    /// Why.
    pub reason: PurgeReason,
    /// Whether it is removed from the store.
    pub swept: bool,
}

/// What a provider is told about a consent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeliveryKind {
    /// The consent is withdrawn.
    Revoke,
    /// Its data is to be deleted.
    DeleteData,
}

/// Something that a provider is told until it has heard it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// What.
    pub kind: DeliveryKind,
    /// How far it is.
    pub state: ProviderDelivery,
    /// When it was asked for; tells it from a later one of the same kind.
    pub asked_at: Timestamp,
    /// How often it was sent.
    pub tries: u32,
    /// When it is sent next, while PENDING.
    pub next_at: Option<Timestamp>,
    /// Whether the answer of a try was lost: the provider may have done it.
    pub unsure: bool,
    /// How many answers neither confirmed it nor refused it.
    #[serde(default)]
    pub unconfirmed: u32,
}

/// What a provider's product can be told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Offers {
    /// Consents can be withdrawn.
    pub revokes: bool,
    /// Data can be deleted.
    pub deletes_data: bool,
}

impl Offers {
    /// Whether the provider can be told this of a consent: it must know the consent by an id.
    fn has(self, kind: DeliveryKind, consent: &Consent) -> bool {
        let offered = match kind {
            DeliveryKind::Revoke => self.revokes,
            DeliveryKind::DeleteData => self.deletes_data,
        };
        offered && !consent.uploaded && consent.provider_ref.is_some()
    }
}

/// How far a provider has been told something of a consent.
pub fn delivered(consent: &Consent, kind: DeliveryKind) -> ProviderDelivery {
    let delivery = consent.deliveries.iter().find(|delivery| delivery.kind == kind);
    delivery.map_or(ProviderDelivery::Unspecified, |delivery| delivery.state)
}

/// Notes that the provider is to be told. What is on its way or done is left alone; what failed is tried again.
fn deliver(consent: &mut Consent, kind: DeliveryKind, offers: Offers, now: Timestamp) {
    let state = match delivered(consent, kind) {
        ProviderDelivery::Pending => return,
        ProviderDelivery::Done if kind == DeliveryKind::Revoke => return,
        _ if offers.has(kind, consent) => ProviderDelivery::Pending,
        _ => ProviderDelivery::NotOffered,
    };
    let next_at = (state == ProviderDelivery::Pending).then_some(now);
    consent.deliveries.retain(|delivery| delivery.kind != kind);
    consent.deliveries.push(Delivery { kind, state, asked_at: now, tries: 0, next_at, unsure: false, unconfirmed: 0 });
}

/// Notes that the provider says by itself what it was to be told.
pub fn heard(consent: &mut Consent, kind: DeliveryKind) {
    let open = |delivery: &&mut Delivery| {
        delivery.kind == kind && matches!(delivery.state, ProviderDelivery::Pending | ProviderDelivery::Failed)
    };
    if let Some(delivery) = consent.deliveries.iter_mut().find(open) {
        (delivery.state, delivery.next_at) = (ProviderDelivery::Done, None);
    }
}

/// Withdraws a consent. To withdraw a withdrawn one changes nothing, unless the provider refused to hear of it.
pub fn withdraw(consent: &mut Consent, offers: Offers, now: Timestamp) {
    let by_customer =
        consent.state == ConsentState::Revoked && delivered(consent, DeliveryKind::Revoke) == ProviderDelivery::Unspecified;
    if consent.state != ConsentState::Revoked {
        consent.state = ConsentState::Revoked;
        consent.evidence = Evidence { as_of: now, source: FactSource::Gateway, text: "revoked".to_owned() };
    }
    if !by_customer {
        deliver(consent, DeliveryKind::Revoke, offers, now);
    }
    fence(consent, PurgeReason::Revoked, now);
}

/// Purges fetches of a consent. The provider deletes all of a consent or nothing: it is asked once no fetch of it is wanted any more.
pub fn purge(consent: &mut Consent, chosen: impl Fn(&Fetch) -> bool, offers: Offers, now: Timestamp) {
    for fetch in consent.fetches.iter_mut().filter(|fetch| chosen(fetch)) {
        fetch.purge.get_or_insert(Purge { at: now, reason: PurgeReason::Caller, swept: false });
    }
    let all = consent.fetches.iter().all(|fetch| fetch.purge.is_some());
    deliver(consent, DeliveryKind::DeleteData, if all { offers } else { Offers::default() }, now);
}

/// Fences chosen fetches of whichever consent.
pub fn fence_chosen(journey: &mut Journey, fetch_ids: &[String], now: Timestamp) {
    let fetches = journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches);
    for fetch in fetches.filter(|fetch| fetch_ids.contains(&fetch.id)) {
        fetch.purge.get_or_insert(Purge { at: now, reason: PurgeReason::Caller, swept: false });
    }
}

fn fence(consent: &mut Consent, reason: PurgeReason, now: Timestamp) {
    for fetch in &mut consent.fetches {
        fetch.purge.get_or_insert(Purge { at: now, reason, swept: false });
    }
}

/// Draws the conclusions that hold whatever changed a tree: what a withdrawn consent brought is fenced, and a consent that is given after
/// its journey was given up is withdrawn, where the provider can be told.
pub fn conclude(journey: &mut Journey, offers: Offers, now: Timestamp) {
    for at in 0..journey.consents.len() {
        let given_up = journey.consents.get(at).is_some_and(|consent| given_up(journey, consent));
        let Some(consent) = journey.consents.get_mut(at) else { continue };
        if given_up && consent_given(consent.state) {
            if offers.has(DeliveryKind::Revoke, consent) {
                withdraw(consent, offers, now);
            }
            fence(consent, PurgeReason::Cancelled, now);
        }
        if consent.state == ConsentState::Revoked {
            fence(consent, PurgeReason::Revoked, now);
        }
        note_active(consent, now);
    }
    transaction::adopt_rows(journey);
    transaction::fence_units(journey, Purge { at: now, reason: PurgeReason::Revoked, swept: false });
}

/// Notes since when a consent is active: a data session has to begin within the time limit from then on.
fn note_active(consent: &mut Consent, now: Timestamp) {
    if consent.state == ConsentState::Active {
        consent.active_since.get_or_insert(now);
    } else {
        (consent.active_since, consent.fetch_overdue) = (None, false);
    }
}

/// Whether a consent belongs to an attempt that was given up: its data is not wanted, whatever becomes of it.
pub fn given_up(journey: &Journey, consent: &Consent) -> bool {
    journey.attempts.iter().any(|attempt| attempt.id == consent.attempt_id && attempt.state == AttemptState::Cancelled)
}

/// Whether an attempt was given up so lately that the customer may still approve it.
pub fn may_be_approved(journey: &Journey, now: Timestamp, limit: Duration) -> bool {
    let limit = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
    journey.attempts.iter().any(|attempt| {
        attempt.state == AttemptState::Cancelled
            && now.duration_since(attempt.created_at) < limit
            && journey.consents_of(&attempt.id).any(|consent| consent.state == ConsentState::Pending)
    })
}

/// When the provider is to be told something next.
pub fn next_delivery(journey: &Journey, now: Timestamp) -> Option<Timestamp> {
    // What was set by a clock that has fallen back since is due now.
    let due = |at: Timestamp| if at.duration_since(now) > LONGEST_PAUSE { now } else { at };
    journey.consents.iter().flat_map(|consent| &consent.deliveries).filter_map(|delivery| delivery.next_at).map(due).min()
}

/// Longer than any pause between two tries: what is due later than that was set by a clock that has fallen back since.
pub const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(30);

/// Whether a delivery is to be sent now.
pub fn is_due(delivery: &Delivery, now: Timestamp) -> bool {
    delivery.next_at.is_some_and(|at| at <= now || at.duration_since(now) > LONGEST_PAUSE)
}

/// What the provider is to be told now: consent and kind.
pub fn due_deliveries(journey: &Journey, now: Timestamp) -> Vec<(String, DeliveryKind)> {
    let due = |delivery: &&Delivery| is_due(delivery, now);
    let of = |consent: &Consent| {
        let id = consent.id.clone();
        let due: Vec<_> = consent.deliveries.iter().filter(due).map(|delivery| (id.clone(), delivery.kind)).collect();
        due
    };
    journey.consents.iter().flat_map(of).collect()
}

/// The fetches that are fenced and may still be in the store, with the reason.
pub fn unswept(journey: &Journey) -> Vec<(String, Purge)> {
    let fetches = journey.consents.iter().flat_map(|consent| &consent.fetches);
    fetches.filter_map(|fetch| Some((fetch.id.clone(), fetch.purge.filter(|purge| !purge.swept)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{model::FetchState, testing};

    const BOTH: Offers = Offers { revokes: true, deletes_data: true };

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn given() -> Consent {
        let mut consent = testing::consent(ConsentState::Active);
        consent.provider_ref = Some("c".to_owned());
        consent.fetches = vec![testing::fetch(FetchState::Ready, true)];
        consent
    }

    #[test]
    fn a_withdrawn_consent_is_fenced_and_told_once() {
        let mut consent = given();
        withdraw(&mut consent, BOTH, at(1));
        assert_eq!(
            (consent.state, delivered(&consent, DeliveryKind::Revoke)),
            (ConsentState::Revoked, ProviderDelivery::Pending)
        );
        assert_eq!(consent.fetches[0].purge.unwrap().reason, PurgeReason::Revoked);
        let before = consent.clone();
        withdraw(&mut consent, BOTH, at(2));
        assert_eq!(consent, before);
        consent.deliveries[0].state = ProviderDelivery::Failed;
        withdraw(&mut consent, BOTH, at(3));
        assert_eq!(consent.deliveries[0].next_at, Some(at(3)), "what was refused is tried again");
    }

    #[test]
    fn who_has_no_call_for_it_is_not_told() {
        let mut consent = given();
        withdraw(&mut consent, Offers::default(), at(1));
        assert_eq!(delivered(&consent, DeliveryKind::Revoke), ProviderDelivery::NotOffered);
        let mut uploaded = given();
        uploaded.uploaded = true;
        withdraw(&mut uploaded, BOTH, at(1));
        assert_eq!(delivered(&uploaded, DeliveryKind::Revoke), ProviderDelivery::NotOffered);
        let mut by_customer = given();
        by_customer.state = ConsentState::Revoked;
        withdraw(&mut by_customer, BOTH, at(1));
        assert_eq!(delivered(&by_customer, DeliveryKind::Revoke), ProviderDelivery::Unspecified, "the provider knows");
    }

    #[test]
    fn the_provider_deletes_once_nothing_of_the_consent_is_wanted() {
        let mut consent = given();
        let mut second = testing::fetch(FetchState::Ready, true);
        second.id = "fch_2".to_owned();
        consent.fetches.push(second);
        purge(&mut consent, |fetch| fetch.id == "fch_2", BOTH, at(1));
        assert_eq!(delivered(&consent, DeliveryKind::DeleteData), ProviderDelivery::NotOffered);
        assert!(consent.fetches[0].purge.is_none() && consent.fetches[1].purge.is_some());
        purge(&mut consent, |_| true, BOTH, at(2));
        assert_eq!(delivered(&consent, DeliveryKind::DeleteData), ProviderDelivery::Pending);
        assert_eq!(consent.fetches[1].purge.unwrap().at, at(1), "what is purged stays purged since then");
        assert_eq!(consent.state, ConsentState::Active);
    }

    #[test]
    fn an_approval_after_the_journey_was_given_up_is_withdrawn_or_not_used() {
        let mut journey = testing::journey();
        journey.attempts[0].state = AttemptState::Cancelled;
        conclude(&mut journey, BOTH, at(1));
        assert_eq!(journey.consents[0].state, ConsentState::Pending);
        assert!(may_be_approved(&journey, at(10), Duration::from_secs(20)));
        assert!(!may_be_approved(&journey, at(30), Duration::from_secs(20)));
        journey.consents[0] = given();
        let mut other = journey.clone();
        conclude(&mut journey, BOTH, at(2));
        assert_eq!(journey.consents[0].state, ConsentState::Revoked);
        assert_eq!(due_deliveries(&journey, at(2)), [("cns_1".to_owned(), DeliveryKind::Revoke)]);
        conclude(&mut other, Offers::default(), at(2));
        assert_eq!(other.consents[0].state, ConsentState::Active, "shown as it is");
        assert_eq!(other.consents[0].fetches[0].purge.unwrap().reason, PurgeReason::Cancelled);
        assert!(!may_be_approved(&other, at(2), Duration::from_secs(20)));
    }
}
