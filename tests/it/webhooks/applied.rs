//! What is taken is applied once, and decides nothing by itself.

use sangam::{
    pb::{ConsentState, FetchState, JourneyState, Product},
    sandbox::{credentials::FINPRO_CONSENT, customer},
    store::MessageState,
};

use super::{attempt_id, event, inbox, quiet, quiet_with, signed, status, to, until_applied};
use crate::harness::start_request;

#[tokio::test]
async fn one_message_a_thousand_times_among_older_ones_is_one_change() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let journey = world.status(&opened.journey_id).await;
    customer::reject(&opened.customer_url).await.unwrap();
    let news = event(&attempt_id(&journey), "CONSENT_REJECTED", 0);
    let older: Vec<_> = (1..=20).map(|number| event(&attempt_id(&journey), "CONSENT_APPROVED", number)).collect();
    let mut changes = world.gateway.service().changes();
    for number in 0..1_000 {
        assert!(signed(&world, &FINPRO_CONSENT, &news).await.is_success());
        // Out of order, and doubled.
        if number % 25 == 0 {
            assert!(signed(&world, &FINPRO_CONSENT, &older[(number / 25 * 7) % older.len()]).await.is_success());
        }
    }
    let after = world.until_state(&opened.journey_id, JourneyState::Rejected).await;
    assert_eq!(until_applied(&world).await, [MessageState::Applied; 21]);
    assert_eq!(after.sequence, journey.sequence + 1);
    let mut told = 0;
    while changes.try_recv().is_ok() {
        told += 1;
    }
    println!("one message 1000 times, shuffled with 20 older ones: {} change, {told} told", after.sequence - journey.sequence);
    assert_eq!(told, 1);
    world.stop().await;
}

#[tokio::test]
async fn pause_and_resume_are_what_the_provider_says_when_it_is_asked() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let attempt_id = attempt_id(&world.status(&opened.journey_id).await);
    customer::approve(&opened.customer_url).await.unwrap();
    signed(&world, &FINPRO_CONSENT, &event(&attempt_id, "CONSENT_APPROVED", 1)).await;
    world.until(&opened.journey_id, |journey| journey.state() != JourneyState::AwaitingCustomer).await;
    customer::pause(&opened.customer_url).await.unwrap();
    // The events come in the wrong order, and one of them is not true any more.
    signed(&world, &FINPRO_CONSENT, &event(&attempt_id, "CONSENT_RESUMED", 2)).await;
    world.until(&opened.journey_id, |journey| journey.consents[0].state() == ConsentState::Paused).await;
    customer::resume(&opened.customer_url).await.unwrap();
    signed(&world, &FINPRO_CONSENT, &event(&attempt_id, "CONSENT_PAUSED", 3)).await;
    world.until(&opened.journey_id, |journey| journey.consents[0].state() == ConsentState::Active).await;
    world.stop().await;
}

#[tokio::test]
async fn a_message_is_acknowledged_while_its_provider_hangs() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let journey_id = opened.unwrap().into_inner().journey_id;
    let attempt_id = attempt_id(&world.status(&journey_id).await);
    // It accepts and never answers.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = {
        let mut world = world;
        let base_url = format!("http://{}/", mute.local_addr().unwrap());
        world.config.tenant.providers.finpro.get_mut("consent").unwrap().base_url = base_url;
        world.config.listen.shutdown_grace_ms = 50;
        world.restart().await
    };
    assert!(signed(&world, &FINPRO_CONSENT, &event(&attempt_id, "CONSENT_APPROVED", 0)).await.is_success());
    // From here on the provider is being asked.
    let (_held, _) = mute.accept().await.unwrap();
    let bodies: Vec<_> = (1..300).map(|number| event(&attempt_id, "DATA_READY", number)).collect();
    let posts = bodies.iter().map(|body| signed(&world, &FINPRO_CONSENT, body));
    for answer in futures_util::future::join_all(posts).await {
        assert_eq!(answer.as_u16(), 200);
    }
    assert_eq!(until_applied(&world).await, vec![MessageState::Applied; 300]);
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_kept_is_not_acknowledged() {
    let world = quiet().await;
    world.gateway.service().store().close().await;
    assert_eq!(signed(&world, &FINPRO_CONSENT, &event("att_unknown", "CONSENT_APPROVED", 1)).await.as_u16(), 503);
    world.stop().await;
}

#[tokio::test]
async fn without_a_secret_a_message_is_a_hint_that_wakes_a_look() {
    let world = quiet_with(|config| {
        let webhook = config.tenant.providers.finpro.get_mut("consent").unwrap().webhook.as_mut().unwrap();
        webhook.hmac_secrets.clear();
    })
    .await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let journey = world.status(&opened.journey_id).await;
    customer::reject(&opened.customer_url).await.unwrap();
    let path = format!("finpro/{}", FINPRO_CONSENT.webhook_token);
    // What it says is not what has happened.
    assert_eq!(status(to(&world, &path, event(&attempt_id(&journey), "CONSENT_APPROVED", 1))).await, 200);
    world.until_state(&opened.journey_id, JourneyState::Rejected).await;
    assert!(inbox(&world).await.iter().all(|message| !message.verified));
    world.stop().await;
}

