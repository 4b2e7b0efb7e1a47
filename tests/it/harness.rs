//! The real gateway before the sandbox, both in this process, over real sockets. Tests wait for changes of a journey, never for time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use sangam::{
    app::{App, Running},
    clock::{Clock, ManualClock, SharedClock, SystemClock},
    config::Config,
    pb::{self, journey_service_client::JourneyServiceClient, provider_service_client::ProviderServiceClient},
    sandbox::{Sandbox, SandboxConfig, bank::Bank, customer, gateway_config::gateway_toml},
};
use tempfile::TempDir;
use tokio::{sync::broadcast::error::RecvError, time::timeout};
use tonic::{Status, transport::Channel};
use tonic_types::StatusExt;

/// Whatever takes longer than this has gone wrong; nothing waits for so long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A gateway with its sandbox.
pub struct World {
    pub sandbox: Sandbox,
    pub gateway: Running,
    pub client: JourneyServiceClient<Channel>,
    pub config: Config,
    clock: SharedClock,
    directory: TempDir,
}

/// A gateway that is stopped.
pub struct Paused {
    sandbox: Sandbox,
    config: Config,
    clock: SharedClock,
    directory: TempDir,
}

impl Paused {
    /// Alters the configuration before the next start.
    pub fn change(&mut self, change: impl FnOnce(&mut Config)) {
        change(&mut self.config);
    }

    /// The same files, served for another tenant with the same credentials.
    pub fn for_tenant(mut self, id: &str) -> Self {
        id.clone_into(&mut self.config.tenant.id);
        self
    }

    /// Starts it again on the same files.
    pub async fn resumed(self) -> World {
        let Self { sandbox, config, clock, directory } = self;
        let gateway = App::start(config.clone(), clock.clone()).await.unwrap();
        let client = connect(&gateway).await;
        World { sandbox, gateway, client, config, clock, directory }
    }
}

/// The machine's clock, moved: tests turn hours at once instead of waiting for them.
#[derive(Default)]
pub struct ShiftedClock(Mutex<SignedDuration>);

impl ShiftedClock {
    /// A clock that shows `now` at this moment and goes on from there.
    pub fn at(now: &str) -> Self {
        Self(Mutex::new(now.parse::<Timestamp>().unwrap().duration_since(Timestamp::now())))
    }

    /// Moves it on.
    pub fn advance(&self, hours: i64) {
        self.turn(SignedDuration::from_hours(hours));
    }

    /// Moves it, forth or back.
    pub fn turn(&self, by: SignedDuration) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for ShiftedClock {
    fn now(&self) -> Timestamp {
        Timestamp::now() + *self.0.lock().unwrap()
    }
}

/// How often the background looks in tests: at once, so that nothing waits for it. A machine that is busy with all the other tests is no
/// reason to call the audit log gone.
pub fn impatient(config: &mut Config) {
    config.poller.first_ms = 5;
    config.poller.max_ms = 20;
    config.audit.timeout_ms = 15_000;
}

/// A client of a gateway.
pub async fn connect(gateway: &Running) -> JourneyServiceClient<Channel> {
    JourneyServiceClient::new(channel(gateway).await).max_decoding_message_size(16 * 1024 * 1024)
}

pub async fn channel(gateway: &Running) -> Channel {
    Channel::from_shared(format!("http://{}", gateway.grpc)).unwrap().connect().await.unwrap()
}

impl World {
    /// Both on free ports, with defaults.
    pub async fn start() -> Self {
        Self::with(SandboxConfig::default(), |_| ()).await
    }

    /// Both on free ports; `change` alters the gateway's configuration.
    pub async fn with(sandbox: SandboxConfig, change: impl FnOnce(&mut Config)) -> Self {
        Self::at(Arc::new(SystemClock), sandbox, change).await
    }

    /// The same, with a clock for the gateway.
    pub async fn at(clock: SharedClock, sandbox: SandboxConfig, change: impl FnOnce(&mut Config)) -> Self {
        let sandbox = Sandbox::start(sandbox, Arc::new(SystemClock)).await.unwrap();
        Self::before(sandbox, clock, change).await
    }

