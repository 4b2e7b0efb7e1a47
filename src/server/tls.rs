//! TLS of the gRPC listener: 1.2 and 1.3, HTTP/2 only, with or without the certificates of callers. Certificates, key and authorities are
//! read anew while the gateway runs.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{
        NoServerSessionStorage, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
    time_provider::TimeProvider,
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use crate::{
    access::{
        peer::{Peer, Trust},
        reload::{Files, Reload},
    },
    clock::SharedClock,
    config::{ClientAuth, ListenTls},
};

/// What is spoken inside: gRPC is HTTP/2.
const ALPN: &[u8] = b"h2";

/// The TLS of a listener.
pub struct Tls {
    current: ArcSwap<Loaded>,
    files: Mutex<Files>,
    settings: ListenTls,
    clock: SharedClock,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What was made of the files.
struct Loaded {
    config: Arc<ServerConfig>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
}

impl Tls {
    /// Reads the files; the error says what is wrong with them.
    pub fn load(settings: &ListenTls, clock: SharedClock) -> Result<Self, String> {
        let mut files = Files::new(paths(settings));
        let contents = match files.changed() {
            Some(Ok(contents)) => contents,
            Some(Err(kind)) => return Err(format!("a file cannot be read: {kind}")),
            None => return Err("there are no files".to_owned()),
        };
        let loaded = Loaded::new(settings, &contents, &clock)?;
        Ok(Self { current: ArcSwap::from_pointee(loaded), files: Mutex::new(files), settings: settings.clone(), clock })
    }

    /// Shakes hands, within the time. None if that fails, or if the client does not speak HTTP/2: it is told so by the protocol, and the
    /// log would only repeat strangers.
    pub(super) async fn accept(self: &Arc<Self>, stream: TcpStream) -> Option<(TlsStream<TcpStream>, Option<Arc<Peer>>)> {
        let config = self.current.load().config.clone();
        let limit = Duration::from_millis(self.settings.handshake_ms);
        let stream = match tokio::time::timeout(limit, TlsAcceptor::from(config).accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                tracing::debug!(kind = ?error.kind(), "a TLS handshake has failed");
                return None;
            }
            Err(_) => {
                tracing::debug!("a TLS handshake took too long");
                return None;
            }
        };
        let (_, session) = stream.get_ref();
        if session.alpn_protocol() != Some(ALPN) {
            return None;
        }
        let chain = session.peer_certificates().map(|chain| chain.iter().map(|one| one.clone().into_owned()).collect());
        let trust: Arc<dyn Trust> = self.clone();
        let peer = chain.map(|chain| Arc::new(Peer::new(chain, trust, self.clock.now())));
        Some((stream, peer))
    }
}

impl Reload for Tls {
    fn look(&self) {
        let changed = self.files.lock().unwrap_or_else(PoisonError::into_inner).changed();
        let loaded = match changed {
            None => return,
            Some(Ok(contents)) => Loaded::new(&self.settings, &contents, &self.clock),
            Some(Err(kind)) => Err(format!("a file cannot be read: {kind}")),
        };
        match loaded {
            Ok(loaded) => {
                self.current.store(Arc::new(loaded));
                tracing::info!(setting = "listen.tls", "the new certificates are in use");
            }
            Err(cause) => tracing::error!(setting = "listen.tls", cause, "the new certificates cannot be used; the old stay"),
        }
    }
}

impl Trust for Tls {
    fn trusts(&self, chain: &[CertificateDer<'static>], now: Timestamp) -> bool {
        let loaded = self.current.load();
        let (Some(verifier), Some((own, others))) = (&loaded.verifier, chain.split_first()) else { return false };
        verifier.verify_client_cert(own, others, unix(now)).is_ok_and(|ClientCertVerified { .. }| true)
    }
}

fn paths(settings: &ListenTls) -> impl Iterator<Item = PathBuf> {
    [&settings.cert_file, &settings.key_file].into_iter().chain(&settings.client_ca_files).cloned()
}

impl Loaded {
    /// Of the contents of certificate, key and authorities, in this order.
    fn new(settings: &ListenTls, contents: &[Vec<u8>], clock: &SharedClock) -> Result<Self, String> {
        let [certificate, key, authorities @ ..] = contents else { return Err("there are no files".to_owned()) };
        let chain = certificates(certificate, "cert_file")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "key_file: holds no private key in PEM".to_owned())?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = verifier(settings, authorities, &provider)?;
        let builder = ServerConfig::builder_with_details(provider, Arc::new(OurTime(clock.clone())))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|_| "the TLS library has no such version".to_owned())?;
        let builder = match &verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier.clone()),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder
            .with_single_cert(chain, key)
            .map_err(|_| "cert_file and key_file: the key is not the certificate's, or of a kind that is not known".to_owned())?;
        config.alpn_protocols = vec![ALPN.to_vec()];
        // Connections are long, so nothing is won by resuming one; and a resumed one would not be judged by what is trusted now.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Self { config: Arc::new(config), verifier })
    }
}

fn verifier(
    settings: &ListenTls,
    authorities: &[Vec<u8>],
    provider: &Arc<CryptoProvider>,
) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
    if authorities.is_empty() {
        return Ok(None);
    }
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        for certificate in certificates(authority, "client_ca_files")? {
            roots.add(certificate).map_err(|_| "client_ca_files: holds what is no certificate of an authority".to_owned())?;
        }
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
    let builder = match settings.client_auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map(Some).map_err(|_| "client_ca_files: no authority can be used".to_owned())
}

fn certificates(pem: &[u8], setting: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match read {
        Ok(all) if !all.is_empty() => Ok(all),
        _ => Err(format!("{setting}: holds no certificate in PEM, or one that is damaged")),
    }
}

fn unix(now: Timestamp) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now.as_second()).unwrap_or_default()))
}

/// Our clock, as the TLS library asks for the time.
struct OurTime(SharedClock);

impl fmt::Debug for OurTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OurTime")
    }
}

impl TimeProvider for OurTime {
    fn current_time(&self) -> Option<UnixTime> {
        Some(unix(self.0.now()))
    }
}
