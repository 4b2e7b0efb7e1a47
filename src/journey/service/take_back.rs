//! RevokeConsent, CancelJourney, PurgeData: the tree is changed at once, also while the provider is down; the provider is told by the
//! background until it has heard it. Doing any of them again changes nothing.

use super::{Service, pick_up::locate};
use crate::{
    journey::{
        error::{Failure, JourneyError},
        machine::{attempt_open, consent_given},
        model::{AttemptState, Consent, ConsentState, Evidence, FactSource, Journey, JourneyState},
        transaction::is_shared,
        withdraw::{self, DeliveryKind, Offers, ProviderDelivery},
    },
    store::KeptReceipt,
};

/// Which consents are withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RevokeChoice {
    /// All that were given.
    All,
    /// These.
    Named(Vec<String>),
}

/// What is purged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PurgeChoice {
    /// Everything that came under a consent.
    Consent(String),
    /// These fetches.
    Fetches(Vec<String>),
}

/// How far the provider is with one consent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsentOutcome {
    /// The consent.
    pub consent_id: String,
    /// How far.
    pub provider: ProviderDelivery,
}

/// Something that was taken back.
#[derive(Debug, Clone)]
pub struct TakenBack {
    /// The tree.
    pub journey: Journey,
    /// The consents concerned.
    pub consents: Vec<ConsentOutcome>,
}

/// Data that was purged.
#[derive(Debug, Clone)]
pub struct Purged {
    /// The tree, and the consents concerned.
    pub taken_back: TakenBack,
    /// What was removed.
    pub receipts: Vec<KeptReceipt>,
}

impl Service {
    /// Withdraws consents.
    pub async fn revoke(&self, journey_id: &str, choice: &RevokeChoice) -> Result<TakenBack, Failure> {
        let now = self.parts.clock.now();
        let (journey, chosen) = self
            .change_of(journey_id, |journey, offers| {
                let chosen = to_revoke(journey, choice)?;
                for consent in journey.consents.iter_mut().filter(|consent| chosen.contains(&consent.id)) {
                    withdraw::withdraw(consent, offers, now);
                }
                Ok(chosen)
            })
            .await?;
        let consents = outcomes(&journey, &chosen, DeliveryKind::Revoke);
        Ok(TakenBack { journey, consents })
    }

    /// Gives an open journey up.
    pub async fn cancel(&self, journey_id: &str) -> Result<Journey, Failure> {
        let now = self.parts.clock.now();
        let (journey, ()) = self
            .change_of(journey_id, |journey, _| {
                match journey.state {
                    JourneyState::Created | JourneyState::AwaitingCustomer | JourneyState::OutcomeUnknown => {}
                    state => return Err(JourneyError::JourneyState(state)),
                }
                for attempt in &mut journey.attempts {
                    // A time limit is our own word: the customer could still approve.
                    if attempt_open(attempt.state) || attempt.state == AttemptState::Abandoned {
                        attempt.state = AttemptState::Cancelled;
                        attempt.evidence = Evidence { as_of: now, source: FactSource::Gateway, text: "cancelled".to_owned() };
                    }
                }
                Ok(())
            })
            .await?;
        Ok(journey)
    }

    /// Removes what was fetched.
    pub async fn purge_data(&self, journey_id: &str, choice: &PurgeChoice) -> Result<Purged, Failure> {
        let now = self.parts.clock.now();
        let (journey, (consents, fetches)) = self
            .change_of(journey_id, |journey, offers| {
                let (consents, fetches) = to_purge(journey, choice)?;
                for consent in journey.consents.iter_mut().filter(|consent| consents.contains(&consent.id)) {
                    withdraw::purge(consent, |fetch| fetches.contains(&fetch.id), offers, now);
                }
                withdraw::fence_chosen(journey, &fetches, now);
                Ok((consents, fetches))
            })
            .await?;
        let consents = outcomes(&journey, &consents, DeliveryKind::DeleteData);
        let mut receipts = self.parts.store.receipts(&journey.tenant, Some(journey_id)).await?;
        // With the analyses of an attempt that is analysed as a whole, and the rows that cannot be told from those that were chosen.
        let attempts: Vec<&str> = journey.attempts.iter().map(|attempt| attempt.id.as_str()).collect();
        let joined = |id: &str| fetches.iter().any(|chosen| shares_rows(&journey, chosen, id));
        receipts.retain(|receipt| {
            let attempt = attempts.contains(&receipt.fetch_id.as_str());
            fetches.contains(&receipt.fetch_id) || attempt || joined(&receipt.fetch_id)
        });
        Ok(Purged { taken_back: TakenBack { journey, consents }, receipts })
    }

    /// Whether a provider can be told of what is taken back.
    pub(super) fn offers(&self, journey: &Journey) -> Offers {
        let product = self.product_of(journey).ok().flatten();
        product.map_or_else(Offers::default, |product| Offers { revokes: product.revokes, deletes_data: product.deletes_data })
    }

