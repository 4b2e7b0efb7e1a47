//! RevokeConsent: fenced and removed here at once, and told to the provider until it has heard it.

use sangam::{
    pb::{self, ConsentState, JourneyState, ProviderDelivery, PurgeReason, View},
    sandbox::customer,
};
use tonic::Code;

use crate::{
    harness::{World, data_request, reason},
    offers::{self, offers},
    writes::{REVOKE, monitoring, refresh, revoke, world},
};

async fn fenced(world: &World, journey_id: &str) {
    let refused = world.data(data_request(journey_id, View::Masked)).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "CONSENT_REVOKED"));
}

fn told(journey: &pb::Journey) -> Vec<ProviderDelivery> {
    journey.consents.iter().map(pb::Consent::revocation).collect()
}

#[tokio::test]
async fn every_product_fences_at_once_and_tells_the_provider_where_it_can() {
    let (world, _) = world().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let journey_id = offers::ready(&world, &offer, "01").await.journey_id;
        let before = world.sandbox.calls().count(REVOKE);
        let journey = world.status(&journey_id).await;
        let fetches: Vec<_> = journey.consents.iter().flat_map(|consent| &consent.fetches).collect();
        let request = revoke(&journey_id);
        let answer = world.revoke(request.clone()).await.unwrap();
        assert_eq!(answer.state(), JourneyState::Revoked, "{name}");
        fenced(&world, &journey_id).await;
        let store = world.gateway.service().store();
        for fetch in fetches {
            assert!(
                store.snapshot("demo", &fetch.fetch_id).await.unwrap().is_none(),
                "{name}: it is gone when the answer is there"
            );
        }
        let outcomes: Vec<_> = answer.consents.iter().map(pb::ConsentOutcome::provider).collect();
        if offer.product.revokes {
            assert!(outcomes.iter().all(|provider| matches!(provider, ProviderDelivery::Pending)), "{name}: {outcomes:?}");
            let done = |journey: &pb::Journey| told(journey).iter().all(|provider| *provider == ProviderDelivery::Done);
            world.until(&journey_id, done).await;
            assert_eq!(world.sandbox.calls().count(REVOKE) - before, answer.consents.len(), "{name}");
        } else {
            assert!(outcomes.iter().all(|provider| *provider == ProviderDelivery::NotOffered), "{name}: {outcomes:?}");
        }
        assert!(world.revoke(request).await.unwrap().replayed);
        // Another request finds it done.
        let again = world.revoke(revoke(&journey_id)).await.unwrap();
        let expected = if offer.product.revokes { ProviderDelivery::Done } else { ProviderDelivery::NotOffered };
        assert!(again.consents.iter().all(|outcome| outcome.provider() == expected), "{name}: {again:?}");
        world.gateway.service().nudge(&journey_id).await.unwrap();
        let journey = world.status(&journey_id).await;
        assert!(journey.consents.iter().all(|consent| consent.state() == ConsentState::Revoked), "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_provider_that_is_down_hears_it_once_when_it_is_back_also_after_a_restart() {
    let (world, _) = world().await;
    let journey_id = world.approved(monitoring("finpro", "consent", "01")).await;
    let fetch_id = world.until_picked_up(&journey_id).await.consents[0].fetches[0].fetch_id.clone();
    world.sandbox.set_down(true);
    let answer = world.revoke(revoke(&journey_id)).await.unwrap();
    assert_eq!(answer.consents[0].provider(), ProviderDelivery::Pending);
    fenced(&world, &journey_id).await;
    assert!(world.gateway.service().store().snapshot("demo", &fetch_id).await.unwrap().is_none());
    let refused = world.refresh(refresh(&journey_id)).await.unwrap_err();
    assert_eq!(reason(&refused), "CONSENT_REVOKED");
    // It is tried again and again.
    world.until_called(&journey_id, "down:/finpro/revokeconsent", 3).await;
    let world = world.restart().await;
    fenced(&world, &journey_id).await;
    assert_eq!(told(&world.status(&journey_id).await), [ProviderDelivery::Pending]);
    world.sandbox.set_down(false);
    world.until(&journey_id, |journey| told(journey) == [ProviderDelivery::Done]).await;
    assert_eq!(world.sandbox.calls().count(REVOKE), 1);
    assert_eq!(world.status(&journey_id).await.state(), JourneyState::Revoked);
    world.stop().await;
}

#[tokio::test]
async fn a_lost_answer_is_sent_again_and_already_revoked_is_a_success() {
    let (world, _) = world().await;
    let journey_id = world.approved(monitoring("finpro", "consent", "01")).await;
    world.until_picked_up(&journey_id).await;
    world.sandbox.lose_next_answer("/finpro/revokeconsent");
    world.revoke(revoke(&journey_id)).await.unwrap();
    world.until(&journey_id, |journey| told(journey) == [ProviderDelivery::Done]).await;
    assert_eq!(world.sandbox.calls().count(REVOKE), 1, "one effect");
    assert_eq!(world.sandbox.calls().count("finpro:received:/revokeconsent"), 2, "two calls");
    world.stop().await;
}

#[tokio::test]
async fn a_customers_own_withdrawal_counts_and_what_was_never_given_is_refused() {
    let (world, _) = world().await;
    let opened = world.client.clone().start_journey(monitoring("finpro", "consent", "01")).await.unwrap().into_inner();
    let journey_id = opened.journey_id;
    let pending = world.revoke(revoke(&journey_id)).await.unwrap_err();
    assert_eq!((pending.code(), reason(&pending).as_str()), (Code::FailedPrecondition, "CONSENT_PENDING"));
    let consent_id = world.status(&journey_id).await.consents[0].consent_id.clone();
    let named =
        |id: &str| pb::RevokeConsentRequest { consent_ids: vec![id.to_owned()], all_consents: false, ..revoke(&journey_id) };
    assert_eq!(reason(&world.revoke(named(&consent_id)).await.unwrap_err()), "CONSENT_PENDING");
    assert_eq!(reason(&world.revoke(named("x")).await.unwrap_err()), "INVALID_FIELDS");
    let unknown = format!("cns_{}", "0".repeat(26));
    assert_eq!(reason(&world.revoke(named(&unknown)).await.unwrap_err()), "CONSENT_NOT_FOUND");
    customer::approve(&opened.customer_url).await.unwrap();
    let fetch_id = world.until_picked_up(&journey_id).await.consents[0].fetches[0].fetch_id.clone();
    customer::revoke(&opened.customer_url).await.unwrap();
    world.gateway.service().nudge(&journey_id).await.unwrap();
    let journey = world.until_state(&journey_id, JourneyState::Revoked).await;
    assert_eq!(journey.consents[0].fetches[0].purge_reason(), PurgeReason::Revoked);
    world.until_gone(&fetch_id).await;
    let answer = world.revoke(named(&consent_id)).await.unwrap();
    assert_eq!(answer.consents[0].provider(), ProviderDelivery::Done);
    assert_eq!(world.sandbox.calls().count(REVOKE), 0, "the provider knows it already");
    let rejected = world.client.clone().start_journey(monitoring("finpro", "consent", "01")).await.unwrap().into_inner();
    customer::reject(&rejected.customer_url).await.unwrap();
    world.until_state(&rejected.journey_id, JourneyState::Rejected).await;
    assert_eq!(reason(&world.revoke(revoke(&rejected.journey_id)).await.unwrap_err()), "CONSENT_ENDED");
    world.stop().await;
}

#[tokio::test]
async fn one_of_two_consents_is_withdrawn_and_the_other_goes_on() {
    let (world, _) = world().await;
    let mut request = monitoring("finpro", "consent", "01");
    request.consents.push(pb::ConsentAsk { purpose: pb::Purpose::Underwriting.into(), ..Default::default() });
    let journey_id = world.approved(request).await;
    let journey = world.until(&journey_id, |journey| journey.state() == JourneyState::Ready && journey.settled).await;
    let (first, second) = (&journey.consents[0].consent_id, &journey.consents[1].consent_id);
    let named = pb::RevokeConsentRequest { consent_ids: vec![first.clone()], all_consents: false, ..revoke(&journey_id) };
    let answer = world.revoke(named).await.unwrap();
    assert_eq!((answer.consents.len(), answer.state()), (1, JourneyState::Ready));
    let of = |consent: &String| pb::FetchDataRequest { consent_id: consent.clone(), ..data_request(&journey_id, View::Masked) };
    assert_eq!(reason(&world.data(of(first)).await.unwrap_err()), "CONSENT_REVOKED");
    assert!(!world.data(of(second)).await.unwrap().0.is_empty());
    world.stop().await;
}
