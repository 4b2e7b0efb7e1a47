//! Nothing personal leaves the gateway but in the answers that are meant to hold it: not in the log at its most talkative, not in
//! errors, not in the files.

use std::{
    collections::{BTreeSet, HashMap},
    io::{BufRead, BufReader},
    path::Path,
    process::Stdio,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use sangam::{
    clock::SystemClock,
    pb::{self, JourneyState, Product, View, journey_service_client::JourneyServiceClient},
    sandbox::{Sandbox, SandboxConfig, bank::Bank, credentials::FINPRO_CONSENT, customer, gateway_config::gateway_toml},
};
use tempfile::TempDir;
use tonic::{Status, transport::Channel};

use crate::{
    command::{Killed, sangam},
    harness::{data_request, start_request},
};

/// What the caller sends beside the sandbox's own customers: words that stand nowhere else.
const NAME: &str = "Quillemarker Zyxwvut";
const EMAIL: &str = "quillemarker@zyxwvut.example";
const PATIENCE: Duration = Duration::from_secs(20);

/// The real program before the sandbox, with its whole log.
struct Process {
    child: Killed,
    log: Arc<Mutex<String>>,
    client: JourneyServiceClient<Channel>,
    webhook: String,
}

impl Process {
    async fn start(sandbox: &Sandbox, directory: &Path) -> Self {
        let file = directory.join("sangam.toml");
        std::fs::write(&file, gateway_toml(sandbox, directory).unwrap()).unwrap();
        let mut command = sangam(directory, &["serve", "--config", "sangam.toml"]);
        command.stdout(Stdio::null()).env("SANGAM__TELEMETRY__LOG_FILTER", "trace");
        command.env("SANGAM__TENANT__RETAIN_EVIDENCE", "true");
        command.env("SANGAM__POLLER__FIRST_MS", "5").env("SANGAM__POLLER__MAX_MS", "20");
        let mut child = Killed(command.spawn().unwrap());
        let lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
        let log = Arc::new(Mutex::new(String::new()));
        let (say, addresses) = mpsc::channel();
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let read: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
                if let ("serving gRPC" | "taking webhooks", Some(address)) =
                    (read["message"].as_str().unwrap_or_default(), read["address"].as_str())
                {
                    let _ = say.send(address.to_owned());
                }
                let mut log = kept.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        let grpc = addresses.recv_timeout(PATIENCE).unwrap();
        let webhook = addresses.recv_timeout(PATIENCE).unwrap();
        let channel = Channel::from_shared(format!("http://{grpc}")).unwrap().connect().await.unwrap();
        let client = JourneyServiceClient::new(channel).max_decoding_message_size(16 * 1024 * 1024);
        Self { child, log, client, webhook }
    }

    /// Asks for the tree until it has settled.
    async fn settled(&self, journey_id: &str) -> pb::Journey {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let request = pb::GetStatusRequest { journey_id: journey_id.to_owned() };
            let journey = self.client.clone().get_status(request).await.unwrap().into_inner().journey.unwrap();
            if journey.settled {
                return journey;
            }
            assert!(Instant::now() < give_up, "{journey:?}");
        }
    }
}

/// Every word that must not be found, for these customers.
fn markers(mobiles: &[String]) -> Vec<String> {
    let mut words = vec![NAME.to_owned(), EMAIL.to_owned(), "Quillemarker".to_owned()];
    for mobile in mobiles {
        let person = Bank::person(mobile);
        words.extend([person.mobile, person.pan, person.email, person.name, person.address]);
        for account in Bank::accounts_for(mobile, jiff::Timestamp::now()) {
            words.push(account.number);
            for row in account.rows.iter().step_by(account.rows.len() / 25 + 1) {
                words.extend([row.narration.clone(), row.reference.clone()]);
            }
        }
    }
    words.retain(|word| word.len() > 6);
    words.sort();
    words.dedup();
    words
}

/// The words that occur in the bytes. They are looked for all at once: there are thousands of words, and megabytes of log.
fn found<'a>(words: &'a [String], bytes: &[u8]) -> Vec<&'a str> {
    let mut begins = vec![false; 1 << 16];
    let mut by_begin = HashMap::<&[u8], Vec<&'a str>>::new();
    let pair = |bytes: &[u8]| usize::from(bytes[0]) << 8 | usize::from(bytes[1]);
    for word in words {
        begins[pair(word.as_bytes())] = true;
        by_begin.entry(&word.as_bytes()[..6]).or_default().push(word);
    }
    let mut found = BTreeSet::new();
    for (at, window) in bytes.windows(6).enumerate() {
        if begins[pair(window)]
            && let Some(words) = by_begin.get(window)
        {
            found.extend(words.iter().filter(|word| bytes[at..].starts_with(word.as_bytes())));
        }
    }
    found.into_iter().collect()
}

/// Everything that an error says, in all its forms.
pub fn said(status: &Status) -> String {
    format!("{status:?} {} {}", status.message(), String::from_utf8_lossy(status.details()))
}

