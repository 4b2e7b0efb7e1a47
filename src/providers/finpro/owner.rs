//! Whose a transaction is that a message named. The transaction's own answer says nothing of its customer, but names its consents; the
//! list of consents, asked for this customer and this account reference, must hold one of them.

use super::{FinPro, Style, build, observe};
use crate::{
    journey::model::{Attempt, Consent, Journey},
    providers::{
        error::{ErrorKind, ProviderError},
        inbound::Owner,
        provider::Call,
    },
};

/// Reads the transaction back.
pub(super) async fn read(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
    transaction_id: &str,
) -> Result<Owner, ProviderError> {
    // In the consent style an opening is looked up by our own reference.
    if finpro.settings.style == Style::Consent {
        return Ok(Owner::Stranger);
    }
    let held: Vec<&Consent> = journey.consents_of(&attempt.id).filter(|consent| !consent.uploaded).collect();
    let (origin, response) = finpro.send(call, build::transaction_status(transaction_id)).await?;
    let transaction = observe::transaction::read(origin, &response, transaction_id, &held)?;
    let named: Vec<&str> = transaction.consents.iter().filter_map(|fact| fact.handle.as_deref()).collect();
    if named.is_empty() {
        return Ok(Owner::Untold);
    }
    let (mut listed, mut fault) = (false, None);
    for consent in &held {
        let Some(request) = build::consents_list(&journey.ask.customer, &consent.template, attempt.account()) else { continue };
        // Only rows with our account reference count: none of their handles is known beforehand.
        let rows = match finpro.send(call, request).await {
            Ok((origin, response)) => observe::consents::read(origin, &response, &consent.template, attempt.account(), &[]),
            Err(error) => Err(error),
        };
        match rows {
            Ok(rows) if rows.iter().any(|row| row.handle.as_deref().is_some_and(|handle| named.contains(&handle))) => {
                return Ok(Owner::Customer);
            }
            Ok(rows) => listed |= !rows.is_empty(),
            Err(error) if error.kind == ErrorKind::UnknownReference => finpro.note(&error),
            // Another list may still hold one of them.
            Err(error) if fault.is_some() => finpro.note(&error),
            Err(error) => fault = Some(error),
        }
    }
    match fault {
        Some(error) => Err(error),
        None if listed => Ok(Owner::Stranger),
        None => Ok(Owner::Untold),
    }
}
