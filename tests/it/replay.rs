//! A provider that only replays: one documented body per path, without logic, over a server of our own that can also answer what no
//! provider documents. The only value that it takes from a request is the caller's account reference, which both of FinPro's lists echo.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// The paths of FinPro's consent style begin with this, to show that a path prefix stays.
pub const CONSENT: &str = "/finpro_uat";
/// The paths of an orchestrated FinPro tenant begin with this.
pub const ORCHESTRATION: &str = "/orchestration";
/// Finpass's two products.
pub const AGGREGATOR: &str = "/finpass/api/v1/services/account-aggregator";
pub const ANALYSER: &str = "/finpass/api/v1/aa-bsa-journey";

/// What is documented, by the path's first and last part.
const DOCUMENTED: &[(&str, &str, &str)] = &[
    (CONSENT, "/v3/requestconsent", include_str!("documented/finpro_requestconsent.json")),
    (CONSENT, "/webRedirection/getEncryptedUrl", include_str!("documented/finpro_encrypted_url.json")),
    (CONSENT, "/v2/getconsentslist", include_str!("documented/finpro_consents_list.json")),
    (CONSENT, "/productslist", include_str!("documented/finpro_products_list.json")),
    (CONSENT, "/fi/request", include_str!("documented/finpro_fi_request.json")),
    (CONSENT, "/consent/firequest/status", include_str!("documented/finpro_fi_status.json")),
    (CONSENT, "/getallfidata", include_str!("documented/finpro_data.json")),
    (CONSENT, "/getalllatestfidata", include_str!("documented/finpro_latest_data.json")),
    (CONSENT, "/analytics/json", include_str!("documented/finpro_analytics.json")),
    (ORCHESTRATION, "/v3/requestconsent", include_str!("documented/finpro_transaction.json")),
    (ORCHESTRATION, "/v2/getconsentslist", include_str!("documented/finpro_consents_list.json")),
    (ORCHESTRATION, "/transaction/status", include_str!("documented/finpro_transaction_status.json")),
    (ORCHESTRATION, "/productslist", include_str!("documented/finpro_products_list.json")),
    (ORCHESTRATION, "/getallfidata", include_str!("documented/finpro_pdf_data.json")),
    (ORCHESTRATION, "/analytics/json", include_str!("documented/finpro_analytics.json")),
    (AGGREGATOR, "/init", include_str!("documented/finpass_init.json")),
    (AGGREGATOR, "/fetch-json-report", include_str!("documented/finpass_report.json")),
    (ANALYSER, "/init", include_str!("documented/finpass_bsa_init.json")),
    (ANALYSER, "/status", include_str!("documented/finpass_bsa_status.json")),
    (ANALYSER, "/statement-result", include_str!("documented/finpass_bsa_result.json")),
    (ANALYSER, "/analysis-json", include_str!("documented/finpass_bsa_analysis.json")),
];

/// The documented body of a path.
pub fn documented(path: &str) -> &'static str {
    let known = DOCUMENTED.iter().find(|(first, last, _)| path.strip_prefix(first) == Some(last));
    known.unwrap_or_else(|| panic!("nothing is documented for {path}")).2
}

/// Every path for which something is documented.
pub fn paths() -> impl Iterator<Item = String> {
    DOCUMENTED.iter().map(|(first, last, _)| format!("{first}{last}"))
}

