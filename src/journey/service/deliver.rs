//! Sends withdrawals to a provider, with growing pauses until it confirms them. All of it may be sent again: a provider to which it is no
//! news says so, and that is a success. Only a documented word confirms; an answer without one is asked for again, then FAILED.

use std::time::Duration;

use jiff::SignedDuration;

use super::Service;
use crate::{
    journey::{
        error::Failure,
        model::Journey,
        withdraw::{self, Delivery, DeliveryKind, ProviderDelivery},
    },
    providers::{
        call_notes,
        error::{Effect, ErrorKind, ProviderError},
        provider::{Call, Provider, Target},
    },
    telemetry::metrics::words::{DeliveryWord, Heard},
};

/// For how long a delivery that is being sent is nobody else's. Should its process die, or the provider take longer, it is sent again: both
/// kinds may be.
const TAKEN: SignedDuration = SignedDuration::from_secs(20);

/// So many answers without a word of success or refusal make a delivery FAILED, for an operator to ask the provider: with the default
/// pauses after about three minutes.
const UNCONFIRMED_TRIES: u32 = 8;

impl Service {
    /// Sends what is due. One that fails does not hold up the next.
    pub(crate) async fn deliver(&self, call: Call, provider: &dyn Provider, journey: &Journey) -> Result<(), Failure> {
        for (consent_id, kind) in withdraw::due_deliveries(journey, self.parts.clock.now()) {
            let (journey, mine) = self.take_delivery(journey, &consent_id, kind).await?;
            if !mine {
                continue;
            }
            let Some(consent) = journey.consent(&consent_id) else { continue };
            let Some(attempt) = journey.attempts.iter().find(|attempt| attempt.id == consent.attempt_id) else { continue };
            let Some(sent) = consent.deliveries.iter().find(|delivery| delivery.kind == kind) else { continue };
            let target = Target { journey: &journey, attempt, consent, fetch: None, accounts: &[] };
            let (result, calls) = call_notes::collect(async {
                match kind {
                    DeliveryKind::Revoke => provider.revoke(call, target).await,
                    DeliveryKind::DeleteData => provider.delete_data(call, target).await,
                }
            })
            .await;
            let attempt_id = &attempt.id;
            let (told, heard) = words(kind, result.is_ok());
            self.parts.tallies.deliveries.count(told, heard);
            if result.is_ok() {
                tracing::info!(consent_id, "delivered a withdrawal to the provider");
            }
            self.change(&journey.tenant, &journey.id, |journey| {
                journey.note_calls(attempt_id, &calls);
                let consents = journey.consents.iter_mut().filter(|consent| consent.id == consent_id);
                let same = |delivery: &&mut Delivery| {
                    delivery.kind == kind && delivery.asked_at == sent.asked_at && delivery.state == ProviderDelivery::Pending
                };
                if let Some(delivery) = consents.flat_map(|consent| &mut consent.deliveries).find(same) {
                    self.note_delivery(delivery, &result);
                }
            })
            .await?;
        }
        Ok(())
    }

    /// Moves a delivery's next try on before it is sent, so that of two looks at once, on whichever replica, only one sends it.
    async fn take_delivery(&self, journey: &Journey, consent_id: &str, kind: DeliveryKind) -> Result<(Journey, bool), Failure> {
        let now = self.parts.clock.now();
        let again = now.checked_add(TAKEN).unwrap_or(now);
        self.change(&journey.tenant, &journey.id, |journey| {
            let consents = journey.consents.iter_mut().filter(|consent| consent.id == consent_id);
            let due = |delivery: &&mut Delivery| delivery.kind == kind && withdraw::is_due(delivery, now);
            let Some(delivery) = consents.flat_map(|consent| &mut consent.deliveries).find(due) else { return false };
            delivery.next_at = Some(again);
            true
        })
        .await
    }

    fn note_delivery(&self, delivery: &mut Delivery, result: &Result<(), ProviderError>) {
        delivery.next_at = None;
        delivery.tries = delivery.tries.saturating_add(1);
        delivery.state = match result {
            Ok(()) => ProviderDelivery::Done,
            Err(error) if gone(delivery.kind, error.kind) => ProviderDelivery::Done,
            Err(error) if error.kind == ErrorKind::Unsupported => ProviderDelivery::NotOffered,
            // Also after a try whose answer was lost: that the provider refuses now does not prove that it has done it before.
            Err(error) if refused(error) => ProviderDelivery::Failed,
            Err(error) if self.is_given_up(delivery, error) => ProviderDelivery::Failed,
            Err(error) => {
                delivery.unsure |= error.effect != Effect::None;
                let pause = self.delivery_pause(delivery.tries).max(error.retry_after.unwrap_or_default());
                let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX).min(withdraw::LONGEST_PAUSE);
                delivery.next_at = self.parts.clock.now().checked_add(pause).ok();
                ProviderDelivery::Pending
            }
        };
    }

    /// Counts an answer that is neither a receipt nor a refusal; answers whether it was the last one that is waited for. An outage is no
    /// answer: it is waited out however long it takes.
    fn is_given_up(&self, delivery: &mut Delivery, error: &ProviderError) -> bool {
        if passes(error.kind) {
            return false;
        }
        delivery.unconfirmed = delivery.unconfirmed.saturating_add(1);
        delivery.unconfirmed >= UNCONFIRMED_TRIES
    }

    /// Twice as long as the one before, so that a provider that was down for long still hears it soon after it is back.
    fn delivery_pause(&self, tries: u32) -> Duration {
        let pace = &self.parts.pace;
        pace.first.saturating_mul(2u32.saturating_pow(tries.saturating_sub(1).min(20))).min(pace.delivery_longest)
    }
}

/// Faults that say nothing of what was sent.
fn passes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::RateLimited | ErrorKind::NoRoom | ErrorKind::Credentials
    )
}

/// The provider says that what is asked for is so already. That a consent is revoked does not prove that its data is deleted.
fn gone(kind: DeliveryKind, error: ErrorKind) -> bool {
    matches!((kind, error), (DeliveryKind::Revoke, ErrorKind::Revoked) | (DeliveryKind::DeleteData, ErrorKind::DataExpired))
}

/// The provider has understood, and will not.
fn refused(error: &ProviderError) -> bool {
    error.effect == Effect::None
        && matches!(error.kind, ErrorKind::Refused | ErrorKind::UnknownReference | ErrorKind::Rejected | ErrorKind::NoAccounts)
}

fn words(kind: DeliveryKind, heard: bool) -> (DeliveryWord, Heard) {
    let told = match kind {
        DeliveryKind::Revoke => DeliveryWord::Revoke,
        DeliveryKind::DeleteData => DeliveryWord::DeleteData,
    };
    (told, if heard { Heard::Done } else { Heard::Failed })
}
