//! What a consent template says: how data may be kept, how often and by whom it is fetched, for which days and for how long.
//! Configuration says it first; what it leaves out comes from FinPro's list of products.

use jiff::{SignedDuration, Timestamp, civil::Date};

use super::{
    config::{FetchType, FiFetch, Mode, TemplateFacts},
    envelope,
};
use crate::{
    data::words,
    journey::{
        data_life::{self, DataLife},
        fair_use::{Frequency, Period, TemplateTerms, Unit},
        model::{Certainty, ConsentMode, DayRange, FetchTrigger, LaterFetches},
    },
    pb::FiType,
    providers::{
        error::ProviderError,
        http::OutboundResponse,
        judge::Origin,
        lenient::{self, Members, day},
    },
};

/// A template's terms; `None` is not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Terms {
    /// How data may be kept.
    pub mode: Option<ConsentMode>,
    /// Whether data may be fetched again.
    pub periodic: Option<bool>,
    /// Who triggers the first fetch.
    pub trigger: Option<FetchTrigger>,
    /// The days covered.
    pub range: Option<Range>,
    /// Who triggers the later fetches.
    pub later: Option<LaterFetches>,
    /// How long data may be kept after its fetch, by each source that says so.
    pub lives: Vec<DataLife>,
    /// How long a consent lasts.
    pub consent_life: Option<Period>,
    /// How often data may be fetched.
    pub frequency: Option<Frequency>,
    /// The kinds of account; empty is not known.
    pub fi_types: Vec<FiType>,
    /// The framework's template that it follows, as configured.
    pub mark: Option<String>,
    /// Whether FinPro's list could not be read, so that what is unknown here may be told there.
    pub unread: bool,
}

/// Which days a template covers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Range {
    /// Fixed days.
    Fixed(DayRange),
    /// So many days up to the day of asking.
    LastDays(u16),
}

impl Terms {
    /// What the configuration says.
    pub(super) fn configured(facts: &TemplateFacts) -> Self {
        let fixed = DayRange { from: facts.range_from, to: facts.range_to };
        let fixed = (fixed != DayRange::default()).then_some(Range::Fixed(fixed));
        Self {
            mode: facts.mode.map(|mode| match mode {
                Mode::Store => ConsentMode::Store,
                Mode::View => ConsentMode::View,
            }),
            periodic: facts.fetch_type.map(|fetch| fetch == FetchType::Periodic),
            trigger: facts.fi_fetch.map(|fetch| match fetch {
                FiFetch::Manual => FetchTrigger::Gateway,
                FiFetch::Automatic | FiFetch::AutoManual => FetchTrigger::Provider,
            }),
            later: facts.fi_fetch.map(|fetch| match fetch {
                FiFetch::Automatic => LaterFetches::Provider,
                FiFetch::Manual | FiFetch::AutoManual => LaterFetches::Caller,
            }),
            range: facts.range_days.map(Range::LastDays).or(fixed),
            lives: facts.data_life_days.map(configured_life).into_iter().collect(),
            consent_life: facts.consent_life_days.map(Period::days),
            frequency: facts.frequency,
            fi_types: facts.fi_types.iter().filter_map(|word| words::fi_type(word)).collect(),
            mark: facts.fair_use.clone(),
            unread: false,
        }
    }

    /// With what another source knows beside. Data lives add up: the shortest of all counts.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            mode: self.mode.or(other.mode),
            periodic: self.periodic.or(other.periodic),
            trigger: self.trigger.or(other.trigger),
            range: self.range.or(other.range),
            later: self.later.or(other.later),
            lives: self.lives.into_iter().chain(other.lives).collect(),
            consent_life: self.consent_life.or(other.consent_life),
            frequency: self.frequency.or(other.frequency),
            fi_types: if self.fi_types.is_empty() { other.fi_types } else { self.fi_types },
            mark: self.mark.or(other.mark),
            unread: self.unread || other.unread,
        }
    }

    /// The days covered by a consent that was asked for at `asked_at`.
    pub(super) fn days(&self, asked_at: Timestamp) -> Option<DayRange> {
        match self.range? {
            Range::Fixed(range) => Some(range),
            Range::LastDays(days) => {
                let to = day(asked_at);
                let from = to.checked_sub(SignedDuration::from_hours(24 * i64::from(days))).ok();
                Some(DayRange { from, to: Some(to) })
            }
        }
    }

    /// The shortest life of data that is fetched about `at`.
    pub(super) fn data_life(&self, at: Timestamp) -> Option<DataLife> {
        data_life::shortest(self.lives.iter().copied(), at).map(|(life, _)| life)
    }

    /// In the words of every provider, for a consent that is asked for at `asked_at`.
    pub(super) fn neutral(&self, asked_at: Timestamp) -> TemplateTerms {
        TemplateTerms {
            mode: self.mode,
            periodic: self.periodic,
            range: self.days(asked_at),
            data_life: self.data_life(asked_at).map(|life| life.period),
            consent_life: self.consent_life,
            frequency: self.frequency,
            fi_types: self.fi_types.clone(),
            mark: self.mark.clone(),
        }
    }
}

