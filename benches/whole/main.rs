//! What a cached answer costs the server as a whole: connection, layers, handler and cache, against a plain tonic service that answers
//! the same message. Each server is a process of its own on the same core, called over TCP; rounds are interleaved, and what counts is
//! the processor time of the server, so that the ratios hold on a busy machine too.
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod echo;
mod gateway;
#[path = "../shared/journey.rs"]
mod journey;
mod load;
mod raw;
mod server;

use std::process::ExitCode;

use load::{Client, Round};
use raw::RawClient;
use server::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A cached GetStatus against the plain service.
const P1_BOUND: f64 = 1.25;
/// Calls a second of a cached page against the plain service, and of one that is compressed.
const P11_BOUND: f64 = 3.0;
const P11_ZSTD_BOUND: f64 = 20.0;
const ROUNDS: usize = 21;
const PAGE_ROUNDS: usize = 9;
const STATUS_CALLS: usize = 4_000;
const PAGE_CALLS: usize = 80;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("gateway") => server::serve(gateway::serve(arguments[2].as_ref())),
        Some("echo") => server::serve(echo::serve(arguments[2].as_ref())),
        _ => tokio::runtime::Runtime::new().expect("a runtime").block_on(measure()),
    }
    ExitCode::SUCCESS
}

async fn measure() {
    server::pin_to(1);
    let directory = tempfile::tempdir().expect("a directory");
    gateway::seed(directory.path()).await;
    let gateway = Server::start("gateway", directory.path());
    let gateway_client = Client::connect(gateway.address()).await;
    // The plain service answers the very messages of the gateway.
    let status = gateway_client.status().await;
    let page = gateway_client.page().await;
    echo::keep(directory.path(), &status, &page);
    let echo = Server::start("echo", directory.path());
    let echo_client = Client::connect(echo.address()).await;

    let (mut costs, mut rates) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let ours = gateway_client.round(&gateway, STATUS_CALLS).await;
        let plain = echo_client.round(&echo, STATUS_CALLS).await;
        note(round, [ours, plain], STATUS_CALLS, &mut costs, &mut rates);
    }
    let ratio = 1.0 / told("GetStatus", &costs, &rates).cpu;
    println!("P1 = {ratio:.2} (bound {P1_BOUND:.2})  cached GetStatus, server CPU against a plain tonic service");

    for (accepts, bound) in [(None, P11_BOUND), (Some("zstd"), P11_ZSTD_BOUND), (Some("gzip"), P11_ZSTD_BOUND)] {
        let ours = RawClient::connect(gateway.address(), accepts).await;
        let plain = RawClient::connect(echo.address(), accepts).await;
        let (mut costs, mut rates) = (Vec::new(), Vec::new());
        for round in 0..=PAGE_ROUNDS {
            let ours = ours.round(&gateway, PAGE_CALLS).await;
            let plain = plain.round(&echo, PAGE_CALLS).await;
            note(round, [ours, plain], PAGE_CALLS, &mut costs, &mut rates);
        }
        let form = accepts.unwrap_or("plain");
        let ratios = told(form, &costs, &rates);
        println!(
            "P11 {form} = {:.1} in calls a second (bound {bound:.0}), {:.1} in server CPU  cached FetchData of 1 MB against a plain tonic service",
            ratios.rate, ratios.cpu
        );
    }
}

/// What the plain service takes against ours.
struct Ratios {
    cpu: f64,
    rate: f64,
}

/// Writes a pair of rounds down: microseconds of the server a call, and calls a second. The first pair warms both up and does not count.
fn note(round: usize, pair: [Round; 2], calls: usize, costs: &mut Vec<[f64; 2]>, rates: &mut Vec<[f64; 2]>) {
    if round > 0 {
        costs.push([&pair[0], &pair[1]].map(|side| side.cpu.as_secs_f64() * 1e6 / calls as f64));
        rates.push([&pair[0], &pair[1]].map(|side| calls as f64 / side.wall.as_secs_f64()));
    }
}

/// Prints the medians of both and answers the median ratios.
fn told(what: &str, costs: &[[f64; 2]], rates: &[[f64; 2]]) -> Ratios {
    let of = |pairs: &[[f64; 2]], side: usize| median(pairs.iter().map(|pair| pair[side]).collect());
    println!(
        "{what}: server CPU a call: gateway {:.1} us, plain {:.1} us; calls a second: {:.0}, {:.0}",
        of(costs, 0),
        of(costs, 1),
        of(rates, 0),
        of(rates, 1)
    );
    Ratios {
        cpu: median(costs.iter().map(|[ours, plain]| plain / ours).collect()),
        rate: median(rates.iter().map(|[ours, plain]| ours / plain).collect()),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
