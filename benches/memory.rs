//! What one large fetch holds while it is under way: from the provider's answer to the first page of the FULL view, through the whole
//! gateway but its listener. Every allocation of this process in that time is counted. `-- sites` writes where they were made
//! (dhat-heap.json).
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/body.rs"]
mod body;
#[path = "shared/journey.rs"]
mod journey;

use std::{
    fs,
    io::{Read, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use sangam::{
    app::App,
    clock::SystemClock,
    config::Config,
    data::filter::Filter,
    journey::{
        model::Journey,
        service::{DataQuery, Demand, FetchChoice, Service},
    },
    pb::View,
    providers::provider::Call,
    random::encode_id,
};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// Peak heap against the body.
const PEAK_BOUND: f64 = 2.2;
/// Allocations of one fetch.
const COUNT_BOUND: u64 = 1_000;

fn main() {
    let body: &'static [u8] = body::body().leak();
    let directory = tempfile::tempdir().expect("a directory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let service = runtime.block_on(gateway(directory.path(), serve(body)));
    let sites = std::env::args().any(|argument| argument == "sites");
    // The first fetch of a process connects, prepares statements and fills pools: the second one counts.
    let first = runtime.block_on(kept(&service, 17));
    let journey = runtime.block_on(kept(&service, 27));
    drop(runtime.block_on(service.data(call(), &first, query())).expect("a page"));

    let profiler = if sites { dhat::Profiler::new_heap() } else { dhat::Profiler::builder().testing().build() };
    let page = runtime.block_on(service.data(call(), &journey, query()));
    let stats = dhat::HeapStats::get();
    drop(profiler);

    let page = page.expect("a page");
    let bytes: usize = page.entries.iter().map(|entry| entry.len()).sum();
    let peak = stats.max_bytes as f64 / body.len() as f64;
    println!("body {} bytes, first page {bytes} bytes, {} bytes allocated in all", body.len(), stats.total_bytes);
    println!("P5 = {peak:.2} (bound {PEAK_BOUND:.1})  peak heap of one fetch against its body");
    println!("P5 = {} (bound {COUNT_BOUND})  allocations of one fetch", stats.total_blocks);
}

/// A journey in the store, whose data nobody has fetched yet.
async fn kept(service: &Service, number: u8) -> Journey {
    let mut journey = journey::journey(&service.tenant().id, None);
    journey.id = encode_id("jrn", [number; 16]);
    journey.attempts[0].id = encode_id("att", [number; 16]);
    journey.attempts[0].webhook_token = format!("token-{number}").into();
    let consent = &mut journey.consents[0];
    (consent.id, consent.attempt_id) = (encode_id("cns", [number; 16]), journey.attempts[0].id.clone());
    consent.fetches[0].id = encode_id("fch", [number; 16]);
    service.store().insert_journey(&journey, None, Timestamp::now()).await.expect("a journey");
    journey
}

fn call() -> Call {
    Call { deadline: tokio::time::Instant::now() + Duration::from_secs(60) }
}

fn query() -> DataQuery {
    DataQuery {
        choice: FetchChoice::default(),
        demand: Demand::default(),
        view: View::Full,
        filter: Filter::default(),
        page_bytes: 3 * 1024 * 1024,
        page_token: String::new(),
    }
}

/// The gateway without its listeners and its background, so that nothing else allocates.
async fn gateway(directory: &Path, provider: SocketAddr) -> Service {
    fs::write(directory.join("seal.key"), "5a".repeat(32)).expect("a file");
    fs::write(directory.join("secret"), "secret").expect("a file");
    let text = format!(
        "[store]\npath = {:?}\n[seal]\nkey_file = {:?}\n[tenant]\nfull_view = true\n\
         [tenant.finpro.main]\nbase_url = \"http://{provider}/\"\nclient_id = \"id\"\nclient_secret = {{ file = {:?} }}\n\
         organisation_id = \"org\"\napp_identifier = \"app\"\nproducts = {{ underwriting = \"UW-ONETIME\" }}\n",
        directory.join("sangam.db"),
        directory.join("seal.key"),
        directory.join("secret"),
    );
    let config = Config::from_toml_str(&text).expect("a configuration");
    App::offline(&config, Arc::new(SystemClock)).await.expect("a gateway").first().clone()
}

/// Answers every request with the body, from a thread that allocates nothing for it.
fn serve(body: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
    std::thread::spawn(move || {
        let mut request = [0; 16 * 1024];
        while let Ok((mut stream, _)) = listener.accept() {
            // A request of this size comes in one piece.
            while stream.read(&mut request).is_ok_and(|len| len > 0) {
                let sent = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
                if sent.is_err() {
                    break;
                }
            }
        }
    });
    address
}
