//! Forged tokens: each is refused, and none is told why.

use std::{sync::Arc, time::Duration};

use aws_lc_rs::hmac;
use sangam::access::{
    Refused,
    jwt::{Judged, Tokens},
};
use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tonic_types::StatusExt;

use super::{ISSUER, STATUS, Signer, base64, call, channel, claims, config, gate, issuer, jwks, lets_in, serve};

/// An issuer with two keys, and another issuer.
struct Forge {
    ec: Signer,
    rsa: Signer,
    stranger: Signer,
    other: Signer,
    _directory: TempDir,
    config: sangam::config::Config,
}

impl Forge {
    fn new() -> Self {
        let (ec, rsa, stranger, other) = (Signer::ec(), Signer::rsa(), Signer::ec(), Signer::ec());
        let directory = TempDir::new().unwrap();
        let (one, two) = (directory.path().join("one.json"), directory.path().join("two.json"));
        std::fs::write(&one, jwks(&[ec.public("ec"), rsa.public("rsa")])).unwrap();
        std::fs::write(&two, jwks(&[other.public("other")])).unwrap();
        let mut config = config();
        config.access.jwt.insert("corporate".to_owned(), issuer(one));
        let mut second = issuer(two);
        second.issuer = "https://other.example/".to_owned();
        config.access.jwt.insert("other".to_owned(), second);
        Self { ec, rsa, stranger, other, _directory: directory, config }
    }

