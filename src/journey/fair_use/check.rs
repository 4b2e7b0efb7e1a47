//! What a planned consent breaks of the rules.

use jiff::civil::Date;

use super::{Rule, Rules, TemplateTerms, period::Period};
use crate::journey::model::{DayRange, Purpose};

/// Which limit is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleKind {
    /// The days of data.
    Range,
    /// The days of data of one fetch.
    RangePerRequest,
    /// The days asked for against those of the template.
    RangeOfTemplate,
    /// Once or again and again.
    FetchType,
    /// How long the consent lasts.
    ConsentLife,
    /// How long data is kept.
    DataLife,
    /// Fetches per calendar unit.
    Frequency,
}

impl RuleKind {
    /// Its name in errors and answers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Range => "FAIR_USE_RANGE",
            Self::RangePerRequest => "FAIR_USE_RANGE_PER_REQUEST",
            Self::RangeOfTemplate => "TEMPLATE_RANGE",
            Self::FetchType => "FAIR_USE_FETCH_TYPE",
            Self::ConsentLife => "FAIR_USE_CONSENT_LIFE",
            Self::DataLife => "FAIR_USE_DATA_LIFE",
            Self::Frequency => "FAIR_USE_FREQUENCY",
        }
    }
}

/// A broken limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which.
    pub rule: RuleKind,
    /// The field of the request, or of the template behind it, such as `consents[0].data_range`.
    pub field: String,
    /// The limit, and what goes beyond it. Nothing personal.
    pub description: String,
}

/// A consent as it would be asked for.
#[derive(Debug, Clone, Copy)]
pub struct Planned<'a> {
    /// Its place in the request.
    pub index: usize,
    /// What for.
    pub purpose: Purpose,
    /// The days that the caller asks for.
    pub asked: Option<DayRange>,
    /// What is known of the template.
    pub terms: &'a TemplateTerms,
}

/// Everything that a consent breaks. What is not known breaks nothing.
pub fn check(rules: &Rules, planned: Planned<'_>) -> Vec<Breach> {
    let mut found = Found { planned, breaches: Vec::new() };
    if let Some(rule) = rules.of(planned.purpose) {
        found.ranges(rule);
        found.terms(rule);
    }
    found.inside_template();
    found.breaches
}

struct Found<'a> {
    planned: Planned<'a>,
    breaches: Vec<Breach>,
}

impl Found<'_> {
    fn add(&mut self, rule: RuleKind, field: &str, description: String) {
        self.breaches.push(Breach { rule, field: format!("consents[{}].{field}", self.planned.index), description });
    }

    fn ranges(&mut self, rule: &Rule) {
        let (range, per_request) = rule.ranges(self.planned.terms);
        let (days, field) = match self.planned.asked {
            Some(asked) => (Some(asked), "data_range"),
            None => (self.planned.terms.range, "template"),
        };
        let Some((from, to)) = days.and_then(ends) else { return };
        for (limit, kind) in [(range, RuleKind::Range), (per_request, RuleKind::RangePerRequest)] {
            if let Some(limit) = limit.filter(|limit| reaches_beyond(from, to, *limit)) {
                self.add(kind, field, format!("covers more than {limit}"));
            }
        }
    }

    fn terms(&mut self, rule: &Rule) {
        let terms = self.planned.terms;
        if let (Some(wanted), Some(periodic)) = (rule.periodic, terms.periodic)
            && wanted != periodic
        {
            let word = if wanted { "PERIODIC" } else { "ONETIME" };
            self.add(RuleKind::FetchType, "template", format!("must be {word} for this purpose"));
        }
        for (limit, period, kind, what) in [
            (rule.consent_life, terms.consent_life, RuleKind::ConsentLife, "the consent lasts"),
            (rule.data_life, terms.data_life, RuleKind::DataLife, "data is kept"),
        ] {
            if let (Some(limit), Some(period)) = (limit, period)
                && period.exceeds(limit)
            {
                self.add(kind, "template", format!("{what} {period}; at most {limit} is allowed"));
            }
        }
        if let (Some(limit), Some(frequency)) = (rule.frequency, terms.frequency)
            // What is fetched once has no frequency, whatever its template says.
            && terms.periodic != Some(false)
            && frequency.exceeds(limit)
        {
            self.add(RuleKind::Frequency, "template", format!("fetches {frequency}; at most {limit} is allowed"));
        }
    }

    /// An aggregator serves only days that the consent's template covers.
    fn inside_template(&mut self) {
        let (Some(asked), Some(covered)) = (self.planned.asked, self.planned.terms.range) else { return };
        let early = asked.from.zip(covered.from).is_some_and(|(asked, covered)| asked < covered);
        let late = asked.to.zip(covered.to).is_some_and(|(asked, covered)| asked > covered);
        if early || late {
            let from = covered.from.map_or_else(|| "any day".to_owned(), |day| day.to_string());
            let to = covered.to.map_or_else(|| "any day".to_owned(), |day| day.to_string());
            self.add(RuleKind::RangeOfTemplate, "data_range", format!("must lie within {from} to {to}, the template's days"));
        }
    }
}

