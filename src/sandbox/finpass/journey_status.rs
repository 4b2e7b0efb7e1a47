//! Where an AA-BSA session stands. Each look brings a collection one step nearer.

use jiff::Timestamp;

use super::{
    script::Outcome,
    world::{ConsentState, Session},
};

/// Where an AA-BSA session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JourneyStatus {
    /// The link was not opened.
    Initiated,
    /// Opened, undecided.
    ConsentPending,
    /// Given, data is collected.
    ConsentGranted,
    /// Collected, being analysed.
    DataFetched,
    /// Results are there.
    AnalysisComplete,
    /// Declined or withdrawn.
    ConsentDenied,
    /// No data came.
    Failed,
    /// The customer did not decide in time.
    Expired,
}

impl JourneyStatus {
    /// The word on the wire. Those after `consent_granted`, apart from `analysis_complete`, are assumed.
    pub fn word(self) -> &'static str {
        match self {
            Self::Initiated => "initiated",
            Self::ConsentPending => "consent_pending",
            Self::ConsentGranted => "consent_granted",
            Self::DataFetched => "data_fetched",
            Self::AnalysisComplete => "analysis_complete",
            Self::ConsentDenied => "consent_denied",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

impl Session {
    /// Where an AA-BSA session stands now.
    pub fn journey_status(&self, now: Timestamp) -> JourneyStatus {
        match self.consent {
            ConsentState::Initiated | ConsentState::Opened if now >= self.expires_at => JourneyStatus::Expired,
            ConsentState::Initiated => JourneyStatus::Initiated,
            ConsentState::Opened => JourneyStatus::ConsentPending,
            ConsentState::Rejected | ConsentState::Revoked => JourneyStatus::ConsentDenied,
            ConsentState::Active => match self.requests.last() {
                Some(request) if request.looks_until_ready > 1 => JourneyStatus::ConsentGranted,
                _ if self.script.outcome == Outcome::Expired => JourneyStatus::Expired,
                _ if self.script.outcome != Outcome::Data => JourneyStatus::Failed,
                Some(request) if request.looks_until_ready == 1 => JourneyStatus::DataFetched,
                _ => JourneyStatus::AnalysisComplete,
            },
        }
    }

    /// A look at the status of AA-BSA: says where it stands and brings it one step nearer.
    pub fn look_at_journey(&mut self, now: Timestamp) -> JourneyStatus {
        let status = self.journey_status(now);
        if let Some(request) = self.requests.last_mut()
            && self.consent == ConsentState::Active
            && request.looks_until_ready > 0
        {
            request.looks_until_ready -= 1;
            self.updated_at = now;
        }
        status
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::ToSpan;

    use super::*;
    use crate::sandbox::finpass::{
        samples::{ending_in, now, session},
        script::Script,
        world::{ConsentType, Product},
    };

    #[test]
    fn an_analysis_passes_through_every_status() {
        let script = Script { looks_until_ready: 2, ..Script::default() };
        let mut session = session(Product::Analyser, ConsentType::Underwriting, script);
        let mut seen = vec![session.look_at_journey(now()).word()];
        session.opened(now());
        seen.push(session.look_at_journey(now()).word());
        session.approve(Arc::default, now());
        seen.extend((0..3).map(|_| session.look_at_journey(now()).word()));
        assert_eq!(seen, ["initiated", "consent_pending", "consent_granted", "data_fetched", "analysis_complete"]);
    }

    #[test]
    fn an_analysis_that_is_not_to_be_ends_in_its_own_word() {
        let opened = |script| session(Product::Analyser, ConsentType::Underwriting, script);
        assert_eq!(opened(Script::default()).journey_status(now() + 25.hours()).word(), "expired");
        let mut declined = opened(Script::default());
        declined.reject(now());
        assert_eq!(declined.journey_status(now()).word(), "consent_denied");
        let mut failed = opened(ending_in(Outcome::NoData));
        failed.approve(Arc::default, now());
        assert_eq!(failed.journey_status(now()).word(), "failed");
    }
}
