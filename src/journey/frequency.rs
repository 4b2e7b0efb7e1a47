//! How often a consent may be fetched: counted in calendar units of India, not rolling.

use jiff::{SignedDuration, Timestamp, ToSpan, civil::DateTime, tz};

use super::{
    fair_use::{Frequency, Unit},
    model::{Asking, Consent},
};

/// A frequency that is used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spent {
    /// The consent.
    pub consent_id: String,
    /// What it allows.
    pub frequency: Frequency,
    /// When it allows the next fetch.
    pub renews_at: Timestamp,
}

/// How many more fetches a consent allows in the present unit, by its own frequency and by the outer limit of its purpose; `None` where
/// neither is known. A fetch that the provider refused does not count; one whose answer was lost does.
pub fn frequency_left(consent: &Consent, limit: Option<Frequency>, now: Timestamp) -> Result<Option<u32>, Spent> {
    let mut least = None;
    for frequency in [consent.frequency, limit].into_iter().flatten() {
        let left = left_of(consent, frequency, now)?;
        least = Some(least.map_or(left, |least: u32| least.min(left)));
    }
    Ok(least)
}

fn left_of(consent: &Consent, frequency: Frequency, now: Timestamp) -> Result<u32, Spent> {
    let begin = first_of(indian(now), frequency.per);
    let within = |at: Timestamp| first_of(indian(at), frequency.per) == begin;
    let spent = consent.fetches.iter().filter(|fetch| fetch.asked != Asking::Refused && within(fetch.requested_at)).count();
    let left = frequency.count.saturating_sub(u32::try_from(spent).unwrap_or(u32::MAX));
    if left == 0 {
        let renews_at = instant(next(begin, frequency.per)).unwrap_or(now);
        return Err(Spent { consent_id: consent.id.clone(), frequency, renews_at });
    }
    Ok(left)
}

/// India's offset; it has been the same since 1945.
fn offset() -> tz::Offset {
    tz::Offset::from_seconds(19_800).unwrap_or(tz::Offset::UTC)
}

fn indian(at: Timestamp) -> DateTime {
    offset().to_datetime(at)
}

fn instant(at: DateTime) -> Option<Timestamp> {
    offset().to_timestamp(at).ok()
}

fn first_of(at: DateTime, unit: Unit) -> DateTime {
    match unit {
        Unit::Hour => at.date().at(at.hour(), 0, 0, 0),
        Unit::Day => at.date().at(0, 0, 0, 0),
        Unit::Month => at.date().first_of_month().at(0, 0, 0, 0),
        Unit::Year => at.date().first_of_year().at(0, 0, 0, 0),
    }
}

fn next(begin: DateTime, unit: Unit) -> DateTime {
    match unit {
        Unit::Hour => begin.saturating_add(SignedDuration::from_hours(1)),
        Unit::Day => begin.saturating_add(1.day()),
        Unit::Month => begin.saturating_add(1.month()),
        Unit::Year => begin.saturating_add(1.year()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{
        model::{ConsentState, FetchState},
        testing,
    };

    fn consent(count: u32, per: Unit, fetched: &[&str]) -> Consent {
        let mut consent = testing::consent(ConsentState::Active);
        consent.frequency = Some(Frequency { count, per });
        for at in fetched {
            let mut fetch = testing::fetch(FetchState::Ready, true);
            fetch.requested_at = at.parse().unwrap();
            consent.fetches.push(fetch);
        }
        consent
    }

    fn left(consent: &Consent, now: &str) -> Result<Option<u32>, String> {
        frequency_left(consent, None, now.parse().unwrap()).map_err(|spent| spent.renews_at.to_string())
    }

    #[test]
    fn units_are_those_of_the_indian_calendar() {
        // 18:30 UTC is midnight in India.
        let day = consent(1, Unit::Day, &["2026-03-31T18:29:59Z"]);
        assert_eq!(left(&day, "2026-03-31T18:29:59Z"), Err("2026-03-31T18:30:00Z".to_owned()));
        assert_eq!(left(&day, "2026-03-31T18:30:00Z"), Ok(Some(1)));
        let month = consent(2, Unit::Month, &["2026-03-01T00:00:00Z", "2026-03-31T18:29:59Z"]);
        assert_eq!(left(&month, "2026-03-31T18:29:59Z"), Err("2026-03-31T18:30:00Z".to_owned()));
        assert_eq!(left(&month, "2026-03-31T18:30:00Z"), Ok(Some(2)));
        let year = consent(1, Unit::Year, &["2026-01-01T00:00:00Z"]);
        assert_eq!(left(&year, "2026-12-31T18:00:00Z"), Err("2026-12-31T18:30:00Z".to_owned()));
        let hour = consent(1, Unit::Hour, &["2026-01-01T00:31:00Z"]);
        assert_eq!(left(&hour, "2026-01-01T01:29:00Z"), Err("2026-01-01T01:30:00Z".to_owned()));
        assert_eq!(left(&hour, "2026-01-01T00:29:00Z"), Ok(Some(1)));
    }

    #[test]
    fn what_was_refused_does_not_count_and_what_was_lost_does() {
        let mut day = consent(1, Unit::Day, &["2026-03-01T00:00:00Z"]);
        day.fetches[0].asked = Asking::Unknown;
        assert!(left(&day, "2026-03-01T01:00:00Z").is_err());
        day.fetches[0].asked = Asking::Refused;
        assert_eq!(left(&day, "2026-03-01T01:00:00Z"), Ok(Some(1)));
        day.frequency = None;
        assert_eq!(left(&day, "2026-03-01T01:00:00Z"), Ok(None));
        day.fetches[0].asked = Asking::Applied;
        let now = "2026-03-01T01:00:00Z".parse().unwrap();
        let limit = |count| frequency_left(&day, Some(Frequency { count, per: Unit::Month }), now);
        assert_eq!((limit(5), limit(1).is_err()), (Ok(Some(4)), true), "the purpose's outer limit");
    }
}
