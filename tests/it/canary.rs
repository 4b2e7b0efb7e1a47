//! The planted-canary run: words that stand nowhere else go in wherever anything goes in, at the most talkative log, with errors and panics
//! forced; then everything that came out is searched for them, in every form that they could have taken.

mod gateway;
pub mod inputs;
mod search;

use std::{path::Path, sync::Arc, time::Duration};

use gateway::{Output, Process};
use inputs::{Raw, every_call};
use sangam::{
    clock::SystemClock,
    pb::{self, JourneyState, Product, View},
    sandbox::{
        Sandbox, SandboxConfig,
        bank::Bank,
        credentials::{FINPASS, FINPRO, FINPRO_CONSENT},
        customer,
        gateway_config::gateway_toml,
    },
};
use search::Search;
use sqlx::{AssertSqlSafe, Row};
use tempfile::TempDir;
use tonic::{Code, Status, metadata::MetadataValue};

use crate::{
    harness::{data_request, start_request},
    hostile_server::{self, PLANTED},
    personal::said,
    postgres::Database,
    replay::{AGGREGATOR, ANALYSER, CONSENT, ORCHESTRATION, Replay},
};

const NAME: &str = "Quillemarker Zyxwvut";
const EMAIL: &str = "quillemarker@zyxwvut.example";
const REDIRECT: &str = "redirecttokenqzx77";
const HEADER: &str = "headermarkerqzx78";
const SECRET: &str = "secretmarkerqzx79";
const PANIC: &str = "panicmarkerqzx80 AAAPA7777Q";
const STORIES: [&str; 4] = ["01", "06", "30", "36"];
const BOTH: [Product; 2] = [Product::Data, Product::Analytics];

/// What one run has planted and heard.
#[derive(Default)]
struct Run {
    words: Vec<String>,
    /// Everything that errors said.
    errors: Vec<String>,
    /// What the answers held that are meant to hold it.
    served: String,
}

impl Run {
    fn plant(&mut self, word: impl Into<String>) -> String {
        let word = word.into();
        self.words.push(word.clone());
        word
    }

    fn fails(&mut self, status: &Status) {
        self.errors.push(said(status));
    }

    /// Every word that must not come out.
    fn search(&self) -> Search {
        let mut words = self.words.clone();
        words.extend([NAME, EMAIL, "Quillemarker", REDIRECT, HEADER, SECRET, "panicmarkerqzx80"].map(str::to_owned));
        words.extend(PLANTED.iter().map(|word| (*word).to_owned()));
        for digits in STORIES {
            let mobile = format!("90000000{digits}");
            let person = Bank::person(&mobile);
            words.extend([person.mobile, person.pan, person.email, person.name, person.address]);
            for account in Bank::accounts_for(&mobile, jiff::Timestamp::now()) {
                words.push(account.number);
                for row in account.rows.iter().step_by(account.rows.len() / 10 + 1) {
                    words.extend([row.narration.clone(), row.reference.clone()]);
                }
            }
        }
        for credential in FINPRO {
            words.extend([credential.client_secret, credential.webhook_token, credential.webhook_secret].map(str::to_owned));
        }
        words.extend([FINPASS.api_key, FINPASS.secret].map(str::to_owned));
        words.retain(|word| word.len() > 6);
        Search::new(words)
    }
}

/// The configuration before the sandbox, with a hostile provider beside it.
fn configuration(sandbox: &Sandbox, replay: &Replay, directory: &Path, more: &str) -> String {
    let secret = directory.join("hostile.secret");
    std::fs::write(&secret, SECRET).unwrap();
    let (secret, address) = (secret.display(), replay.address);
    let limits = "limits = { max_response_bytes = 2097152, retry_pause_ms = 1, max_pause_ms = 0 }";
    let finpro = |name: &str, prefix: &str, style: &str| {
        format!(
            "[tenant.finpro.{name}]\nbase_url = \"http://{address}{prefix}\"\nstyle = \"{style}\"\nclient_id = \"{SECRET}\"\n\
             client_secret = {{ file = \"{secret}\" }}\norganisation_id = \"org\"\napp_identifier = \"app\"\n\
             products = {{ underwriting = \"PROD01\" }}\nanalytics = {{ json = \"j\" }}\n{limits}\n"
        )
    };
    format!(
        "{}\n{}{}[tenant.finpass.hostile]\nbase_url = \"http://{address}/finpass\"\napi_key = {{ file = \"{secret}\" }}\n\
         api_secret = {{ file = \"{secret}\" }}\n{limits}\n{more}",
        gateway_toml(sandbox, directory).unwrap(),
        finpro("hostile", CONSENT, "consent"),
        finpro("hostile-orchestration", ORCHESTRATION, "orchestration"),
    )
}

