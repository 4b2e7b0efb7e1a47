//! A gateway in a process of its own, with everything that it gives out: its log, its spans, its files, its command line.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use sangam::{
    app::App,
    clock::Clock,
    config::Config,
    pb::{self, journey_service_client::JourneyServiceClient},
    telemetry,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;

use crate::{
    command::{Killed, sangam},
    traces::{Exports, collector},
};

pub const PATIENCE: Duration = Duration::from_secs(60);
/// Where the process that panics finds its directory.
const PANICS: &str = "SANGAM_TEST_PANICS";

/// Something that the gateway gave out: what it is, and its bytes.
pub type Output = (String, Vec<u8>);

/// See the module.
pub struct Process {
    child: Killed,
    printed: Arc<Mutex<Vec<u8>>>,
    exports: Exports,
    stop: CancellationToken,
    directory: PathBuf,
    pub channel: Channel,
    admin: String,
    pub webhook: String,
}

impl Process {
    /// The real program, with the configuration `sangam.toml` in the directory.
    pub async fn real(directory: &Path) -> Self {
        Self::start(directory, sangam(directory, &["serve", "--config", "sangam.toml"])).await
    }

    /// The same gateway in a process whose clock panics, with `text`, as long as the file `armed` is there.
    pub async fn panicking(directory: &Path, text: &str) -> Self {
        std::fs::write(directory.join("panic-text"), text).unwrap();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["canary::gateway::a_gateway_whose_clock_panics", "--exact", "--nocapture"]);
        command.current_dir(directory).env_clear().env(PANICS, directory).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self::start(directory, command).await
    }

    async fn start(directory: &Path, mut command: Command) -> Self {
        let stop = CancellationToken::new();
        let (address, exports) = collector(&stop).await;
        let temporary = directory.join("tmp");
        std::fs::create_dir_all(&temporary).unwrap();
        command.env("TMPDIR", &temporary);
        command.env("SANGAM__TELEMETRY__OTLP_ENDPOINT", format!("http://{address}"));
        command.env("SANGAM__TELEMETRY__LOG_FILTER", "trace").env("SANGAM__TENANT__RETAIN_EVIDENCE", "true");
        command.env("SANGAM__POLLER__FIRST_MS", "5").env("SANGAM__POLLER__MAX_MS", "20");
        let mut child = Killed(command.spawn().unwrap());
        let printed = Arc::<Mutex<Vec<u8>>>::default();
        let (say, addresses) = mpsc::channel();
        let mut output = child.0.stdout.take().unwrap();
        let kept = printed.clone();
        std::thread::spawn(move || {
            let mut some = [0; 4096];
            while let Ok(read @ 1..) = output.read(&mut some) {
                kept.lock().unwrap().extend_from_slice(&some[..read]);
            }
        });
        let kept = printed.clone();
        let mut log = BufReader::new(child.0.stderr.take().unwrap());
        std::thread::spawn(move || {
            let mut line = Vec::new();
            while let Ok(1..) = log.read_until(b'\n', &mut line) {
                let read: serde_json::Value = serde_json::from_slice(&line).unwrap_or_default();
                if let ("serving probes and metrics" | "serving gRPC" | "taking webhooks", Some(address)) =
                    (read["message"].as_str().unwrap_or_default(), read["address"].as_str())
                {
                    let _ = say.send(address.to_owned());
                }
                kept.lock().unwrap().append(&mut line);
            }
        });
        let next = || {
            addresses.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&printed.lock().unwrap())))
        };
        let (admin, grpc, webhook) = (next(), next(), next());
        let channel = Channel::from_shared(format!("http://{grpc}")).unwrap().connect().await.unwrap();
        Self { child, printed, exports, stop, directory: directory.to_owned(), channel, admin, webhook }
    }

    pub fn client(&self) -> JourneyServiceClient<Channel> {
        JourneyServiceClient::new(self.channel.clone()).max_decoding_message_size(16 * 1024 * 1024)
    }

    /// Asks for the tree until it has settled.
    pub async fn settled(&self, journey_id: &str) -> pb::Journey {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
            let journey = self.client().get_status(request).await.unwrap().into_inner().journey.unwrap();
            if journey.settled {
                return journey;
            }
            assert!(Instant::now() < give_up, "{journey:?}");
        }
    }

    /// What it has given out so far: its files as they are now, their names, its command line, what it printed.
    pub fn outputs(&self) -> Vec<Output> {
        let mut outputs = Vec::new();
        files(&self.directory, &self.directory, &mut outputs);
        let line = std::fs::read(format!("/proc/{}/cmdline", self.child.0.id())).unwrap_or_default();
        outputs.push(("command line".to_owned(), line));
        outputs.push(("log".to_owned(), self.printed.lock().unwrap().clone()));
        outputs
    }

    /// What it tells whoever watches over it.
    fn metrics(&self) -> Vec<u8> {
        let mut admin = std::net::TcpStream::connect(&self.admin).unwrap();
        admin.write_all(b"GET /metrics HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").unwrap();
        let mut text = Vec::new();
        admin.read_to_end(&mut text).unwrap();
        assert!(text.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&text));
        // Without the numbers, which may hold any digits.
        let text = String::from_utf8(text).unwrap();
        let named =
            text.lines().map(|line| line.rsplit_once(' ').filter(|_| !line.starts_with('#')).map_or(line, |(named, _)| named));
        named.collect::<Vec<_>>().join("\n").into_bytes()
    }

    /// Ends it, and answers what it gave out in all.
    pub fn ended(mut self) -> Vec<Output> {
        let metrics = self.metrics();
        let code = self.child.terminate();
        self.stop.cancel();
        let mut outputs = self.outputs();
        outputs.push(("metrics".to_owned(), metrics));
        assert_eq!(code, Some(0));
        let exports = self.exports.lock().unwrap();
        outputs.extend(exports.iter().map(|(path, body)| (format!("span export {path}"), body.to_vec())));
        outputs
    }
}

/// Every file that the gateway writes, and every name. What the operator wrote stays out: the configuration and the files of secrets.
fn files(directory: &Path, root: &Path, outputs: &mut Vec<Output>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        outputs.push((format!("file name {name}"), name.clone().into_bytes()));
        let own = path.parent() != Some(root) || name.starts_with("sangam.db");
        if path.is_dir() {
            files(&path, root, outputs);
        } else if own {
            outputs.push((name, std::fs::read(&path).unwrap()));
        }
    }
}

/// Panics on demand.
struct Panicking {
    armed: PathBuf,
    text: String,
}

impl Clock for Panicking {
    fn now(&self) -> jiff::Timestamp {
        assert!(!self.armed.exists(), "{}", self.text);
        jiff::Timestamp::now()
    }
}

/// Not a test by itself: the process that [`Process::panicking`] starts runs it. Anywhere else it proves only that nobody asked for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_clock_panics() {
    let Some(directory) = std::env::var_os(PANICS).map(PathBuf::from) else { return };
    let env = std::env::vars().filter(|(name, _)| name != PANICS);
    let config = Config::load(Some(&directory.join("sangam.toml")), env).unwrap();
    let logs = telemetry::init(&config.telemetry).unwrap();
    let text = std::fs::read_to_string(directory.join("panic-text")).unwrap();
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let running = App::start(config, Arc::new(Panicking { armed: directory.join("armed"), text })).await.unwrap();
    tracing::info!(target: "sangam", address = %running.grpc, "serving gRPC");
    tracing::info!(target: "sangam", address = %running.webhook, "taking webhooks");
    terminate.recv().await;
    running.stop().await;
    logs.shutdown().await;
}
