//! Fair use before a provider is called, and ExplainConsent: what would be asked, of whom, and what it breaks.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::{Service, StartCommand};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        fair_use::{self, Breach, Planned, TemplateTerms},
        model::{Certainty, DayRange, Purpose, Routing},
    },
    providers::provider::{Call, Plan, Provider},
};

/// A StartJourney waits no longer than this for what a template says.
const TERMS_LIMIT: Duration = Duration::from_secs(2);

/// What a StartJourney would do.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// Who would serve it, and why.
    pub routing: Routing,
    /// How it would be served.
    pub plan: Plan,
    /// The consents, in the order of the request.
    pub consents: Vec<ExplainedConsent>,
    /// The limits that are broken.
    pub breaches: Vec<Breach>,
    /// Whether a breach is refused.
    pub enforced: bool,
    /// The version of the rules.
    pub rules_version: String,
}

/// One consent as it would be asked for.
#[derive(Debug, Clone)]
pub struct ExplainedConsent {
    /// What for.
    pub purpose: Purpose,
    /// The framework's code of the purpose; empty where the rules do not know it.
    pub purpose_code: String,
    /// The provider's template.
    pub template: String,
    /// What is known of the template.
    pub terms: TemplateTerms,
    /// The days of data.
    pub range: DayRange,
    /// How sure they are.
    pub range_certainty: Certainty,
}

async fn terms(call: Call, provider: &dyn Provider, plan: &Plan) -> Vec<TemplateTerms> {
    let mut terms = Vec::new();
    for consent in &plan.consents {
        terms.push(provider.terms(call, &consent.template).await);
    }
    terms
}

impl Service {
    /// Refuses what goes beyond the limits; or notes it, where the tenant only reports. What a provider does not tell in time about its
    /// templates is not held against the caller.
    pub(super) async fn honour_fair_use(&self, call: Call, provider: &dyn Provider, plan: &mut Plan) -> Result<(), Failure> {
        let call = Call { deadline: call.deadline.min(Instant::now() + TERMS_LIMIT) };
        let terms = timeout_at(call.deadline, terms(call, provider, plan)).await;
        let terms = terms.unwrap_or_else(|_| vec![TemplateTerms::default(); plan.consents.len()]);
        let breaches = self.breaches(plan, &terms);
        if breaches.is_empty() {
            return Ok(());
        }
        if self.parts.tenant.enforce_fair_use {
            return Err(JourneyError::FairUse(breaches).into());
        }
        tracing::warn!(count = breaches.len(), "a consent goes beyond the limits of fair use");
        plan.notes
            .extend(breaches.iter().map(|breach| format!("{}: {} {}", breach.rule.name(), breach.field, breach.description)));
        Ok(())
    }

    /// What a StartJourney would do. The provider is asked for what it tells about its templates, and for nothing else.
    pub async fn explain(&self, call: Call, command: StartCommand) -> Result<Explanation, Failure> {
        self.allow_redirect(command.ask.redirect_url.as_ref().map(|url| url.expose().as_str()))?;
        let (provider, plan, cause) = self.route(&command)?;
        let terms = terms(call, provider.as_ref(), &plan).await;
        let breaches = self.breaches(&plan, &terms);
        let consents = plan.consents.iter().zip(terms).map(|(planned, terms)| {
            let (range, range_certainty) = self.range(planned.purpose, planned.data_range, &terms);
            ExplainedConsent {
                purpose: planned.purpose,
                purpose_code: self.parts.rules.of(planned.purpose).map(|rule| rule.code.clone()).unwrap_or_default(),
                template: planned.template.clone(),
                terms,
                range,
                range_certainty,
            }
        });
        Ok(Explanation {
            routing: Routing { provider: provider.id().to_owned(), credential: provider.credential().to_owned(), cause },
            consents: consents.collect(),
            breaches,
            enforced: self.parts.tenant.enforce_fair_use,
            rules_version: self.parts.rules.version.clone(),
            plan,
        })
    }

    fn breaches(&self, plan: &Plan, terms: &[TemplateTerms]) -> Vec<Breach> {
        let planned = plan.consents.iter().zip(terms).enumerate();
        planned
            .flat_map(|(index, (consent, terms))| {
                // An input that is left out is not asked for.
                let asked = consent.data_range.filter(|_| !plan.ignored.contains(&"consents.data_range"));
                fair_use::check(&self.parts.rules, Planned { index, purpose: consent.purpose, asked, terms })
            })
            .collect()
    }

    fn range(&self, purpose: Purpose, asked: Option<DayRange>, terms: &TemplateTerms) -> (DayRange, Certainty) {
        let assumed = || self.parts.assume.range(purpose, self.parts.clock.now());
        match (asked, terms.range, assumed()) {
            (Some(range), _, _) => (range, Certainty::Caller),
            (None, Some(range), _) => (range, Certainty::Template),
            (None, None, Some(range)) => (range, Certainty::Assumed),
            (None, None, None) => (DayRange::default(), Certainty::Unspecified),
        }
    }
}
