//! What is measured: scraped by Prometheus' own checker, pushed by OTLP, and free of anything that a stranger can send.

mod documented;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use http::Request;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use sangam::{
    pb::{self, JourneyState, Product, View},
    telemetry::metrics::{
        rpc,
        table::{self, Metric, Values},
    },
};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

use crate::{
    command::{Killed, configured, sangam, wait_for},
    harness::{World, data_request, start_request},
    scenarios::roomy_with,
    traces::{collector, messages},
    webhooks::to,
};

/// What is planted wherever a caller or a provider can put words.
const PLANTED: [&str; 4] = ["AAAPA0001A", "9000000001", "canary", "Asha"];

pub async fn scrape(world: &World) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = client.get(format!("http://{}/metrics", world.gateway.admin().unwrap())).send().await.unwrap();
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.text().await.unwrap()
}

/// Scrapes until the text `fits`: some numbers are counted now and then only.
pub async fn until_scraped(world: &World, fits: impl Fn(&str) -> bool) -> String {
    let give_up = tokio::time::Instant::now() + crate::harness::PATIENCE;
    loop {
        let text = scrape(world).await;
        if fits(&text) {
            return text;
        }
        assert!(tokio::time::Instant::now() < give_up, "{text}");
        tokio::task::yield_now().await;
    }
}

/// A line of the text: name, labels, number.
fn samples(text: &str) -> Vec<(String, BTreeMap<String, String>, f64)> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (series, number) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
            let labels = labels.trim_end_matches('}').split("\",").filter(|label| !label.is_empty());
            let pair = |label: &str| {
                let (name, value) = label.split_once("=\"").unwrap();
                (name.to_owned(), value.trim_end_matches('"').to_owned())
            };
            (name.to_owned(), labels.map(pair).collect(), number.parse().unwrap())
        })
        .collect()
}

/// The metric of a line.
fn metric_of(name: &str) -> &'static Metric {
    let whole = |metric: &&Metric| {
        let base = metric.prometheus();
        let histogram = metric.kind == table::Kind::Histogram;
        let parts = ["_bucket", "_sum", "_count"].map(|part| format!("{base}{part}"));
        if histogram { parts.iter().any(|part| part == name) } else { base == name }
    };
    table::ALL.iter().find(whole).unwrap_or_else(|| panic!("{name} is not in the table"))
}

fn may_be(values: Values, value: &str) -> bool {
    match values {
        Values::Words(words) => words().contains(&value),
        Values::Rpc => rpc::names().contains(&value),
        // What adapters call their calls: small letters and a few signs.
        Values::Operation => value.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_-/".contains(&byte)),
        Values::Configured => ["consent", "orchestration", "main"].contains(&value),
        Values::Version => value == env!("CARGO_PKG_VERSION"),
    }
}

