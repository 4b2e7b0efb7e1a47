//! ExplainConsent.

use tonic::{Request, Response, Status};

use super::{Edge, call_of, convert, status, validate};
use crate::{
    data::mask,
    data::personal::exposed,
    journey::{
        fair_use::{Breach, Period, Unit},
        model::Customer,
        service::{ExplainedConsent, Explanation},
    },
    pb::{self, ExplainConsentRequest, ExplainConsentResponse},
};

pub(super) async fn handle(
    edge: &Edge,
    request: Request<ExplainConsentRequest>,
) -> Result<Response<ExplainConsentResponse>, Status> {
    let asked = edge.asked(&request)?;
    let call = call_of(&request);
    let command = validate::explain(request.into_inner()).map_err(status::of_failure)?;
    let (customer, institutions) = (customer(&command.ask.customer), command.ask.institutions.clone());
    let explanation = asked.service.explain(call, command).await.map_err(status::of_failure)?;
    Ok(Response::new(answer(explanation, customer, institutions)))
}

fn answer(explanation: Explanation, customer: pb::ExplainedCustomer, institutions: Vec<String>) -> ExplainConsentResponse {
    let Explanation { routing, plan, consents, breaches, enforced, rules_version } = explanation;
    ExplainConsentResponse {
        routing: Some(convert::routing(&routing)),
        provider_product: plan.provider_product.to_owned(),
        consents: consents.into_iter().map(consent).collect(),
        customer: Some(customer),
        institutions,
        ignored_inputs: plan.ignored.iter().map(|field| (*field).to_owned()).collect(),
        notes: plan.notes,
        refused: enforced && !breaches.is_empty(),
        breaches: breaches.into_iter().map(breach).collect(),
        rules_version,
    }
}

fn customer(customer: &Customer) -> pb::ExplainedCustomer {
    let masked = |value| exposed(value).map(mask::last_four).unwrap_or_default();
    pb::ExplainedCustomer {
        masked_mobile: masked(&customer.mobile),
        masked_pan: masked(&customer.pan),
        has_email: customer.email.is_some(),
        has_vua: customer.vua.is_some(),
        masked_aadhaar: masked(&customer.aadhaar),
        masked_gstin: masked(&customer.gstin),
        has_date_of_birth: customer.date_of_birth.is_some(),
    }
}

fn consent(consent: ExplainedConsent) -> pb::ExplainedConsent {
    let terms = consent.terms;
    let periodic = match terms.periodic {
        Some(true) => pb::Answer::Yes,
        Some(false) => pb::Answer::No,
        None => pb::Answer::Unspecified,
    };
    pb::ExplainedConsent {
        purpose: consent.purpose.into(),
        purpose_code: consent.purpose_code,
        template: consent.template,
        data_range: convert::range(consent.range),
        data_range_certainty: consent.range_certainty.into(),
        mode: terms.mode.unwrap_or_default().into(),
        periodic: periodic.into(),
        data_life: terms.data_life.map(period),
        consent_life: terms.consent_life.map(period),
        frequency: terms.frequency.map_or(0, |frequency| number(frequency.count)),
        frequency_unit: terms.frequency.map_or(pb::CalendarUnit::Unspecified, |frequency| unit(frequency.per)).into(),
        fi_types: terms.fi_types.into_iter().map(Into::into).collect(),
    }
}

fn period(period: Period) -> pb::CalendarPeriod {
    pb::CalendarPeriod { value: number(period.value), unit: unit(period.unit).into() }
}

fn number(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn unit(unit: Unit) -> pb::CalendarUnit {
    match unit {
        Unit::Hour => pb::CalendarUnit::Hour,
        Unit::Day => pb::CalendarUnit::Day,
        Unit::Month => pb::CalendarUnit::Month,
        Unit::Year => pb::CalendarUnit::Year,
    }
}

fn breach(breach: Breach) -> pb::FairUseBreach {
    pb::FairUseBreach { rule: breach.rule.name().to_owned(), field: breach.field, description: breach.description }
}
