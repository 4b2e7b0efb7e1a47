//! Start and stop as an orchestrator sees them: by probes, signals and what becomes of calls.

use std::{
    io::{BufRead, BufReader, Lines},
    process::ChildStderr,
};

use sangam::pb::{self, GetStatusRequest, watch_status_response::Event};
use tonic::{Code, transport::Channel};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    command::{Killed, configured, sangam, wait_for},
    harness::{World, connect, reason, start_request},
    postgres::Cluster,
    scenarios::roomy_with,
};

pub async fn health(address: &str, name: &str) -> ServingStatus {
    let channel = Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let request = HealthCheckRequest { service: name.to_owned() };
    HealthClient::new(channel).check(request).await.unwrap().into_inner().status()
}

/// A process on a database that may not be there.
fn on(url: &str) -> (Killed, Lines<BufReader<ChildStderr>>, tempfile::TempDir) {
    let store = "[store]\nurl = { env = \"THE_URL\" }\nstart_timeout_ms = 3600000\n";
    let directory =
        configured(&format!("[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n{store}"));
    let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
    let mut gateway = Killed(command.env("THE_SECRET", "x").env("THE_URL", url).spawn().unwrap());
    let lines = BufReader::new(gateway.0.stderr.take().unwrap()).lines();
    (gateway, lines, directory)
}

fn address(line: &serde_json::Value) -> String {
    line["address"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_its_database_alive_and_not_ready() {
    let mut cluster = tokio::task::spawn_blocking(Cluster::start).await.unwrap();
    let database = cluster.database().await;
    cluster.stop();
    let (mut gateway, mut lines, _directory) = on(&database.url);
    let admin = address(&wait_for(&mut lines, "serving probes and metrics"));
    assert_eq!(health(&admin, "liveness").await, ServingStatus::Serving);
    for name in ["readiness", "sangam.store", ""] {
        assert_eq!(health(&admin, name).await, ServingStatus::NotServing, "{name}");
    }
    let waiting = wait_for(&mut lines, "the store cannot be opened yet");
    assert_eq!(waiting["level"], "WARN");
    cluster.start_again();
    let grpc = address(&wait_for(&mut lines, "serving gRPC"));
    assert_eq!(health(&admin, "readiness").await, ServingStatus::Serving);
    assert_eq!(health(&grpc, "").await, ServingStatus::Serving);
    assert_eq!(gateway.terminate(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_a_start_that_waits_does_not_wait_with_it() {
    // Nobody listens on a port that was just given back.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (mut gateway, mut lines, _directory) = on(&format!("postgres://sangam@127.0.0.1:{port}/sangam"));
    wait_for(&mut lines, "serving probes and metrics");
    assert_eq!(gateway.terminate(), Some(0));
}

/// A watch over a journey that waits for its customer, past its snapshot.
async fn watching(world: &World) -> (String, tonic::Streaming<pb::WatchStatusResponse>) {
    let opened = world.client.clone().start_journey(start_request("finpass", "main", "01", &[pb::Product::Data])).await.unwrap();
    let journey_id = opened.into_inner().journey_id;
    let request = pb::WatchStatusRequest { journey_id: journey_id.clone(), after_sequence: None, follow: true };
    let mut stream = world.client.clone().watch_status(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert!(matches!(first.event, Some(Event::Snapshot(_))));
    (journey_id, stream)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_stop_signal_new_calls_are_taken_while_the_readiness_says_no() {
    let world = roomy_with(|config| config.listen.drain_delay_ms = 3_600_000).await;
    let (journey_id, _stream) = watching(&world).await;
    let admin = world.gateway.admin().unwrap().to_string();
    let grpc = world.gateway.grpc;
    let probe = Channel::from_shared(format!("http://{admin}")).unwrap().connect().await.unwrap();
    let ready = HealthCheckRequest { service: "readiness".to_owned() };
    let mut watch = HealthClient::new(probe).watch(ready).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    let World { gateway, sandbox: _sandbox, .. } = world;
    // Ends with the test's runtime: nobody waits an hour.
    tokio::spawn(gateway.stop());
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    assert_eq!(health(&admin, "liveness").await, ServingStatus::Serving);
    let newcomer = Channel::from_shared(format!("http://{grpc}")).unwrap().connect().await.unwrap();
    let mut client = pb::journey_service_client::JourneyServiceClient::new(newcomer);
    client.get_status(GetStatusRequest { journey_id }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_whose_connection_has_reached_its_age_goes_on_elsewhere_and_misses_nothing() {
    let world = roomy_with(|config| config.listen.max_connection_age_s = 1).await;
    let (journey_id, mut stream) = watching(&world).await;
    let end = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the watch ended as if all were told"),
            Err(status) => break status,
        }
    };
    assert_eq!((end.code(), reason(&end).as_str()), (Code::Unavailable, "SHUTTING_DOWN"));
    assert!(tonic_types::StatusExt::get_error_details(&end).retry_info().is_some());
    let mut elsewhere = connect(&world.gateway).await;
    let request = pb::WatchStatusRequest { journey_id, after_sequence: Some(0), follow: true };
    let first = elsewhere.watch_status(request).await.unwrap().into_inner().message().await.unwrap().unwrap();
    assert!(matches!(first.event, Some(Event::Change(change)) if change.sequence == 1));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_listener_serves_probes_and_metrics_and_nothing_else() {
    let world = World::start().await;
    let admin = world.gateway.admin().unwrap();
    for name in ["", "liveness", "readiness"] {
        assert_eq!(health(&admin.to_string(), name).await, ServingStatus::Serving, "{name}");
    }
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let both = [client.clone(), reqwest::Client::builder().no_proxy().http2_prior_knowledge().build().unwrap()];
    for client in &both {
        let text = client.get(format!("http://{admin}/metrics")).send().await.unwrap().text().await.unwrap();
        assert!(text.contains("sangam_build_info{"), "{text}");
        for (path, status) in [("/", 404), ("/metrics/x", 404), ("/webhooks/finpro/x", 404), ("/debug/pprof", 404)] {
            assert_eq!(client.get(format!("http://{admin}{path}")).send().await.unwrap().status(), status, "{path}");
        }
        let posted = client.post(format!("http://{admin}/metrics")).body("x").send().await.unwrap();
        assert_eq!(posted.status(), 405);
    }
    let channel = Channel::from_shared(format!("http://{admin}")).unwrap().connect().await.unwrap();
    let mut journeys = pb::journey_service_client::JourneyServiceClient::new(channel.clone());
    let refused = journeys.get_status(GetStatusRequest { journey_id: "jrn_x".to_owned() }).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unimplemented);
    let ask = tonic_reflection::pb::v1::ServerReflectionRequest::default();
    let mut reflection = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel);
    let refused = match reflection.server_reflection_info(tokio_stream::once(ask)).await {
        Ok(stream) => stream.into_inner().message().await.unwrap_err(),
        Err(refused) => refused,
    };
    assert_eq!(refused.code(), Code::Unimplemented);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_is_served_unless_it_is_turned_off() {
    for (reflection, code) in [(true, Code::Ok), (false, Code::Unimplemented)] {
        let world = roomy_with(|config| config.listen.reflection = Some(reflection)).await;
        let ask = tonic_reflection::pb::v1::ServerReflectionRequest::default();
        let channel = crate::harness::channel(&world.gateway).await;
        let mut client = tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel);
        let answer = client.server_reflection_info(tokio_stream::once(ask)).await;
        assert_eq!(answer.err().map_or(Code::Ok, |status| status.code()), code);
        world.stop().await;
    }
}
