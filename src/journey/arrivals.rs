//! Which credentials get signed messages. Where they arrive, a poll seldom learns anything first, so polls may be further apart: FinPro
//! asks for polling only where no webhook is configured. A poll stays the decider, since messages may be lost.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};

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

    /// The pause before the next poll of a journey that waits.
    pub fn stretched(&self, pause: Duration, longest: Duration, tenant: &TenantId, credential: &str, now: Timestamp) -> Duration {
        let arrivals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let last = arrivals.get(&(tenant.clone(), credential.to_owned()));
        match last {
            Some(last) if now.duration_since(*last) < PROOF_LIFE => pause.saturating_mul(FACTOR).min(longest.max(pause)),
            _ => pause,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn polls_are_further_apart_only_while_messages_arrive() {
        let arrivals = Arrivals::default();
        let (one, other) = (TenantId::from("one"), TenantId::from("other"));
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let pause = |tenant: &TenantId, credential: &str, second: i64| {
            arrivals.stretched(Duration::from_secs(5), Duration::from_secs(300), tenant, credential, at(second)).as_secs()
        };
        assert_eq!(pause(&one, "main", 10), 5);
        arrivals.note(&one, "main", at(10));
        assert_eq!(pause(&one, "main", 11), 20);
        assert_eq!((pause(&one, "second", 11), pause(&other, "main", 11)), (5, 5));
        assert_eq!((pause(&one, "main", 3_609), pause(&one, "main", 3_610)), (20, 5));
        let long = Duration::from_secs(200);
        assert_eq!(arrivals.stretched(long, Duration::from_secs(300), &one, "main", at(11)).as_secs(), 300);
    }
}
