//! Several processes of the program before one sandbox, on one store.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
};

use sangam::{
    clock::SystemClock,
    pb::{self, journey_service_client::JourneyServiceClient, watch_status_response::Event},
    sandbox::{Sandbox, SandboxConfig, gateway_config::gateway_toml},
};
use tempfile::TempDir;
use tonic::{Code, transport::Channel};

use crate::{
    command::{Killed, wait_for},
    harness::{PATIENCE, breath},
    postgres::Database,
};

pub type Client = JourneyServiceClient<Channel>;

/// What the processes keep their journeys in.
pub enum Place {
    /// A file, for one process.
    Sqlite,
    /// A database, for many.
    Postgres,
}

/// The processes and their sandbox. Processes end with the value.
pub struct Fleet {
    pub sandbox: Sandbox,
    gateways: Mutex<Vec<(Killed, Client)>>,
    directory: TempDir,
}

impl Fleet {
    /// So many processes; `change` alters the text of their configuration.
    pub async fn start(place: Place, size: usize, change: impl FnOnce(&Sandbox, String) -> String) -> Self {
        let fleet = Self::prepare(place, change).await;
        for _ in 0..size {
            fleet.add().await;
        }
        fleet
    }

    /// One process that a shell begins with these words; `"$0" "$@"` is the program. One that takes its place begins without.
    pub async fn with_shell(place: Place, shell: &str, change: impl FnOnce(&Sandbox, String) -> String) -> Self {
        let fleet = Self::prepare(place, change).await;
        let mut command = Command::new("sh");
        command.args(["-c", shell, env!("CARGO_BIN_EXE_sangam")]);
        let gateway = serve(fleet.directory.path(), command).await;
        fleet.gateways.lock().unwrap().push(gateway);
        fleet
    }

    /// The sandbox and the files.
    async fn prepare(place: Place, change: impl FnOnce(&Sandbox, String) -> String) -> Self {
        let config = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
        let sandbox = Sandbox::start(config, Arc::new(SystemClock)).await.unwrap();
        let directory = TempDir::new().unwrap();
        let text = gateway_toml(&sandbox, directory.path()).unwrap();
        // An opening that never reached the provider ends soon, and customers who take their time are not looked at all the while.
        let text = text.replace("max_ms = 400\n", "max_ms = 5000\noutcome_unknown_minutes = 1\n");
        let text = match place {
            Place::Sqlite => text,
            Place::Postgres => {
                let url = directory.path().join("database-url");
                std::fs::write(&url, Database::new().await.url).unwrap();
                let store = format!("[store]\nreplica_timeout_ms = 3000\nurl = {{ file = {url:?} }}\n\n");
                let (before, rest) = text.split_once("[store]\n").unwrap();
                let (_, after) = rest.split_once("[seal]").unwrap();
                format!("{before}{store}[seal]{after}")
            }
        };
        std::fs::write(directory.path().join("gateway.toml"), change(&sandbox, text)).unwrap();
        Self { sandbox, gateways: Mutex::default(), directory }
    }

    /// Starts one process more.
    pub async fn add(&self) {
        let gateway = serve(self.directory.path(), program()).await;
        self.gateways.lock().unwrap().push(gateway);
    }

    /// A client of a process, counted around.
    pub fn client(&self, number: usize) -> Client {
        let gateways = self.gateways.lock().unwrap();
        gateways[number % gateways.len()].1.clone()
    }

    /// How many there are, dead ones too.
    pub fn len(&self) -> usize {
        self.gateways.lock().unwrap().len()
    }