fn ends(range: DayRange) -> Option<(Date, Date)> {
    range.from.zip(range.to)
}

/// Whether the days from the first to the last are more than a period. One day to the same day of a later month counts as whole months:
/// 1 January to 1 March is two months.
fn reaches_beyond(from: Date, to: Date, limit: Period) -> bool {
    to > limit.after(from)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::{
        journey::fair_use::{BUILT_IN, Frequency, Unit},
        pb::FiType,
    };

    fn breaches(purpose: Purpose, asked: Option<DayRange>, terms: &TemplateTerms) -> Vec<&'static str> {
        let rules = Rules::read(BUILT_IN).unwrap();
        let found = check(&rules, Planned { index: 0, purpose, asked, terms });
        found.iter().map(|breach| breach.rule.name()).collect()
    }

    fn days(from: Date, to: Date) -> Option<DayRange> {
        Some(DayRange { from: Some(from), to: Some(to) })
    }

    #[test]
    fn the_outer_limits_of_each_purpose() {
        let none = TemplateTerms::default();
        let months = |months: i32| days(date(2025, 1, 1), Period::months(u32::try_from(months).unwrap()).after(date(2025, 1, 1)));
        for (purpose, allowed) in [(Purpose::Underwriting, 14), (Purpose::Monitoring, 6)] {
            assert!(breaches(purpose, months(allowed), &none).is_empty(), "{purpose:?}");
            assert_eq!(breaches(purpose, months(allowed + 1), &none), ["FAIR_USE_RANGE"], "{purpose:?}");
        }
        assert_eq!(breaches(Purpose::Collection, days(date(2025, 1, 1), date(2025, 1, 3)), &none), ["FAIR_USE_RANGE"]);
        assert!(breaches(Purpose::OneTime, months(60), &none).is_empty());
    }

    #[test]
    fn wider_limits_hang_on_the_template_and_its_kinds_of_account() {
        let two_years = days(date(2024, 1, 1), date(2026, 1, 1));
        let marked =
            TemplateTerms { mark: Some("CT048".to_owned()), fi_types: vec![FiType::Deposit], ..TemplateTerms::default() };
        assert!(breaches(Purpose::Underwriting, two_years, &marked).is_empty());
        let other = TemplateTerms { fi_types: vec![FiType::Deposit, FiType::Equities], ..marked.clone() };
        assert_eq!(breaches(Purpose::Underwriting, two_years, &other), ["FAIR_USE_RANGE"]);
        let bank = TemplateTerms { fi_types: vec![FiType::Deposit], ..TemplateTerms::default() };
        assert_eq!(breaches(Purpose::Wealth, two_years, &bank), ["FAIR_USE_RANGE"]);
        let funds = TemplateTerms { fi_types: vec![FiType::MutualFunds], ..TemplateTerms::default() };
        assert!(breaches(Purpose::Wealth, two_years, &funds).is_empty());
        let ten_years = days(date(2016, 1, 1), date(2026, 1, 1));
        assert_eq!(breaches(Purpose::Wealth, ten_years, &funds), ["FAIR_USE_RANGE_PER_REQUEST"]);
    }

    #[test]
    fn a_templates_own_terms_are_held_against_it() {
        let terms = TemplateTerms {
            periodic: Some(true),
            data_life: Some(Period::months(2)),
            consent_life: Some(Period::months(6)),
            range: days(date(2020, 1, 1), date(2026, 1, 1)),
            ..TemplateTerms::default()
        };
        assert_eq!(
            breaches(Purpose::Underwriting, None, &terms),
            ["FAIR_USE_RANGE", "FAIR_USE_FETCH_TYPE", "FAIR_USE_CONSENT_LIFE", "FAIR_USE_DATA_LIFE"]
        );
        let daily = TemplateTerms {
            periodic: Some(true),
            frequency: Some(Frequency { count: 1, per: Unit::Day }),
            ..TemplateTerms::default()
        };
        assert_eq!(breaches(Purpose::Monitoring, None, &daily), ["FAIR_USE_FREQUENCY"]);
        assert!(breaches(Purpose::Wealth, None, &daily).is_empty());
    }

    #[test]
    fn days_outside_the_template_are_named_with_it() {
        let terms = TemplateTerms { range: days(date(2025, 3, 1), date(2025, 9, 1)), ..TemplateTerms::default() };
        assert!(breaches(Purpose::Underwriting, terms.range, &terms).is_empty());
        for asked in [days(date(2025, 2, 28), date(2025, 9, 1)), days(date(2025, 3, 1), date(2025, 9, 2))] {
            assert_eq!(breaches(Purpose::Underwriting, asked, &terms), ["TEMPLATE_RANGE"]);
        }
    }
}