    /// Signed by HMAC, with the bytes of a public key as its secret.
    fn hmac(&self, secret: &[u8], kid: &str) -> String {
        let header = json!({"alg": "HS256", "kid": kid}).to_string();
        let signed = format!("{}.{}", base64(header.as_bytes()), base64(claims(json!({})).to_string().as_bytes()));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), signed.as_bytes());
        format!("{signed}.{}", base64(tag.as_ref()))
    }

    /// By the word that the log has for it.
    fn forged(&self) -> Vec<(&'static str, Refused, String)> {
        use Refused as R;
        let Self { ec, rsa, stranger, other, .. } = self;
        let good = ec.token("ec", json!({}));
        let (signed, signature) = good.rsplit_once('.').unwrap();
        let (header, body) = signed.split_once('.').unwrap();
        let with_header = |header: serde_json::Value| ec.token_of(&header.to_string(), &claims(json!({})).to_string());
        let with_claims = |more| ec.token("ec", more);
        let plain = json!({"alg": "none", "kid": "ec"}).to_string();
        let public = rsa.public("rsa");
        let now = jiff::Timestamp::now().as_second();
        let doubled = claims(json!({})).to_string().replacen('{', "{\"sub\":\"admin\",", 1);
        let deep = claims(json!({})).to_string().replacen('{', &format!("{{\"x\":{}{},", "[".repeat(200), "]".repeat(200)), 1);
        let flipped = format!(
            "{signed}.{}",
            if signature.starts_with('A') { signature.replacen('A', "B", 1) } else { format!("A{}", &signature[1..]) }
        );
        vec![
            ("alg none", R::TokenAlgorithm, format!("{}.{body}.", base64(plain.as_bytes()))),
            ("alg none with a signature", R::TokenAlgorithm, ec.token_of(&plain, &claims(json!({})).to_string())),
            ("alg None", R::TokenAlgorithm, with_header(json!({"alg": "NoNe", "kid": "ec"}))),
            ("HMAC with the modulus", R::TokenAlgorithm, self.hmac(public["n"].as_str().unwrap().as_bytes(), "rsa")),
            ("HMAC with the key set's entry", R::TokenAlgorithm, self.hmac(public.to_string().as_bytes(), "rsa")),
            (
                "an RSA key said to be of ES256",
                R::TokenAlgorithm,
                rsa.token_of(&json!({"alg": "ES256", "kid": "rsa"}).to_string(), &claims(json!({})).to_string()),
            ),
            ("an EC key said to be of RS256", R::TokenAlgorithm, with_header(json!({"alg": "RS256", "kid": "ec"}))),
            (
                "RSA signature under the EC key",
                R::TokenSignature,
                rsa.token_of(&json!({"alg": "ES256", "kid": "ec"}).to_string(), &claims(json!({})).to_string()),
            ),
            (
                "PS256 where the key is for RS256",
                R::TokenAlgorithm,
                rsa.token_of(&json!({"alg": "PS256", "kid": "rsa"}).to_string(), &claims(json!({})).to_string()),
            ),
            ("exp as text", R::TokenClaims, with_claims(json!({"exp": (now + 600).to_string()}))),
            ("nbf as text", R::TokenClaims, with_claims(json!({"nbf": now.to_string()}))),
            ("iat as text", R::TokenClaims, with_claims(json!({"iat": "now"}))),
            ("no exp", R::TokenClaims, with_claims(json!({"exp": null}))),
            ("no aud", R::TokenClaims, with_claims(json!({"aud": null}))),
            ("no iss", R::TokenIssuer, with_claims(json!({"iss": null}))),
            ("no sub", R::TokenClaims, with_claims(json!({"sub": null}))),
            ("expired", R::TokenExpired, with_claims(json!({"exp": now - 31}))),
            ("not yet valid", R::TokenEarly, with_claims(json!({"nbf": now + 300}))),
            ("issued in the future", R::TokenEarly, with_claims(json!({"iat": now + 300}))),
            ("another audience", R::TokenAudience, with_claims(json!({"aud": "sangam2"}))),
            ("an audience within a text", R::TokenAudience, with_claims(json!({"aud": "other sangam"}))),
            ("another issuer", R::TokenIssuer, with_claims(json!({"iss": "https://issuer.example.evil/"}))),
            ("an issuer in a list", R::TokenIssuer, with_claims(json!({"iss": [ISSUER]}))),
            ("a huge kid", R::TokenHeader, with_header(json!({"alg": "ES256", "kid": "k".repeat(4096)}))),
            ("a kid with a path", R::TokenKey, with_header(json!({"alg": "ES256", "kid": "../../dev/null"}))),
            ("the kid of another issuer", R::TokenKey, other.token("other", json!({}))),
            ("another issuer's key under our issuer's kid", R::TokenSignature, other.token("ec", json!({}))),
            ("no kid", R::TokenHeader, with_header(json!({"alg": "ES256"}))),
            (
                "a key of its own",
                R::TokenHeader,
                stranger.token_of(
                    &json!({"alg": "ES256", "kid": "ec", "jwk": stranger.public("ec")}).to_string(),
                    &claims(json!({})).to_string(),
                ),
            ),
            (
                "a key at its own address",
                R::TokenHeader,
                with_header(json!({"alg": "ES256", "kid": "ec", "jku": "https://evil.example/jwks"})),
            ),
            (
                "a certificate at its own address",
                R::TokenHeader,
                with_header(json!({"alg": "ES256", "kid": "ec", "x5u": "https://evil.example/crt"})),
            ),
            ("a certificate of its own", R::TokenHeader, with_header(json!({"alg": "ES256", "kid": "ec", "x5c": ["AAAA"]}))),
            ("crit", R::TokenHeader, with_header(json!({"alg": "ES256", "kid": "ec", "crit": ["exp"]}))),
            (
                "a type that is no access token",
                R::TokenHeader,
                with_header(json!({"alg": "ES256", "kid": "ec", "typ": "logout+jwt"})),
            ),
            ("a claim twice", R::TokenForm, ec.token_of(&json!({"alg": "ES256", "kid": "ec"}).to_string(), &doubled)),
            (
                "a header twice",
                R::TokenForm,
                ec.token_of("{\"alg\":\"none\",\"alg\":\"ES256\",\"kid\":\"ec\"}", &claims(json!({})).to_string()),
            ),
            ("deeply nested", R::TokenForm, ec.token_of(&json!({"alg": "ES256", "kid": "ec"}).to_string(), &deep)),
            ("truncated", R::TokenSignature, good[..good.len() - 2].to_owned()),
            ("without the signature's part", R::TokenForm, signed[..signed.len() - 1].to_owned()),
            ("an empty signature", R::TokenSignature, format!("{signed}.")),
            ("padded base64", R::TokenForm, format!("{signed}.{signature}==")),
            ("bad base64", R::TokenForm, format!("{header}.{body}!.{signature}")),
            ("a flipped signature", R::TokenSignature, flipped),
            ("signed by a stranger", R::TokenSignature, stranger.token("ec", json!({}))),
            (
                "claims of another token",
                R::TokenSignature,
                format!("{header}.{}.{signature}", base64(claims(json!({"sub": "admin"})).to_string().as_bytes())),
            ),
            ("four parts", R::TokenForm, format!("{good}.{signature}")),
            ("an encrypted token's shape", R::TokenForm, format!("{header}.a.b.c.d")),
            ("a subject with a line break", R::TokenClaims, with_claims(json!({"sub": "a\nb"}))),
            ("scopes as a number", R::TokenClaims, with_claims(json!({"scope": 1}))),
            ("20 kB", R::TokenSize, with_claims(json!({"x": "y".repeat(20_000)}))),
            ("nothing", R::TokenForm, "x".to_owned()),
        ]
    }
}

