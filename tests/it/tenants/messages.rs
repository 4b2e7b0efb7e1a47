//! Messages of providers reach the tenant of their address, and nobody else.

use std::time::Duration;

use sangam::{
    pb::Product,
    sandbox::{credentials::FINPRO_CONSENT, customer, gateway_config::webhook_token},
    store::{Message, MessageState},
};

use super::{BOTH, Two};
use crate::{
    harness::{PATIENCE, start_request},
    webhooks::{SIGNATURE, event, sign},
};

/// Nobody looks by itself: a message is what moves a journey.
async fn quiet() -> Two {
    Two::with(|config| {
        (config.poller.first_ms, config.poller.max_ms) = (3_600_000, 3_600_000);
        config.webhook.public_base_url = Some("http://127.0.0.1:9/".to_owned());
    })
    .await
}

async fn post(two: &Two, path: &str, body: &str) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.post(format!("http://{}/webhooks/{path}", two.gateway.webhook)).body(body.to_owned());
    let request = request.header(SIGNATURE, sign(FINPRO_CONSENT.webhook_secret, body.as_bytes()));
    request.send().await.unwrap().status().as_u16()
}

/// A tenant's messages, once none of them is due.
async fn applied(two: &Two, tenant: &str) -> Vec<Message> {
    let give_up = tokio::time::Instant::now() + PATIENCE;
    loop {
        let messages = two.service(tenant).store().messages(tenant, None, 100).await.unwrap();
        if messages.iter().all(|message| message.state != MessageState::New) {
            return messages;
        }
        assert!(tokio::time::Instant::now() < give_up, "{messages:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_at_one_tenants_address_changes_nothing_of_another_ones_whatever_it_names() {
    let two = quiet().await;
    let [acme, bharat] = BOTH;
    let opened = two.client(bharat).start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let opened = opened.unwrap().into_inner();
    let before = two.journey(bharat, &opened.journey_id).await;
    customer::approve(&opened.customer_url).await.unwrap();
    let looks = two.sandboxes[1].calls().all().len();
    // Signed as it should be, and about the other tenant's attempt by its own id.
    let body = event(&before.attempts[0].attempt_id, "CONSENT_APPROVED", 1);
    assert_eq!(post(&two, &format!("finpro/{}", webhook_token(&FINPRO_CONSENT, acme)), &body).await, 200);
    let kept = applied(&two, acme).await;
    assert_eq!(kept.iter().map(|message| message.state).collect::<Vec<_>>(), [MessageState::Parked]);
    assert!(applied(&two, bharat).await.is_empty());
    assert_eq!(two.sandboxes[1].calls().all().len(), looks);
    assert_eq!(two.journey(bharat, &opened.journey_id).await.sequence, before.sequence);
    // At its own tenant's address the same bytes do their work.
    assert_eq!(post(&two, &format!("finpro/{}", webhook_token(&FINPRO_CONSENT, bharat)), &body).await, 200);
    two.until_kept(bharat, &opened.journey_id).await;
    assert_eq!(applied(&two, acme).await[0].state, MessageState::Parked);
    two.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempts_own_address_leads_to_its_tenant() {
    let two = quiet().await;
    for tenant in BOTH {
        let opened = two.client(tenant).start_journey(start_request("finpass", "main", "01", &[Product::Data])).await;
        let journey_id = opened.unwrap().into_inner().journey_id;
        let tree = two.service(tenant).store().journey(tenant, &journey_id).await.unwrap().unwrap().journey;
        assert_eq!(post(&two, &format!("finpass/{}", tree.attempts[0].webhook_token.expose()), "{}").await, 200);
        let messages = applied(&two, tenant).await;
        let addressee = messages[0].attempt.as_ref().unwrap();
        assert_eq!((messages.len(), addressee.journey_id.as_str()), (1, journey_id.as_str()));
    }
    assert_eq!(post(&two, "finpass/nobodys-address-nobodys-address", "{}").await, 401);
    two.stop().await;
}
