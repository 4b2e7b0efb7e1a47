//! What is refused changes nothing.

use sangam::{
    config::SecretSource,
    pb::Product,
    sandbox::credentials::{FINPRO_CONSENT, FINPRO_ORCHESTRATION},
};

use super::{SIGNATURE, attempt_id, event, inbox, quiet_with, sign, signed, status, to};
use crate::harness::{World, start_request};

const SECRET: &str = FINPRO_CONSENT.webhook_secret;

async fn world() -> World {
    quiet_with(|config| config.webhook.max_body_bytes = 64 * 1024).await
}

#[tokio::test]
async fn a_forged_stale_unsigned_or_oversized_message_is_refused_and_changes_nothing() {
    let world = world().await;
    let opened = world.client.clone().start_journey(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let journey_id = opened.unwrap().into_inner().journey_id;
    let before = world.status(&journey_id).await;
    let body = event(&attempt_id(&before), "CONSENT_APPROVED", 1);
    let stale = body.replace(&body[14..24], "2020-01-01");
    assert_ne!(stale, body);
    let large = format!("{{\"accountID\":\"{}\",\"x\":\"{}\"}}", attempt_id(&before), "x".repeat(64 * 1024));
    let good = sign(SECRET, body.as_bytes());
    let hex: String = base64_bytes(&good).iter().map(|byte| format!("{byte:02x}")).collect();
    let here = format!("finpro/{}", FINPRO_CONSENT.webhook_token);
    let table: Vec<(&str, u16, String, Option<String>, String)> = vec![
        ("no signature", 401, here.clone(), None, body.clone()),
        ("an empty one", 401, here.clone(), Some(String::new()), body.clone()),
        ("not base64", 401, here.clone(), Some("%%%".to_owned()), body.clone()),
        ("too short", 401, here.clone(), Some("AAAA".to_owned()), body.clone()),
        ("hexadecimal", 401, here.clone(), Some(hex), body.clone()),
        ("under another secret", 401, here.clone(), Some(sign("guess", body.as_bytes())), body.clone()),
        (
            "under the other credential's",
            401,
            here.clone(),
            Some(sign(FINPRO_ORCHESTRATION.webhook_secret, body.as_bytes())),
            body.clone(),
        ),
        ("of another body", 401, here.clone(), Some(sign(SECRET, b"{}")), body.clone()),
        ("of the body without its last byte", 401, here.clone(), Some(good.clone()), format!("{body} ")),
        ("stale", 401, here.clone(), Some(sign(SECRET, stale.as_bytes())), stale.clone()),
        ("too large", 413, here.clone(), Some(sign(SECRET, large.as_bytes())), large.clone()),
        ("too large and unsigned", 401, here.clone(), None, large),
        ("a token that nobody has", 401, "finpro/some-token-that-nobody-has".to_owned(), Some(good.clone()), body.clone()),
        (
            "the other credential's address",
            401,
            format!("finpro/{}", FINPRO_ORCHESTRATION.webhook_token),
            Some(good.clone()),
            body.clone(),
        ),
        ("another provider", 401, format!("finpass/{}", FINPRO_CONSENT.webhook_token), Some(good.clone()), body.clone()),
        ("no provider", 401, format!("nobody/{}", FINPRO_CONSENT.webhook_token), Some(good.clone()), body.clone()),
        ("no token", 404, "finpro".to_owned(), Some(good.clone()), body.clone()),
        ("an empty token", 404, "finpro/".to_owned(), Some(good.clone()), body.clone()),
    ];
    for (what, expected, path, signature, body) in table {
        let mut request = to(&world, &path, body);
        if let Some(signature) = signature {
            request = request.header(SIGNATURE, signature);
        }
        assert_eq!(status(request).await, expected, "{what}");
        assert_eq!(inbox(&world).await, [], "{what}");
    }
    assert_eq!(world.status(&journey_id).await, before);
    assert_eq!(world.sandbox.calls().count("finpro:received:/v2/getconsentslist"), 0);
    // The same message, whole and signed, is taken.
    assert!(signed(&world, &FINPRO_CONSENT, &body).await.is_success());
    assert_eq!(inbox(&world).await.len(), 1);
    world.stop().await;
}

fn base64_bytes(text: &str) -> Vec<u8> {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.decode(text).unwrap()
}

#[tokio::test]
async fn a_body_without_a_stated_length_is_bounded_too() {
    let world = world().await;
    let chunks = (0..40).map(|_| Ok::<_, std::io::Error>(vec![b'x'; 4 * 1024]));
    let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
    let request = to(&world, &format!("finpro/{}", FINPRO_CONSENT.webhook_token), body).header(SIGNATURE, sign(SECRET, b"x"));
    assert_eq!(status(request).await, 413);
    assert_eq!(inbox(&world).await, []);
    world.stop().await;
}

#[tokio::test]
async fn two_secrets_live_while_one_takes_the_others_place() {
    let world = quiet_with(|config| {
        let next = config.store.path.with_file_name("next.secret");
        std::fs::write(&next, "the-next-secret").unwrap();
        let webhook = config.tenant.providers.finpro.get_mut("consent").unwrap().webhook.as_mut().unwrap();
        webhook.hmac_secrets.insert(0, SecretSource::from_file(next));
    })
    .await;
    let path = format!("finpro/{}", FINPRO_CONSENT.webhook_token);
    for (secret, expected) in [("the-next-secret", 200), (SECRET, 200), ("the-last-secret", 401)] {
        let body = event("att_unknown", secret, 1);
        let request = to(&world, &path, body.clone()).header(SIGNATURE, sign(secret, body.as_bytes()));
        assert_eq!(status(request).await, expected, "{secret}");
    }
    assert_eq!(inbox(&world).await.len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn whoever_sends_too_much_is_slowed_down() {
    let world = quiet_with(|config| (config.webhook.per_second, config.webhook.burst) = (1, 3)).await;
    let mut answers = Vec::new();
    for _ in 0..8 {
        let answer = to(&world, "finpro/some-token-that-nobody-has", "{}").send().await.unwrap();
        let wait = answer.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        answers.push((answer.status().as_u16(), wait));
    }
    assert_eq!(answers.iter().filter(|(status, _)| *status == 401).count(), 3, "{answers:?}");
    assert!(answers.contains(&(429, Some("1".to_owned()))), "{answers:?}");
    world.stop().await;
}

#[tokio::test]
async fn strangers_use_up_no_credentials_rate() {
    let world = quiet_with(|config| (config.webhook.per_second, config.webhook.burst) = (1, 3)).await;
    // Of the form that an attempt's address has, and of another one.
    for token in ["whk_00000000000000000000000000", "some-token-that-nobody-has"] {
        for provider in ["finpro", "finpass"] {
            for _ in 0..5 {
                to(&world, &format!("{provider}/{token}"), "{}").send().await.unwrap();
            }
        }
    }
    let body = |number| event("att_unknown", "CONSENT_APPROVED", number);
    for number in 0..3 {
        assert_eq!(signed(&world, &FINPRO_CONSENT, &body(number)).await.as_u16(), 200, "{number}");
    }
    let mut answers = Vec::new();
    for number in 3..10 {
        answers.push(signed(&world, &FINPRO_CONSENT, &body(number)).await.as_u16());
    }
    assert!(answers.contains(&429), "{answers:?}");
    // What one credential uses up is its own.
    assert_eq!(signed(&world, &FINPRO_ORCHESTRATION, &body(10)).await.as_u16(), 200);
    world.stop().await;
}

#[tokio::test]
async fn a_credential_without_an_address_takes_nothing() {
    let world = quiet_with(|config| config.tenant.providers.finpro.get_mut("consent").unwrap().webhook = None).await;
    let body = event("att_unknown", "CONSENT_APPROVED", 1);
    assert_eq!(signed(&world, &FINPRO_CONSENT, &body).await.as_u16(), 401);
    assert!(signed(&world, &FINPRO_ORCHESTRATION, &body).await.is_success());
    world.stop().await;
}
