//! Who may call, and what.

mod certificates;
mod forged;
mod keys;
mod mute;
mod rotation;
mod scopes;
mod tenants;
mod tokens;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use aws_lc_rs::{
    rand::SystemRandom as Rng,
    rsa::KeySize,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sangam::{
    access::{self, Gate, Scope, api_key},
    clock::{SharedClock, SystemClock},
    config::{ApiKeyCaller, ApiKeyHash, Config, JwtIssuer},
    random::SystemRandom,
};
use serde_json::{Value, json};
use tonic::{Request, Status, metadata::MetadataValue, transport::Channel};
use tonic_prost::ProstCodec;

pub const ISSUER: &str = "https://issuer.example/";
pub const AUDIENCE: &str = "sangam";
pub const TENANT: &str = "demo";
pub const STATUS: &str = "/sangam.v1.JourneyService/GetStatus";

/// An issuer's private key.
pub enum Signer {
    Ec(EcdsaKeyPair),
    Rsa(Box<RsaKeyPair>),
}

impl Signer {
    pub fn ec() -> Self {
        Self::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    /// The public half, as a member of a key set.
    pub fn public(&self, kid: &str) -> Value {
        match self {
            Self::Ec(pair) => {
                let (x, y) = pair.public_key().as_ref()[1..].split_at(32);
                json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": base64(x), "y": base64(y)})
            }
            Self::Rsa(pair) => {
                let public = pair.public_key();
                let (n, e) = (public.modulus(), public.exponent());
                let (n, e) = (n.big_endian_without_leading_zero(), e.big_endian_without_leading_zero());
                json!({"kty": "RSA", "kid": kid, "use": "sig", "n": base64(n), "e": base64(e)})
            }
        }
    }

    pub fn sign(&self, message: &str) -> Vec<u8> {
        match self {
            Self::Ec(pair) => pair.sign(&Rng::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &Rng::new(), message.as_bytes(), &mut signature).unwrap();
                signature
            }
        }
    }

    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::Ec(_) => "ES256",
            Self::Rsa(_) => "RS256",
        }
    }

    /// A token with this header and these claims, as texts.
    pub fn token_of(&self, header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", base64(header.as_bytes()), base64(claims.as_bytes()));
        let signature = self.sign(&signed);
        format!("{signed}.{}", base64(&signature))
    }

    /// A good token, but for what `more` changes.
    pub fn token(&self, kid: &str, more: Value) -> String {
        let header = json!({"alg": self.algorithm(), "kid": kid, "typ": "JWT"});
        self.token_of(&header.to_string(), &claims(more).to_string())
    }
}

/// The claims of a good token, but for what `more` changes; null takes one out.
pub fn claims(more: Value) -> Value {
    let now = Timestamp::now().as_second();
    let mut claims = json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": "underwriting", "iat": now, "nbf": now, "exp": now + 600,
        "scope": "openid journeys.read",
    });
    for (name, value) in more.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    claims
}

pub fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub fn jwks(keys: &[Value]) -> String {
    json!({ "keys": keys }).to_string()
}

/// An issuer whose keys are in a file.
pub fn issuer(jwks_file: impl Into<std::path::PathBuf>) -> JwtIssuer {
    JwtIssuer {
        issuer: ISSUER.to_owned(),
        audience: AUDIENCE.to_owned(),
        jwks_file: Some(jwks_file.into()),
        tenant: Some(TENANT.to_owned()),
        ..JwtIssuer::default()
    }
}

/// A caller with one key that may do this, and the key.
pub fn key_caller(scopes: &[Scope]) -> (String, ApiKeyCaller) {
    let key = api_key::new_key(&SystemRandom).to_string();
    let hash = ApiKeyHash { sha256: api_key::write_hash(&api_key::hash(&key)), expire_time: None };
    let scopes = scopes.iter().map(|scope| scope.name().to_owned()).collect();
    (key, ApiKeyCaller { tenant: TENANT.to_owned(), scopes, keys: vec![hash] })
}

/// A configuration whose tenant is the sandbox's, and with everything quick.
pub fn config() -> Config {
    let mut config = Config::default();
    config.tenant.id = TENANT.to_owned();
    config.access.reload_ms = 10;
    config.access.unknown_key_pause_ms = 0;
    config
}

pub fn gate(config: &Config) -> Arc<Gate> {
    Arc::new(access::build(config, clock()).unwrap())
}

pub fn clock() -> SharedClock {
    Arc::new(SystemClock)
}

/// Calls a method with an empty request; what comes in a stream is not waited for.
pub async fn call(channel: &Channel, path: &str, headers: &[(&'static str, &str)]) -> Result<(), Status> {
    let mut request = Request::new(());
    request.set_timeout(Duration::from_secs(20));
    for (name, value) in headers {
        request.metadata_mut().append(*name, MetadataValue::try_from(*value).unwrap());
    }
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.unwrap();
    let path = path.parse().unwrap();
    client.server_streaming(request, path, ProstCodec::<(), ()>::default()).await.map(|_| ())
}

/// A gateway that knows no method at all: who is let in reads UNIMPLEMENTED, of the router.
pub async fn serve(
    gate: Arc<Gate>,
    tls: Option<Arc<sangam::server::tls::Tls>>,
    stop: &tokio_util::sync::CancellationToken,
) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let settings = sangam::server::Settings {
        max_streams: 64,
        grace: Duration::ZERO,
        ..sangam::server::Settings::new(
            &sangam::config::Config::default(),
            gate,
            tls,
            sangam::telemetry::metrics::RpcMeter::silent(),
        )
    };
    sangam::server::serve_grpc(listener, tonic::service::Routes::default(), settings, stop.clone());
    address
}

pub async fn channel(address: SocketAddr) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// Whether the caller with this token is let in.
pub async fn lets_in(channel: &Channel, token: &str) -> bool {
    let status = call(channel, STATUS, &[("authorization", &format!("Bearer {token}"))]).await.unwrap_err();
    match status.code() {
        tonic::Code::Unimplemented => true,
        tonic::Code::Unauthenticated => false,
        _ => panic!("{status:?}"),
    }
}
