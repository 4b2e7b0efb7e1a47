//! The client: many calls at once on few connections.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use sangam::pb::{self, journey_service_client::JourneyServiceClient};
use tonic::transport::{Channel, Endpoint};

use crate::{journey::journey_id, server::Server};

const CONNECTIONS: usize = 2;
const STREAMS: usize = 32;
/// Room for whole pages in flight, so that neither server waits for the client's windows.
const WINDOW: u32 = 64 * 1024 * 1024;

pub struct Round {
    pub cpu: Duration,
    pub wall: Duration,
}

pub struct Client(Vec<JourneyServiceClient<Channel>>);

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
            let endpoint = endpoint.initial_stream_window_size(WINDOW).initial_connection_window_size(WINDOW);
            clients.push(JourneyServiceClient::new(endpoint.connect().await.expect("a connection")));
        }
        Self(clients)
    }

    pub async fn status(&self) -> pb::GetStatusResponse {
        status(&mut self.0[0].clone()).await
    }

    pub async fn page(&self) -> pb::FetchDataResponse {
        page(&mut self.0[0].clone()).await
    }

    /// Makes `calls` calls and tells what the server used for them.
    pub async fn round(&self, server: &Server, calls: usize) -> Round {
        let (cpu, begin) = (server.cpu(), Instant::now());
        let mut running = Vec::new();
        for client in &self.0 {
            for _ in 0..STREAMS {
                let mut client = client.clone();
                running.push(tokio::spawn(async move {
                    for _ in 0..calls / (CONNECTIONS * STREAMS) {
                        drop(status(&mut client).await);
                    }
                }));
            }
        }
        for task in running {
            task.await.expect("all calls are answered");
        }
        Round { cpu: server.cpu() - cpu, wall: begin.elapsed() }
    }
}

async fn status(client: &mut JourneyServiceClient<Channel>) -> pb::GetStatusResponse {
    let request = pb::GetStatusRequest { journey_id: journey_id() };
    client.get_status(request).await.expect("an answer").into_inner()
}

async fn page(client: &mut JourneyServiceClient<Channel>) -> pb::FetchDataResponse {
    let request = pb::FetchDataRequest { journey_id: journey_id(), ..Default::default() };
    client.fetch_data(request).await.expect("an answer").into_inner()
}
