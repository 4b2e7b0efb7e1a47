//! A customer is sent back to where the operator lets him be sent, and nowhere else.

use sangam::{
    pb::{self, Product},
    sandbox::SandboxConfig,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{World, reason, start_request};

const LISTED: &str = "https://app.lender.example/return";
const OTHER: &str = "https://app.lender.example/return?x=1";

fn start(redirect_url: &str) -> pb::StartJourneyRequest {
    let request = start_request("finpro", "consent", "01", &[Product::Data]);
    pb::StartJourneyRequest { redirect_url: redirect_url.to_owned(), ..request }
}

fn assert_refused(status: &Status) {
    assert_eq!((status.code(), reason(status).as_str()), (Code::InvalidArgument, "REDIRECT_NOT_ALLOWED"));
    let fields = status.get_error_details().bad_request().unwrap().field_violations.clone();
    assert_eq!(fields.iter().map(|one| one.field.as_str()).collect::<Vec<_>>(), ["redirect_url"]);
    assert!(!format!("{status:?}").contains("lender"), "the address is told: {status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_listed_address_is_taken_at_the_start_and_at_the_resume() {
    let world = World::with(SandboxConfig::default(), |config| config.tenant.redirects = vec![LISTED.to_owned()]).await;
    let mut client = world.client.clone();
    assert_refused(&client.start_journey(start(OTHER)).await.unwrap_err());
    let explain = |redirect_url: &str| {
        let pb::StartJourneyRequest { provider, credential, customer, consents, products, redirect_url, .. } =
            start(redirect_url);
        pb::ExplainConsentRequest { provider, credential, customer, consents, products, redirect_url, ..Default::default() }
    };
    assert_refused(&client.explain_consent(explain(OTHER)).await.unwrap_err());
    client.explain_consent(explain(LISTED)).await.unwrap();
    assert_eq!(world.sandbox.calls().count("finpro:/v3/requestconsent"), 0);
    let journey_id = client.start_journey(start(LISTED)).await.unwrap().into_inner().journey_id;
    let resume = |redirect_url: &str| pb::ResumeJourneyRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        journey_id: journey_id.clone(),
        redirect_url: redirect_url.to_owned(),
    };
    assert_refused(&client.resume_journey(resume(OTHER)).await.unwrap_err());
    client.resume_journey(resume(LISTED)).await.unwrap();
    client.resume_journey(resume("")).await.unwrap();
    // A journey without any is opened as before.
    client.start_journey(start("")).await.unwrap();
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_is_taken_once_the_operator_has_listed_its_address() {
    let world = World::with(SandboxConfig::default(), |config| config.tenant.redirects = vec![LISTED.to_owned()]).await;
    let request = start(OTHER);
    assert_refused(&world.client.clone().start_journey(request.clone()).await.unwrap_err());
    let mut paused = world.paused().await;
    paused.change(|config| config.tenant.redirects.push(OTHER.to_owned()));
    let world = paused.resumed().await;
    let journey_id = world.client.clone().start_journey(request).await.unwrap().into_inner().journey_id;
    // And one that is not listed any more is not used again by a journey that was opened with it.
    let mut paused = world.paused().await;
    paused.change(|config| config.tenant.redirects = vec![LISTED.to_owned()]);
    let world = paused.resumed().await;
    let request_id = uuid::Uuid::new_v4().to_string();
    let resume = pb::ResumeJourneyRequest { request_id, journey_id, ..Default::default() };
    assert_refused(&world.client.clone().resume_journey(resume).await.unwrap_err());
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_list_only_a_gateway_on_loopback_takes_any_address() {
    let world = World::start().await;
    world.client.clone().start_journey(start(OTHER)).await.unwrap();
    world.stop().await;
    let open = World::with(SandboxConfig::default(), |config| {
        config.listen.grpc = "0.0.0.0:0".parse().unwrap();
        config.listen.insecure = true;
    })
    .await;
    assert_refused(&open.client.clone().start_journey(start(OTHER)).await.unwrap_err());
    open.client.clone().start_journey(start("")).await.unwrap();
    open.stop().await;
}