/// What a caller sees of a refusal, but for its call id.
fn shape(status: &Status) -> (Code, String, Vec<u8>, Vec<String>) {
    let mut names: Vec<String> = status.metadata().clone().into_headers().keys().map(ToString::to_string).collect();
    names.sort();
    (status.code(), status.message().to_owned(), status.details().to_vec(), names)
}

#[tokio::test]
async fn no_forged_token_is_let_in_and_all_are_refused_in_the_same_words() {
    let forge = Forge::new();
    let stop = CancellationToken::new();
    let gate = gate(&forge.config);
    gate.keep(Duration::from_millis(10), Vec::new(), &stop);
    let channel = channel(serve(gate, None, &stop).await).await;
    for token in [forge.ec.token("ec", json!({})), forge.rsa.token("rsa", json!({}))] {
        assert!(lets_in(&channel, &token).await);
    }
    let nothing = shape(&call(&channel, STATUS, &[]).await.unwrap_err());
    assert_eq!(nothing.0, Code::Unauthenticated);
    let forged = forge.forged();
    assert!(forged.len() > 40);
    for (what, _, token) in forged {
        let status = call(&channel, STATUS, &[("authorization", &format!("Bearer {token}"))]).await.unwrap_err();
        assert_eq!(shape(&status), nothing, "{what}");
        let info = status.get_details_error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.metadata.len()), ("UNAUTHENTICATED", 1), "{what}");
    }
    stop.cancel();
}

#[tokio::test]
async fn the_log_has_the_word_of_the_check_that_failed() {
    let forge = Forge::new();
    let gate = gate(&forge.config);
    let tokens: &Arc<Tokens> = gate.ways().tokens.as_ref().unwrap();
    let judged = async |token: &str| match tokens.judge(token) {
        Judged::Caller(caller) => Ok(caller.name.to_string()),
        Judged::Refused(refused) => Err(refused),
        Judged::Later(_) => Err(Refused::TokenKey),
    };
    assert_eq!(judged(&forge.ec.token("ec", json!({}))).await, Ok("jwt:corporate:underwriting".to_owned()));
    for (what, expected, token) in forge.forged() {
        assert_eq!(judged(&token).await, Err(expected), "{what}");
    }
    assert_eq!(judged(&"a".repeat(1024 * 1024)).await, Err(Refused::TokenSize));
}

#[tokio::test]
async fn a_token_that_was_good_is_worth_nothing_once_its_time_is_over() {
    let forge = Forge::new();
    let shifted = Arc::new(crate::harness::ShiftedClock::default());
    let gate = sangam::access::build(&forge.config, shifted.clone()).unwrap();
    let token = forge.ec.token("ec", json!({}));
    let tokens = gate.ways().tokens.as_ref().unwrap();
    assert!(matches!(tokens.judge(&token), Judged::Caller(_)) && matches!(tokens.judge(&token), Judged::Caller(_)));
    shifted.advance(1);
    assert!(matches!(tokens.judge(&token), Judged::Refused(Refused::TokenExpired)));
}
