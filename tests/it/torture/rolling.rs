//! Rolling restarts as an orchestrator does them: a new process is asked whether it is ready and joins; the oldest gets SIGTERM, leaves the
//! list of addresses once its readiness says no, and has to end by itself. Callers and watchers go on all the while.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{FutureExt, future::BoxFuture};
use sangam::{
    pb::{self, JourneyState, watch_status_response::Event},
    sandbox::customer,
};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};
use tonic::transport::Channel;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::{
    Verdict,
    fleet::{Client, Fleet, Place},
    mobile, opening, size, verdict,
};
use crate::{
    command::{Killed, sangam, wait_for},
    harness::PATIENCE,
};

/// Connections of watchers to one process. Streams of one connection are bounded (`listen.max_streams`): what is beyond them waits in the
/// client, and calls that share the connection with it.
const CONNECTIONS: usize = 8;

/// Where a process is called: calls have a connection of their own.
#[derive(Clone)]
struct Address {
    client: Client,
    watchers: Vec<Client>,
}

impl Address {
    async fn connect(grpc: &str) -> Self {
        let client = Client::new(connect(grpc).await);
        let mut watchers = Vec::new();
        for _ in 0..CONNECTIONS {
            watchers.push(Client::new(connect(grpc).await));
        }
        Self { client, watchers }
    }

    fn watcher(&self, turn: usize) -> Client {
        self.watchers[turn % CONNECTIONS].clone()
    }
}

async fn connect(address: &str) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

/// A process as the orchestrator knows it.
struct Replica {
    process: Killed,
    address: Address,
    grpc: String,
    admin: Channel,
}

impl Replica {
    async fn start(directory: &Path) -> Self {
        let mut process =
            Killed(sangam(directory, &["serve", "--config", "gateway.toml"]).stdout(Stdio::null()).spawn().unwrap());
        let log = process.0.stderr.take().unwrap();
        let (admin, grpc) = tokio::task::spawn_blocking(move || {
            let mut lines = BufReader::new(log).lines();
            let mut address = |message: &str| wait_for(&mut lines, message)["address"].as_str().unwrap().to_owned();
            let addresses = (address("serving probes and metrics"), address("serving gRPC"));
            // The log is read on, or the gateway would block on a full pipe.
            std::thread::spawn(move || lines.for_each(drop));
            addresses
        })
        .await
        .unwrap();
        let replica = Self { process, address: Address::connect(&grpc).await, grpc, admin: connect(&admin).await };
        replica.until_ready(true).await;
        replica
    }

    /// Probes until the readiness is as wanted. A process that has gone is not ready either.
    async fn until_ready(&self, wanted: bool) {
        let give_up = Instant::now() + PATIENCE;
        let request = HealthCheckRequest { service: "readiness".to_owned() };
        loop {
            let answer = HealthClient::new(self.admin.clone()).check(request.clone()).await;
            let ready = answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving);
            if ready == wanted {
                return;
            }
            assert!(Instant::now() < give_up, "the readiness stays {ready}");
            tokio::task::yield_now().await;
        }
    }

    fn terminate(&self) {
        // The shell's own kill: the program of that name is not on every machine.
        let killed = Command::new("sh").args(["-c", &format!("kill -TERM {}", self.process.0.id())]).status().unwrap();
        assert!(killed.success());
    }

    async fn ended(mut self) -> Option<i32> {
        tokio::task::spawn_blocking(move || self.process.0.wait().unwrap().code()).await.unwrap()
    }
}

/// What callers know: the addresses, and what they have met.
#[derive(Default)]
struct Callers {
    addresses: Mutex<Vec<Address>>,
    turn: AtomicUsize,
    journeys: Mutex<Vec<String>>,
    /// Sequences of changes as they were told, by journey.
    told: Mutex<HashMap<String, Vec<i64>>>,
    calls: AtomicUsize,
    again: AtomicUsize,
    resumed: AtomicUsize,
    failed: Mutex<Vec<String>>,
}