    async fn change_of<T>(
        &self,
        journey_id: &str,
        mut change: impl FnMut(&mut Journey, Offers) -> Result<T, JourneyError>,
    ) -> Result<(Journey, T), Failure> {
        let tenant = self.parts.tenant.id.clone();
        let (journey, done) = self
            .change(&tenant, journey_id, |journey| {
                let offers = self.offers(journey);
                change(journey, offers)
            })
            .await
            .map_err(|failure| failure.of(journey_id))?;
        done.map(|answer| (journey, answer)).map_err(|error| Failure::from(error).of(journey_id))
    }
}

/// The consents to withdraw, all or none of them.
fn to_revoke(journey: &Journey, choice: &RevokeChoice) -> Result<Vec<String>, JourneyError> {
    let revocable = |consent: &Consent| consent_given(consent.state) || consent.state == ConsentState::Revoked;
    match choice {
        RevokeChoice::All => {
            let given: Vec<String> =
                journey.consents.iter().filter(|consent| revocable(consent)).map(|consent| consent.id.clone()).collect();
            match given.is_empty() {
                false => Ok(given),
                true if journey.consents.iter().any(|consent| pending(consent.state)) => Err(JourneyError::ConsentPending),
                true => Err(JourneyError::ConsentEnded),
            }
        }
        RevokeChoice::Named(ids) => {
            for id in ids {
                let consent = journey.consent(id).ok_or(JourneyError::ConsentNotFound)?;
                match consent.state {
                    _ if revocable(consent) => {}
                    state if pending(state) => return Err(JourneyError::ConsentPending),
                    _ => return Err(JourneyError::ConsentEnded),
                }
            }
            Ok(ids.clone())
        }
    }
}

fn pending(state: ConsentState) -> bool {
    matches!(state, ConsentState::Pending | ConsentState::Other)
}

/// Whether two fetches have their rows in one snapshot.
fn shares_rows(journey: &Journey, one: &str, two: &str) -> bool {
    let place = |id: &str| locate(journey, id).and_then(|(_, _, fetch)| fetch.rows_with.clone());
    place(one).is_some_and(|rows| place(two) == Some(rows))
}

/// The consents and fetches to purge.
fn to_purge(journey: &Journey, choice: &PurgeChoice) -> Result<(Vec<String>, Vec<String>), JourneyError> {
    match choice {
        PurgeChoice::Consent(id) => {
            let consent = journey.consent(id).ok_or(JourneyError::ConsentNotFound)?;
            if !consent.fetches.is_empty() || !is_shared(journey, consent) {
                return Ok((vec![id.clone()], consent.fetches.iter().map(|fetch| fetch.id.clone()).collect()));
            }
            // Before its own fetch is known, its rows lie with those of the other consents.
            let others = journey.consents_of(&consent.attempt_id).filter(|other| !other.fetches.is_empty());
            Ok((vec![id.clone()], others.flat_map(|other| &other.fetches).map(|fetch| fetch.id.clone()).collect()))
        }
        PurgeChoice::Fetches(ids) => {
            let mut consents = Vec::new();
            for id in ids {
                let mine = |consent: &&Consent| consent.fetches.iter().any(|fetch| fetch.id == *id);
                let consent = journey.consents.iter().find(mine).ok_or(JourneyError::FetchNotFound)?;
                if !consents.contains(&consent.id) {
                    consents.push(consent.id.clone());
                }
            }
            Ok((consents, ids.clone()))
        }
    }
}

fn outcomes(journey: &Journey, chosen: &[String], kind: DeliveryKind) -> Vec<ConsentOutcome> {
    let of = |consent: &Consent| {
        let provider = match withdraw::delivered(consent, kind) {
            // Withdrawn by the customer: the provider said so.
            ProviderDelivery::Unspecified => ProviderDelivery::Done,
            told => told,
        };
        ConsentOutcome { consent_id: consent.id.clone(), provider }
    };
    journey.consents.iter().filter(|consent| chosen.contains(&consent.id)).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::testing;

    #[test]
    fn all_means_all_that_were_given_and_a_named_one_must_fit() {
        let mut journey = testing::journey();
        let named = RevokeChoice::Named(vec!["cns_1".to_owned()]);
        assert_eq!(to_revoke(&journey, &RevokeChoice::All), Err(JourneyError::ConsentPending));
        assert_eq!(to_revoke(&journey, &named), Err(JourneyError::ConsentPending));
        journey.consents[0].state = ConsentState::Rejected;
        assert_eq!(to_revoke(&journey, &RevokeChoice::All), Err(JourneyError::ConsentEnded));
        assert_eq!(to_revoke(&journey, &named), Err(JourneyError::ConsentEnded));
        for state in [ConsentState::Active, ConsentState::Paused, ConsentState::Expired, ConsentState::Revoked] {
            journey.consents[0].state = state;
            assert_eq!(to_revoke(&journey, &RevokeChoice::All).unwrap(), ["cns_1"]);
            assert_eq!(to_revoke(&journey, &named).unwrap(), ["cns_1"]);
        }
        let unknown = RevokeChoice::Named(vec!["cns_2".to_owned()]);
        assert_eq!(to_revoke(&journey, &unknown), Err(JourneyError::ConsentNotFound));
    }
}
