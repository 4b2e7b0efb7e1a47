//! One call at one organisation's desk: its state is locked for the length of the call, and events go out after it.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    events, render,
    state::{Consent, Ending, Session, State, Status},
};
use crate::sandbox::{
    bank::{Bank, BankAccount, day_in_india, masked},
    credentials::FinProCredential,
    scenario::Scenario,
    world::World,
};

/// What a handler works with.
pub(super) struct Desk<'a> {
    pub(super) world: &'a World,
    pub(super) credential: &'a FinProCredential,
    pub(super) state: &'a mut State,
    pub(super) now: Timestamp,
    /// Events that the call causes, in order, each with its customer's story.
    pub(super) events: Vec<(Scenario, Value)>,
}

impl Desk<'_> {
    /// Counts an effect.
    pub(super) fn count(&self, path: &str, subjects: &[&str]) {
        self.world.calls.record(&format!("finpro:{path}"), subjects);
    }

    /// Whether fetches are announced rather than waited for: with a receiver of webhooks nobody need look.
    fn announces(&self, scenario: Scenario) -> bool {
        let lost = matches!(scenario, Scenario::WebhooksLost | Scenario::SlowFetch);
        !lost && self.world.config.webhooks && self.world.webhooks.target(self.credential.client_id).is_some()
    }

    /// The customer approved: the consent gets its id and its linked accounts.
    pub(super) fn activate(&mut self, handle: &str) {
        let now = self.now;
        let Some(consent) = self.state.by_handle(handle) else { return };
        consent.id = Some(uuid::Uuid::new_v4().to_string());
        consent.status = Status::Active;
        consent.linked = linked(consent, now).iter().map(listed).collect();
    }

    /// Begins a data session on a consent and returns its id.
    pub(super) fn begin(&mut self, handle: &str, range: Option<(Timestamp, Timestamp)>) -> Option<String> {
        let (now, polls) = (self.now, self.world.config.pending_polls);
        let scenario = self.state.by_handle(handle)?.scenario();
        let announces = self.announces(scenario);
        let consent = self.state.by_handle(handle)?;
        let (from, to) = range.or(consent.range).unwrap_or_else(|| consent.product.range(now));
        let mut accounts = linked(consent, now);
        for account in &mut accounts {
            // Banks count whole days, whatever the time of day at which the range begins.
            account.rows.retain(|row| day_in_india(row.at) >= day_in_india(from) && row.at <= to);
        }
        let looks = match scenario {
            Scenario::SlowFetch => polls + 5,
            _ if announces => 0,
            _ => polls,
        };
        let id = uuid::Uuid::new_v4().to_string();
        consent.deleted = false;
        let accounts = Arc::new(accounts);
        consent.sessions.push(Session { id: id.clone(), requested: now, looks, ending: None, accounts });
        let quiet = consent.transaction.is_some();
        if !quiet {
            let event = events::data(consent, "DATA_REQUEST", now);
            self.events.push((scenario, event));
        }
        if looks == 0 {
            self.finish(handle);
        }
        Some(id)
    }

    /// Somebody looks at a consent's running session: it counts down, and ends when nothing is left to wait for.
    pub(super) fn look(&mut self, handle: &str) {
        let Some(session) = self.state.by_handle(handle).and_then(|consent| consent.sessions.last_mut()) else { return };
        if session.ending.is_some() {
            return;
        }
        match session.looks.checked_sub(1) {
            Some(left) => session.looks = left,
            None => self.finish(handle),
        }
    }

    fn finish(&mut self, handle: &str) {
        let now = self.now;
        let Some(mobile) = self.state.by_handle(handle).map(|consent| consent.mobile.clone()) else { return };
        let scenario = Scenario::of(&mobile);
        let gone = scenario == Scenario::DataDeleted && self.state.first(&mobile, "deleted", 1);
        let Some(consent) = self.state.by_handle(handle) else { return };
        let (ending, word) = match scenario {
            Scenario::FetchTimesOut => (Ending::Timeout, "SESSION_FAILED"),
            Scenario::AllAccountsDenied => (Ending::Denied, "DATA_DENIED"),
            _ => (Ending::Ready, "DATA_READY"),
        };
        if let Some(session) = consent.sessions.last_mut() {
            session.ending = Some(ending);
        }
        consent.deleted = gone;
        if consent.transaction.is_none() {
            let event = events::data(consent, word, now);
            self.events.push((scenario, event));
        }
    }
}

/// The accounts under a consent, as they stand at `now`.
fn linked(consent: &Consent, now: Timestamp) -> Vec<BankAccount> {
    if consent.scenario() == Scenario::NoData {
        return Vec::new();
    }
    let mut accounts = Bank::accounts_for(&consent.mobile, now);
    accounts.retain(|account| {
        let asked = consent.fips.is_empty() || consent.fips.contains(&account.fip_id);
        asked && consent.product.fi_types.split(',').any(|kind| kind == render::fi_type(account))
    });
    // The link reference of an account changes between consents.
    if consent.transaction.is_some() && consent.product.fetch_type == "PERIODIC" {
        accounts.iter_mut().for_each(|account| account.link_ref = format!("{}-m", account.link_ref));
    }
    accounts
}

fn listed(account: &BankAccount) -> Value {
    json!({
        "fipName": account.fip_name,
        "fipId": account.fip_id,
        "accountType": render::account_type(account),
        "linkReferenceNumber": account.link_ref,
        "maskedAccountNumber": masked(&account.number),
        "fiType": render::fi_type(account),
    })
}