impl Callers {
    fn next<T>(&self, of: impl Fn(&Address, usize) -> T) -> T {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let addresses = self.addresses.lock().unwrap();
        of(&addresses[turn % addresses.len()], turn / addresses.len())
    }

    fn client(&self) -> Client {
        self.next(|address, _| address.client.clone())
    }

    fn fail(&self, what: String) {
        self.failed.lock().unwrap().push(what);
    }

    /// A call that is sent to another address where one says that it goes, as clients with a list of addresses do by themselves.
    async fn call<T>(&self, call: impl Fn(Client) -> BoxFuture<'static, Result<T, tonic::Status>>) -> Option<T> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        for _ in 0..10 {
            match call(self.client()).await.map_err(verdict) {
                Ok(answer) => return Some(answer),
                Err(Verdict::Again) => self.again.fetch_add(1, Ordering::Relaxed),
                Err(other) => {
                    self.fail(format!("{other:?}"));
                    return None;
                }
            };
        }
        self.fail("told to come again and again".to_owned());
        None
    }

    async fn start(&self, request: &pb::StartJourneyRequest) -> Option<pb::StartJourneyResponse> {
        let call = |mut client: Client| {
            let request = request.clone();
            async move { client.start_journey(request).await }.boxed()
        };
        let answer = self.call(call).await?.into_inner();
        self.journeys.lock().unwrap().push(answer.journey_id.clone());
        Some(answer)
    }

    async fn status(&self, journey_id: &str) -> Option<pb::Journey> {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        let call = |mut client: Client| {
            let request = request.clone();
            async move { client.get_status(request).await }.boxed()
        };
        self.call(call).await?.into_inner().journey
    }

    /// Asks for journeys in turn, for ever.
    async fn ask(self: Arc<Self>) {
        loop {
            let turn = self.turn.load(Ordering::Relaxed);
            let journey_id = {
                let journeys = self.journeys.lock().unwrap();
                journeys.get(turn % journeys.len().max(1)).cloned()
            };
            match journey_id {
                Some(journey_id) => drop(self.status(&journey_id).await),
                None => tokio::task::yield_now().await,
            }
        }
    }

    /// Follows a journey for ever, from the last change on wherever a stream ends.
    async fn watch(self: Arc<Self>, journey_id: String) {
        // It begins at the process that goes next, so that it is sure to be cut.
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let mut next = self.addresses.lock().unwrap().first().map(|address| address.watcher(turn));
        loop {
            let after = self.told.lock().unwrap().entry(journey_id.clone()).or_default().last().copied().unwrap_or(0);
            let request = pb::WatchStatusRequest { journey_id: journey_id.clone(), after_sequence: Some(after), follow: true };
            let mut client = next.take().unwrap_or_else(|| self.next(Address::watcher));
            let mut stream = match client.watch_status(request).await {
                Ok(stream) => stream.into_inner(),
                Err(status) => match verdict(status) {
                    Verdict::Again => continue,
                    other => return self.fail(format!("{other:?}")),
                },
            };
            let end = loop {
                match stream.message().await {
                    Ok(Some(message)) => match message.event {
                        Some(Event::Change(change)) => {
                            self.told.lock().unwrap().entry(journey_id.clone()).or_default().push(change.sequence);
                        }
                        Some(Event::Heartbeat(_)) => {}
                        other => return self.fail(format!("no change: {other:?}")),
                    },
                    Ok(None) => return self.fail("a stream ended as if all were told".to_owned()),
                    Err(status) => break status,
                }
            };
            match verdict(end) {
                Verdict::Again => drop(self.resumed.fetch_add(1, Ordering::Relaxed)),
                other => return self.fail(format!("{other:?}")),
            }
        }
    }
}

/// Opens journeys with a watcher each; answers where their customers go.
async fn open(callers: &Arc<Callers>, watchers: &mut JoinSet<()>, begin: usize, count: usize) -> Vec<String> {
    let mut urls = Vec::new();
    for number in begin..begin + count {
        let Some(opened) = callers.start(&opening(&mobile(number))).await else { continue };
        watchers.spawn(callers.clone().watch(opened.journey_id));
        urls.push(opened.customer_url);
    }
    urls
}