/// Reads a template's row in the answer of `/productslist`; `None` if it is not listed.
pub(super) fn read(origin: Origin, response: &OutboundResponse, template: &str) -> Result<Option<Terms>, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let rows = answer.rows(origin)?;
    let names = ["productCode", "productID"];
    let odd = rows.odd > 0 || rows.read.iter().any(|row| row.text(&names).is_none());
    let found = rows.read.iter().find(|row| row.text(&names).as_deref() == Some(template));
    // "Not listed" is believed for an hour, so it needs a list that was read to its end.
    if found.is_none() && odd { Err(origin.unusable("the list has rows that cannot be read")) } else { Ok(found.map(row_terms)) }
}

fn row_terms(row: &Members<'_>) -> Terms {
    let word = |names: &[&str]| row.text(names).map(|text| lenient::word(&text));
    Terms {
        mode: word(&["consentMode"]).map(|mode| match mode.as_str() {
            "STORE" => ConsentMode::Store,
            "VIEW" => ConsentMode::View,
            _ => ConsentMode::Other,
        }),
        periodic: word(&["fetchType"]).and_then(|fetch| match fetch.as_str() {
            "PERIODIC" => Some(true),
            "ONETIME" | "ONE_TIME" => Some(false),
            _ => None,
        }),
        trigger: word(&["fiFetch"]).and_then(|fetch| match fetch.as_str() {
            "MANUAL" => Some(FetchTrigger::Gateway),
            "AUTOMATIC" | "AUTO" | "AUTO_MANUAL" => Some(FetchTrigger::Provider),
            _ => None,
        }),
        later: word(&["fiFetch"]).and_then(|fetch| match fetch.as_str() {
            "MANUAL" | "AUTO_MANUAL" => Some(LaterFetches::Caller),
            "AUTOMATIC" | "AUTO" => Some(LaterFetches::Provider),
            _ => None,
        }),
        range: row_range(row).map(Range::Fixed),
        lives: row_life(row).into_iter().collect(),
        // FinPro lists from when to when the template itself can be used, not how long its consents last.
        consent_life: None,
        frequency: row_frequency(row),
        fi_types: row_fi_types(row),
        mark: None,
        unread: false,
    }
}

/// Ends outside these years are fillers: FinPro lists ranges from 1969 and ends in 2132.
fn plausible(day: Date) -> Option<Date> {
    (1990..2100).contains(&day.year()).then_some(day)
}

fn row_range(row: &Members<'_>) -> Option<DayRange> {
    let end = |name: &str| row.instant(&[name]).map(day).and_then(plausible);
    let range = DayRange { from: end("dataRangeFrom"), to: end("dataRangeTo") };
    let orderly = !matches!((range.from, range.to), (Some(from), Some(to)) if from > to);
    (orderly && range != DayRange::default()).then_some(range)
}

fn configured_life(days: u32) -> DataLife {
    DataLife { period: Period::days(days), certainty: Certainty::Assumed }
}

fn row_life(row: &Members<'_>) -> Option<DataLife> {
    let value = count(row, "dataLifeValue")?;
    // Hours are of frequencies only; INF states no end.
    let unit = unit(row, "dataLifeUnit").filter(|unit| *unit != Unit::Hour)?;
    Some(DataLife { period: Period { value, unit }, certainty: Certainty::Template })
}

fn row_frequency(row: &Members<'_>) -> Option<Frequency> {
    Some(Frequency { count: count(row, "frequencyValue")?, per: unit(row, "frequencyUnit")? })
}

/// Zero and fillers are not known.
fn count(row: &Members<'_>, name: &str) -> Option<u32> {
    row.int(&[name]).and_then(|value| u32::try_from(value).ok()).filter(|value| (1..=36_500).contains(value))
}

fn unit(row: &Members<'_>, name: &str) -> Option<Unit> {
    match lenient::word(&row.text(&[name])?).trim_end_matches('S') {
        "HOUR" => Some(Unit::Hour),
        "DAY" => Some(Unit::Day),
        "MONTH" => Some(Unit::Month),
        "YEAR" => Some(Unit::Year),
        _ => None,
    }
}