    async fn before(sandbox: Sandbox, clock: SharedClock, change: impl FnOnce(&mut Config)) -> Self {
        let directory = TempDir::new().unwrap();
        let mut config = Config::from_toml_str(&gateway_toml(&sandbox, directory.path()).unwrap()).unwrap();
        impatient(&mut config);
        change(&mut config);
        let gateway = App::start(config.clone(), clock.clone()).await.unwrap();
        let client = connect(&gateway).await;
        Self { sandbox, gateway, client, config, clock, directory }
    }

    /// The sandbox stands still at `now`, so that its banks write no row meanwhile; the gateway's clock goes on.
    pub async fn with_bank_at(now: Timestamp) -> Self {
        let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(ManualClock::new(now))).await.unwrap();
        Self::before(sandbox, Arc::new(SystemClock), |_| ()).await
    }

    /// The same clock for both.
    pub async fn both_at(clock: SharedClock, sandbox: SandboxConfig, change: impl FnOnce(&mut Config)) -> Self {
        let sandbox = Sandbox::start(sandbox, clock.clone()).await.unwrap();
        Self::before(sandbox, clock, change).await
    }

    /// Stops the gateway and starts it again on the same files.
    pub async fn restart(self) -> Self {
        self.paused().await.resumed().await
    }

    /// Stops the gateway; its files stay.
    pub async fn paused(self) -> Paused {
        let Self { sandbox, gateway, config, clock, directory, .. } = self;
        gateway.stop().await;
        Paused { sandbox, config, clock, directory }
    }

    pub async fn stop(self) {
        self.gateway.stop().await;
        self.sandbox.stop().await;
    }

    pub async fn providers(&self) -> ProviderServiceClient<Channel> {
        ProviderServiceClient::new(channel(&self.gateway).await)
    }

    /// Opens a journey and lets the customer approve.
    pub async fn approved(&self, request: pb::StartJourneyRequest) -> String {
        let opened = self.client.clone().start_journey(request).await.unwrap().into_inner();
        customer::approve(&opened.customer_url).await.unwrap();
        opened.journey_id
    }

    pub async fn status(&self, journey_id: &str) -> pb::Journey {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        self.client.clone().get_status(request).await.unwrap().into_inner().journey.unwrap()
    }

    /// Waits until the tree of a journey `fits`; panics with the last tree if it never does.
    pub async fn until(&self, journey_id: &str, fits: impl Fn(&pb::Journey) -> bool) -> pb::Journey {
        until(&self.gateway, &self.client, journey_id, fits).await
    }

    /// Waits until nothing more comes by itself and what can be kept is kept, or cannot be.
    pub async fn until_settled(&self, journey_id: &str) -> pb::Journey {
        let tried = |fetch: &pb::Fetch| {
            let usable = matches!(fetch.state(), pb::FetchState::Ready | pb::FetchState::Partial);
            !usable || fetch.pick_up_time.is_some() || !fetch.pick_up_failure_reason.is_empty()
        };
        let kept = |consent: &&pb::Consent| consent.mode() != pb::ConsentMode::View;
        let all = |journey: &pb::Journey| journey.consents.iter().filter(kept).flat_map(|consent| &consent.fetches).all(tried);
        self.until(journey_id, |journey| journey.settled && all(journey)).await
    }

    /// Waits until data is there and kept, while an earlier attempt may still be open.
    pub async fn until_settled_or_ready(&self, journey_id: &str) -> pb::Journey {
        self.until(journey_id, |journey| journey.settled || journey.state() == pb::JourneyState::Ready).await
    }

    /// Waits until a fetch's rows are not kept any more.
    pub async fn until_gone(&self, fetch_id: &str) {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        while self.gateway.service().store().snapshot("demo", fetch_id).await.unwrap().is_some() {
            assert!(tokio::time::Instant::now() < give_up, "the rows are still kept");
        }
    }

    /// Looks at the journey again and again until the sandbox has been called so often: for what must not change meanwhile.
    pub async fn until_called(&self, journey_id: &str, call: &str, times: usize) -> pb::Journey {
        let give_up = tokio::time::Instant::now() + PATIENCE;
        loop {
            let journey = self.status(journey_id).await;
            if self.sandbox.calls().count(call) >= times {
                return journey;
            }
            assert!(tokio::time::Instant::now() < give_up, "too few of {call}: {:?}", self.sandbox.calls().all());
        }
    }

