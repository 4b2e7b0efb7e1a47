//! Which credentials get signed messages. Where they arrive, a poll seldom learns anything first, so polls may be further apart: a
//! provider that sends them asks for polling only where no webhook is configured. A poll stays the decider, since messages may be lost.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::{SignedDuration, Timestamp};

use super::policy::Pace;
use crate::access::TenantId;

/// How long one message proves that messages arrive. Longer than the longest pause between polls of a journey that waits.
const PROOF_LIFE: SignedDuration = SignedDuration::from_hours(1);
/// By how much polls are further apart where messages arrive.
const FACTOR: u32 = 4;

/// When the last signed message of each credential arrived at this process. After a restart polls begin at their usual pace.
#[derive(Debug, Default)]
pub struct Arrivals(Mutex<HashMap<(TenantId, String), Timestamp>>);

impl Arrivals {
    /// Notes a signed message that named a journey.
    pub fn note(&self, tenant: &TenantId, credential: &str, at: Timestamp) {
        let mut arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        arrivals.insert((tenant.clone(), credential.to_owned()), at);
    }

    /// The pace of the polls of a credential's journeys.
    pub fn paced(&self, pace: &Pace, tenant: &TenantId, credential: &str, now: Timestamp) -> Pace {
        let arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = arrivals.get(&(tenant.clone(), credential.to_owned()));
        let arrive = last.is_some_and(|last| now.duration_since(*last) < PROOF_LIFE);
        let first = if arrive { pace.first.saturating_mul(FACTOR).min(pace.longest.max(pace.first)) } else { pace.first };
        Pace { first, ..pace.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn polls_are_further_apart_only_while_messages_arrive() {
        let arrivals = Arrivals::default();
        let (one, other) = (TenantId::from("one"), TenantId::from("other"));
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let pace = Pace { first: Duration::from_secs(5), longest: Duration::from_secs(15), ..Pace::default() };
        let first = |tenant: &TenantId, credential: &str, second: i64| {
            arrivals.paced(&pace, tenant, credential, at(second)).first.as_secs()
        };
        assert_eq!(first(&one, "main", 10), 5);
        arrivals.note(&one, "main", at(10));
        assert_eq!(first(&one, "main", 11), 15, "four times as long, within the longest pause");
        assert_eq!((first(&one, "second", 11), first(&other, "main", 11)), (5, 5));
        assert_eq!((first(&one, "main", 3_609), first(&one, "main", 3_610)), (15, 5));
    }
}
