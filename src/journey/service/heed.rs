//! What a provider's refusal of a caller's call says of a consent. It is no less a fact than what a poll finds.

use super::Service;
use crate::{
    journey::{
        error::JourneyError,
        machine::consent_may,
        model::{ConsentState, Evidence, FactSource, Journey},
    },
    providers::error::{ErrorKind, ProviderError},
};

impl Service {
    /// Passes a result on; a refusal that tells of the consent is noted first.
    pub(super) async fn heeded<T>(
        &self,
        journey: &Journey,
        consent_id: &str,
        result: Result<T, JourneyError>,
    ) -> Result<T, JourneyError> {
        if let Err(JourneyError::Provider(error)) = &result {
            self.heed(journey, consent_id, error).await;
        }
        result
    }

    /// A withdrawal is noted at once. A consent that is not active may be paused, revoked or expired: a poll finds out which.
    async fn heed(&self, journey: &Journey, consent_id: &str, error: &ProviderError) {
        if !matches!(error.kind, ErrorKind::Revoked | ErrorKind::NotActive) {
            return;
        }
        if error.kind == ErrorKind::Revoked {
            let now = self.parts.clock.now();
            let text = error.code.clone().unwrap_or_default();
            let noted = self.change(&journey.tenant, &journey.id, |journey| {
                let named = journey.consents.iter_mut().find(|consent| consent.id == consent_id);
                if let Some(consent) = named.filter(|consent| consent_may(consent.state, ConsentState::Revoked)) {
                    consent.state = ConsentState::Revoked;
                    consent.evidence = Evidence { as_of: now, source: FactSource::Read, text: text.clone() };
                }
            });
            if let Err(failure) = noted.await {
                tracing::error!(error = ?failure.error, journey_id = %journey.id, consent_id, "failed to store that a consent is withdrawn");
            }
        }
        if let Err(error) = self.nudge(&journey.id).await {
            tracing::warn!(%error, journey_id = %journey.id, "failed to wake a poll");
        }
    }
}
