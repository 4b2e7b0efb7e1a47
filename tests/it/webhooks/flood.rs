//! Many messages at once at the real program, which is killed in between, before a provider that never answers: each is taken, and what was
//! acknowledged is there. `SANGAM_WEBHOOKS` and `SANGAM_KILLS` make it larger than in a usual run.

use std::{
    collections::HashSet,
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::Arc,
};

use futures_util::StreamExt;
use sangam::{
    app::App,
    clock::SystemClock,
    config::Config,
    pb::{self, Product, journey_service_client::JourneyServiceClient},
    sandbox::{Sandbox, SandboxConfig, credentials::FINPRO_CONSENT, gateway_config::gateway_toml},
};
use tonic::transport::Channel;

use super::{SIGNATURE, event, sign};
use crate::{
    command::{Killed, sangam, wait_for},
    harness::start_request,
};

/// Senders at once.
const SENDERS: usize = 64;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The program, with the addresses of its gRPC and its webhook listener.
async fn serve(directory: &Path) -> (Killed, String, String) {
    let mut child = Killed(sangam(directory, &["serve", "--config", "gateway.toml"]).stdout(Stdio::null()).spawn().unwrap());
    let log = child.0.stderr.take().unwrap();
    let (grpc, webhook, log) = tokio::task::spawn_blocking(move || {
        let mut lines = BufReader::new(log).lines();
        let mut address = |message| wait_for(&mut lines, message)["address"].as_str().unwrap().to_owned();
        let (grpc, webhook) = (address("serving gRPC"), address("taking webhooks"));
        (grpc, webhook, lines)
    })
    .await
    .unwrap();
    // The log is read on, or the gateway would block on a full pipe.
    std::thread::spawn(move || log.for_each(drop));
    (child, grpc, webhook)
}

/// Sends messages until they end, and kills the program once `kill_after` were acknowledged. Answers the acknowledged ones, and how many
/// were answered otherwise.
async fn send(child: &mut Killed, webhook: &str, bodies: &[String], kill_after: Option<usize>) -> (HashSet<String>, usize) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let url = format!("http://{webhook}/webhooks/finpro/{}", FINPRO_CONSENT.webhook_token);
    let posts = bodies.iter().map(|body| {
        let signature = sign(FINPRO_CONSENT.webhook_secret, body.as_bytes());
        let post = client.post(&url).header(SIGNATURE, signature).body(body.clone());
        async move { (body, post.send().await.ok().map(|answer| answer.status().as_u16())) }
    });
    let mut answers = futures_util::stream::iter(posts).buffer_unordered(SENDERS);
    let (mut acknowledged, mut refused) = (HashSet::new(), 0);
    while let Some((body, status)) = answers.next().await {
        match status {
            Some(200) => drop(acknowledged.insert(body.clone())),
            Some(_) => refused += 1,
            // Cut off with the program: not acknowledged, so it may be gone.
            None => assert!(kill_after.is_some(), "a message was cut off although nobody was killed"),
        }
        if Some(acknowledged.len()) == kill_after {
            // A second kill of the same child does nothing.
            child.0.kill().unwrap();
        }
    }
    (acknowledged, refused)
}

/// Opens a journey, so that messages have something to wake: its attempt.
async fn attempt(grpc: &str) -> String {
    let channel = Channel::from_shared(format!("http://{grpc}")).unwrap().connect().await.unwrap();
    let mut client = JourneyServiceClient::new(channel);
    let request = start_request("finpro", "consent", "01", &[Product::Data]);
    let journey_id = client.start_journey(request).await.unwrap().into_inner().journey_id;
    let answer = client.get_status(pb::GetStatusRequest { journey_id }).await.unwrap().into_inner();
    super::attempt_id(&answer.journey.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_every_kill_while_the_provider_hangs() {
    let (messages, kills) = (number("SANGAM_WEBHOOKS", 400), number("SANGAM_KILLS", 2));
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let text = gateway_toml(&sandbox, directory.path()).unwrap();
    std::fs::write(directory.path().join("gateway.toml"), &text).unwrap();
    let (mut child, grpc, _) = serve(directory.path()).await;
    let attempt_id = attempt(&grpc).await;
    assert_eq!(child.terminate(), Some(0));
    // It accepts and never answers.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let hanging = text.replace(sandbox.finpro_base_url().as_str(), &format!("http://{}/", mute.local_addr().unwrap()));
    assert_ne!(hanging, text);
    std::fs::write(directory.path().join("gateway.toml"), &hanging).unwrap();

    let bodies: Vec<_> = (0..messages).map(|number| event(&attempt_id, "DATA_READY", number)).collect();
    let (mut acknowledged, mut refused) = (HashSet::new(), 0);
    let rounds = bodies.chunks(messages.div_ceil(kills + 1)).enumerate();
    for (round, bodies) in rounds {
        let (mut child, _, webhook) = serve(directory.path()).await;
        let kill_after = (round < kills).then_some(bodies.len() / 2);
        let began = std::time::Instant::now();
        let (taken, otherwise) = send(&mut child, &webhook, bodies, kill_after).await;
        println!("round {round}: {} of {} acknowledged in {:?}", taken.len(), bodies.len(), began.elapsed());
        acknowledged.extend(taken);
        refused += otherwise;
        if kill_after.is_some() {
            child.0.wait().unwrap();
        }
    }
    let config = Config::from_toml_str(&hanging).unwrap();
    let tenants = App::offline(&config, Arc::new(SystemClock)).await.unwrap();
    let service = tenants.first();
    let mut kept = HashSet::new();
    for message in service.store().messages("demo", None, 1_000_000).await.unwrap() {
        let body = service.store().message_body(&message).await.unwrap().unwrap();
        kept.insert(String::from_utf8(body.to_vec()).unwrap());
    }
    let lost = acknowledged.difference(&kept).count();
    println!("{messages} sent, {kills} kills: {} acknowledged, {lost} lost, {refused} answered otherwise", acknowledged.len());
    assert_eq!((lost, refused), (0, 0));
    assert!(acknowledged.len() >= messages / 2);
    service.store().close().await;
    sandbox.stop().await;
}
