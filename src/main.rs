//! The gateway's commands. Exit codes: 64 for a wrong configuration, 1 for a failed start.

mod audit_command;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use audit_command::Audit;
use clap::{Args, Parser, Subcommand};
use sangam::{
    access::{TenantId, api_key},
    app::App,
    clock::SystemClock,
    config::{Config, Database},
    journey::{
        error::JourneyError,
        service::{Renormalised, Service, Tenants},
    },
    random::SystemRandom,
    seal::Keys,
    store::{self, BackupError, KeptReceipt, MessageState, Replay, StoreError},
    telemetry,
    webhook::{Inbox, run::Pass},
};
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One gRPC contract over India's Account Aggregator data providers.
#[derive(Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    options: Options,
}

#[derive(Args, Default, Clone)]
struct Options {
    /// The configuration file; variables of the environment named SANGAM__SECTION__KEY win over it.
    #[arg(long, value_name = "FILE", env = "SANGAM_CONFIG", global = true)]
    config: Option<PathBuf>,
}

/// Whose data a command works on.
#[derive(Args)]
struct Whose {
    /// The tenant; needed where the configuration has several.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serves the gateway (the default).
    Serve,
    /// Reads the configuration, and reports everything that is wrong with it.
    Check,
    /// Prints the commented default configuration.
    Defaults,
    /// Prints the built-in rules of fair use.
    Rules,
    /// Makes an API key: prints it, for its caller, and the line with its hash, for the configuration. It is kept nowhere.
    ApiKey,
    /// Reads retained evidence again where an older version made the rows, and keeps the new rows. No provider is asked. Stop the gateway
    /// first: it would go on serving the old rows from memory.
    Renormalise {
        #[command(flatten)]
        whose: Whose,
        /// Only this journey.
        #[arg(long, value_name = "ID")]
        journey: Option<String>,
    },
    /// Shows what providers sent, or tries it again. The gateway may run meanwhile.
    Webhooks {
        #[command(flatten)]
        whose: Whose,
        #[command(subcommand)]
        what: Webhooks,
    },
    /// Verifies or exports the audit log. The gateway may run meanwhile.
    Audit {
        #[command(subcommand)]
        what: Audit,
    },
    /// Prints what was removed, when and why, one line each. Holds nothing personal.
    Receipts {
        #[command(flatten)]
        whose: Whose,
        /// Only of this journey.
        #[arg(long, value_name = "ID")]
        journey: Option<String>,
    },
    /// Copies the SQLite file as it is at one moment, while the gateway runs. What is sealed stays sealed in the copy.
    Backup {
        /// Where to; it must not exist. To standard output if it is left out, which takes as much room beside the file for a while.
        #[arg(value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Looks after the sealing keys. The gateway may run meanwhile.
    Keys {
        #[command(subcommand)]
        what: KeysCommand,
    },
    /// Drives one customer through every product of both providers against the sandbox, and checks every answer.
    #[cfg(feature = "sandbox")]
    Demo,
    /// Drives one customer through every product of both providers against the sandbox, and prints where their data differ.
    #[cfg(feature = "sandbox")]
    Parity {
        /// The story: the last two digits of the customer's mobile number.
        #[arg(long, value_name = "DIGITS", default_value = "01")]
        scenario: String,
        /// Every story through which all products are meant to bring equal data.
        #[arg(long, conflicts_with = "scenario")]
        all: bool,
    },
    /// Serves the gateway before the sandbox, and prints lines to try.
    #[cfg(feature = "sandbox")]
    Run {
        /// Port of the gateway on loopback; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        grpc_port: u16,
        /// Port for webhooks on loopback; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        webhook_port: u16,
        /// Port of the sandbox on loopback; 0 takes a free one.
        #[arg(long, default_value_t = 0)]
        sandbox_port: u16,
    },
}

#[derive(Subcommand)]
enum KeysCommand {
    /// Prints each sealing key by its id, one line each: what it is to the gateway, how much of what is stored is under it, and where. A key
    /// that is not needed any more may be taken out of the configuration. It reads every row.
    Status,
}

#[derive(Subcommand)]
enum Webhooks {
    /// Lists the newest messages, without what is in them.
    List {
        /// Only those that were put aside: they cannot be read, or nobody knows whom they concern.
        #[arg(long)]
        quarantined: bool,
    },
    /// Applies messages as if they had just come.
    Replay {
        /// Every one that was put aside.
        #[arg(long, required_unless_present = "id")]
        quarantined: bool,
        /// This one, whatever became of it.
        #[arg(long, value_name = "ID", conflicts_with = "quarantined")]
        id: Option<String>,
    },
}

/// How often the log repeats what should not stay so.
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// The exit code of a wrong configuration (EX_USAGE).
const BAD_CONFIG: u8 = 64;

fn main() -> ExitCode {
    // First of all: every TLS client in the process takes this one.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("sangam: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Defaults => {
            print!("{}", sangam::config::DEFAULT_TOML);
            ExitCode::SUCCESS
        }
        Command::Rules => {
            print!("{}", sangam::journey::fair_use::BUILT_IN);
            ExitCode::SUCCESS
        }
        Command::ApiKey => {
            let key = api_key::new_key(&SystemRandom);
            println!("key:  {}", key.as_str());
            println!("hash: {{ sha256 = \"{}\" }}", api_key::write_hash(&api_key::hash(&key)));
            ExitCode::SUCCESS
        }
        Command::Check => match load(&cli.options) {
            Ok(_) => {
                println!("OK");
                ExitCode::SUCCESS
            }
            Err(code) => code,
        },
        Command::Serve => match load(&cli.options) {
            Ok(config) => on_runtime(serve(config)),
            Err(code) => code,
        },
        Command::Renormalise { whose, journey } => match load(&cli.options) {
            Ok(config) => on_runtime(renormalise(config, whose, journey)),
            Err(code) => code,
        },
        Command::Webhooks { whose, what } => match load(&cli.options) {
            Ok(config) => on_runtime(webhooks(config, whose, what)),
            Err(code) => code,
        },
        // An export can be looked at where there is no configuration.
        Command::Audit { what: Audit::Verify { file: Some(file) } } => {
            let config = cli.options.config.is_some().then(|| load(&cli.options)).transpose();
            config.map_or_else(|code| code, |config| on_runtime(async move { audit_command::verify_file(&file, config).await }))
        }
        Command::Audit { what } => match load(&cli.options) {
            Ok(config) => on_runtime(logged(config, |config| audit_command::run(config, what))),
            Err(code) => code,
        },
        Command::Receipts { whose, journey } => match load(&cli.options) {
            Ok(config) => on_runtime(receipts(config, whose, journey)),
            Err(code) => code,
        },
        Command::Backup { to } => match load(&cli.options) {
            Ok(config) => on_runtime(backup(config, to)),
            Err(code) => code,
        },
        Command::Keys { what: KeysCommand::Status } => match load(&cli.options) {
            Ok(config) => on_runtime(key_status(config)),
            Err(code) => code,
        },
        #[cfg(feature = "sandbox")]
        Command::Demo => on_runtime(ended(sangam::sandbox::demo::run())),
        #[cfg(feature = "sandbox")]
        Command::Parity { scenario, all } => {
            use sangam::sandbox::parity::{Stories, run};
            on_runtime(ended(run(if all { Stories::Equal } else { Stories::One(scenario) })))
        }
        #[cfg(feature = "sandbox")]
        Command::Run { grpc_port, webhook_port, sandbox_port } => {
            let ports = sangam::sandbox::run::Ports { grpc: grpc_port, webhook: webhook_port, sandbox: sandbox_port };
            on_runtime(ended(sangam::sandbox::run::run(ports)))
        }
    }
}

