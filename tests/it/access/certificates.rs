//! TLS of the gRPC listener, and callers with certificates.

use std::{net::SocketAddr, path::Path, sync::Arc};

use http_body_util::Empty;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose, SanType,
    date_time_ymd,
};
use rustls::{
    ClientConfig, RootCertStore, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
    version::{TLS12, TLS13},
};
use sangam::{
    config::{ClientAuth, Config, ListenTls, MtlsCaller},
    server::tls::Tls,
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::sync::CancellationToken;

use super::{STATUS, clock, config, gate, serve};

/// An authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
pub struct Identity {
    pub certificate: CertificateDer<'static>,
    pub key: PrivateKeyDer<'static>,
    pub pem: (String, String),
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    fn signs(&self, mut params: CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            pem: (certificate.pem(), key.serialize_pem()),
        }
    }

    /// A server's.
    pub fn server(&self) -> Identity {
        self.signs(CertificateParams::new(vec!["localhost".to_owned()]).unwrap())
    }

    /// A caller's, by its SPIFFE id.
    pub fn caller(&self, spiffe: &str) -> Identity {
        self.signs(Self::named(spiffe))
    }

    /// One whose time is over.
    pub fn expired(&self, spiffe: &str) -> Identity {
        let mut params = Self::named(spiffe);
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2021, 1, 1));
        self.signs(params)
    }

    fn named(spiffe: &str) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI(spiffe.try_into().unwrap())];
        params
    }
}

static BOTH: [&SupportedProtocolVersion; 2] = [&TLS13, &TLS12];
static NEW: [&SupportedProtocolVersion; 1] = [&TLS13];
static OLD: [&SupportedProtocolVersion; 1] = [&TLS12];

pub const LISTED: &str = "spiffe://lender.example/underwriting";

/// What a client offers.
pub struct Offer<'a> {
    pub trusts: &'a Authority,
    pub identity: Option<&'a Identity>,
    pub versions: &'static [&'static SupportedProtocolVersion],
    pub alpn: &'a [&'a [u8]],
}

impl<'a> Offer<'a> {
    pub fn new(trusts: &'a Authority, identity: Option<&'a Identity>) -> Self {
        Self { trusts, identity, versions: &BOTH, alpn: &[b"h2"] }
    }

    fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusts.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(self.versions).unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match self.identity {
            Some(identity) => {
                builder.with_client_auth_cert(vec![identity.certificate.clone()], identity.key.clone_key()).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = self.alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    pub async fn connect(&self, address: SocketAddr) -> Option<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(self.config())).connect(name, stream).await.ok()
    }

    /// The gRPC status of a call; none if there is no connection to call over.
    pub async fn called(&self, address: SocketAddr) -> Option<u8> {
        Client::over(self.connect(address).await?).await?.called().await
    }
}

/// An HTTP/2 connection.
pub struct Client(hyper::client::conn::http2::SendRequest<Empty<bytes::Bytes>>);

impl Client {
    pub async fn over(stream: TlsStream<TcpStream>) -> Option<Self> {
        let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
        let (client, connection) = handshake.ok()?;
        tokio::spawn(connection);
        Some(Self(client))
    }

    pub async fn called(&mut self) -> Option<u8> {
        let request = http::Request::post(format!("https://localhost{STATUS}")).header("content-type", "application/grpc");
        let answer = self.0.send_request(request.body(Empty::new()).unwrap()).await.ok()?;
        answer.headers().get("grpc-status")?.to_str().unwrap().parse().ok()
    }
}

/// Of the router, which knows no method here: the caller is let in.
pub const IN: Option<u8> = Some(12);
pub const NOBODY: Option<u8> = Some(16);

pub fn write(directory: &Path, server: &Identity, authorities: &str) {
    std::fs::write(directory.join("tls.crt"), &server.pem.0).unwrap();
    std::fs::write(directory.join("tls.key"), &server.pem.1).unwrap();
    std::fs::write(directory.join("ca.crt"), authorities).unwrap();
}

pub fn settings(directory: &Path, client_auth: ClientAuth) -> ListenTls {
    ListenTls {
        cert_file: directory.join("tls.crt"),
        key_file: directory.join("tls.key"),
        client_ca_files: vec![directory.join("ca.crt")],
        client_auth,
        handshake_ms: 10_000,
    }
}

pub fn listed() -> Config {
    let mut config = config();
    let caller = MtlsCaller {
        tenant: super::TENANT.to_owned(),
        scopes: vec!["journeys.read".to_owned()],
        spiffe_ids: vec![LISTED.to_owned()],
        dns_names: Vec::new(),
    };
    config.access.mtls.insert("underwriting".to_owned(), caller);
    config
}