/// Calls of methods that nobody has, by a raw client.
async fn strange_calls(world: &World) {
    let stream = TcpStream::connect(world.gateway.grpc).await.unwrap();
    let (mut client, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<bytes::Bytes>>(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    for path in ["/sangam.v1.JourneyService/AAAPA0001A", "/canary.Asha/9000000001", "/canary", "/grpc.health.v1.Health/canary"] {
        let request = Request::post(format!("http://gateway{path}")).header("content-type", "application/grpc");
        let answer = client.send_request(request.body(Full::default()).unwrap()).await.unwrap();
        answer.into_body().collect().await.unwrap();
    }
}

/// Journeys through every provider, and words where strangers can put some.
async fn busy() -> World {
    let world = roomy_with(|config| config.telemetry.metrics_interval_ms = 20).await;
    for (provider, credential) in [("finpro", "consent"), ("finpro", "orchestration"), ("finpass", "main")] {
        let mut request = start_request(provider, credential, "01", &[Product::Data]);
        request.client_reference = "canary".to_owned();
        let journey_id = world.approved(request).await;
        world.until_picked_up(&journey_id).await;
        world.data(data_request(&journey_id, View::Masked)).await.unwrap();
        // The second one from memory.
        world.status(&journey_id).await;
        world.status(&journey_id).await;
    }
    let open = start_request("finpass", "main", "02", &[Product::Data]);
    world.client.clone().start_journey(open).await.unwrap();
    let strange = pb::GetStatusRequest { journey_id: "canary".to_owned() };
    world.client.clone().get_status(strange).await.unwrap_err();
    let mut nowhere = start_request("canary", "AAAPA0001A", "01", &[Product::Data]);
    nowhere.customer.as_mut().unwrap().name = "Asha".to_owned();
    world.client.clone().start_journey(nowhere).await.unwrap_err();
    strange_calls(&world).await;
    for path in ["canary/AAAPA0001A", "finpro/9000000001"] {
        to(&world, path, "canary").send().await.unwrap();
    }
    world
}

/// Prometheus' own checker.
fn promtool() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let own = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools/bin");
    let places = std::env::split_paths(&path).chain([own]);
    places.map(|place| place.join("promtool")).find(|tool| tool.is_file()).expect("promtool, which `make test` fetches")
}

fn check_metrics(text: &str) -> (Option<i32>, String) {
    let mut tool = Command::new(promtool());
    let mut tool =
        tool.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    tool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = tool.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_hold_words_of_closed_sets_whoever_calls_and_prometheus_takes_it_all() {
    let world = busy().await;
    let open = format!("sangam_journeys{{state=\"{}\"}} 1\n", table::state_word(JourneyState::AwaitingCustomer));
    let text = until_scraped(&world, |text| text.contains(&open)).await;
    assert_eq!(check_metrics(&text), (Some(0), String::new()));
    for planted in PLANTED {
        assert!(!text.contains(planted), "{planted} in {text}");
    }
    let mut seen = BTreeSet::new();
    for (name, labels, _) in samples(&text).iter().filter(|(name, ..)| name != "target_info") {
        let metric = metric_of(name);
        seen.insert(metric.name);
        for (label, value) in labels.iter().filter(|(label, _)| *label != "le") {
            let known = metric.labels.iter().find(|(known, _)| known.replace('.', "_") == *label);
            let (_, values) = known.unwrap_or_else(|| panic!("{label} of {name} is not in the table"));
            assert!(may_be(*values, value), "{name} {label} {value}");
        }
    }
    // Nothing failed, and the simulators say nothing of quotas.
    let quiet = [table::PROVIDER_BACKOFF.name, table::PROVIDER_QUOTA.name];
    for metric in table::ALL.iter().filter(|metric| !quiet.contains(&metric.name)) {
        assert!(seen.contains(metric.name), "{} is in the table and never told", metric.name);
    }
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_are_those_of_what_happened() {
    let world = busy().await;
    // The cache weighs what it holds a little later.
    let weighed = |text: &str| !text.contains("sangam_cache_size_bytes{cache=\"rows\"} 0\n");
    let text = until_scraped(&world, weighed).await;
    let samples = samples(&text);
    let number = |name: &str, wanted: &[(&str, &str)]| -> f64 {
        let fits = |labels: &BTreeMap<String, String>| {
            wanted.iter().all(|(label, value)| labels.get(*label).is_some_and(|known| known == value))
        };
        samples.iter().filter(|(known, labels, _)| known == name && fits(labels)).map(|(.., number)| number).sum()
    };
    let rpc = |method: &str, code: &str| {
        let labels = [("rpc_method", method), ("rpc_response_status_code", code)];
        number("rpc_server_call_duration_seconds_count", &labels)
    };
    assert_eq!(rpc("sangam.v1.JourneyService/StartJourney", "OK"), 4.0);
    assert_eq!(rpc("sangam.v1.JourneyService/GetStatus", "NOT_FOUND"), 1.0);
    assert_eq!(rpc("unknown", "UNIMPLEMENTED"), 4.0);
    assert_eq!(number("sangam_webhook_requests_total", &[("outcome", "unknown_address"), ("provider", "unknown")]), 2.0);
    // In both of its styles.
    assert_eq!(number("sangam_provider_attempts_total", &[("provider", "finpro"), ("operation", "requestconsent")]), 2.0);
    assert!(number("sangam_cache_requests_total", &[("cache", "status"), ("result", "hit")]) > 0.0);
    assert!(number("sangam_cache_size_bytes", &[("cache", "rows")]) > 0.0);
    assert_eq!(number("sangam_store_up", &[]), 1.0);
    assert_eq!(number("sangam_purge_overdue", &[]), 0.0);
    world.stop().await;
}

/// The few fields of OTLP's messages that are looked at.
mod otlp {
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Export {
        #[prost(message, repeated, tag = "1")]
        pub resources: Vec<Resource>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Resource {
        #[prost(message, repeated, tag = "2")]
        pub scopes: Vec<Scope>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Scope {
        #[prost(message, repeated, tag = "2")]
        pub metrics: Vec<Metric>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub struct Metric {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(string, tag = "3")]
        pub unit: String,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_metrics_are_pushed_before_the_gateway_ends() {
    let stop = CancellationToken::new();
    let (collector, exports) = collector(&stop).await;
    let directory = configured("[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"off\"\n");
    let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
    command.env("THE_SECRET", "x").env("SANGAM__TELEMETRY__OTLP_ENDPOINT", format!("http://{collector}"));
    command.env("SANGAM__TELEMETRY__METRICS_INTERVAL_MS", "3600000");
    let mut gateway = Killed(command.spawn().unwrap());
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(gateway.0.stderr.take().unwrap()));
    let address = wait_for(&mut lines, "serving gRPC")["address"].as_str().unwrap().to_owned();
    let channel = tonic::transport::Endpoint::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap();
    let mut client = pb::provider_service_client::ProviderServiceClient::new(channel);
    client.list_providers(pb::ListProvidersRequest::default()).await.unwrap();
    assert_eq!(gateway.terminate(), Some(0));
    stop.cancel();
    let pushed: Vec<otlp::Metric> = messages(&exports, "metrics")
        .flat_map(|message| otlp::Export::decode(message).unwrap().resources)
        .flat_map(|resource| resource.scopes)
        .flat_map(|scope| scope.metrics)
        .collect();
    for metric in [table::RPC_DURATION, table::BUILD_INFO, table::STORE_PING] {
        assert!(pushed.iter().any(|one| one.name == metric.name && one.unit == metric.unit), "{} in {pushed:?}", metric.name);
    }
}
