//! The lists of consents of one attempt, one for each template. They are asked side by side: one that is slow or fails costs nothing of
//! what the others say.

use futures_util::{StreamExt, stream::FuturesUnordered};

use super::consents::{self, Row};
use crate::{
    journey::model::{Attempt, Consent, ConsentState, Journey},
    providers::{
        error::{ErrorKind, ProviderError},
        finpro::{FinPro, build},
        provider::Call,
    },
};

/// What the lists say.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// The rows, in the order of the templates.
    pub rows: Vec<Row>,
    /// The first list that could not be read.
    pub fault: Option<ProviderError>,
    /// Whether a row says for the first time that a consent is withdrawn. The lists that had not answered by then are left out.
    pub withdrawn: bool,
}

/// Reads the lists for the templates of `held`.
pub(super) async fn read(finpro: &FinPro, call: Call, journey: &Journey, attempt: &Attempt, held: &[&Consent]) -> Listed {
    let known: Vec<&str> = held.iter().filter_map(|consent| consent.handle.as_deref()).collect();
    let mut templates: Vec<&str> = held.iter().map(|consent| consent.template.as_str()).collect();
    templates.sort_unstable();
    templates.dedup();
    let mut answers = FuturesUnordered::new();
    for template in templates {
        answers.push(of_template(finpro, call, journey, attempt, template, &known));
    }
    let mut listed = Listed::default();
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(rows) => listed.rows.extend(rows),
            // FinPro does not know the reference yet: nothing is said.
            Err(error) if error.kind == ErrorKind::UnknownReference => finpro.note(&error),
            Err(error) if listed.fault.is_some() => finpro.note(&error),
            Err(error) => listed.fault = Some(error),
        }
        listed.withdrawn = listed.rows.iter().any(|row| is_withdrawal(row, held));
        if listed.withdrawn {
            break;
        }
    }
    listed.rows.sort_by(|one, other| one.template.cmp(&other.template));
    listed
}

async fn of_template(
    finpro: &FinPro,
    call: Call,
    journey: &Journey,
    attempt: &Attempt,
    template: &str,
    known: &[&str],
) -> Result<Vec<Row>, ProviderError> {
    let Some(request) = build::consents_list(&journey.ask.customer, template, attempt.account()) else { return Ok(Vec::new()) };
    let (origin, response) = finpro.send(call, request).await?;
    consents::read(origin, &response, template, attempt.account(), known)
}

/// Whether a row ends a consent whose data is still served.
fn is_withdrawal(row: &Row, held: &[&Consent]) -> bool {
    let open = |consent: &&&Consent| crate::journey::machine::consent_given(consent.state);
    row.state == ConsentState::Revoked && held.iter().filter(open).any(|consent| consents::is_of(row, consent))
}
