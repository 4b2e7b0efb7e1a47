//! grpc.health.v1, truthful: NOT_SERVING until the app says that the store is open and the listeners are bound, and again as it stops.

use std::{
    future::ready,
    time::{Duration, Instant},
};

use futures_util::{
    StreamExt,
    stream::{self, BoxStream},
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Code, Request, Response, Status,
    codec::CompressionEncoding::{Gzip, Zstd},
};
use tonic_health::{
    ServingStatus,
    pb::{
        HealthCheckRequest, HealthCheckResponse, health_check_response,
        health_server::{self, HealthServer},
    },
    server::{HealthReporter, HealthService},
};

use crate::{
    pb::{journey_service_server, provider_service_server},
    store::Store,
    telemetry::metrics::state::StoreMeter,
};

/// The name under which the health of the store is told. The gateway itself goes on serving what it can while the store is gone, so
/// its own health does not depend on it: if it did, an outage of the store would take every replica out of service at once.
pub const STORE: &str = "sangam.store";

/// The name that says only that the process answers. It is SERVING from the first moment to the last: what a restart cannot mend is no
/// reason for one.
pub const LIVENESS: &str = "liveness";

/// The name under which the gateway says whether calls should be sent to it.
pub const READINESS: &str = "readiness";

/// How often the store is asked whether it answers.
const ASK_STORE: Duration = Duration::from_secs(1);

/// The names that can be asked for; the empty one stands for the whole gateway.
pub const NAMES: [&str; 4] = ["", READINESS, journey_service_server::SERVICE_NAME, provider_service_server::SERVICE_NAME];

/// Tells callers and probes whether the gateway serves.
#[derive(Clone, Debug)]
pub struct Health(HealthReporter);

impl Health {
    /// A health that says NOT_SERVING for every name.
    pub async fn new() -> Self {
        let health = Self(HealthReporter::new());
        // A fresh reporter says SERVING; nobody sees it, for its service does not exist yet.
        health.set(ServingStatus::NotServing).await;
        health.store_serving(false).await;
        health.0.set_service_status(LIVENESS, ServingStatus::Serving).await;
        health
    }

    /// From now on the gateway serves.
    pub async fn serving(&self) {
        self.set(ServingStatus::Serving).await;
    }

    /// From now on it does not. Said as the stop begins, so that load balancers look elsewhere while calls finish.
    pub async fn not_serving(&self) {
        self.set(ServingStatus::NotServing).await;
    }

    /// Whether the store answers.
    pub async fn store_serving(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        self.0.set_service_status(STORE, status).await;
    }

    /// The service for the routes.
    pub fn service(&self) -> HealthServer<Answers> {
        // A client that compresses its whole channel compresses here too.
        let answers = Answers(HealthService::from_health_reporter(self.0.clone()));
        HealthServer::new(answers).accept_compressed(Gzip).accept_compressed(Zstd)
    }

    async fn set(&self, status: ServingStatus) {
        for name in NAMES {
            self.0.set_service_status(name, status).await;
        }
    }
}

/// Answers as the protocol says. Tonic's own service ends a watch of a name that it does not know; a client then takes the server for one
/// without health checks.
pub struct Answers(HealthService);

#[tonic::async_trait]
impl health_server::Health for Answers {
    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        self.0.check(request).await
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        match self.0.watch(request).await {
            Ok(watch) => Ok(watch.map(StreamExt::boxed)),
            // The names are fixed for the life of the process, so nothing follows the first message; the stream stays for its caller to end.
            Err(status) if status.code() == Code::NotFound => {
                let unknown = HealthCheckResponse { status: health_check_response::ServingStatus::ServiceUnknown.into() };
                Ok(Response::new(stream::once(ready(Ok(unknown))).chain(stream::pending()).boxed()))
            }
            Err(status) => Err(status),
        }
    }
}

/// Tells of the store's health until `stop`.
pub async fn watch_store(health: Health, store: Store, meter: StoreMeter, stop: CancellationToken) {
    let mut before = None;
    while !stop.is_cancelled() {
        let asked = Instant::now();
        let answer = store.ping().await;
        let serving = answer.is_ok();
        meter.pinged(asked.elapsed(), serving);
        if before != Some(serving) {
            match &answer {
                Ok(()) => tracing::info!("the store answers"),
                Err(error) => tracing::error!(%error, "the store does not answer"),
            }
            health.store_serving(serving).await;
            before = Some(serving);
        }
        let _ = stop.run_until_cancelled(tokio::time::sleep(ASK_STORE)).await;
    }
    health.store_serving(false).await;
}
