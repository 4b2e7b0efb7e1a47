//! Consents that last, and several of them in one journey.

use sangam::pb::{self, JourneyState, Product, Purpose, View};
use tonic::Code;

use super::{ask, roomy};
use crate::harness::{data_request, reason, start_request};

const REFRESH: &str = "finpass:/api/v1/services/account-aggregator/refresh-data";

#[tokio::test]
async fn two_consents_of_one_journey_are_fetched_each_and_read_by_their_ids() {
    let world = roomy().await;
    let mut request = start_request("finpro", "consent", "01", &[Product::Data]);
    request.consents = vec![ask(Purpose::Underwriting, ""), ask(Purpose::Monitoring, "")];
    let journey_id = world.approved(request).await;
    let journey = world.until_settled(&journey_id).await;
    assert_eq!(journey.state(), JourneyState::Ready, "{journey:?}");
    let purposes: Vec<_> = journey.consents.iter().map(pb::Consent::purpose).collect();
    assert_eq!(purposes, [Purpose::Underwriting, Purpose::Monitoring]);
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 1);
    assert_eq!(world.sandbox.calls().count("finpro:/fi/request"), 1, "the periodic template alone leaves the fetch to us");
    let mut ids = std::collections::HashSet::new();
    for consent in &journey.consents {
        assert_eq!((consent.state(), consent.fetches.len()), (pb::ConsentState::Active, 1));
        let request = pb::FetchDataRequest { consent_id: consent.consent_id.clone(), ..data_request(&journey_id, View::Summary) };
        let (accounts, _) = world.data(request).await.unwrap();
        assert!(accounts.len() >= 3 && accounts.iter().all(|account| account.consent_id == consent.consent_id));
        assert!(accounts.iter().all(|account| account.fetch_id == consent.fetches[0].fetch_id));
        ids.extend(accounts.into_iter().map(|account| account.account_id));
    }
    assert_eq!(ids.len() % 2, 0, "one account under two consents is two accounts");
    let request = pb::FetchDataRequest { consent_id: "cns_unknown".to_owned(), ..data_request(&journey_id, View::Summary) };
    let missing = world.data(request).await.unwrap_err();
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "CONSENT_NOT_FOUND"));
    world.stop().await;
}

#[tokio::test]
async fn monitoring_that_waits_for_a_refresh_gets_exactly_one() {
    let world = roomy().await;
    for digits in ["01", "28"] {
        let mut request = start_request("finpass", "main", digits, &[Product::Data]);
        request.consents = vec![ask(Purpose::Monitoring, "")];
        let before = world.sandbox.calls().count(REFRESH);
        let journey_id = world.approved(request).await;
        let journey = world.until_settled(&journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready, "{digits}: {journey:?}");
        assert_eq!(journey.consents[0].fetches.len(), 1);
        assert_eq!(world.sandbox.calls().count(REFRESH) - before, 1, "{digits}");
        assert!(world.data(data_request(&journey_id, View::Masked)).await.unwrap().1.len() >= 2_000, "{digits}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_lost_answer_to_a_refresh_is_not_sent_again() {
    let world = roomy().await;
    let mut request = start_request("finpass", "main", "37", &[Product::Data]);
    request.consents = vec![ask(Purpose::Monitoring, "")];
    let journey_id = world.approved(request).await;
    let journey = world.until_state(&journey_id, JourneyState::Failed).await;
    assert_eq!(journey.consents[0].fetches[0].failure_reason, "OUTCOME_UNKNOWN");
    // However often it is looked at: the caller may ask anew, nobody else does.
    let looks = "finpass:/api/v1/services/account-aggregator/fetch-json-report";
    for more in 1..=3 {
        world.gateway.service().nudge(&journey_id).await.unwrap();
        let so_far = world.sandbox.calls().count(looks);
        world.until_called(&journey_id, looks, so_far + 1).await;
        assert_eq!(world.sandbox.calls().count(REFRESH), 1, "after {more} looks");
    }
    world.stop().await;
}
