//! The main job, shown: one customer shares bank data through four products of two providers, and every answer is checked against
//! what the sandbox's banks know.

mod check;
pub(super) mod drive;
pub(super) mod progress;
mod report;
mod table;

use std::{io, sync::Arc, time::Duration};

use futures_util::future::join_all;

use self::{
    drive::{Plan, Seen},
    progress::Progress,
};
use super::{
    Sandbox, SandboxConfig,
    bank::{Bank, BankAccount},
    gateway_config::{gateway_toml, point_webhooks},
    scenario::Scenario,
    scratch::Scratch,
};
use crate::{
    app::{App, Running},
    clock::{Clock, ManualClock, SharedClock, SystemClock},
    config::Config,
    pb,
};

/// All journeys together may take this long.
const LIMIT: Duration = Duration::from_secs(14);

/// Why the demo failed.
#[derive(Debug, thiserror::Error)]
pub enum DemoFailure {
    /// A port or a file could not be had.
    #[error("the machine refused: {0}")]
    Machine(#[from] io::Error),
    /// The gateway refused its configuration.
    #[error("the gateway's configuration is wrong:\n{0}")]
    Config(String),
    /// The gateway did not start.
    #[error("the gateway did not start: {0}")]
    Start(String),
    /// The gateway could not be reached.
    #[error("the gateway could not be reached: {0}")]
    Unreachable(#[from] tonic::transport::Error),
    /// A call was refused.
    #[error("{journey}: {call} answered {status}")]
    Refused {
        /// The journey.
        journey: &'static str,
        /// The call.
        call: &'static str,
        /// Code and message.
        status: String,
    },
    /// The customer's page did not work.
    #[error("{journey}: {error}")]
    Customer {
        /// The journey.
        journey: &'static str,
        /// Why.
        error: super::customer::CustomerError,
    },
    /// A journey ended in another state than READY, or its document arrived broken.
    #[error("{journey}: {what}")]
    Wrong {
        /// The journey.
        journey: &'static str,
        /// What was wrong.
        what: String,
    },
    /// It took too long.
    #[error("the journeys did not end within {} seconds", LIMIT.as_secs())]
    TooSlow,
    /// Answers differ from what the banks know.
    #[error("the answers are wrong:\n  {}", .0.join("\n  "))]
    Unequal(Vec<String>),
}

/// Runs the demo: starts sandbox and gateway in this process, drives the journeys over TCP, prints what it sees, and checks it.
///
/// # Errors
/// As [`DemoFailure`] says; whatever went well has been printed by then.
pub async fn run() -> Result<(), DemoFailure> {
    let mobile = Scenario::Normal.mobile();
    // The sandbox's clock stands still, so that the bank writes no row between two journeys.
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let truth = Bank::accounts_for(&mobile, clock.now());
    let dir = Scratch::new("sangam-demo")?;
    let (sandbox, gateway) = start(clock, &dir).await?;
    crate::say!("sandbox on {}, gateway on {}\n", sandbox.address, gateway.grpc);
    let outcome = journeys(&format!("http://{}", gateway.grpc), &mobile, &truth).await;
    gateway.stop().await;
    sandbox.stop().await;
    outcome
}

/// Starts a sandbox with this clock, and the gateway before it; its files are in `dir`.
pub(super) async fn start(clock: SharedClock, dir: &Scratch) -> Result<(Sandbox, Running), DemoFailure> {
    let sandbox = Sandbox::start(SandboxConfig::default(), clock).await?;
    let config =
        Config::from_toml_str(&gateway_toml(&sandbox, dir.path())?).map_err(|faults| DemoFailure::Config(faults.to_string()))?;
    let gateway = App::start(config, Arc::new(SystemClock)).await.map_err(|error| DemoFailure::Start(error.to_string()))?;
    point_webhooks(&sandbox, gateway.webhook);
    Ok((sandbox, gateway))
}

/// The customer with this number, as a lender knows them.
pub(super) fn customer(mobile: &str) -> pb::Customer {
    pb::Customer {
        mobile: mobile.to_owned(),
        pan: Bank::person(mobile).pan,
        name: Bank::person(mobile).name,
        ..pb::Customer::default()
    }
}

async fn journeys(gateway: &str, mobile: &str, truth: &[BankAccount]) -> Result<(), DemoFailure> {
    let channel = tonic::transport::Endpoint::from_shared(gateway.to_owned())?.connect().await?;
    let progress = Progress::start();
    let customer = customer(mobile);
    let plans = drive::plans();
    let driven = join_all(plans.iter().map(|plan| drive::drive(channel.clone(), plan, &customer, &progress)));
    let driven = tokio::time::timeout(LIMIT, driven).await.map_err(|_| DemoFailure::TooSlow)?;
    for (plan, driven) in plans.iter().zip(&driven) {
        if let Err(failure) = driven {
            progress.say(plan.label, &format!("failed: {failure}"));
        }
    }
    let seen = driven.into_iter().collect::<Result<Vec<_>, _>>()?;
    let rows: Vec<_> = plans.iter().zip(&seen).collect();
    crate::say!("\n{}", table::render(&rows));
    let faults = check::faults(&rows, truth);
    if !faults.is_empty() {
        return Err(DemoFailure::Unequal(faults));
    }
    crate::say!(
        "All four journeys are READY, their deposit rows are equal, and every figure is the bank's own. {}",
        progress.total()
    );
    Ok(())
}

type Row<'a> = (&'a Plan, &'a Seen);
