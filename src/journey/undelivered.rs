//! Withdrawals and deletions that need an operator: the provider refused them or never confirmed them, or they are still pending after an hour.

use jiff::{SignedDuration, Timestamp};

use super::{
    model::{Consent, Journey},
    withdraw::{Delivery, ProviderDelivery},
};

/// For how long a delivery is retried before an operator is to see it: an outage of a provider usually ends sooner, and two tries are at
/// most half an hour apart.
const LATE: SignedDuration = SignedDuration::from_hours(1);

/// When the earliest such delivery of a journey needs an operator; may be in the future. `None` if there is none.
pub fn since(journey: &Journey) -> Option<Timestamp> {
    journey.consents.iter().flat_map(|consent| &consent.deliveries).filter_map(since_when).min()
}

/// What an operator has to see to now, each with its consent.
pub fn all(journey: &Journey, now: Timestamp) -> Vec<(&Consent, &Delivery)> {
    let due = |delivery: &Delivery| since_when(delivery).is_some_and(|since| since <= now);
    let deliveries =
        journey.consents.iter().flat_map(|consent| consent.deliveries.iter().map(move |delivery| (consent, delivery)));
    deliveries.filter(|(_, delivery)| due(delivery)).collect()
}

fn since_when(delivery: &Delivery) -> Option<Timestamp> {
    match delivery.state {
        ProviderDelivery::Failed => Some(delivery.asked_at),
        ProviderDelivery::Pending => delivery.asked_at.checked_add(LATE).ok(),
        ProviderDelivery::Unspecified | ProviderDelivery::Done | ProviderDelivery::NotOffered => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{testing, withdraw::DeliveryKind};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn journey(states: &[(ProviderDelivery, i64)]) -> Journey {
        let mut journey = testing::journey();
        let delivery = |(state, asked_at): &(ProviderDelivery, i64)| Delivery {
            kind: DeliveryKind::Revoke,
            state: *state,
            asked_at: at(*asked_at),
            tries: 1,
            next_at: None,
            unsure: false,
            unconfirmed: 0,
        };
        journey.consents[0].deliveries = states.iter().map(delivery).collect();
        journey
    }

    #[test]
    fn a_failed_delivery_is_overdue_at_once() {
        let journey = journey(&[(ProviderDelivery::Done, 1), (ProviderDelivery::NotOffered, 2), (ProviderDelivery::Failed, 3)]);
        assert_eq!(since(&journey), Some(at(3)));
        assert_eq!(all(&journey, at(3)).len(), 1);
    }

    #[test]
    fn a_pending_delivery_is_overdue_after_an_hour() {
        let journey = journey(&[(ProviderDelivery::Pending, 10)]);
        assert_eq!(since(&journey), Some(at(3610)));
        assert!(all(&journey, at(3609)).is_empty());
        assert_eq!(all(&journey, at(3610)).len(), 1);
    }

    #[test]
    fn a_confirmed_delivery_is_not_overdue() {
        assert_eq!(since(&journey(&[(ProviderDelivery::Done, 1), (ProviderDelivery::NotOffered, 2)])), None);
    }
}