fn request(way: (&str, &str, &[Product]), digits: &str) -> pb::StartJourneyRequest {
    let mut request = start_request(way.0, way.1, digits, way.2);
    request.redirect_url = format!("https://lender.example/return?token={REDIRECT}");
    let customer = request.customer.as_mut().unwrap();
    (customer.name, customer.email) = (NAME.to_owned(), EMAIL.to_owned());
    request
}

/// Real customers on every way, to the end.
async fn journeys(run: &mut Run, gateway: &Process) -> Vec<String> {
    let ways: [(&str, &str, &[Product]); 4] = [
        ("finpro", "consent", &BOTH),
        ("finpro", "orchestration", &BOTH),
        ("finpass", "main", &BOTH[..1]),
        ("finpass", "main", &BOTH),
    ];
    let mut ids = Vec::new();
    for way in ways {
        for digits in STORIES {
            let mut client = gateway.client();
            let opened = match client.start_journey(request(way, digits)).await {
                Ok(opened) => opened.into_inner(),
                Err(status) => {
                    run.fails(&status);
                    continue;
                }
            };
            // The customer's address is a way in: its end is as good as a password.
            let tail = opened.customer_url.rsplit(['/', '=', '?']).next().unwrap_or_default().to_owned();
            if tail.len() > 12 {
                run.plant(tail);
            }
            if opened.state() != JourneyState::AwaitingCustomer {
                continue;
            }
            customer::approve(&opened.customer_url).await.unwrap();
            gateway.settled(&opened.journey_id).await;
            match client.fetch_data(data_request(&opened.journey_id, View::Full)).await {
                Ok(page) => run.served.push_str(&format!("{:?}", page.into_inner())),
                Err(status) => run.fails(&status),
            }
            let analysis = pb::FetchAnalyticsRequest { journey_id: opened.journey_id.clone(), ..Default::default() };
            if let Err(status) = client.fetch_analytics(analysis).await {
                run.fails(&status);
            }
            ids.push(opened.journey_id);
        }
    }
    ids
}