/// What a path answers.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This status, media type and body, sent well; the connection stays.
    Well(u16, &'static str, Bytes),
    /// By what stands in the request's body: the first text that occurs in it decides.
    ByBody(Vec<(&'static str, Answer)>),
    /// Exactly these bytes, head included, then the connection ends.
    Bytes(Bytes),
    /// Nothing, ever; the connection stays open.
    Held,
    /// A head, then one byte after the other, for ever.
    Drip(Bytes),
    /// A head, then a body in chunks for as long as somebody reads, up to this many bytes.
    Flood(Bytes, usize),
}

impl Answer {
    /// A JSON body with 200.
    pub fn json(body: impl Into<Bytes>) -> Self {
        Self::Well(200, "application/json; charset=utf-8", body.into())
    }

    /// A JSON body with a status.
    pub fn status(status: u16, body: impl Into<Bytes>) -> Self {
        Self::Well(status, "application/json; charset=utf-8", body.into())
    }
}

#[derive(Default)]
struct State {
    answers: BTreeMap<String, Answer>,
    asked: BTreeMap<String, usize>,
    account: String,
}

struct Shared {
    state: Mutex<State>,
    news: watch::Sender<()>,
}

/// The server; it ends with the value.
pub struct Replay {
    pub address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Replay {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { state: Mutex::default(), news: watch::Sender::new(()) });
        let accepting = shared.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                connections.spawn(serve(stream, accepting.clone()));
            }
        });
        Self { address, shared, task }
    }

    /// From now on the path answers this.
    pub fn set(&self, path: &str, answer: Answer) {
        self.shared.state.lock().unwrap().answers.insert(path.to_owned(), answer);
    }

    /// From now on the path answers what is documented.
    pub fn heal(&self, path: &str) {
        self.shared.state.lock().unwrap().answers.remove(path);
    }

    /// How often the path was asked.
    pub fn asked(&self, path: &str) -> usize {
        self.shared.state.lock().unwrap().asked.get(path).copied().unwrap_or_default()
    }

    /// Waits until the path was asked so often.
    pub async fn until_asked(&self, path: &str, times: usize) {
        let mut news = self.shared.news.subscribe();
        while self.asked(path) < times {
            news.changed().await.unwrap();
        }
    }
}

/// Serves one connection until an answer ends it.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    while let Some((path, body)) = read_request(&mut stream).await {
        let (answer, account) = {
            let mut state = shared.state.lock().unwrap();
            *state.asked.entry(path.clone()).or_default() += 1;
            let told = serde_json::from_slice::<serde_json::Value>(&body).ok();
            if let Some(account) = told.as_ref().and_then(|body| body["accountID"].as_str()) {
                state.account = account.to_owned();
            }
            let answer = match state.answers.get(&path).cloned() {
                Some(Answer::ByBody(choices)) => {
                    let body = String::from_utf8_lossy(&body);
                    choices.into_iter().find(|(text, _)| body.contains(text)).map(|(_, answer)| answer)
                }
                answer => answer,
            };
            (answer.unwrap_or_else(|| Answer::json(documented(&path))), state.account.clone())
        };
        shared.news.send_replace(());
        // A caller who left is what many of these answers are for.
        if !matches!(respond(&mut stream, answer, &account).await, Ok(true)) {
            return;
        }
    }
}

/// Answers; true if the connection goes on.
async fn respond(stream: &mut TcpStream, answer: Answer, account: &str) -> std::io::Result<bool> {
    match answer {
        Answer::Well(status, media_type, body) => {
            let body = match std::str::from_utf8(&body) {
                Ok(text) => Bytes::from(text.replace("{{accountID}}", account)),
                Err(_) => body,
            };
            let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
            let head = format!("HTTP/1.1 {status} Some\r\ncontent-type: {media_type}\r\n{length}\r\n");
            stream.write_all(&[head.as_bytes(), &body].concat()).await?;
            return Ok(true);
        }
        Answer::Bytes(bytes) => {
            stream.write_all(&bytes).await?;
            stream.shutdown().await?;
        }
        Answer::ByBody(_) => unreachable!("a choice is made before"),
        Answer::Held => std::future::pending::<()>().await,
        Answer::Drip(head) => {
            stream.write_all(&head).await?;
            loop {
                stream.write_all(b" ").await?;
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
        Answer::Flood(head, bytes) => {
            stream.write_all(&head).await?;
            let chunk = [b"10000\r\n", vec![b' '; 0x10000].as_slice(), b"\r\n"].concat();
            for _ in 0..bytes / 0x10000 {
                stream.write_all(&chunk).await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
    }
    Ok(false)
}

/// The path of a request, without its query, and the body.
async fn read_request(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut read = Vec::new();
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8_lossy(&read[..end]).into_owned();
    let length = head
        .lines()
        .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:").map(|text| text.trim().parse().unwrap()));
    while read.len() < end + length.unwrap_or(0) {
        if stream.read_buf(&mut read).await.ok()? == 0 {
            return None;
        }
    }
    let path = head.split(' ').nth(1)?.split('?').next()?.to_owned();
    Some((path, read.split_off(end)))
}