#[tokio::test]
async fn only_a_listed_caller_with_a_good_certificate_over_a_good_handshake_is_let_in() {
    let (servers, callers, strangers) = (Authority::new(), Authority::new(), Authority::new());
    let directory = TempDir::new().unwrap();
    write(directory.path(), &servers.server(), &callers.pem());
    let tls = Arc::new(Tls::load(&settings(directory.path(), ClientAuth::Required), clock()).unwrap());
    let stop = CancellationToken::new();
    let address = serve(gate(&listed()), Some(tls), &stop).await;
    let good = callers.caller(LISTED);
    let offer = || Offer::new(&servers, Some(&good));

    assert_eq!(offer().called(address).await, IN);
    assert_eq!(Offer { versions: &OLD, ..offer() }.called(address).await, IN);
    assert_eq!(Offer { versions: &NEW, ..offer() }.called(address).await, IN);
    assert_eq!(Offer { alpn: &[b"http/1.1", b"h2"], ..offer() }.called(address).await, IN);

    for versions in [&OLD, &NEW] {
        let refused =
            async |identity: Option<&Identity>| Offer { versions, ..Offer::new(&servers, identity) }.called(address).await;
        assert_eq!(refused(None).await, None, "no certificate");
        assert_eq!(refused(Some(&callers.expired(LISTED))).await, None, "expired");
        assert_eq!(refused(Some(&strangers.caller(LISTED))).await, None, "another authority");
        assert_eq!(refused(Some(&callers.caller("spiffe://lender.example/other"))).await, NOBODY, "not listed");
        assert_eq!(refused(Some(&callers.server())).await, NOBODY, "another kind of name");
    }
    // What is spoken inside has to be said.
    assert_eq!(Offer { alpn: &[], ..offer() }.called(address).await, None);
    assert_eq!(Offer { alpn: &[b"http/1.1"], ..offer() }.called(address).await, None);
    // And the other way round: a client that trusts somebody else does not talk to us.
    assert_eq!(Offer::new(&strangers, Some(&good)).called(address).await, None);
    // Without TLS.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut answer = Vec::new();
    let _ = plain.read_to_end(&mut answer).await;
    assert!(answer.is_empty() || answer[0] == 21, "an alert at most: {answer:?}");
    stop.cancel();
}

/// The first bytes of the answer to a ClientHello of a version, with one cipher suite, no compression, one kind of signature, one curve.
async fn hello(address: SocketAddr, version: [u8; 2], bytes: usize) -> Vec<u8> {
    let mut hello = version.to_vec();
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0, 0, 16]);
    hello.extend([0, 13, 0, 4, 0, 2, 4, 3]);
    hello.extend([0, 10, 0, 4, 0, 2, 0, 23]);
    let mut record = vec![22, 3, 1, 0, u8::try_from(hello.len() + 4).unwrap(), 1, 0, 0, u8::try_from(hello.len()).unwrap()];
    record.extend(hello);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(&record).await.unwrap();
    let mut answer = vec![0; bytes];
    stream.read_exact(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn tls_1_1_is_refused() {
    let authority = Authority::new();
    let directory = TempDir::new().unwrap();
    write(directory.path(), &authority.server(), &authority.pem());
    let tls = Arc::new(Tls::load(&settings(directory.path(), ClientAuth::Optional), clock()).unwrap());
    let stop = CancellationToken::new();
    let address = serve(gate(&listed()), Some(tls), &stop).await;
    // The same but for the version; the later one is answered by the server's own hello.
    assert_eq!(hello(address, [3, 3], 1).await, [22]);
    // A fatal alert: protocol_version.
    assert_eq!(hello(address, [3, 2], 7).await[5..], [2, 70]);
    stop.cancel();
}

#[tokio::test]
async fn where_certificates_are_optional_a_key_or_token_is_as_good_and_a_wrong_one_is_not_made_good_by_a_certificate() {
    let authority = Authority::new();
    let directory = TempDir::new().unwrap();
    write(directory.path(), &authority.server(), &authority.pem());
    let tls = Arc::new(Tls::load(&settings(directory.path(), ClientAuth::Optional), clock()).unwrap());
    let mut config = listed();
    let (key, caller) = super::key_caller(&[sangam::access::Scope::JourneysRead]);
    config.access.api_keys.insert("collections".to_owned(), caller);
    let stop = CancellationToken::new();
    let address = serve(gate(&config), Some(tls), &stop).await;
    let identity = authority.caller(LISTED);
    let called = async |identity: Option<&Identity>, key: Option<&str>| {
        let mut client = Client::over(Offer::new(&authority, identity).connect(address).await.unwrap()).await.unwrap();
        let mut request = http::Request::post(format!("https://localhost{STATUS}")).header("content-type", "application/grpc");
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let answer = client.0.send_request(request.body(Empty::new()).unwrap()).await.unwrap();
        Some(answer.headers()["grpc-status"].to_str().unwrap().parse::<u8>().unwrap())
    };
    assert_eq!(called(Some(&identity), None).await, IN);
    assert_eq!(called(None, Some(&key)).await, IN);
    assert_eq!(called(None, None).await, NOBODY);
    assert_eq!(called(Some(&identity), Some("sgm_wrong")).await, NOBODY);
    assert_eq!(Offer::new(&authority, Some(&authority.expired(LISTED))).called(address).await, None);
    stop.cancel();
}

#[tokio::test]
async fn a_client_that_never_shakes_hands_is_sent_away_and_holds_up_nobody() {
    let authority = Authority::new();
    let directory = TempDir::new().unwrap();
    write(directory.path(), &authority.server(), &authority.pem());
    let mut settings = settings(directory.path(), ClientAuth::Optional);
    settings.handshake_ms = 100;
    let tls = Arc::new(Tls::load(&settings, clock()).unwrap());
    let stop = CancellationToken::new();
    let address = serve(gate(&listed()), Some(tls), &stop).await;
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut half = TcpStream::connect(address).await.unwrap();
    half.write_all(&[22, 3, 1]).await.unwrap();
    let identity = authority.caller(LISTED);
    assert_eq!(Offer::new(&authority, Some(&identity)).called(address).await, IN);
    // Both see the end of the connection; neither is answered.
    for stream in [&mut silent, &mut half] {
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.is_empty(), "{answer:?}");
    }
    stop.cancel();
}