/// A text with commas. A word that is not known makes the list unknown as a whole: limits that hang on it would be read too narrow.
fn row_fi_types(row: &Members<'_>) -> Vec<FiType> {
    let Some(text) = row.text(&["fiTypes"]) else { return Vec::new() };
    let words: Option<Vec<FiType>> = text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(words::fi_type).collect();
    words.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::providers::{finpro::testing, http::CallKind};

    fn terms(body: &str) -> Option<Terms> {
        read(testing::origin(CallKind::Read), &testing::response(200, body), "PROD01").unwrap()
    }

    #[test]
    fn the_templates_own_row_is_read() {
        let body = r#"{"ver":"1.21.0","status":"success","data":[
            {"productCode":"OTHER","fiFetch":"AUTOMATIC"},
            {"productName":"x","productCode":"PROD01","consentMode":"STORE","fetchType":"PERIODIC","fiTypes":"DEPOSIT,TERM_DEPOSIT",
             "dataRangeFrom":"2024-12-31T18:30:00.000Z","dataRangeTo":"2025-12-31T00:00:00.000Z","dataLifeUnit":"MONTH","dataLifeValue":"1",
             "frequencyUnit":"MONTH","frequencyValue":5,
             "fiFetch":"MANUAL","consentTo":"2132-01-01T00:00:00.000Z"}]}"#;
        let terms = terms(body).unwrap();
        assert_eq!(
            (terms.mode, terms.periodic, terms.trigger),
            (Some(ConsentMode::Store), Some(true), Some(FetchTrigger::Gateway))
        );
        let days = terms.days(testing::now()).unwrap();
        assert_eq!(
            (days.from.unwrap().to_string(), days.to.unwrap().to_string()),
            ("2025-01-01".to_owned(), "2025-12-31".to_owned())
        );
        let fetched = "2026-01-31T00:00:00Z".parse().unwrap();
        let end = terms.data_life(fetched).unwrap().end(fetched);
        assert_eq!(end, Some(("2026-02-28T00:00:00Z".parse().unwrap(), Certainty::Template)));
        assert_eq!(terms.fi_types, [FiType::Deposit, FiType::TermDeposit]);
        assert_eq!(terms.frequency, Some(Frequency { count: 5, per: Unit::Month }));
    }

    #[test]
    fn fillers_and_unknown_words_are_not_known() {
        let body = r#"{"data":[{"productCode":"PROD01","consentMode":"QUERY","fetchType":"?","fiFetch":"AUTO MANUAL",
            "dataRangeFrom":"1969-12-31T18:30:00.000Z","dataRangeTo":"2132-01-01T00:00:00.000Z","dataLifeUnit":"INF","dataLifeValue":0,
            "frequencyUnit":"MONTH","frequencyValue":0,"fiTypes":"DEPOSIT,GOLD"}]}"#;
        let terms = terms(body).unwrap();
        let (trigger, later) = (Some(FetchTrigger::Provider), Some(LaterFetches::Caller));
        assert_eq!(terms, Terms { mode: Some(ConsentMode::Other), trigger, later, ..Terms::default() });
        assert_eq!(terms.days(testing::now()), None);
    }

    #[test]
    fn configuration_comes_first() {
        let facts = TemplateFacts { mode: Some(Mode::View), range_days: Some(30), ..TemplateFacts::default() };
        let listed = Terms { mode: Some(ConsentMode::Store), periodic: Some(true), ..Terms::default() };
        let terms = Terms::configured(&facts).or(listed);
        assert_eq!((terms.mode, terms.periodic), (Some(ConsentMode::View), Some(true)));
        let days = terms.days("2026-01-31T00:00:00Z".parse().unwrap()).unwrap();
        assert_eq!(
            (days.from.unwrap().to_string(), days.to.unwrap().to_string()),
            ("2026-01-01".to_owned(), "2026-01-31".to_owned())
        );
    }

    #[test]
    fn the_shorter_of_two_data_lives_counts() {
        let listed = |value| Terms {
            lives: vec![DataLife { period: Period::months(value), certainty: Certainty::Template }],
            ..Terms::default()
        };
        let facts = TemplateFacts { data_life_days: Some(20), ..TemplateFacts::default() };
        let life = |terms: Terms| terms.data_life(testing::now()).map(|life| (life.period, life.certainty));
        let configured = || Terms::configured(&facts);
        assert_eq!(life(configured().or(listed(1))), Some((Period::days(20), Certainty::Assumed)));
        let facts = TemplateFacts { data_life_days: Some(200), ..TemplateFacts::default() };
        assert_eq!(life(Terms::configured(&facts).or(listed(1))), Some((Period::months(1), Certainty::Template)));
        assert_eq!(life(Terms::default()), None);
    }

    #[test]
    fn each_fetch_mode_names_who_fetches_later() {
        for (word, trigger, later) in [
            ("MANUAL", FetchTrigger::Gateway, LaterFetches::Caller),
            ("AUTOMATIC", FetchTrigger::Provider, LaterFetches::Provider),
            ("AUTO MANUAL", FetchTrigger::Provider, LaterFetches::Caller),
        ] {
            let body = format!(r#"{{"data":[{{"productCode":"PROD01","fiFetch":"{word}"}}]}}"#);
            let terms = terms(&body).unwrap();
            assert_eq!((terms.trigger, terms.later), (Some(trigger), Some(later)), "{word}");
        }
    }

    #[test]
    fn hostile_bodies_list_nothing() {
        for body in testing::hostile() {
            let found = read(testing::origin(CallKind::Read), &testing::bytes_response(200, &body), "PROD01");
            assert!(!matches!(found, Ok(Some(_))));
        }
    }

    proptest! {
        #[test]
        fn odd_lives_do_not_panic(value in any::<i64>(), unit in "DAY|MONTH|YEAR|INF|") {
            let body = serde_json::json!({"data":{"productCode":"PROD01","dataLifeUnit":unit,"dataLifeValue":value}}).to_string();
            if let Some(terms) = terms(&body) {
                terms.data_life(testing::now());
            }
        }
    }
}
