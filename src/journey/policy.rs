//! What the tenant's operator decides: how often to look, when to give up, and what to assume where a provider does not tell.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp, ToSpan, tz};

use super::{
    derive,
    model::{ConsentState, DayRange, Journey, Purpose},
    withdraw,
};

/// Assumptions per purpose. Whatever rests on them is marked ASSUMED.
#[derive(Debug, Clone, Default)]
pub struct Assumptions {
    /// How long fetched data may be kept.
    pub data_life_days: BTreeMap<Purpose, u32>,
    /// How many months back from the fetch the data reaches.
    pub range_months: BTreeMap<Purpose, u32>,
}

impl Assumptions {
    /// The data life of a purpose. Without a setting it is one day: better too short than too long.
    pub fn data_life(&self, purpose: Purpose) -> Duration {
        let days = self.data_life_days.get(&purpose).copied().unwrap_or(1);
        Duration::from_secs(u64::from(days) * 86_400)
    }

    /// The range of a purpose as of `now`, in Indian days.
    pub fn range(&self, purpose: Purpose, now: Timestamp) -> Option<DayRange> {
        let months = self.range_months.get(&purpose).copied()?;
        let today = indian_day(now);
        let from = today.checked_sub(i64::from(months).months()).ok()?;
        Some(DayRange { from: Some(from), to: Some(today) })
    }
}

/// The day in India at an instant.
pub fn indian_day(at: Timestamp) -> jiff::civil::Date {
    // India has had one offset since 1945, so no time zone database is needed.
    tz::offset(5)
        .to_datetime(at)
        .checked_add(SignedDuration::from_mins(30))
        .map_or_else(|_| tz::offset(5).to_datetime(at).date(), |at| at.date())
}

/// How the background looks after journeys.
#[derive(Debug, Clone)]
pub struct Pace {
    /// The pause before the first look.
    pub first: Duration,
    /// The longest pause while something is open; each pause is twice the one before.
    pub longest: Duration,
    /// The pause between looks at what is settled, for pause, revocation and expiry.
    pub settled: Duration,
    /// The longest pause between looks at a journey whose customer is gone; the first is that of what is settled, and each is twice the
    /// one before.
    pub abandoned: Duration,
    /// When a customer who does not finish counts as gone.
    pub abandon_after: Duration,
    /// How long a lost answer is looked up before the attempt fails.
    pub outcome_limit: Duration,
    /// How long a requested fetch may stay open.
    pub fetch_limit: Duration,
    /// How many journeys are looked at side by side.
    pub concurrency: usize,
    /// What one look may take.
    pub look_limit: Duration,
    /// The longest pause between two tries to tell a provider what was taken back.
    pub delivery_longest: Duration,
    /// After what time without any change an unfinished or settled journey is left alone.
    pub forget_after: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(5),
            longest: Duration::from_secs(300),
            settled: Duration::from_secs(3_600),
            abandoned: Duration::from_secs(24 * 3_600),
            abandon_after: Duration::from_secs(24 * 3_600),
            outcome_limit: Duration::from_secs(60),
            fetch_limit: Duration::from_secs(6 * 3_600),
            concurrency: 16,
            look_limit: Duration::from_secs(120),
            delivery_longest: Duration::from_secs(30),
            forget_after: Duration::from_secs(400 * 86_400),
        }
    }
}

impl Pace {
    /// The pause after `looks` looks without news.
    pub fn pause(&self, looks: u32, settled: bool) -> Duration {
        if settled {
            return self.settled;
        }
        growing(self.first, looks, self.longest)
    }

    /// The pause after `looks` looks at a journey whose customer has gone. Most of them never come back, and all of them together must
    /// not use up what the provider allows.
    pub fn pause_of_abandoned(&self, looks: u32) -> Duration {
        growing(self.settled, looks, self.abandoned.max(self.settled))
    }
}

fn growing(first: Duration, looks: u32, longest: Duration) -> Duration {
    first.saturating_mul(2u32.saturating_pow(looks.min(20))).min(longest)
}

