//! The real binary, killed without a word: what was acknowledged is there afterwards.

use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    sync::Arc,
};

use sangam::{
    clock::SystemClock,
    pb::{self, JourneyState, Product, View, journey_service_client::JourneyServiceClient, watch_status_response::Event},
    sandbox::{Sandbox, SandboxConfig, customer, gateway_config::gateway_toml},
};
use tokio::time::timeout;
use tonic::transport::Channel;

use crate::{
    command::{Killed, sangam, wait_for},
    harness::{PATIENCE, data_request, start_request},
};

/// Starts the gateway on the files of `directory` and connects to it.
async fn serve(directory: &std::path::Path) -> (Killed, JourneyServiceClient<Channel>) {
    let mut command = sangam(directory, &["serve", "--config", "gateway.toml"]);
    command.stdout(Stdio::null());
    let mut child = Killed(command.spawn().unwrap());
    let log = child.0.stderr.take().unwrap();
    let (address, log) = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(log).lines();
        let line = wait_for(&mut lines, "serving gRPC");
        (line["address"].as_str().unwrap().to_owned(), lines)
    })
    .await
    .unwrap();
    // The log is read on, or the gateway would block on a full pipe.
    std::thread::spawn(move || log.for_each(drop));
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    (child, JourneyServiceClient::new(channel))
}

#[tokio::test]
async fn a_gateway_killed_between_start_and_data_loses_nothing() {
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("gateway.toml"), gateway_toml(&sandbox, directory.path()).unwrap()).unwrap();

    let (mut child, mut client) = serve(directory.path()).await;
    let products = [Product::Data, Product::Analytics];
    let mut opened = Vec::new();
    for (provider, credential) in [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")] {
        let request = start_request(provider, credential, "01", &products);
        opened.push((request.clone(), client.start_journey(request).await.unwrap().into_inner()));
    }
    child.0.kill().unwrap();
    child.0.wait().unwrap();

    let (_child, mut client) = serve(directory.path()).await;
    for (request, before) in &opened {
        let again = client.start_journey(request.clone()).await.unwrap().into_inner();
        assert!(again.replayed);
        assert_eq!((&again.journey_id, &again.customer_url), (&before.journey_id, &before.customer_url));
        customer::approve(&before.customer_url).await.unwrap();
    }
    for (_, before) in &opened {
        let request = pb::WatchStatusRequest { journey_id: before.journey_id.clone(), after_sequence: None, follow: true };
        let mut changes = client.watch_status(request).await.unwrap().into_inner();
        loop {
            let message = timeout(PATIENCE, changes.message()).await.expect("nothing changes any more").unwrap().unwrap();
            let journey = match message.event.unwrap() {
                Event::Snapshot(snapshot) => snapshot.journey.unwrap(),
                Event::Change(change) => change.journey.unwrap(),
                Event::Heartbeat(_) => continue,
            };
            match journey.state() {
                JourneyState::Ready => break,
                JourneyState::Failed | JourneyState::Rejected => panic!("{journey:?}"),
                _ => {}
            }
        }
        let page = client.fetch_data(data_request(&before.journey_id, View::Masked)).await.unwrap().into_inner();
        assert!(page.transactions.len() > 1_000);
    }
    sandbox.stop().await;
}
