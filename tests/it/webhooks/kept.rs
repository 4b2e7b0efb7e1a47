//! What is kept: until its date, through a restart, until its journey is known, aside where nobody can read it.

use std::sync::Arc;

use http::HeaderMap;
use jiff::SignedDuration;
use sangam::{
    app::App,
    clock::{Clock, SystemClock},
    pb::{JourneyState, Product},
    sandbox::{SandboxConfig, credentials::FINPRO_CONSENT, customer},
    store::{MessageState, Replay},
    webhook::{self, Inbox, address::Address, unverified::Unverified},
};
use tokio::sync::Semaphore;

use super::{SIGNATURE, attempt_id, event, inbox, quiet, sign, signed, status, to, until_applied};
use crate::{
    command::sangam,
    harness::{ShiftedClock, World, breath, start_request},
};

#[tokio::test]
async fn a_message_that_was_acknowledged_before_a_stop_is_applied_after_the_start() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let attempt_id = attempt_id(&world.status(&opened.journey_id).await);
    let World { sandbox, gateway, config, .. } = world;
    gateway.stop().await;
    customer::reject(&opened.customer_url).await.unwrap();
    // Taken by a process that ends before it applies anything.
    let tenants = App::offline(&config, Arc::new(SystemClock)).await.unwrap();
    let service = tenants.first();
    let cut_off = Inbox::new(tenants.clone(), webhook::Settings::from(&config));
    let body = event(&attempt_id, "CONSENT_REJECTED", 1);
    let mut headers = HeaderMap::new();
    headers.insert(SIGNATURE, sign(FINPRO_CONSENT.webhook_secret, body.as_bytes()).parse().unwrap());
    let address = Address::find(&tenants, &Semaphore::new(1), "finpro", FINPRO_CONSENT.webhook_token).await.unwrap().unwrap();
    let message = Unverified::new(address, headers, body.into()).verify(SystemClock.now(), SignedDuration::from_hours(1));
    assert!(cut_off.keep(message.ok().unwrap()).await.unwrap());
    let kept = service.store().messages("demo", None, 10).await.unwrap();
    assert_eq!((kept.len(), kept[0].state, kept[0].tries), (1, MessageState::New, 0));
    service.store().close().await;
    let gateway = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let client = crate::harness::connect(&gateway).await;
    let rejected = |journey: &sangam::pb::Journey| journey.state() == JourneyState::Rejected;
    crate::harness::until(&gateway, &client, &opened.journey_id, rejected).await;
    gateway.stop().await;
    sandbox.stop().await;
}

#[tokio::test]
async fn a_message_of_an_unknown_journey_waits_until_that_is_known() {
    let world = quiet().await;
    let early = event("h-of-nobody", "CONSENT_APPROVED", 1);
    assert!(signed(&world, &FINPRO_CONSENT, &early).await.is_success());
    assert_eq!(until_applied(&world).await, [MessageState::Parked]);
    // A journey learns the reference: here an opening whose handle the message had named before its answer came.
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let journey_id = opened.unwrap().into_inner().journey_id;
    let service = world.gateway.service();
    let learn = |journey: &mut sangam::journey::model::Journey| journey.consents[0].provider_ref = Some("c-early".to_owned());
    let named = r#"{"eventType":"CONSENT","eventStatus":"CONSENT_APPROVED","consentId":"c-early"}"#;
    assert!(signed(&world, &FINPRO_CONSENT, named).await.is_success());
    assert_eq!(until_applied(&world).await, [MessageState::Parked; 2]);
    let looks = "finpro:received:/v2/getconsentslist";
    assert_eq!(world.sandbox.calls().count(looks), 0);
    service.change("demo", &journey_id, learn).await.ok().unwrap();
    world.until_called(&journey_id, looks, 1).await;
    let mut states = until_applied(&world).await;
    states.sort_by_key(|state| state.word());
    assert_eq!(states, [MessageState::Applied, MessageState::Parked]);
    world.stop().await;
}

#[tokio::test]
async fn a_message_that_nobody_claims_is_put_aside_and_every_one_goes_at_its_date() {
    let clock = Arc::new(ShiftedClock::default());
    let world = World::at(clock.clone(), SandboxConfig::default(), |_| ()).await;
    assert!(signed(&world, &FINPRO_CONSENT, &event("att_nobody", "CONSENT_APPROVED", 1)).await.is_success());
    assert_eq!(until_applied(&world).await, [MessageState::Parked]);
    clock.advance(25);
    world.gateway.service().tell_inbox();
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while inbox(&world).await[0].state != MessageState::Quarantined {
        assert!(tokio::time::Instant::now() < give_up);
        breath().await;
    }
    clock.advance(7 * 24 - 26);
    let store = world.gateway.service().store();
    let now = clock.now();
    assert_eq!(store.purge(now, &move |_| now).await.unwrap(), 0);
    clock.advance(1);
    let now = clock.now();
    store.purge(now, &move |_| now).await.unwrap();
    assert_eq!(inbox(&world).await, []);
    world.stop().await;
}