    /// Waits for a state.
    pub async fn until_state(&self, journey_id: &str, state: pb::JourneyState) -> pb::Journey {
        self.until(journey_id, |journey| journey.state() == state).await
    }

    /// Waits until everything that came is kept.
    pub async fn until_picked_up(&self, journey_id: &str) -> pb::Journey {
        let kept = |journey: &pb::Journey| {
            let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches).peekable();
            fetches.peek().is_some() && fetches.all(|fetch| fetch.pick_up_time.is_some())
        };
        self.until(journey_id, |journey| kept(journey)).await
    }

    /// All pages of a journey's data.
    pub async fn data(&self, request: pb::FetchDataRequest) -> Result<(Vec<pb::Account>, Vec<pb::Transaction>), Status> {
        let (mut accounts, mut transactions) = (Vec::new(), Vec::new());
        let mut request = request;
        loop {
            let page = self.client.clone().fetch_data(request.clone()).await?.into_inner();
            accounts.extend(page.accounts);
            transactions.extend(page.transactions);
            if page.next_page_token.is_empty() {
                return Ok((accounts, transactions));
            }
            request.page_token = page.next_page_token;
        }
    }
}

/// Waits until the tree of a journey `fits`.
pub async fn until(
    gateway: &Running,
    client: &JourneyServiceClient<Channel>,
    journey_id: &str,
    fits: impl Fn(&pb::Journey) -> bool,
) -> pb::Journey {
    let mut changes = gateway.service().changes();
    loop {
        let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
        let journey = client.clone().get_status(request).await.unwrap().into_inner().journey.unwrap();
        if fits(&journey) {
            return journey;
        }
        match timeout(PATIENCE, changes.recv()).await {
            Ok(Ok(_) | Err(RecvError::Lagged(_))) => {}
            Ok(Err(RecvError::Closed)) => panic!("the gateway is gone; last tree: {journey:?}"),
            Err(_) => panic!("nothing changes any more; last tree: {journey:?}"),
        }
    }
}

/// A breath between two looks at what tells nobody of its changes: whoever looks without it takes the machine from those he waits for.
pub async fn breath() {
    tokio::time::sleep(Duration::from_millis(5)).await;
}

/// A StartJourney for a provider's credential, UNDERWRITING, of the customer whose number ends in `digits`.
pub fn start_request(provider: &str, credential: &str, digits: &str, products: &[pb::Product]) -> pb::StartJourneyRequest {
    let mobile = format!("90000000{digits}");
    pb::StartJourneyRequest {
        request_id: uuid::Uuid::new_v4().to_string(),
        provider: provider.to_owned(),
        credential: credential.to_owned(),
        customer: Some(pb::Customer {
            pan: Bank::person(&mobile).pan,
            name: Bank::person(&mobile).name,
            mobile,
            ..Default::default()
        }),
        consents: vec![pb::ConsentAsk { purpose: pb::Purpose::Underwriting.into(), ..Default::default() }],
        products: products.iter().map(|product| i32::from(*product)).collect(),
        redirect_url: "https://lender.example/return".to_owned(),
        allow_ignored: true,
        ..Default::default()
    }
}

/// A FetchData in a view.
pub fn data_request(journey_id: &str, view: pb::View) -> pb::FetchDataRequest {
    pb::FetchDataRequest { journey_id: journey_id.to_owned(), view: view.into(), ..Default::default() }
}

/// The reason of a status.
pub fn reason(status: &Status) -> String {
    let details = status.get_error_details();
    let info = details.error_info().unwrap_or_else(|| panic!("no ErrorInfo in {status:?}"));
    assert_eq!(info.domain, "sangam");
    info.reason.clone()
}

/// One metadata value of a status's ErrorInfo.
pub fn metadata(status: &Status, key: &str) -> Option<String> {
    status.get_error_details().error_info().and_then(|info| info.metadata.get(key).cloned())
}