    /// Kills a process with SIGKILL and sees it dead.
    pub fn kill(&self, number: usize) {
        let child = &mut self.gateways.lock().unwrap()[number].0.0;
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Sets the largest size of the files that a running process writes, as prlimit(1) takes it.
    pub fn limit_files(&self, number: usize, limit: &str) {
        let process = self.gateways.lock().unwrap()[number].0.0.id().to_string();
        let set = Command::new("prlimit").args(["--pid", &process, &format!("--fsize={limit}")]).status().unwrap();
        assert!(set.success());
    }

    /// The memory of a running process, in kB.
    pub fn resident_kib(&self, number: usize) -> u64 {
        let process = self.gateways.lock().unwrap()[number].0.0.id();
        let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    /// Stops a process in the middle of whatever it does, until it goes on.
    pub fn pause(&self, number: usize) {
        self.gateways.lock().unwrap()[number].0.signal("STOP");
    }

    /// Lets a paused process go on as if nothing had been.
    pub fn go_on(&self, number: usize) {
        self.gateways.lock().unwrap()[number].0.signal("CONT");
    }

    /// Starts a process in place of a dead one, on the same files and on a port of its own.
    pub async fn restart(&self, number: usize) {
        let gateway = serve(self.directory.path(), program()).await;
        self.gateways.lock().unwrap()[number] = gateway;
    }

    /// Where the configuration is, for processes that a test starts itself.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The file of a store that is one.
    pub fn file(&self) -> PathBuf {
        self.path("sangam.db")
    }

    /// A file in the processes' directory.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A journey as one process tells it; nothing if it knows none.
    pub async fn status(&self, number: usize, journey_id: &str) -> Option<pb::Journey> {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        match self.client(number).get_status(request).await {
            Ok(answer) => answer.into_inner().journey,
            Err(status) if status.code() == Code::NotFound => None,
            Err(status) => panic!("{status:?}"),
        }
    }

    /// Watches a journey at a process until it `fits`, at most for so many times the tests' patience. A stream that breaks off is opened
    /// again, at the next process if need be.
    pub async fn until(
        &self,
        number: usize,
        journey_id: &str,
        patience: u32,
        fits: impl Fn(&pb::Journey) -> bool,
    ) -> pb::Journey {
        let mut seen = None;
        let found = async {
            for process in number.. {
                let request = pb::WatchStatusRequest { journey_id: journey_id.to_owned(), after_sequence: None, follow: true };
                let mut changes = match self.client(process).watch_status(request).await {
                    Ok(changes) => changes.into_inner(),
                    Err(status) => {
                        assert_ne!(status.code(), Code::NotFound, "{status:?}");
                        // A dead process refuses at once: the others are not starved by asking it.
                        breath().await;
                        continue;
                    }
                };
                while let Ok(Some(message)) = changes.message().await {
                    let Some(journey) = tree(message) else { continue };
                    if fits(&journey) {
                        return journey;
                    }
                    seen = Some(journey);
                }
            }
            unreachable!("there is always another process to ask")
        };
        let found = tokio::time::timeout(PATIENCE * patience, found).await;
        found.unwrap_or_else(|_| panic!("nothing changes any more: {seen:?}"))
    }

    pub async fn stop(self) {
        drop(self.gateways);
        self.sandbox.stop().await;
    }
}

/// The tree that a message of a watch tells.
fn tree(message: pb::WatchStatusResponse) -> Option<pb::Journey> {
    match message.event? {
        Event::Snapshot(snapshot) => snapshot.journey,
        Event::Change(change) => change.journey,
        Event::Heartbeat(_) => None,
    }
}

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_sangam"))
}

/// Starts one process and connects to it.
async fn serve(directory: &Path, mut command: Command) -> (Killed, Client) {
    command.args(["serve", "--config", "gateway.toml"]).current_dir(directory).env_clear();
    command
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = Killed(command.spawn().unwrap());
    let log = child.0.stderr.take().unwrap();
    let (address, log) = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(log).lines();
        let address = wait_for(&mut lines, "serving gRPC")["address"].as_str().unwrap().to_owned();
        (address, lines)
    })
    .await
    .unwrap();
    // The log is read on, or the gateway would block on a full pipe.
    std::thread::spawn(move || log.for_each(drop));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    (child, JourneyServiceClient::new(channel))
}
