//! Looks at everything that Finpass tells about an attempt: one call, since a journey has one consent.

use super::{Finpass, build, plan::AA_BSA, terms};
use crate::{
    journey::model::{Attempt, AttemptState, Consent, ConsentState, FetchState, Journey, Purpose, StepState},
    providers::{
        error::ProviderError,
        provider::{AttemptFact, Call, ConsentFact, FetchFact, Observation},
    },
};

mod report;
mod status;

/// What is known of the journey's consent before the look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held<'a> {
    /// What it is for.
    pub purpose: Purpose,
    /// The consent's type, which stands for a template.
    pub template: &'a str,
    /// The newest refresh id.
    pub refresh_id: Option<&'a str>,
    /// Whether the consent was seen given.
    pub given: bool,
    /// Whether the product can be asked for data anew.
    pub refreshes: bool,
}

impl<'a> Held<'a> {
    fn of(journey: &Journey, consent: &'a Consent) -> Self {
        Self {
            purpose: consent.purpose,
            template: &consent.template,
            refresh_id: consent.fetches.iter().rev().find_map(|fetch| fetch.provider_ref.as_deref()),
            given: matches!(consent.state, ConsentState::Active | ConsentState::Paused),
            refreshes: journey.provider_product != AA_BSA,
        }
    }

    /// The facts of one look.
    fn seen(&self, attempt: AttemptState, consent: ConsentState, fetch: Option<FetchFact>, text: &str) -> Observation {
        let mut fact = ConsentFact {
            template: Some(self.template.to_owned()),
            state: Some(consent),
            text: text.to_owned(),
            fetches: fetch.into_iter().collect(),
            ..ConsentFact::default()
        };
        terms::apply(self.purpose, self.refreshes, &mut fact);
        let attempt = AttemptFact {
            state: attempt,
            text: text.to_owned(),
            institutions: Vec::new(),
            aa: StepState::Unspecified,
            pdf: None,
            skipped: false,
            steps: Vec::new(),
            route: None,
        };
        Observation { attempt: Some(attempt), consents: vec![fact], fault: None }
    }

    /// A data session of this consent.
    fn fetch(&self, state: FetchState, settled: bool, text: &str) -> FetchFact {
        FetchFact {
            session: self.refresh_id.map(str::to_owned),
            state,
            settled,
            text: text.to_owned(),
            accounts: Vec::new(),
            fetched_at: None,
            data_expires_at: None,
            body: None,
        }
    }
}

/// Looks.
pub(super) async fn observe(
    finpass: &Finpass,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
) -> Result<Observation, ProviderError> {
    // An opening whose answer was lost has no id, and Finpass cannot be asked for it otherwise.
    let (Some(client_id), Some(consent)) = (attempt.provider_ref.as_deref(), journey.consents_of(&attempt.id).next()) else {
        return Ok(Observation::default());
    };
    let held = Held::of(journey, consent);
    if journey.provider_product == AA_BSA {
        let (origin, response) = finpass.send(call, build::status(client_id)).await?;
        return status::read(origin, &response, client_id, held);
    }
    let (origin, response) = finpass.send(call, build::fetch_json_report(client_id, held.refresh_id)).await?;
    report::read(origin, response, held)
}
