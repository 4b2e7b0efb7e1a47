//! The gateway's commands. Exit codes: 64 for a wrong configuration, 1 for a failed start.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};
use sangam::config::Config;

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
}

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
