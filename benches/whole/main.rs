//! What a cached answer costs the server as a whole: connection, layers, handler and cache, against a plain tonic service that answers
//! the same message. Each server is a process of its own on the same core, called over TCP; rounds are interleaved, and what counts is
//! the processor time of the server, so that the ratios hold on a busy machine too.
#![allow(missing_docs, clippy::expect_used)]

mod echo;
mod gateway;
mod load;
mod server;

use std::process::ExitCode;

use load::{Call, Client, Round};
use server::Server;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A cached GetStatus against the plain service.
const P1_BOUND: f64 = 1.25;
const ROUNDS: usize = 21;
const STATUS_CALLS: usize = 4_000;
const PAGE_CALLS: usize = 40;

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

    let sides = [(&gateway, &gateway_client), (&echo, &echo_client)];
    let ratio = compare(sides, Call::Status, STATUS_CALLS, true).await;
    println!("P1 = {ratio:.2} (bound {P1_BOUND:.2})  cached GetStatus, server CPU against a plain tonic service");
    let ratio = compare(sides, Call::Page, PAGE_CALLS, false).await;
    println!("P11 = {:.1}  cached FetchData of 1 MB, server CPU of a plain tonic service against ours", 1.0 / ratio);
}

/// The median ratio of the gateway to the plain service over interleaved rounds.
async fn compare(sides: [(&Server, &Client); 2], call: Call, calls: usize, print: bool) -> f64 {
    let mut ratios = Vec::new();
    let mut totals = [Vec::new(), Vec::new()];
    // The first round warms both up and does not count.
    for round in 0..=ROUNDS {
        let mut costs = [0.0; 2];
        for (at, (server, client)) in sides.into_iter().enumerate() {
            let Round { cpu, wall } = client.round(server, call, calls).await;
            costs[at] = cpu.as_secs_f64() * 1e6 / calls as f64;
            if round > 0 {
                totals[at].push((costs[at], calls as f64 / wall.as_secs_f64()));
            }
        }
        if round > 0 {
            ratios.push(costs[0] / costs[1]);
            if print {
                println!(
                    "round {round:2}: gateway {:.2} us, plain {:.2} us, ratio {:.3}",
                    costs[0],
                    costs[1],
                    costs[0] / costs[1]
                );
            }
        }
    }
    let [ours, plain] = totals.map(|rounds| {
        let (cpu, rate): (Vec<f64>, Vec<f64>) = rounds.into_iter().unzip();
        (median(cpu), median(rate))
    });
    println!(
        "{call:?}: server CPU a call: gateway {:.2} us, plain {:.2} us; calls a second: {:.0}, {:.0}",
        ours.0, plain.0, ours.1, plain.1
    );
    median(ratios)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
