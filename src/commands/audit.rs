//! `sangam audit`: verifies the log, and exports it.

use std::{
    fs::File,
    io::{BufReader, BufWriter},
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::Subcommand;
use jiff::Timestamp;
use sangam::{
    access::audit::{Report, Selection, checkpoint_key, export, verify_lines, verify_store},
    config::Config,
    seal::{KeyedHash, Keys},
    store::{self, Store},
};

#[derive(Subcommand)]
pub enum Audit {
    /// Looks whether anything in the log was changed, removed, added or moved. Says where the first fault is, and fails if there is one.
    Verify {
        /// An export instead of the store; no configuration is needed for it.
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Prints the log as lines of JSON, which can be verified elsewhere.
    Export {
        /// Only of this tenant; what checkpoints say of others is hidden behind hashes.
        #[arg(long, value_name = "ID")]
        tenant: Option<String>,
        /// Only from this time on, such as 2026-11-01T00:00:00Z.
        #[arg(long, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only before this time.
        #[arg(long, value_name = "TIME")]
        until: Option<Timestamp>,
    },
}

/// Verifies a file, by the key of the configuration if there is one.
pub async fn verify_file(path: &Path, config: Option<Config>) -> ExitCode {
    let key = match config {
        Some(config) => key(&config).await.ok(),
        None => None,
    };
    let signed = key.is_some();
    let report = File::open(path).and_then(|file| verify_lines(BufReader::new(file), key));
    match report {
        Ok(report) => told(&report, signed),
        Err(error) => failed(&format!("{} cannot be read: {}", path.display(), error.kind())),
    }
}

/// Does what concerns the store.
pub async fn run(config: Config, what: Audit) -> ExitCode {
    let opened = async {
        let store = open(&config).await?;
        let key = checkpoint_key(&store.keyed_hash());
        Ok::<_, String>((store, key))
    };
    let (store, key) = match opened.await {
        Ok(opened) => opened,
        Err(error) => return failed(&error),
    };
    let code = on_store(&store, &key, what).await;
    store.close().await;
    code
}

async fn on_store(store: &Store, key: &KeyedHash, what: Audit) -> ExitCode {
    match what {
        Audit::Verify { .. } => match verify_store(store.as_ref(), key).await {
            Ok(report) => told(&report, true),
            Err(error) => failed(&format!("store: {error}")),
        },
        Audit::Export { tenant, since, until } => {
            let mut out = BufWriter::new(std::io::stdout());
            match export(store.as_ref(), &Selection { tenant, since, until }, &mut out).await {
                Ok(_) => ExitCode::SUCCESS,
                Err(error) => failed(&format!("the export has failed: {error}")),
            }
        }
    }
}

async fn open(config: &Config) -> Result<Store, String> {
    let ring = config.seal.ring().map_err(|error| format!("seal.{error}"))?;
    store::connect(&config.store, &Keys::of(ring)).await.map_err(|error| format!("store: {error}"))
}

/// The key of the checkpoints. It hangs on the one that the store keeps, which outlives the sealing keys.
async fn key(config: &Config) -> Result<KeyedHash, String> {
    let store = open(config).await?;
    let key = checkpoint_key(&store.keyed_hash());
    store.close().await;
    Ok(key)
}

fn failed(why: &str) -> ExitCode {
    eprintln!("sangam: {why}");
    ExitCode::FAILURE
}

/// Prints what was found.
fn told(report: &Report, signed: bool) -> ExitCode {
    let Report { rows, chains, checkpoints, uncovered, newest, fault } = report;
    sangam::say!("rows {rows}, chains {chains}, checkpoints {checkpoints}, rows behind the last checkpoint {uncovered}");
    if let Some((number, hash)) = newest {
        sangam::say!("newest checkpoint {number} {hash}");
    }
    if !signed {
        sangam::say!("skipped the signatures of checkpoints: they need the sealing key (--config)");
    }
    match fault {
        None => {
            sangam::say!("OK");
            ExitCode::SUCCESS
        }
        Some(fault) => {
            sangam::say!("FAULT {fault}");
            ExitCode::FAILURE
        }
    }
}