/// How long is kept what says who and what, and not what was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// A journey, after the last of its data is gone and its last consent has ended.
    pub journey: SignedDuration,
    /// A receipt.
    pub receipt: SignedDuration,
}

impl Default for Keep {
    fn default() -> Self {
        Self { journey: SignedDuration::from_hours(180 * 24), receipt: SignedDuration::from_hours(365 * 24) }
    }
}

impl Keep {
    /// When a journey is forgotten, should nothing change it before. What is unfinished, and what a provider has not heard yet, is never
    /// forgotten: each look moves the date on.
    pub fn journey_until(&self, journey: &Journey, now: Timestamp) -> Timestamp {
        let mut last = journey.state_at.max(journey.created_at);
        for consent in &journey.consents {
            let live = matches!(consent.state, ConsentState::Active | ConsentState::Paused);
            last = last.max(consent.expires_at.filter(|_| live).unwrap_or(last));
            for fetch in &consent.fetches {
                let kept = fetch.data_expires_at.filter(|_| fetch.purge.is_none());
                last = last.max(fetch.requested_at).max(kept.unwrap_or(last));
            }
        }
        if !derive::settled(journey) || withdraw::next_delivery(journey, now).is_some() {
            last = last.max(now);
        }
        last.saturating_add(self.journey).unwrap_or(Timestamp::MAX)
    }

    /// Until when a receipt of `now` is kept.
    pub fn receipt_until(&self, now: Timestamp) -> Timestamp {
        now.saturating_add(self.receipt).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indian_day_begins_at_half_past_six_in_the_evening_of_greenwich() {
        let before: Timestamp = "2025-03-11T18:29:59Z".parse().unwrap();
        let after: Timestamp = "2025-03-11T18:30:00Z".parse().unwrap();
        assert_eq!(indian_day(before).to_string(), "2025-03-11");
        assert_eq!(indian_day(after).to_string(), "2025-03-12");
    }

    #[test]
    fn a_journey_is_kept_past_the_last_of_its_data_and_as_long_as_something_is_open() {
        use crate::journey::{
            model::{AttemptState, FetchState},
            testing,
        };
        let at = |hours: i64| Timestamp::from_second(hours * 3_600).unwrap();
        let keep = Keep { journey: SignedDuration::from_hours(10), receipt: SignedDuration::ZERO };
        let mut journey = testing::journey();
        assert_eq!(keep.journey_until(&journey, at(5)), at(15), "the customer is awaited");
        journey.attempts[0].state = AttemptState::Failed;
        assert_eq!(keep.journey_until(&journey, at(5)), at(10));
        let mut fetch = testing::fetch(FetchState::Ready, true);
        fetch.data_expires_at = Some(at(100));
        journey.consents[0].state = ConsentState::Expired;
        journey.consents[0].expires_at = Some(at(200));
        journey.consents[0].fetches.push(fetch);
        assert_eq!(keep.journey_until(&journey, at(5)), at(110));
        journey.consents[0].state = ConsentState::Active;
        assert_eq!(keep.journey_until(&journey, at(5)), at(210), "a live consent");
        let offers = withdraw::Offers { revokes: true, deletes_data: true };
        journey.consents[0].provider_ref = Some("c".to_owned());
        withdraw::withdraw(&mut journey.consents[0], offers, at(300));
        assert_eq!(keep.journey_until(&journey, at(400)), at(410), "the provider has not heard of it");
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pace = Pace { first: Duration::from_secs(5), longest: Duration::from_secs(60), ..Pace::default() };
        let pauses: Vec<u64> = (0..6).map(|looks| pace.pause(looks, false).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 60, 60]);
        assert_eq!(pace.pause(u32::MAX, false).as_secs(), 60);
        assert_eq!(pace.pause(0, true).as_secs(), 3_600);
        let hours: Vec<u64> = (0..7).map(|looks| pace.pause_of_abandoned(looks).as_secs() / 3_600).collect();
        assert_eq!(hours, [1, 2, 4, 8, 16, 24, 24]);
    }
}
