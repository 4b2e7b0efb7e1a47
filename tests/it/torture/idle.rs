//! A provider that closes connections which were idle for some seconds, just as the next write may be on its way. Lanes of writes run side by
//! side, so that a thousand writes with pauses of five seconds take less than a minute. The reduced run waits for no time: the provider closes a
//! used connection at the first byte of the next call.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use http::HeaderMap;
use sangam::{
    clock::SystemClock,
    providers::{
        error::Effect,
        http::{CallKind, Executor, Limits, OutboundRequest, Outward},
        provider::Call,
    },
    telemetry::metrics::CallMeter,
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{Instant, sleep, timeout},
};

use super::{Dice, flaky::hear, full, size};

/// After so many milliseconds a provider closes a connection on which nothing comes. The gateway closes a connection itself after 4 s, so only
/// the second one closes what is still open.
const IDLE_MS: [u64; 2] = [5_000, 3_000];
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

#[derive(Default)]
struct Seen {
    /// How often each write came.
    writes: Mutex<HashMap<String, usize>>,
    /// Used connections that the provider closed.
    closed: AtomicUsize,
}

async fn provider(idle: Duration) -> (SocketAddr, Arc<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, seen) = (listener.local_addr().unwrap(), Arc::new(Seen::default()));
    let shared = seen.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let seen = shared.clone();
            tokio::spawn(async move { drop(serve(stream, &seen, idle).await) });
        }
    });
    (address, seen)
}

async fn serve(mut stream: TcpStream, seen: &Seen, idle: Duration) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    let mut used = false;
    loop {
        let wait = if full() { idle } else { Duration::MAX };
        let Ok(came) = timeout(wait, read.fill_buf()).await else { break };
        if came?.is_empty() {
            return Ok(());
        }
        if used && !full() {
            break;
        }
        let Some(heard) = hear(&mut read).await? else { return Ok(()) };
        if heard.path.ends_with("/write") {
            *seen.writes.lock().unwrap().entry(heard.body).or_default() += 1;
        }
        write.write_all(ANSWER).await?;
        used = true;
    }
    seen.closed.fetch_add(usize::from(used), Ordering::SeqCst);
    Ok(())
}

fn executor(address: SocketAddr) -> Executor {
    let base = format!("http://{address}/").parse().unwrap();
    let limits = Limits { retry_pause: Duration::from_millis(5), ..Limits::default() };
    let outward = Outward {
        jitter: Arc::new(|| 0.5),
        meter: CallMeter::silent(),
        bodies: sangam::memory::BodyBudget::new(1 << 30).share(),
    };
    Executor::new(base, HeaderMap::new(), limits, outward, Arc::new(SystemClock)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_write_fails_at_a_provider_that_closes_idle_connections() {
    let (lanes, each, mut dice) = (size(100, 8), size(10, 5), Dice::new());
    let seed = dice.seed;
    let providers = [provider(Duration::from_millis(IDLE_MS[0])).await, provider(Duration::from_millis(IDLE_MS[1])).await];
    let executors = providers.each_ref().map(|(address, _)| executor(*address));
    let mut running = JoinSet::new();
    for lane in 0..lanes {
        let (executor, idle) = (executors[lane % 2].clone(), IDLE_MS[lane % 2]);
        let pauses: Vec<u64> = (0..each).map(|_| idle - 500 + u64::try_from(dice.below(1_001)).unwrap()).collect();
        running.spawn(async move {
            let (mut reads, mut errors, mut unknown) = (0, 0, 0);
            let call = || Call { deadline: Instant::now() + Duration::from_secs(30) };
            for (number, pause) in pauses.into_iter().enumerate() {
                // Leaves a connection open that closes about when the write begins.
                let body = json!({ "lane": lane, "number": number });
                let read = OutboundRequest::of_executor_test(CallKind::Read, "read", &body);
                reads += usize::from(executor.send(call(), read).await.is_err());
                if full() {
                    sleep(Duration::from_millis(pause)).await;
                }
                let write = OutboundRequest::of_executor_test(CallKind::Write, "write", &body);
                if let Err(error) = executor.send(call(), write).await {
                    errors += 1;
                    unknown += usize::from(error.effect == Effect::Unknown);
                }
            }
            (reads, errors, unknown)
        });
    }
    let ends = running.join_all().await;
    let sum = |one: fn(&(usize, usize, usize)) -> usize| ends.iter().map(one).sum::<usize>();
    let (reads, errors, unknown) = (sum(|end| end.0), sum(|end| end.1), sum(|end| end.2));
    let seen = providers.map(|(_, seen)| seen);
    let writes: HashMap<String, usize> = seen.iter().flat_map(|seen| seen.writes.lock().unwrap().clone()).collect();
    let (doubled, lost) = (writes.values().filter(|times| **times > 1).count(), lanes * each - writes.len());
    let closed: usize = seen.iter().map(|seen| seen.closed.load(Ordering::SeqCst)).sum();
    println!(
        "{} writes after pauses of about {IDLE_MS:?} ms, {closed} used connections closed by the provider (seed {seed}): {errors} errors (bound 0), \
         {unknown} of unknown effect (bound 0), {doubled} doubled (bound 0), {lost} lost (bound 0), {reads} reads failed (bound 0)",
        lanes * each
    );
    assert!(closed > 0, "the provider closed nothing");
    assert_eq!((errors, unknown, doubled, lost), (0, 0, 0, 0));
    // The reduced run closes more connections under reads than second tries are allowed.
    assert!(!full() || reads == 0);
}
