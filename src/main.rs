//! The gateway's commands. Exit codes: 64 for a wrong configuration, 1 for a failed start.

mod commands;

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use clap::{Args, Parser, Subcommand};
use commands::{Audit, Webhooks, Whose, logged};
use sangam::{access::api_key, app::App, clock::SystemClock, config::Config, random::SystemRandom};
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

/// How often the log repeats what should not stay so.
const WARN_EVERY: Duration = Duration::from_secs(3600);

/// The exit code of a wrong configuration (EX_USAGE).
pub(crate) const BAD_CONFIG: u8 = 64;

fn main() -> ExitCode {
    // First of all: every TLS client in the process takes this one.
    if rustls::crypto::aws_lc_rs::default_provider().install_default().is_err() {
        eprintln!("sangam: another TLS provider is installed already");
        return ExitCode::FAILURE;
    }
    let cli = Cli::parse();
    match cli.command.unwrap_or(Command::Serve) {
        Command::Defaults => {
            sangam::console::write(format_args!("{}", sangam::config::DEFAULT_TOML));
            ExitCode::SUCCESS
        }
        Command::Rules => {
            sangam::console::write(format_args!("{}", sangam::journey::fair_use::BUILT_IN));
            ExitCode::SUCCESS
        }
        Command::ApiKey => {
            let key = api_key::new_key(&SystemRandom);
            sangam::say!("key:  {}", key.as_str());
            sangam::say!("hash: {{ sha256 = \"{}\" }}", api_key::write_hash(&api_key::hash(&key)));
            ExitCode::SUCCESS
        }
        Command::Check => match load(&cli.options) {
            Ok(_) => {
                sangam::say!("OK");
                ExitCode::SUCCESS
            }
            Err(code) => code,
        },
        Command::Serve => match load(&cli.options) {
            Ok(config) => on_runtime(serve(config)),
            Err(code) => code,
        },
        Command::Renormalise { whose, journey } => match load(&cli.options) {
            Ok(config) => on_runtime(commands::renormalise(config, whose, journey)),
            Err(code) => code,
        },
        Command::Webhooks { whose, what } => match load(&cli.options) {
            Ok(config) => on_runtime(commands::webhooks(config, whose, what)),
            Err(code) => code,
        },
        // An export can be looked at where there is no configuration.
        Command::Audit { what: Audit::Verify { file: Some(file) } } => {
            let config = cli.options.config.is_some().then(|| load(&cli.options)).transpose();
            config.map_or_else(|code| code, |config| on_runtime(async move { commands::audit::verify_file(&file, config).await }))
        }
        Command::Audit { what } => match load(&cli.options) {
            Ok(config) => on_runtime(logged(config, |config| commands::audit::run(config, what))),
            Err(code) => code,
        },
        Command::Receipts { whose, journey } => match load(&cli.options) {
            Ok(config) => on_runtime(commands::receipts(config, whose, journey)),
            Err(code) => code,
        },
        Command::Backup { to } => match load(&cli.options) {
            Ok(config) => on_runtime(commands::backup(config, to)),
            Err(code) => code,
        },
        Command::Keys { what: KeysCommand::Status } => match load(&cli.options) {
            Ok(config) => on_runtime(commands::key_status(config)),
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
