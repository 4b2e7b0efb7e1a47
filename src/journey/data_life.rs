//! Until when fetched data may be kept: the shortest of the provider's own date, the template's data life and the configured one. The
//! tenant's assumption stands only where none of them is known.

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use super::{
    fair_use::Period,
    model::{Certainty, Consent, Fetch, Journey},
    sharing,
};

/// For how long data may be kept after it was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataLife {
    /// How long.
    pub period: Period,
    /// TEMPLATE where the provider lists it, ASSUMED where it is configured.
    pub certainty: Certainty,
}

impl DataLife {
    /// When data fetched at `fetched_at` must be gone; none beyond the calendar.
    pub fn end(self, fetched_at: Timestamp) -> Option<(Timestamp, Certainty)> {
        let end = fetched_at.to_zoned(TimeZone::UTC).checked_add(self.period.span()?).ok()?;
        Some((end.timestamp(), self.certainty))
    }
}

/// The shortest of several, for data fetched at `fetched_at`.
pub fn shortest(lives: impl IntoIterator<Item = DataLife>, fetched_at: Timestamp) -> Option<(DataLife, Timestamp)> {
    let ends = lives.into_iter().filter_map(|life| life.end(fetched_at).map(|(end, _)| (life, end)));
    ends.min_by_key(|(_, end)| *end)
}

/// Shortens the fetches of an attempt to what their consents' data lives allow. Doing it again changes nothing.
pub fn settle(journey: &mut Journey, attempt_id: &str) {
    let mut ends: Vec<(String, Timestamp, Certainty)> = Vec::new();
    for consent in journey.consents_of(attempt_id) {
        for fetch in &consent.fetches {
            if let Some((end, certainty)) = by_life(journey, consent, fetch) {
                ends.push((fetch.id.clone(), end, certainty));
            }
        }
    }
    for fetch in journey.consents.iter_mut().flat_map(|consent| &mut consent.fetches) {
        let Some((_, end, certainty)) = ends.iter().find(|(id, ..)| *id == fetch.id) else { continue };
        let known = matches!(fetch.data_expires_certainty, Certainty::Provider | Certainty::Template);
        if !known || fetch.data_expires_at.is_none_or(|stated| *end < stated) {
            (fetch.data_expires_at, fetch.data_expires_certainty) = (Some(*end), *certainty);
        }
    }
}

/// The shortest data life of the consents that a fetch's data come under.
fn by_life(journey: &Journey, consent: &Consent, fetch: &Fetch) -> Option<(Timestamp, Certainty)> {
    let lives = sharing::sharing(journey, consent, Some(fetch)).filter_map(|consent| consent.data_life);
    let (life, end) = shortest(lives, fetch.fetched_at.unwrap_or(fetch.requested_at))?;
    Some((end, life.certainty))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{
        model::{ConsentState, FetchState},
        testing,
    };

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(day * 86_400).unwrap()
    }

    fn days(value: u32, certainty: Certainty) -> Option<DataLife> {
        Some(DataLife { period: Period::days(value), certainty })
    }

    fn journey() -> Journey {
        let mut journey = testing::journey();
        let mut fetch = testing::fetch(FetchState::Ready, true);
        (fetch.data_expires_at, fetch.data_expires_certainty) = (Some(at(1)), Certainty::Assumed);
        journey.consents[0].state = ConsentState::Active;
        journey.consents[0].fetches.push(fetch);
        journey
    }

    fn end(journey: &mut Journey) -> (i64, Certainty) {
        settle(journey, "att_1");
        let once = journey.clone();
        settle(journey, "att_1");
        assert_eq!(*journey, once, "doing it again changes nothing");
        let fetch = &journey.consents[0].fetches[0];
        (fetch.data_expires_at.unwrap().as_second() / 86_400, fetch.data_expires_certainty)
    }

    #[test]
    fn the_assumption_stands_only_where_nothing_is_known() {
        let mut journey = journey();
        assert_eq!(end(&mut journey), (1, Certainty::Assumed));
        journey.consents[0].data_life = days(30, Certainty::Template);
        assert_eq!(end(&mut journey), (30, Certainty::Template));
    }

    #[test]
    fn a_template_shortens_the_providers_date() {
        let mut journey = journey();
        let fetch = &mut journey.consents[0].fetches[0];
        (fetch.data_expires_at, fetch.data_expires_certainty) = (Some(at(20)), Certainty::Provider);
        journey.consents[0].data_life = days(30, Certainty::Template);
        assert_eq!(end(&mut journey), (20, Certainty::Provider));
        journey.consents[0].data_life = days(10, Certainty::Assumed);
        assert_eq!(end(&mut journey), (10, Certainty::Assumed));
    }

    #[test]
    fn a_life_counts_from_the_fetch_not_from_its_sighting() {
        let mut journey = journey();
        journey.consents[0].fetches[0].fetched_at = Some(at(-2));
        journey.consents[0].data_life = days(10, Certainty::Template);
        assert_eq!(end(&mut journey), (8, Certainty::Template));
    }

    #[test]
    fn data_served_as_a_whole_lives_as_short_as_its_strictest_consent() {
        let mut journey = journey();
        journey.consents[0].data_life = days(30, Certainty::Template);
        let mut second = testing::consent(ConsentState::Active);
        second.id = "cns_2".to_owned();
        second.data_life = days(3, Certainty::Assumed);
        journey.consents.push(second);
        let mut whole = journey.clone();
        whole.attempts[0].provider_ref = Some("transaction".to_owned());
        assert_eq!(end(&mut journey), (30, Certainty::Template));
        assert_eq!(end(&mut whole), (3, Certainty::Assumed));
    }
}
