//! The commands that work on what is stored, beside the gateway or while it is stopped.

pub mod audit;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

pub use audit::Audit;
use clap::{Args, Subcommand};
use sangam::{
    access::TenantId,
    app::App,
    clock::SystemClock,
    config::{Config, Database},
    journey::{
        error::JourneyError,
        service::{Renormalised, Service, Tenants},
    },
    seal::Keys,
    store::{self, BackupError, KeptReceipt, MessageState, Replay, StoreError},
    telemetry,
    webhook::{Inbox, run::Pass},
};

use crate::BAD_CONFIG;

/// Whose data a command works on.
#[derive(Args)]
pub struct Whose {
    /// The tenant; needed where the configuration has several.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
}

#[derive(Subcommand)]
pub enum Webhooks {
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

/// Does work with the log that the configuration describes.
pub async fn logged<F: Future<Output = ExitCode>>(config: Config, work: impl FnOnce(Config) -> F) -> ExitCode {
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
pub async fn renormalise(config: Config, whose: Whose, journey: Option<String>) -> ExitCode {
    offline(config, whose, |_, service, _| async move {
        match service.renormalise(journey.as_deref()).await {
            Ok(Renormalised { changed, unchanged, gone, failed }) => {
                sangam::say!("changed {changed}, unchanged {unchanged}, gone {gone}, failed {failed}");
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
pub async fn webhooks(config: Config, whose: Whose, what: Webhooks) -> ExitCode {
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
                sangam::say!("{line}");
            }
        }
        Webhooks::Replay { id, .. } => {
            let which = id.as_deref().map_or(Replay::Quarantined, Replay::One);
            let (count, pass) = inbox.replay(tenant, which).await?;
            let Pass { applied, parked, quarantined, again } = pass;
            sangam::say!("replayed {count}: applied {applied}, parked {parked}, quarantined {quarantined}, again {again}");
            if count == 0 && id.is_some() {
                eprintln!("sangam: there is no such message");
                return Ok(ExitCode::FAILURE);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the receipts: when, why, journey, fetch, and how much of each kind, apart by tabs.
pub async fn receipts(config: Config, whose: Whose, journey: Option<String>) -> ExitCode {
    offline(config, whose, |_, service, _| async move {
        let Ok(receipts) = service.store().receipts(&service.tenant().id, journey.as_deref()).await else {
            eprintln!("sangam: the store cannot be used");
            return ExitCode::FAILURE;
        };
        for receipt in receipts {
            let KeptReceipt { journey_id, fetch_id, reason, at, snapshots, evidence, documents } = receipt;
            let reason = reason.as_str_name().trim_start_matches("PURGE_REASON_");
            sangam::say!(
                "{at}\t{reason}\t{journey_id}\t{fetch_id}\tsnapshots {snapshots}\tevidence {evidence}\tdocuments {documents}"
            );
        }
        ExitCode::SUCCESS
    })
    .await
}

/// Copies the SQLite file.
pub async fn backup(config: Config, to: Option<PathBuf>) -> ExitCode {
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
pub async fn key_status(config: Config) -> ExitCode {
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
        lines.iter().for_each(|line| sangam::say!("{line}"));
        ExitCode::SUCCESS
    })
    .await
}