/// Every text of every request, with headers that nobody asked for.
async fn every_input(run: &mut Run, gateway: &Process) -> usize {
    let mut words = Vec::new();
    let inputs = every_call(|_| {
        let word = format!("inputmarker{:05}\u{1b}[2J\r\n\"}}", words.len());
        words.push(format!("inputmarker{:05}", words.len()));
        word
    });
    run.words.append(&mut words);
    let mut answered = 0;
    for input in inputs {
        let mut request = tonic::Request::new(futures_util::stream::iter([input.bytes]));
        let headers = request.metadata_mut();
        for name in
            ["traceparent", "tracestate", "baggage", "authorization", "x-api-key", "cookie", "sangam-call-id", "x-request-id"]
        {
            let value = match name {
                "tracestate" | "baggage" => format!("vendor={HEADER}"),
                "authorization" => format!("Bearer {HEADER}"),
                _ => HEADER.to_owned(),
            };
            headers.insert(name, MetadataValue::try_from(value).unwrap());
        }
        // A trace that is to be recorded, so that its `tracestate` would be too.
        if answered % 2 == 0 {
            headers.insert("traceparent", MetadataValue::from_static("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
        }
        // What watches would otherwise watch for ever.
        request.set_timeout(Duration::from_millis(500));
        let mut client = tonic::client::Grpc::new(gateway.channel.clone());
        client.ready().await.unwrap();
        let path = http::uri::PathAndQuery::try_from(input.path).unwrap();
        let ended = match client.streaming(request, path, Raw).await {
            Ok(answer) => {
                let mut stream = answer.into_inner();
                loop {
                    match stream.message().await {
                        Ok(Some(_)) => {}
                        Ok(None) => break None,
                        Err(status) => break Some(status),
                    }
                }
            }
            Err(status) => Some(status),
        };
        answered += 1;
        if let Some(status) = ended {
            assert_ne!(status.code(), Code::Unknown, "{status:?}");
            run.fails(&status);
        }
    }
    answered
}

/// A provider that says everything but what it should.
async fn hostile_answers(run: &mut Run, gateway: &Process, replay: &Replay) {
    for (way, prefix, last) in [
        (("finpro", "hostile", &BOTH[..]), CONSENT, "/v3/requestconsent"),
        (("finpro", "hostile-orchestration", &BOTH), ORCHESTRATION, "/v3/requestconsent"),
        (("finpass", "hostile", &BOTH[..1]), AGGREGATOR, "/init"),
        (("finpass", "hostile", &BOTH), ANALYSER, "/init"),
    ] {
        let path = format!("{prefix}{last}");
        let mut cases = hostile_server::unusable(&path);
        cases.extend(hostile_server::broken(&path));
        cases.extend(hostile_server::twisted(&path));
        for case in cases {
            replay.set(&path, case.answer);
            if let Err(status) = gateway.client().start_journey(request(way, "01")).await {
                run.fails(&status);
            }
        }
        replay.heal(&path);
    }
}

/// Messages that are signed, forged, and of nobody.
async fn webhooks(gateway: &Process) {
    let post = reqwest::Client::builder().no_proxy().build().unwrap();
    let body = format!(r#"{{"accountID":"{NAME}","consentHandle":"{EMAIL}","vua":"9000000001@onemoney","pan":"AAAPA7777Q"}}"#);
    let token = FINPRO_CONSENT.webhook_token;
    for (path, secret, expected) in [
        (format!("finpro/{token}"), FINPRO_CONSENT.webhook_secret, 200),
        (format!("finpro/{token}"), "another", 401),
        (format!("finpro/{REDIRECT}?x={HEADER}"), "another", 401),
        (format!("finpass/{REDIRECT}"), "another", 401),
    ] {
        let signature = crate::webhooks::sign(secret, body.as_bytes());
        let send = post.post(format!("http://{}/webhooks/{path}", gateway.webhook)).header("user-agent", HEADER);
        let send = send.header(crate::webhooks::SIGNATURE, signature).header("authorization", HEADER).body(body.clone());
        assert_eq!(send.send().await.unwrap().status().as_u16(), expected, "{path}");
    }
}

/// Nothing that was planted is in anything that came out, and enough came out for that to mean something.
fn assert_clean(run: &Run, outputs: &[Output]) {
    let search = run.search();
    let mut searched = 0;
    for (what, bytes) in outputs {
        searched += bytes.len();
        let found = search.found(bytes);
        let lines = String::from_utf8_lossy(bytes);
        let line = found.first().and_then(|(_, form)| lines.lines().find(|line| line.contains(form.as_str())));
        let line = line.map(|line| line.chars().take(600).collect::<String>());
        assert_eq!(found, [], "in {what}: {line:?}");
    }
    for error in &run.errors {
        assert_eq!(search.found(error.as_bytes()), [], "{error}");
    }
    assert!(searched > 1_000_000, "{searched} bytes");
    // The search itself is not blind: one leak, put there on purpose.
    let (what, bytes) = outputs.iter().max_by_key(|(_, bytes)| bytes.len()).unwrap();
    let leak = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("x{NAME}"));
    let leaked = [&bytes[..bytes.len() / 2], leak.as_bytes(), &bytes[bytes.len() / 2..]].concat();
    assert!(!search.found(&leaked).is_empty(), "a leak in {what} is not seen");
}

async fn sandbox() -> Sandbox {
    let config = SandboxConfig { calls_per_minute: 1_000_000, ..SandboxConfig::default() };
    Sandbox::start(config, Arc::new(SystemClock)).await.unwrap()
}

async fn drive(run: &mut Run, gateway: &Process, replay: &Replay) {
    journeys(run, gateway).await;
    assert!(every_input(run, gateway).await > 100);
    hostile_answers(run, gateway, replay).await;
    webhooks(gateway).await;
    assert!(
        run.search().found(run.served.as_bytes()).len() > 30,
        "the answers hold nothing, so its absence elsewhere proves nothing"
    );
    assert!(run.errors.len() > 200, "{} errors", run.errors.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_comes_out_of_the_real_program_on_a_file() {
    let (sandbox, replay, directory) = (sandbox().await, Replay::start().await, TempDir::new().unwrap());
    let text = configuration(&sandbox, &replay, directory.path(), "");
    std::fs::write(directory.path().join("sangam.toml"), text).unwrap();
    let gateway = Process::real(directory.path()).await;
    let mut run = Run::default();
    drive(&mut run, &gateway, &replay).await;
    // While it runs the newest writes stand in the write-ahead log.
    let mut outputs = gateway.outputs();
    assert!(outputs.iter().any(|(what, bytes)| what == "sangam.db-wal" && !bytes.is_empty()));
    assert!(outputs.iter().any(|(what, bytes)| what == "command line" && !bytes.is_empty()));
    outputs.extend(gateway.ended());
    assert!(outputs.iter().any(|(what, _)| what.starts_with("span export")), "no spans");
    let log = outputs.iter().rev().find(|(what, _)| what == "log").unwrap();
    assert!(log.1.split(|byte| *byte == b'\n').count() > 1_000, "the log says next to nothing");
    assert_clean(&run, &outputs);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_comes_out_of_the_real_program_on_a_server() {
    let (sandbox, replay, directory) = (sandbox().await, Replay::start().await, TempDir::new().unwrap());
    let database = Database::new().await;
    std::fs::write(directory.path().join("database-url"), &database.url).unwrap();
    let text = configuration(&sandbox, &replay, directory.path(), "");
    let path = format!("path = \"{}\"", directory.path().join("sangam.db").display());
    assert!(text.contains(&path), "{text}");
    std::fs::write(directory.path().join("sangam.toml"), text.replace(&path, "url = { file = \"database-url\" }")).unwrap();
    let gateway = Process::real(directory.path()).await;
    let mut run = Run::default();
    // The password of the database is a secret as well.
    run.plant(database.url.split([':', '@']).nth(2).unwrap());
    drive(&mut run, &gateway, &replay).await;
    let mut outputs = gateway.ended();
    let mut connection = database.connect().await;
    let tables = sqlx::query("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'");
    let tables: Vec<String> = tables.fetch_all(&mut connection).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.len() > 10, "{tables:?}");
    for table in tables {
        let rows = sqlx::query(AssertSqlSafe(format!("SELECT t::text FROM {table} t"))).fetch_all(&mut connection).await.unwrap();
        let text: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        outputs.push((format!("table {table}"), text.join("\n").into_bytes()));
    }
    assert!(outputs.iter().any(|(what, bytes)| what == "table snapshots" && !bytes.is_empty()));
    assert_clean(&run, &outputs);
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_planted_comes_out_of_a_gateway_that_panics() {
    let (sandbox, replay, directory) = (sandbox().await, Replay::start().await, TempDir::new().unwrap());
    let text = configuration(&sandbox, &replay, directory.path(), "");
    std::fs::write(directory.path().join("sangam.toml"), text).unwrap();
    let gateway = Process::panicking(directory.path(), PANIC).await;
    let mut run = Run::default();
    journeys(&mut run, &gateway).await;
    let armed = directory.path().join("armed");
    std::fs::write(&armed, "").unwrap();
    every_input(&mut run, &gateway).await;
    let before = run.errors.len();
    for digits in STORIES {
        for way in [("finpro", "consent", &BOTH[..]), ("finpass", "main", &BOTH[..1])] {
            let status = gateway.client().start_journey(request(way, digits)).await.unwrap_err();
            assert_eq!(status.code(), Code::Internal, "{status:?}");
            run.fails(&status);
        }
    }
    assert!(run.errors.len() > before);
    std::fs::remove_file(&armed).unwrap();
    // A panic costs one call: the next one is served.
    let opened = gateway.client().start_journey(request(("finpro", "consent", &BOTH), "01")).await;
    assert!(opened.is_ok(), "{opened:?}");
    // What was being kept for a search of what a panic tells is not an output.
    std::fs::remove_file(directory.path().join("panic-text")).unwrap();
    let outputs = gateway.ended();
    let log = outputs.iter().find(|(what, _)| what == "log").unwrap();
    assert!(String::from_utf8_lossy(&log.1).matches("\"message\":\"panic\"").count() > 5, "nothing panicked");
    assert_clean(&run, &outputs);
    sandbox.stop().await;
}
