//! ResolveRedirect: which journey a customer comes back from, and how. It changes no state; the journey is looked after at once.

use super::Service;
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
    },
    pb::RedirectOutcome,
    providers::provider::{Call, Redirected},
    random::is_id,
};

/// What a return says.
#[derive(Debug, Clone)]
pub struct ResolvedRedirect {
    /// The journey.
    pub journey: Journey,
    /// What it says.
    pub outcome: RedirectOutcome,
    /// The provider's code.
    pub code: Option<String>,
    /// Whether the provider vouched for it.
    pub confirmed: bool,
}

impl Service {
    /// Resolves the query of a return; `named` is the journey that it must be of.
    pub async fn resolve_redirect(&self, call: Call, query: &str, named: Option<&str>) -> Result<ResolvedRedirect, Failure> {
        let tenant = &self.parts.tenant.id;
        let named = match named {
            Some(id) if !is_id(id, "jrn") => return Err(JourneyError::JourneyNotFound.into()),
            Some(id) => Some(self.load(tenant, id).await?),
            None => None,
        };
        let mut failed = None;
        for provider in &self.parts.providers {
            let serves = |journey: &Journey| {
                provider.id() == journey.routing.provider && provider.credential() == journey.routing.credential
            };
            if !named.as_ref().is_none_or(serves) {
                continue;
            }
            match provider.resolve_redirect(call, query).await {
                Ok(Some(redirected)) => {
                    if let Some(journey) = self.redirected_journey(provider.id(), &redirected, named.as_ref()).await? {
                        // Best effort: the background looks in any case.
                        let _ = self.nudge(&journey.id).await;
                        let Redirected { outcome, code, confirmed, .. } = redirected;
                        return Ok(ResolvedRedirect { journey, outcome, code, confirmed });
                    }
                }
                Ok(None) => {}
                // Another credential may be the one that it was made for.
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.map_or(JourneyError::RedirectUnknown, JourneyError::from).into())
    }

    /// The journey that a return names, if it is the one that it must be of.
    async fn redirected_journey(
        &self,
        provider: &str,
        redirected: &Redirected,
        named: Option<&Journey>,
    ) -> Result<Option<Journey>, Failure> {
        let tenant = &self.parts.tenant.id;
        let found = self.parts.store.journeys_by_ref(tenant, provider, &redirected.reference).await?;
        match (named, found.as_slice()) {
            (Some(named), found) => Ok(found.contains(&named.id).then(|| named.clone())),
            (None, [one]) => Ok(Some(self.load(tenant, one).await?)),
            (None, _) => Ok(None),
        }
    }
}
