//! Requests that change a journey that is there.

use super::{Check, journey_id};
use crate::{
    journey::{
        error::Failure,
        service::{PurgeChoice, RevokeChoice},
    },
    pb,
    random::is_id,
};

const MAX_NAMED: usize = 50;

impl Check {
    fn ids(&mut self, field: &str, ids: &[String], prefix: &str, description: &str) {
        self.require(ids.len() <= MAX_NAMED, field, "must be at most 50");
        for (number, id) in ids.iter().take(MAX_NAMED).enumerate() {
            let place = format!("{field}[{number}]");
            self.require(is_id(id, prefix), &place, description);
            self.require(!ids.iter().take(number).any(|other| other == id), &place, "stands here twice");
        }
    }
}

/// RefreshData.
pub(in crate::rpc) fn refresh(request: &pb::RefreshDataRequest) -> Result<(), Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    let id = &request.consent_id;
    check.require(id.is_empty() || is_id(id, "cns"), "consent_id", "must be a consent's id");
    check.finish(())?;
    journey_id(&request.journey_id)
}

/// RevokeConsent: which consents.
pub(in crate::rpc) fn revoke(request: &pb::RevokeConsentRequest) -> Result<RevokeChoice, Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    let one = request.all_consents == request.consent_ids.is_empty();
    check.require(one, "consent_ids", "either names the consents, or stays empty with all_consents");
    check.ids("consent_ids", &request.consent_ids, "cns", "must be a consent's id");
    let named = RevokeChoice::Named(request.consent_ids.clone());
    let choice = check.finish(if request.all_consents { RevokeChoice::All } else { named })?;
    journey_id(&request.journey_id)?;
    Ok(choice)
}

/// CancelJourney.
pub(in crate::rpc) fn cancel(request: &pb::CancelJourneyRequest) -> Result<(), Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    check.finish(())?;
    journey_id(&request.journey_id)
}

/// PurgeData: what.
pub(in crate::rpc) fn purge(request: &pb::PurgeDataRequest) -> Result<PurgeChoice, Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    let one = request.consent_id.is_empty() != request.fetch_ids.is_empty();
    check.require(one, "consent_id", "either this or fetch_ids must be given");
    let id = &request.consent_id;
    check.require(id.is_empty() || is_id(id, "cns"), "consent_id", "must be a consent's id");
    check.ids("fetch_ids", &request.fetch_ids, "fch", "must be a fetch's id");
    let fetches = PurgeChoice::Fetches(request.fetch_ids.clone());
    let choice = check.finish(if id.is_empty() { fetches } else { PurgeChoice::Consent(id.clone()) })?;
    journey_id(&request.journey_id)?;
    Ok(choice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::validate::tests::fields;

    #[test]
    fn everything_that_is_wrong_is_named() {
        let revoke_both = pb::RevokeConsentRequest {
            request_id: "5".to_owned(),
            consent_ids: vec!["cns_x".to_owned(), "cns_x".to_owned()],
            all_consents: true,
            ..Default::default()
        };
        assert_eq!(
            fields(revoke(&revoke_both).unwrap_err()),
            ["request_id", "consent_ids", "consent_ids[0]", "consent_ids[1]", "consent_ids[1]"]
        );
        assert_eq!(fields(revoke(&pb::RevokeConsentRequest::default()).unwrap_err()), ["request_id", "consent_ids"]);
        assert_eq!(fields(purge(&pb::PurgeDataRequest::default()).unwrap_err()), ["request_id", "consent_id"]);
        let request = pb::RefreshDataRequest { consent_id: "x".to_owned(), ..Default::default() };
        assert_eq!(fields(refresh(&request).unwrap_err()), ["request_id", "consent_id"]);
        assert_eq!(fields(cancel(&pb::CancelJourneyRequest::default()).unwrap_err()), ["request_id"]);
    }

    #[test]
    fn fifty_consents_or_fetches_are_named_at_most() {
        let named = |prefix: &str, count: usize| (0..count).map(|n| format!("{prefix}_{n:0>26}")).collect::<Vec<_>>();
        let request_id = "5f0c6b3a-2f9f-4b6e-9d0e-3a54c1f0a7b1".to_owned();
        for (count, refused) in [(50, false), (51, true)] {
            let consent_ids = named("cns", count);
            let request = pb::RevokeConsentRequest { request_id: request_id.clone(), consent_ids, ..Default::default() };
            assert_eq!(revoke(&request).map(drop).map_err(fields).is_err_and(|fields| fields == ["consent_ids"]), refused);
            let fetch_ids = named("fch", count);
            let request = pb::PurgeDataRequest { request_id: request_id.clone(), fetch_ids, ..Default::default() };
            assert_eq!(purge(&request).map(drop).map_err(fields).is_err_and(|fields| fields == ["fetch_ids"]), refused);
        }
    }
}
