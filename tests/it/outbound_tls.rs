//! Calls to providers over TLS: nobody is believed without a certificate that is good, and nothing is told to anybody else.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue};
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use sangam::{
    clock::SystemClock,
    providers::{
        error::{Effect, ErrorKind},
        http::{CallKind, Executor, Limits, OutboundRequest, Outward},
        provider::Call,
    },
    telemetry::metrics::CallMeter,
};
use tokio::{io::AsyncReadExt, net::TcpListener, time::Instant};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::aws_lc_rs::default_provider,
        pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    },
};

/// What a server has seen.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    /// Bytes of requests; a handshake is none.
    told: AtomicUsize,
}

/// A server with a certificate; answers its port.
async fn serve(params: CertificateParams) -> (u16, Arc<Seen>) {
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions().unwrap();
    let config = config.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::<Seen>::default();
    let noted = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            noted.connections.fetch_add(1, Ordering::SeqCst);
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let mut bytes = [0; 1024];
                noted.told.fetch_add(stream.read(&mut bytes).await.unwrap_or_default(), Ordering::SeqCst);
            }
        }
    });
    (port, seen)
}

fn certificate(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).unwrap()
}

#[tokio::test]
async fn a_provider_without_a_good_certificate_is_told_nothing() {
    let mut expired = certificate("127.0.0.1");
    (expired.not_before, expired.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
    let cases = [("self-signed", certificate("127.0.0.1")), ("another name", certificate("files.example")), ("expired", expired)];
    for (name, params) in cases {
        let (port, seen) = serve(params).await;
        let base = format!("https://127.0.0.1:{port}/").parse().unwrap();
        let mut credentials = HeaderMap::new();
        credentials.insert("client_secret", HeaderValue::from_static("opensesame"));
        let limits = Limits { retry_pause: Duration::from_millis(1), ..Limits::default() };
        let outward = Outward {
            jitter: Arc::new(|| 0.0),
            meter: CallMeter::silent(),
            bodies: sangam::memory::BodyBudget::new(1 << 30).share(),
        };
        let executor = Executor::new(base, credentials, limits, outward, Arc::new(SystemClock)).unwrap();
        let call = Call { deadline: Instant::now() + Duration::from_secs(20) };
        let error = executor.send(call, OutboundRequest::of_executor_test(CallKind::Read, "path", &())).await.unwrap_err();
        assert_eq!((error.kind, error.effect), (ErrorKind::Unavailable, Effect::None), "{name}");
        assert!(seen.connections.load(Ordering::SeqCst) > 0, "{name}: nobody came");
        assert_eq!(seen.told.load(Ordering::SeqCst), 0, "{name}");
    }
}
