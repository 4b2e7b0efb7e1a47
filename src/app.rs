//! The one composition root.

use std::{io, net::SocketAddr};

use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;

use crate::{
    clock::SharedClock,
    config::Config,
    server::{self, health::Health, reflection},
};

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("{setting} {address} cannot be bound: {}", source.kind())]
    Bind {
        /// The path of the setting.
        setting: &'static str,
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The descriptors that were compiled in cannot be read.
    #[error("reflection cannot start: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
}

/// Starts the gateway.
#[derive(Debug, Clone, Copy)]
pub struct App;

impl App {
    /// Opens everything and binds both listeners; the health says SERVING only after that.
    pub async fn start(config: Config, _clock: SharedClock) -> Result<Running, StartError> {
        let health = Health::new().await;
        let routes = reflection::add(Routes::new(health.service()))?;
        let grpc = bind("listen.grpc", config.listen.grpc).await?;
        let webhook = bind("listen.webhook", config.listen.webhook).await?;
        let stop = CancellationToken::new();
        let settings = server::Settings::from(&config);
        let running = Running {
            grpc: grpc.1,
            webhook: webhook.1,
            health: health.clone(),
            stop: stop.clone(),
            listeners: vec![
                server::serve_grpc(grpc.0, routes, settings.clone(), stop.clone()),
                server::serve_http(webhook.0, axum::Router::new(), settings, stop),
            ],
        };
        health.serving().await;
        Ok(running)
    }
}

async fn bind(setting: &'static str, address: SocketAddr) -> Result<(TcpListener, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { setting, address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// A gateway that serves.
#[derive(Debug)]
pub struct Running {
    /// Where callers are served.
    pub grpc: SocketAddr,
    /// Where webhooks are taken.
    pub webhook: SocketAddr,
    health: Health,
    stop: CancellationToken,
    listeners: Vec<JoinHandle<()>>,
}

impl Running {
    /// Stops: the health says so first, running calls get the grace period, then everything ends.
    pub async fn stop(self) {
        self.health.not_serving().await;
        self.stop.cancel();
        for listener in self.listeners {
            let _ = listener.await;
        }
    }
}
