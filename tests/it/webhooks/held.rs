//! The file of the store, held by another process: messages are refused soon, with a time to come again, and are taken when it is free.

use std::time::Duration;

use http::StatusCode;
use sangam::{pb::JourneyState, sandbox::credentials::FINPRO_CONSENT};
use sqlx::{Connection, Executor, SqliteConnection};
use tokio::task::JoinSet;
use tonic::Code;
use tonic_types::StatusExt;

use super::{SIGNATURE, event, inbox, quiet, sign, to};
use crate::{
    harness::{World, metadata, reason},
    metrics::until_scraped,
    torture::{mobile, opening, size},
};

/// How long a provider waits for an answer.
const PROVIDER_WAITS: Duration = Duration::from_secs(10);

async fn post(world: &World, number: usize) -> (StatusCode, Option<String>) {
    let body = event("att_nobody", "CONSENT_APPROVED", number);
    let request = to(world, &format!("finpro/{}", FINPRO_CONSENT.webhook_token), body.clone());
    let signed = request.header(SIGNATURE, sign(FINPRO_CONSENT.webhook_secret, body.as_bytes()));
    let answer = signed.timeout(PROVIDER_WAITS).send().await.expect("no answer while a provider waits");
    let after = answer.headers().get("retry-after").map(|after| after.to_str().unwrap().to_owned());
    (answer.status(), after)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_file_refuses_messages_until_it_is_free() {
    let world = quiet().await;
    let path = world.config.store.path.to_str().unwrap().to_owned();
    let mut other = SqliteConnection::connect(&format!("sqlite://{path}")).await.unwrap();
    assert_eq!(post(&world, 0).await.0, StatusCode::OK);
    other.execute("BEGIN EXCLUSIVE").await.unwrap();

    // Openings wait for their turn before the messages, and must not make them wait one after the other.
    let mut openings = JoinSet::new();
    for number in 0..size(64, 12) {
        let mut client = world.client.clone();
        openings.spawn(async move { client.start_journey(opening(&mobile(number))).await.map(drop).unwrap_err() });
    }
    let messages = size(500, 20);
    for answer in futures_util::future::join_all((1..=messages).map(|number| post(&world, number))).await {
        assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, Some("5".to_owned())));
    }
    for status in openings.join_all().await {
        assert_eq!((status.code(), reason(&status).as_str()), (Code::Unavailable, "STORE_UNAVAILABLE"), "{status:?}");
        assert_eq!(metadata(&status, "effect").as_deref(), Some("NONE"));
        assert!(status.get_error_details().retry_info().is_some());
    }
    until_scraped(&world, |text| text.contains("\nsangam_store_up 0\n")).await;

    other.execute("ROLLBACK").await.unwrap();
    for number in 1..=messages {
        assert_eq!(post(&world, number).await.0, StatusCode::OK);
    }
    assert_eq!(inbox(&world).await.len(), messages + 1);
    let opened = world.client.clone().start_journey(opening(&mobile(1))).await.unwrap().into_inner();
    assert_eq!(world.status(&opened.journey_id).await.state(), JourneyState::AwaitingCustomer);
    until_scraped(&world, |text| text.contains("\nsangam_store_up 1\n")).await;
    println!("a held file: {messages} messages refused while providers wait, and taken when it was free");
    world.stop().await;
}
