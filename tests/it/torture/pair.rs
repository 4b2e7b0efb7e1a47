//! Two gateways of this process on one PostgreSQL, each with a clock that is turned by hand.

use std::sync::Arc;

use sangam::{
    app::{App, Running},
    journey::service::Service,
    pb::{self, journey_service_client::JourneyServiceClient},
    sandbox::SandboxConfig,
};
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::{
    harness::{ShiftedClock, World, connect, until},
    postgres::Database,
    stores::on_server,
};

pub struct Pair {
    pub one: World,
    other: Running,
    client: JourneyServiceClient<Channel>,
    clocks: [Arc<ShiftedClock>; 2],
    _directory: TempDir,
}

impl Pair {
    pub async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let store = on_server(&Database::new().await, &directory);
        let clocks = [Arc::new(ShiftedClock::default()), Arc::new(ShiftedClock::default())];
        let sandbox = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
        let one = World::at(clocks[0].clone(), sandbox, |config| {
            config.store = store;
            // A breaker waits by the machine's own clock, which these runs do not turn.
            config.tenant.providers.finpro.values_mut().for_each(|one| one.limits.breaker_failures = Some(0));
        })
        .await;
        let other = App::start(one.config.clone(), clocks[1].clone()).await.unwrap();
        let client = connect(&other).await;
        Self { one, other, client, clocks, _directory: directory }
    }

    /// A client of one of the two, counted around.
    pub fn client(&self, number: usize) -> JourneyServiceClient<Channel> {
        if number.is_multiple_of(2) { self.one.client.clone() } else { self.client.clone() }
    }

    pub fn service(&self, number: usize) -> &Service {
        if number.is_multiple_of(2) { self.one.gateway.service() } else { self.other.service() }
    }

    /// Turns the clock of one of the two. Its background hears of nothing but that it may look again.
    pub fn turn(&self, number: usize, by: jiff::SignedDuration) {
        self.clocks[number % 2].turn(by);
        self.service(number).wake_background();
    }

    /// Waits at one of the two until the tree of a journey `fits`.
    pub async fn until(&self, number: usize, journey_id: &str, fits: impl Fn(&pb::Journey) -> bool) -> pb::Journey {
        let gateway = if number.is_multiple_of(2) { &self.one.gateway } else { &self.other };
        until(gateway, &self.client(number), journey_id, fits).await
    }

    pub async fn stop(self) {
        self.other.stop().await;
        self.one.stop().await;
    }
}