#[tokio::test]
async fn unproved_messages_cause_one_poll_an_interval() {
    let world = quiet_with(|config| {
        let webhook = config.tenant.providers.finpro.get_mut("consent").unwrap().webhook.as_mut().unwrap();
        webhook.hmac_secrets.clear();
    })
    .await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let attempt_id = attempt_id(&world.status(&opened.unwrap().into_inner().journey_id).await);
    let path = format!("finpro/{}", FINPRO_CONSENT.webhook_token);
    let polls = || {
        let calls = world.sandbox.calls().all();
        calls
            .iter()
            .filter(|(call, _)| call.starts_with("finpro:received:") && call.contains("getconsentslist"))
            .map(|(_, times)| times)
            .sum::<usize>()
    };
    let (before, began) = (polls(), std::time::Instant::now());
    for number in 0..100 {
        assert_eq!(status(to(&world, &path, event(&attempt_id, "DATA_READY", number))).await, 200);
    }
    assert_eq!(until_applied(&world).await, vec![MessageState::Applied; 100]);
    // The interval is two seconds here. One poll begins at once, and one ends each interval in which messages came.
    let most = 2 + began.elapsed().as_secs() as usize / 2;
    let caused = polls() - before;
    assert!((1..=most).contains(&caused), "{caused} polls, {most} at most");
    world.stop().await;
}

#[tokio::test]
async fn an_attempts_own_address_concerns_that_attempt_whatever_the_message_names() {
    let (base, mut events) = super::receiver().await;
    let world = quiet_with(|config| config.webhook.public_base_url = Some(base)).await;
    let mut journeys = Vec::new();
    for digits in ["01", "40"] {
        let request = start_request("finpass", "main", digits, &[Product::Data]);
        journeys.push(world.client.clone().start_journey(request).await.unwrap().into_inner());
    }
    customer::reject(&journeys[0].customer_url).await.unwrap();
    let mut told = events.recv().await.unwrap();
    while !told.1.contains("REJECTED") {
        told = events.recv().await.unwrap();
    }
    let (path, body) = told;
    let path = path.strip_prefix("/webhooks/").unwrap();
    // Posted by anybody who knows the address: a stranger's session, then nothing that can be read, then the news.
    assert_eq!(status(to(&world, path, r#"{"client_id":"aa_somebody_else"}"#)).await, 200);
    assert_eq!(status(to(&world, path, "<html>")).await, 200);
    assert_eq!(status(to(&world, path, body)).await, 200);
    world.until_state(&journeys[0].journey_id, JourneyState::Rejected).await;
    assert_eq!(world.status(&journeys[1].journey_id).await.state(), JourneyState::AwaitingCustomer);
    let mut states = until_applied(&world).await;
    states.sort_by_key(|state| state.word());
    assert_eq!(states, [MessageState::Applied, MessageState::Applied, MessageState::Quarantined]);
    world.stop().await;
}

#[tokio::test]
async fn a_late_event_of_an_old_session_does_not_settle_a_newer_fetch() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let attempt_id = attempt_id(&world.status(&opened.journey_id).await);
    customer::approve(&opened.customer_url).await.unwrap();
    signed(&world, &FINPRO_CONSENT, &event(&attempt_id, "CONSENT_APPROVED", 1)).await;
    world.until_settled(&opened.journey_id).await;
    // A newer session that the provider still works on.
    let service = world.gateway.service();
    let newer = |journey: &mut sangam::journey::model::Journey| {
        let mut fetch = journey.consents[0].fetches[0].clone();
        let old = fetch.provider_ref.replace("newer-session".to_owned());
        (fetch.id, fetch.state, fetch.settled) = ("fch_newer".to_owned(), FetchState::Requested, false);
        journey.consents[0].fetches.push(fetch);
        (old, journey.consents[0].handle.clone())
    };
    let (before, (old, handle)) = service.change("demo", &opened.journey_id, newer).await.ok().unwrap();
    let asked = world.sandbox.calls().count("finpro:received:/consent/firequest/status");
    for word in ["SESSION_FAILED", "SESSION_EXPIRED", "DATA_DENIED", "DATA_READY"] {
        let late = format!(
            r#"{{"eventType":"DATA","eventStatus":"{word}","consentHandle":"{}","accountID":"{attempt_id}","sessionId":"{}"}}"#,
            handle.as_deref().unwrap(),
            old.as_deref().unwrap_or_default()
        );
        assert!(signed(&world, &FINPRO_CONSENT, &late).await.is_success());
    }
    let looked = "finpro:received:/consent/firequest/status";
    world.until_called(&opened.journey_id, looked, asked + 1).await;
    until_applied(&world).await;
    let after = world.status(&opened.journey_id).await;
    let states: Vec<_> = after.consents[0].fetches.iter().map(|fetch| (fetch.state(), fetch.settled)).collect();
    assert_eq!(states, [(FetchState::Ready, true), (FetchState::Requested, false)]);
    assert_eq!(after.sequence, before.sequence);
    world.stop().await;
}