#[tokio::test]
async fn pushed_data_goes_with_its_consent() {
    let world = quiet().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let attempt_id = attempt_id(&world.status(&opened.journey_id).await);
    customer::approve(&opened.customer_url).await.unwrap();
    let end = jiff::Timestamp::now() + SignedDuration::from_hours(48);
    let push = format!(
        r#"{{"eventType":"DATA_EXT","eventStatus":"DATA_PUSH","accountID":"{attempt_id}","dataExpiry":"{end}","data":[{{"Summary":{{}}}}]}}"#
    );
    assert!(signed(&world, &FINPRO_CONSENT, &push).await.is_success());
    world.until(&opened.journey_id, |journey| journey.state() != JourneyState::AwaitingCustomer).await;
    until_applied(&world).await;
    let kept = inbox(&world).await.remove(0);
    assert_eq!((kept.state, kept.purge_at.as_second()), (MessageState::Applied, end.as_second()));
    let store = world.gateway.service().store();
    assert_eq!(store.message_body(&kept).await.unwrap().unwrap(), push);
    customer::revoke(&opened.customer_url).await.unwrap();
    signed(&world, &FINPRO_CONSENT, &event(&attempt_id, "CONSENT_REVOKED", 2)).await;
    world.until_state(&opened.journey_id, JourneyState::Revoked).await;
    let give_up = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    while store.message_body(&kept).await.unwrap().is_some() {
        assert!(tokio::time::Instant::now() < give_up, "pushed data outlives its consent");
    }
    // The same push again brings nothing back.
    assert!(signed(&world, &FINPRO_CONSENT, &push).await.is_success());
    assert_eq!(inbox(&world).await.len(), 2);
    assert!(store.message_body(&kept).await.unwrap().is_none());
    world.stop().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_put_aside_listed_and_replayed() {
    let world = quiet().await;
    for body in ["not json", "{}", "[1]", r#"{"eventType":"NEW_KIND"}"#] {
        assert!(signed(&world, &FINPRO_CONSENT, body).await.is_success(), "{body}");
    }
    let list = r#"{"eventType":"AA_LIST","eventStatus":"EVENT_STATUS_UPDATED"}"#;
    assert!(signed(&world, &FINPRO_CONSENT, list).await.is_success());
    let states = until_applied(&world).await;
    assert_eq!(states.iter().filter(|state| **state == MessageState::Quarantined).count(), 4, "{states:?}");
    assert_eq!(states.iter().filter(|state| **state == MessageState::Applied).count(), 1);
    let inbox = Inbox::new(world.gateway.tenants().clone(), webhook::Settings::from(&world.config));
    let lines = inbox.list(&"demo".into(), Some(MessageState::Quarantined)).await.unwrap();
    assert_eq!(lines.len(), 5, "{lines:#?}");
    assert!(lines[1].contains("finpro consent") && lines[1].contains("signed") && lines[1].contains("QUARANTINED"));
    assert!(!lines.join("").contains("NEW_KIND"));
    assert_eq!(inbox.replay(&"demo".into(), Replay::Quarantined).await.unwrap().0, 4);
    assert_eq!(until_applied(&world).await.len(), 5);
    world.stop().await;
}

#[tokio::test]
async fn the_operator_lists_and_replays_beside_a_stopped_gateway() {
    let sandbox = sangam::sandbox::Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let directory = tempfile::TempDir::new().unwrap();
    let text = sangam::sandbox::gateway_config::gateway_toml(&sandbox, directory.path()).unwrap();
    std::fs::write(directory.path().join("sangam.toml"), &text).unwrap();
    let config = sangam::config::Config::from_toml_str(&text).unwrap();
    let gateway = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let url = format!("http://{}/webhooks/finpro/{}", gateway.webhook, FINPRO_CONSENT.webhook_token);
    let post = reqwest::Client::builder().no_proxy().build().unwrap().post(url).body("no json");
    let post = post.header(SIGNATURE, sign(FINPRO_CONSENT.webhook_secret, b"no json"));
    assert!(post.send().await.unwrap().status().is_success());
    gateway.stop().await;
    let run = |arguments: &[&str]| {
        let mut all = vec!["webhooks"];
        all.extend(arguments);
        all.extend(["--config", "sangam.toml"]);
        let output = sangam(directory.path(), &all).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, listed) = run(&["list"]);
    assert_eq!((code, listed.lines().count()), (Some(0), 2), "{listed}");
    let id = listed.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let once = "replayed 1: applied 0, parked 0, quarantined 1, again 0\n";
    assert_eq!(run(&["replay", "--id", &id]), (Some(0), once.to_owned()));
    assert_eq!(run(&["list", "--quarantined"]).1.lines().count(), 2);
    assert_eq!(run(&["replay", "--quarantined"]), (Some(0), once.to_owned()));
    assert_eq!(run(&["replay", "--id", "msg_nobody"]).0, Some(1));
    assert_eq!(run(&["replay"]).0, Some(2));
    sandbox.stop().await;
}

#[tokio::test]
async fn nothing_of_a_message_is_in_clear_in_the_files() {
    let world = quiet().await;
    let body = r#"{"eventType":"CONSENT","eventStatus":"CONSENT_REJECTED","accountID":"att_quillemarker","vua":"9000000077@onemoney","consentId":"quillemarker"}"#;
    assert!(signed(&world, &FINPRO_CONSENT, body).await.is_success());
    until_applied(&world).await;
    assert_eq!(status(to(&world, "finpass/quillemarker-token-9000000077", body)).await, 401);
    let directory = world.config.store.path.parent().unwrap();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        if path.file_name().unwrap().to_string_lossy().starts_with("sangam.db") {
            for word in ["9000000077", "quillemarker", FINPRO_CONSENT.webhook_token] {
                assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} in {}", path.display());
            }
        }
    }
    world.stop().await;
}
