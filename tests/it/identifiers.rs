//! Identifiers beside mobile, PAN and email: the provider that can find a customer by them does, the other one names them as not honoured.

use sangam::pb::{self, JourneyState, Product};
use tonic::Code;

use crate::harness::{World, reason, start_request};

/// StartJourney of customer 01 with one special identifier.
fn by(provider: &str, credential: &str, change: impl FnOnce(&mut pb::Customer)) -> pb::StartJourneyRequest {
    let mut request = start_request(provider, credential, "01", &[Product::Data]);
    request.allow_ignored = false;
    request.redirect_url = String::new();
    let customer = request.customer.as_mut().unwrap();
    customer.pan = String::new();
    change(customer);
    request
}

fn each_identifier(provider: &str, credential: &str) -> [(&'static str, pb::StartJourneyRequest); 3] {
    [
        ("customer.aadhaar", by(provider, credential, |customer| customer.aadhaar = "999941057058".to_owned())),
        ("customer.gstin", by(provider, credential, |customer| customer.gstin = "27AAPFU0939F1ZV".to_owned())),
        (
            "customer.date_of_birth",
            by(provider, credential, |customer| {
                customer.date_of_birth = Some(pb::Date { year: 1990, month: 1, day: 19 });
            }),
        ),
    ]
}

#[tokio::test]
async fn a_special_identifier_opens_and_finds_the_consent() {
    let world = World::start().await;
    for (field, request) in each_identifier("finpro", "consent") {
        // READY needs the list of consents, which the provider answers for the same identifier only.
        let journey_id = world.approved(request).await;
        let journey = world.until_settled(&journey_id).await;
        assert_eq!(journey.state(), JourneyState::Ready, "{field}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_special_identifier_is_refused_where_it_is_of_no_use() {
    let world = World::start().await;
    for (field, mut request) in each_identifier("finpass", "main") {
        let status = world.client.clone().start_journey(request.clone()).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INPUT_NOT_SUPPORTED"), "{field}");
        request.allow_ignored = true;
        request.request_id = uuid::Uuid::new_v4().to_string();
        let answer = world.client.clone().start_journey(request).await.unwrap().into_inner();
        assert_eq!(answer.ignored_inputs, [field]);
    }
    world.stop().await;
}

#[tokio::test]
async fn an_explanation_masks_the_special_identifier() {
    let world = World::start().await;
    let [(_, aadhaar), (_, gstin), (_, born)] = each_identifier("finpro", "consent");
    let mut shown = Vec::new();
    for request in [aadhaar, gstin, born] {
        let pb::StartJourneyRequest { provider, credential, customer, consents, products, .. } = request;
        let asked = pb::ExplainConsentRequest { provider, credential, customer, consents, products, ..Default::default() };
        let customer = world.client.clone().explain_consent(asked).await.unwrap().into_inner().customer.unwrap();
        shown.push((customer.masked_aadhaar, customer.masked_gstin, customer.has_date_of_birth));
    }
    let text = str::to_owned;
    assert_eq!(
        shown,
        [
            (text("XXXXXXXX7058"), String::new(), false),
            (String::new(), text("XXXXXXXXXXXF1ZV"), false),
            (String::new(), String::new(), true),
        ]
    );
    world.stop().await;
}