/// Waits for the end, and says why if it is a bad one.
#[cfg(feature = "sandbox")]
async fn ended<E: std::fmt::Display>(work: impl Future<Output = Result<(), E>>) -> ExitCode {
    match work.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sangam: {error}");
            ExitCode::FAILURE
        }
    }
}

fn load(options: &Options) -> Result<Config, ExitCode> {
    // A variable that is no text cannot be one of ours.
    let env = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    Config::load(options.config.as_deref(), env).map_err(|faults| {
        eprint!("sangam: the configuration is wrong:\n{faults}");
        ExitCode::from(BAD_CONFIG)
    })
}

fn on_runtime(work: impl Future<Output = ExitCode>) -> ExitCode {
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(work),
        Err(error) => {
            eprintln!("sangam: the runtime cannot start: {}", error.kind());
            ExitCode::FAILURE
        }
    }
}

/// Serves until SIGTERM or SIGINT.
async fn serve(config: Config) -> ExitCode {
    let warnings = config.warnings();
    logged(config, |config| run(config, warnings)).await
}

/// Does work with the log that the configuration describes.
async fn logged<F: Future<Output = ExitCode>>(config: Config, work: impl FnOnce(Config) -> F) -> ExitCode {
    let logs = match telemetry::init(&config.telemetry) {
        Ok(logs) => logs,
        Err(error) => {
            eprintln!("sangam: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = work(config).await;
    logs.shutdown().await;
    code
}

/// Does work on the store of a gateway that need not run, for one tenant; closes it again.
async fn offline<F: Future<Output = ExitCode>>(
    config: Config,
    whose: Whose,
    work: impl FnOnce(Tenants, Service, Config) -> F,
) -> ExitCode {
    logged(config, |config| async move {
        let tenants = match App::offline(&config, Arc::new(SystemClock)).await {
            Ok(tenants) => tenants,
            Err(error) => {
                tracing::error!(%error, "the start has failed");
                return ExitCode::FAILURE;
            }
        };
        let code = match tenants.chosen(whose.tenant.as_deref()) {
            Ok(service) => work(tenants.clone(), service.clone(), config).await,
            Err(which) => {
                eprintln!("sangam: {which}");
                ExitCode::FAILURE
            }
        };
        tenants.shared().close().await;
        code
    })
    .await
}

/// Makes outdated snapshots anew, and says how many. What could not be read makes it fail.
async fn renormalise(config: Config, whose: Whose, journey: Option<String>) -> ExitCode {
    offline(config, whose, |_, service, _| async move {
        match service.renormalise(journey.as_deref()).await {
            Ok(Renormalised { changed, unchanged, gone, failed }) => {
                println!("changed {changed}, unchanged {unchanged}, gone {gone}, failed {failed}");
                if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
            }
            Err(JourneyError::JourneyNotFound) => {
                eprintln!("sangam: there is no such journey");
                ExitCode::FAILURE
            }
            // The log has the cause.
            Err(_) => {
                eprintln!("sangam: the store cannot be used");
                ExitCode::FAILURE
            }
        }
    })
    .await
}

/// Shows or replays messages.
async fn webhooks(config: Config, whose: Whose, what: Webhooks) -> ExitCode {
    offline(config, whose, |tenants, service, config| async move {
        let inbox = Inbox::new(tenants, sangam::webhook::Settings::from(&config));
        match answer(&inbox, &service.tenant().id, what).await {
            Ok(code) => code,
            Err(error) => {
                tracing::error!(%error, "the store has failed");
                eprintln!("sangam: the store cannot be used");
                ExitCode::FAILURE
            }
        }
    })
    .await
}

async fn answer(inbox: &Inbox, tenant: &TenantId, what: Webhooks) -> Result<ExitCode, StoreError> {
    match what {
        Webhooks::List { quarantined } => {
            for line in inbox.list(tenant, quarantined.then_some(MessageState::Quarantined)).await? {
                println!("{line}");
            }
        }
        Webhooks::Replay { id, .. } => {
            let which = id.as_deref().map_or(Replay::Quarantined, Replay::One);
            let (count, pass) = inbox.replay(tenant, which).await?;
            let Pass { applied, parked, quarantined, again } = pass;
            println!("replayed {count}: applied {applied}, parked {parked}, quarantined {quarantined}, again {again}");
            if count == 0 && id.is_some() {
                eprintln!("sangam: there is no such message");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the receipts: when, why, journey, fetch, and how much of each kind, apart by tabs.
async fn receipts(config: Config, whose: Whose, journey: Option<String>) -> ExitCode {
    offline(config, whose, |_, service, _| async move {
        let Ok(receipts) = service.store().receipts(&service.tenant().id, journey.as_deref()).await else {
            eprintln!("sangam: the store cannot be used");
            return ExitCode::FAILURE;
        };
        for receipt in receipts {
            let KeptReceipt { journey_id, fetch_id, reason, at, snapshots, evidence, documents } = receipt;
            let reason = reason.as_str_name().trim_start_matches("PURGE_REASON_");
            println!(
                "{at}\t{reason}\t{journey_id}\t{fetch_id}\tsnapshots {snapshots}\tevidence {evidence}\tdocuments {documents}"
            );
        }
        ExitCode::SUCCESS
    })
    .await
}

/// Copies the SQLite file.
async fn backup(config: Config, to: Option<PathBuf>) -> ExitCode {
    let Ok(Database::File(from)) = config.store.database() else {
        eprintln!("sangam: the store is PostgreSQL, whose own tools back it up: pg_dump, or an archive of its log");
        return ExitCode::from(BAD_CONFIG);
    };
    let done = match to {
        Some(to) => sangam::store::backup(&from, &to).await,
        None => backup_out(&from).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sangam: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The same to standard output, by a file beside the store, which is gone afterwards.
async fn backup_out(from: &Path) -> Result<(), BackupError> {
    let mut copy = from.as_os_str().to_owned();
    copy.push(format!(".copy-{}", std::process::id()));
    sangam::store::backup(from, Path::new(&copy)).await?;
    let mut file = std::fs::File::open(&copy)?;
    std::fs::remove_file(&copy)?;
    std::io::copy(&mut file, &mut std::io::stdout().lock())?;
    Ok(())
}

/// Prints what is under which sealing key.
async fn key_status(config: Config) -> ExitCode {
    logged(config, |config| async move {
        let ring = match config.seal.ring() {
            Ok(ring) => ring,
            Err(message) => {
                eprintln!("sangam: seal.{message}");
                return ExitCode::from(BAD_CONFIG);
            }
        };
        let held = ring.ids();
        let store = match store::connect(&config.store, &Keys::of(ring)).await {
            Ok(store) => store,
            Err(error) => {
                eprintln!("sangam: {error}");
                return ExitCode::FAILURE;
            }
        };
        let report = store::key_report(store.as_ref(), &held).await;
        store.close().await;
        let Ok(lines) = report else {
            eprintln!("sangam: the store cannot be used");
            return ExitCode::FAILURE;
        };
        lines.iter().for_each(|line| println!("{line}"));
        ExitCode::SUCCESS
    })
    .await
}

async fn run(config: Config, warnings: Vec<String>) -> ExitCode {
    // Before anything starts: a signal that comes meanwhile is not lost.
    let (mut terminate, mut interrupt) = match (signal(SignalKind::terminate()), signal(SignalKind::interrupt())) {
        (Ok(terminate), Ok(interrupt)) => (terminate, interrupt),
        _ => {
            tracing::error!("signals cannot be listened to");
            return ExitCode::FAILURE;
        }
    };
    // A start may wait for the database; whoever wants to stop it does not wait with it.
    let started = tokio::select! {
        started = App::start(config, Arc::new(SystemClock)) => started,
        _ = terminate.recv() => return ExitCode::SUCCESS,
        _ = interrupt.recv() => return ExitCode::SUCCESS,
    };
    let running = match started {
        Ok(running) => running,
        Err(error) => {
            tracing::error!(%error, "the start has failed");
            return ExitCode::FAILURE;
        }
    };
    tracing::info!(address = %running.grpc, version = env!("CARGO_PKG_VERSION"), "serving gRPC");
    tracing::info!(address = %running.webhook, "taking webhooks");
    let warner = tokio::spawn(repeat(warnings));
    tokio::select! {
        _ = terminate.recv() => tracing::info!(signal = "SIGTERM", "stopping"),
        _ = interrupt.recv() => tracing::info!(signal = "SIGINT", "stopping"),
    }
    warner.abort();
    running.stop().await;
    tracing::info!("stopped");
    ExitCode::SUCCESS
}

async fn repeat(warnings: Vec<String>) {
    let mut hours = tokio::time::interval(WARN_EVERY);
    while !warnings.is_empty() {
        hours.tick().await;
        for warning in &warnings {
            tracing::warn!(warning, "the configuration is not safe");
        }
    }
}
