//! Looks up what another system opened: a consent by its handle or id, a transaction by its id.

use super::{FinPro, build, envelope, observe, owner, plan};
use crate::{
    journey::model::{Attempt, Consent, Journey},
    providers::{
        error::{ErrorKind, ProviderError},
        http::OutboundResponse,
        inbound::Owner,
        judge::Origin,
        lenient::{Members, identifier},
        provider::{Call, Found, References},
    },
};

/// A consent; none if FinPro lists it under another address or template than the journey's.
pub(super) async fn consent(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    references: &References,
) -> Result<Option<Found>, ProviderError> {
    let (handle, id) = (references.handle.as_deref(), references.consent.as_deref());
    let Some(request) = build::consents_by_name(handle, id) else { return Err(nothing_to_look_up(finpro)) };
    let (origin, response) = finpro.send(call, request).await?;
    let found = read(origin, &response, references)?;
    if found.as_ref().is_some_and(|(found, _)| found.template.is_none()) {
        return Err(origin.unusable("the consent is listed without its template"));
    }
    let template = journey.consents.first().map(|consent| consent.template.as_str());
    let vua = plan::vua(&finpro.settings, &journey.ask.customer);
    Ok(found
        .filter(|(found, listed)| {
            found.template.as_deref() == template
                && listed.as_ref().zip(vua.as_ref()).is_none_or(|(listed, ours)| listed.eq_ignore_ascii_case(ours))
        })
        .map(|(found, _)| found))
}

/// A transaction; none if it is provably somebody else's.
pub(super) async fn transaction(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
    references: &References,
) -> Result<Option<Found>, ProviderError> {
    let Some(id) = &references.orchestration else { return Err(nothing_to_look_up(finpro)) };
    let held: Vec<&Consent> = journey.consents.iter().collect();
    let (origin, response) = finpro.send(call, build::transaction_status(id)).await?;
    observe::transaction::read(origin, &response, id, &held)?;
    match owner::read(finpro, call, journey, attempt, id).await? {
        // The list is asked by our own account reference, which the other system did not use: it tells nothing here.
        Owner::Customer | Owner::Untold => Ok(Some(Found { provider_ref: Some(id.clone()), ..Found::default() })),
        Owner::Stranger => Ok(None),
    }
}

fn nothing_to_look_up(finpro: &FinPro) -> ProviderError {
    finpro.error(ErrorKind::UnknownReference, "adopt").with_detail("the reference that this style needs is not given")
}

/// The row that has every given name, with the address that it is listed under.
fn read(
    origin: Origin,
    response: &OutboundResponse,
    references: &References,
) -> Result<Option<(Found, Option<String>)>, ProviderError> {
    let answer = envelope::read(origin, response)?;
    let rows = answer.rows(origin)?;
    let fits = |given: &Option<String>, listed: &Option<String>| given.is_none() || given == listed;
    // FinPro answers an unknown name with an error; that a list may be empty is documented for no list by handle or id.
    if rows.read.is_empty() && rows.odd == 0 {
        return Err(origin.unusable("the list is empty"));
    }
    // A row without the name that was asked for cannot be told from the consent's.
    let nameless = |row: &&Members<'_>| {
        let asked_by: &[&str] = if references.handle.is_some() { &HANDLE } else { &["consentID"] };
        row.has_odd_text(&NAMES) || row.text(asked_by).and_then(identifier).is_none()
    };
    let odd = rows.odd + rows.read.iter().filter(nameless).count();
    let found = rows
        .read
        .iter()
        .map(|row| {
            let found = Found {
                account: row.text(&["accountID"]).and_then(identifier),
                provider_ref: None,
                handle: row.text(&HANDLE).and_then(identifier),
                consent_ref: row.text(&["consentID"]).and_then(identifier),
                template: row.text(&["productID"]).and_then(identifier),
            };
            (found, row.text(&["vua"]).and_then(identifier))
        })
        .find(|(found, _)| fits(&references.handle, &found.handle) && fits(&references.consent, &found.consent_ref));
    // A list that does not hold the consent proves nothing while some of it cannot be read.
    if found.is_none() && odd > 0 { Err(origin.unusable("the list has rows that cannot be read")) } else { Ok(found) }
}

const HANDLE: [&str; 2] = ["consentHandle", "consent_handle_id"];
/// What names a consent.
const NAMES: [&str; 6] = ["consentHandle", "consent_handle_id", "consentID", "accountID", "productID", "vua"];
