//! A provider that closes connections at random: right after an answer, so that the next call may just be on its way, or instead of the
//! answer to a call on a connection that was used before. A new connection is always served.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::Dice;

/// One call as it came.
pub struct Heard {
    method: String,
    pub path: String,
    headers: Vec<(String, String)>,
    pub body: String,
}

struct Shared {
    /// Where calls go on to; without it each is answered by an empty object.
    to: Option<String>,
    client: reqwest::Client,
    dice: Mutex<Dice>,
    closed: AtomicUsize,
    swallowed: AtomicUsize,
    /// How often a body came to a path.
    bodies: Mutex<HashMap<(String, String), usize>>,
}

/// The server; it ends with the value.
pub struct Flaky {
    shared: Arc<Shared>,
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Flaky {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Flaky {
    pub fn start(place: std::net::TcpListener, to: Option<String>, dice: Dice) -> Self {
        place.set_nonblocking(true).unwrap();
        let address = place.local_addr().unwrap();
        let listener = TcpListener::from_std(place).unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let (closed, swallowed) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let shared = Arc::new(Shared { to, client, dice: Mutex::new(dice), closed, swallowed, bodies: Mutex::default() });
        let serving = shared.clone();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let shared = serving.clone();
                // A client that goes away ends its connection, and nothing else.
                tokio::spawn(async move { drop(serve(stream, &shared).await) });
            }
        });
        Self { shared, address, task }
    }

    /// Connections closed right after an answer.
    pub fn closed(&self) -> usize {
        self.shared.closed.load(Ordering::SeqCst)
    }

    /// Calls that were heard and never answered.
    pub fn swallowed(&self) -> usize {
        self.shared.swallowed.load(Ordering::SeqCst)
    }

    /// Bodies that came to a path more than once, and how many came at all.
    pub fn repeated(&self, path: &str) -> (usize, usize) {
        let bodies = self.shared.bodies.lock().unwrap();
        let times: Vec<usize> = bodies.iter().filter(|((to, _), _)| to.ends_with(path)).map(|(_, times)| *times).collect();
        (times.iter().filter(|times| **times > 1).count(), times.len())
    }
}

async fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    let mut read = BufReader::new(read);
    let mut used = false;
    while let Some(heard) = hear(&mut read).await? {
        *shared.bodies.lock().unwrap().entry((heard.path.clone(), heard.body.clone())).or_default() += 1;
        if used && shared.dice.lock().unwrap().below(12) == 0 {
            shared.swallowed.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        let (status, kind, body) = answer(shared, heard).await;
        let head = format!("HTTP/1.1 {status} Answer\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", body.len());
        write.write_all(&[head.as_bytes(), &body].concat()).await?;
        if shared.dice.lock().unwrap().below(4) == 0 {
            shared.closed.fetch_add(1, Ordering::SeqCst);
            return Ok(());
        }
        used = true;
    }
    Ok(())
}

/// Reads one call; nothing at the end of the connection.
pub async fn hear(read: &mut (impl AsyncBufReadExt + Unpin)) -> std::io::Result<Option<Heard>> {
    let mut line = String::new();
    if read.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let (mut headers, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        read.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        } else if !name.eq_ignore_ascii_case("host") {
            headers.push((name.to_owned(), value.to_owned()));
        }
    }
    let mut body = vec![0; length];
    read.read_exact(&mut body).await?;
    Ok(Some(Heard { method, path, headers, body: String::from_utf8(body).unwrap() }))
}

async fn answer(shared: &Shared, heard: Heard) -> (u16, String, Vec<u8>) {
    let Some(to) = &shared.to else { return (200, "application/json".to_owned(), b"{}".to_vec()) };
    let method = reqwest::Method::from_bytes(heard.method.as_bytes()).unwrap();
    let mut call = shared.client.request(method, format!("{to}{}", heard.path)).body(heard.body);
    for (name, value) in &heard.headers {
        // The body is passed on as it is.
        if !name.eq_ignore_ascii_case("accept-encoding") {
            call = call.header(name, value);
        }
    }
    let answer = call.send().await.unwrap();
    let kind = answer.headers().get("content-type").map_or("", |kind| kind.to_str().unwrap()).to_owned();
    (answer.status().as_u16(), kind, answer.bytes().await.unwrap().to_vec())
}