fn request(way: (&str, &str, &[Product]), digits: &str) -> pb::StartJourneyRequest {
    let mut request = start_request(way.0, way.1, digits, way.2);
    let customer = request.customer.as_mut().unwrap();
    (customer.name, customer.email) = (NAME.to_owned(), EMAIL.to_owned());
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_log_nor_errors_nor_files_hold_anything_personal() {
    let sandbox =
        Sandbox::start(SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() }, Arc::new(SystemClock));
    let sandbox = sandbox.await.unwrap();
    let directory = TempDir::new().unwrap();
    let mut gateway = Process::start(&sandbox, directory.path()).await;
    let both = [Product::Data, Product::Analytics];
    let ways: [(&str, &str, &[Product]); 4] = [
        ("finpro", "consent", &both),
        ("finpro", "orchestration", &both),
        ("finpass", "main", &both[..1]),
        ("finpass", "main", &both),
    ];
    let stories = ["01", "02", "06", "10", "11", "30", "32", "36"];
    let mut errors = Vec::new();
    let mut served = String::new();
    for way in ways {
        for digits in stories {
            let mut client = gateway.client.clone();
            let opened = match client.start_journey(request(way, digits)).await {
                Ok(opened) => opened.into_inner(),
                Err(status) => {
                    errors.push(said(&status));
                    continue;
                }
            };
            if !matches!(opened.state(), JourneyState::AwaitingCustomer) {
                continue;
            }
            customer::approve(&opened.customer_url).await.unwrap();
            // A read that fails for good never settles; its errors are what counts here.
            if !matches!(digits, "10" | "11" | "12") {
                gateway.settled(&opened.journey_id).await;
            }
            match client.fetch_data(data_request(&opened.journey_id, View::Full)).await {
                Ok(page) => served.push_str(&format!("{:?}", page.into_inner())),
                Err(status) => errors.push(said(&status)),
            }
            let analysis = pb::FetchAnalyticsRequest { journey_id: opened.journey_id.clone(), ..Default::default() };
            if let Err(status) = client.fetch_analytics(analysis).await {
                errors.push(said(&status));
            }
        }
    }
    // What a caller gets wrong is not quoted either.
    let mut wrong = request(ways[0], "01");
    wrong.request_id = NAME.to_owned();
    wrong.redirect_url = format!("http://{EMAIL}/");
    wrong.institutions = vec![NAME.to_owned()];
    wrong.consents[0].template = NAME.to_owned();
    let customer = wrong.customer.as_mut().unwrap();
    (customer.mobile, customer.pan) = ("Quillemarker1".to_owned(), "Quillemarker2".to_owned());
    (customer.email, customer.vua) = ("Quillemarker 3".to_owned(), "Quillemarker@4@5".to_owned());
    errors.push(said(&gateway.client.clone().start_journey(wrong).await.unwrap_err()));
    let mut token = data_request(NAME, View::Masked);
    token.page_token = EMAIL.to_owned();
    errors.push(said(&gateway.client.clone().fetch_data(token).await.unwrap_err()));
    let message = format!(r#"{{"accountID":"{NAME}","consentHandle":"{EMAIL}","vua":"9000000001@onemoney"}}"#);
    let posts = reqwest::Client::builder().no_proxy().build().unwrap();
    for (token, expected) in [("Quillemarker", 401), (FINPRO_CONSENT.webhook_token, 200)] {
        let signature = crate::webhooks::sign(FINPRO_CONSENT.webhook_secret, message.as_bytes());
        let url = format!("http://{}/webhooks/finpro/{token}", gateway.webhook);
        let post = posts.post(url).header(crate::webhooks::SIGNATURE, signature).body(message.clone());
        assert_eq!(post.send().await.unwrap().status().as_u16(), expected);
    }

    let mobiles: Vec<_> = stories.iter().map(|digits| format!("90000000{digits}")).collect();
    let words = markers(&mobiles);
    assert!(
        found(&words, served.as_bytes()).len() > 100,
        "the answers hold nothing personal, so its absence elsewhere proves nothing"
    );
    assert!(errors.len() > 10, "{} errors", errors.len());
    for error in &errors {
        assert_eq!(found(&words, error.as_bytes()), [""; 0], "{error}");
    }
    // While it runs the newest writes stand in the write-ahead log.
    let mut files = 0;
    for end in ["running", "stopped"] {
        if end == "stopped" {
            assert_eq!(gateway.child.terminate(), Some(0));
        }
        for entry in std::fs::read_dir(directory.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap().to_string_lossy().starts_with("sangam.db") {
                let bytes = std::fs::read(&path).unwrap();
                assert_eq!(found(&words, &bytes), [""; 0], "{end}: {}", path.display());
                files += bytes.len();
            }
        }
    }
    assert!(files > 1_000_000, "{files} bytes of files");
    let log = gateway.log.lock().unwrap().clone();
    assert!(log.lines().count() > 100 && log.contains("\"journey changed\""), "the log says next to nothing");
    let lines = found(&words, log.as_bytes()).into_iter().map(|word| (word, log.lines().find(|line| line.contains(word))));
    assert_eq!(lines.collect::<Vec<_>>(), []);
    sandbox.stop().await;
}