/// Waits until every journey has its data and every watcher was told of its last change.
async fn settle(callers: &Callers) -> HashMap<String, i64> {
    let journeys = callers.journeys.lock().unwrap().clone();
    let give_up = Instant::now() + PATIENCE * 6;
    let mut last = HashMap::new();
    for journey_id in journeys {
        loop {
            let journey = callers.status(&journey_id).await.unwrap();
            let kept = journey.consents.iter().flat_map(|consent| &consent.fetches).all(|fetch| fetch.pick_up_time.is_some());
            let told = callers.told.lock().unwrap().get(&journey_id).and_then(|told| told.last().copied());
            if journey.state() == JourneyState::Ready && kept && told.is_some_and(|told| told >= journey.sequence) {
                last.insert(journey_id, journey.sequence);
                break;
            }
            assert!(Instant::now() < give_up, "nothing changes any more: {told:?} {journey:?}");
            tokio::task::yield_now().await;
        }
    }
    last
}

#[tokio::test(flavor = "multi_thread")]
async fn rolling_restarts_cost_no_call_and_no_event() {
    let (restarts, journeys) = (size(20, 2), size(50, 3));
    let fleet = Fleet::start(Place::Postgres, 0, |_, text| {
        text.replace("[listen]\n", "[listen]\ndrain_delay_ms = 500\nshutdown_grace_ms = 5000\n")
    })
    .await;
    let directory: PathBuf = fleet.directory().to_owned();
    let callers = Arc::new(Callers::default());
    let mut replicas = Vec::new();
    for _ in 0..3 {
        let replica = Replica::start(&directory).await;
        callers.addresses.lock().unwrap().push(replica.address.clone());
        replicas.push(replica);
    }
    let (mut askers, mut watchers) = (JoinSet::new(), JoinSet::new());
    for _ in 0..4 {
        askers.spawn(callers.clone().ask());
    }
    for restart in 0..restarts {
        let fresh = Replica::start(&directory).await;
        callers.addresses.lock().unwrap().push(fresh.address.clone());
        replicas.push(fresh);
        let urls = open(&callers, &mut watchers, restart * journeys, journeys).await;
        let old = replicas.remove(0);
        // It says nothing and hears nothing: the process must not wait for it.
        let mute = TcpStream::connect(&old.grpc).await.unwrap();
        old.terminate();
        let approved = async {
            for url in urls {
                customer::approve(&url).await.unwrap();
            }
        };
        let removed = async {
            old.until_ready(false).await;
            callers.addresses.lock().unwrap().remove(0);
        };
        tokio::join!(approved, removed);
        assert_eq!(old.ended().await, Some(0));
        drop(mute);
    }
    let last = settle(&callers).await;
    askers.shutdown().await;
    watchers.shutdown().await;
    let told = std::mem::take(&mut *callers.told.lock().unwrap());
    let (mut missed, mut doubled) = (0, 0);
    for (journey_id, last) in &last {
        let told = &told[journey_id];
        missed += (1..=*last).filter(|sequence| !told.contains(sequence)).count();
        doubled += told.windows(2).filter(|pair| pair[1] <= pair[0]).count();
    }
    let failed = std::mem::take(&mut *callers.failed.lock().unwrap());
    println!(
        "{restarts} rolling restarts of three processes: {} calls, {} of them sent elsewhere, {} failed; {} watches, gone on {} times, \
         {missed} events missed, {doubled} doubled",
        callers.calls.load(Ordering::Relaxed),
        callers.again.load(Ordering::Relaxed),
        failed.len(),
        last.len(),
        callers.resumed.load(Ordering::Relaxed),
    );
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!((last.len(), missed, doubled), (restarts * journeys, 0, 0));
    assert!(callers.resumed.load(Ordering::Relaxed) > 0, "no watch was ever cut");
    drop(replicas);
    fleet.stop().await;
}
