//! What the simulator remembers of one organisation.

use std::{collections::HashMap, sync::Arc};

use jiff::Timestamp;

use serde_json::Value;

use super::products::Product;
use crate::sandbox::{bank::BankAccount, scenario::Scenario};

/// State of a consent. RESUMED is listed as ACTIVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Pending,
    Active,
    Paused,
    Rejected,
    Revoked,
    Expired,
}

impl Status {
    /// The word in lists.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Active => "ACTIVE",
            Self::Paused => "PAUSED",
            Self::Rejected => "REJECTED",
            Self::Revoked => "REVOKED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// How a data session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Ready,
    Timeout,
    Denied,
}

/// One data session.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) id: String,
    pub(super) requested: Timestamp,
    /// Looks that still find it unfinished.
    pub(super) looks: u32,
    pub(super) ending: Option<Ending>,
    /// The linked accounts as they stood at the request.
    pub(super) accounts: Arc<Vec<BankAccount>>,
}

/// One consent.
#[derive(Debug, Clone)]
pub(super) struct Consent {
    pub(super) handle: String,
    /// Known from approval on.
    pub(super) id: Option<String>,
    pub(super) status: Status,
    pub(super) product: &'static Product,
    pub(super) account_id: String,
    pub(super) vua: String,
    pub(super) mobile: String,
    /// The identifier that the consent was asked with, which lists by party must repeat.
    pub(super) party: String,
    pub(super) fips: Vec<String>,
    pub(super) range: Option<(Timestamp, Timestamp)>,
    pub(super) created: Timestamp,
    pub(super) expires: Timestamp,
    pub(super) sessions: Vec<Session>,
    pub(super) deleted: bool,
    /// Up to which session's rows were given as the latest.
    pub(super) given: Option<Timestamp>,
    /// The linked accounts as the lists show them, from approval on.
    pub(super) linked: Vec<Value>,
    /// The orchestration it belongs to.
    pub(super) transaction: Option<String>,
}

impl Consent {
    /// The story of its customer.
    pub(super) fn scenario(&self) -> Scenario {
        Scenario::of(&self.mobile)
    }

    /// The state at this time.
    pub(super) fn status(&self, now: Timestamp) -> Status {
        let live = matches!(self.status, Status::Active | Status::Paused);
        if live && now >= self.expires { Status::Expired } else { self.status }
    }

    /// The state of the account at this place in a finished or running session.
    pub(super) fn fi_status(&self, session: &Session, place: usize) -> &'static str {
        match session.ending {
            None => "PENDING",
            Some(Ending::Timeout) => "TIMEOUT",
            Some(Ending::Denied) => "DENIED",
            Some(Ending::Ready) if place == 1 && self.scenario() == Scenario::OneAccountDenied => "DENIED",
            Some(Ending::Ready) => "DELIVERED",
        }
    }

    /// When the newest session with data was asked for.
    pub(super) fn newest(&self) -> Option<Timestamp> {
        self.ready().next()
    }

    /// From when on rows are new: after the session before the newest, and after what was given as the latest.
    pub(super) fn since(&self) -> Option<Timestamp> {
        if self.product.fetch_type == "PERIODIC" { self.ready().nth(1).max(self.given) } else { None }
    }

    fn ready(&self) -> impl Iterator<Item = Timestamp> {
        let ready = self.sessions.iter().rev().filter(|session| session.ending == Some(Ending::Ready));
        ready.map(|session| session.requested)
    }

    /// The newest session with data, and the accounts that it delivered.
    pub(super) fn delivered(&self) -> Option<(&Session, Vec<&BankAccount>)> {
        let session = self.sessions.iter().rev().find(|session| session.ending == Some(Ending::Ready))?;
        let accounts = session.accounts.iter().enumerate();
        Some((session, accounts.filter(|(at, _)| self.fi_status(session, *at) == "DELIVERED").map(|(_, a)| a).collect()))
    }
}

/// How a step of an orchestration ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Pending,
    Success,
    Partial,
    Failed,
    Skipped,
}

/// One orchestration.
#[derive(Debug, Clone)]
pub(super) struct Orchestration {
    pub(super) id: String,
    pub(super) account_id: String,
    pub(super) mobile: String,
    /// FIPs whose statements are expected as PDF.
    pub(super) expected: Vec<String>,
    pub(super) uploaded: usize,
    pub(super) aa: Step,
    pub(super) pdf: Step,
    /// What was uploaded.
    pub(super) statements: Arc<Vec<BankAccount>>,
    /// When the customer decided.
    pub(super) decided: Option<Timestamp>,
    /// Whether JOURNEY_COMPLETE went out.
    pub(super) announced: bool,
}

/// One URL given to a customer.
#[derive(Debug, Clone)]
pub(super) struct Page {
    pub(super) handles: Vec<String>,
    pub(super) transaction: Option<String>,
    pub(super) redirect: Option<String>,
}

/// What the account aggregator sent back through the browser.
#[derive(Debug, Clone)]
pub(super) struct Return {
    pub(super) handle: String,
    pub(super) vua: String,
    pub(super) code: u8,
    pub(super) redirect: String,
    pub(super) resdate: String,
}

/// Everything.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) consents: Vec<Consent>,
    pub(super) orchestrations: HashMap<String, Orchestration>,
    pub(super) pages: HashMap<String, Page>,
    pub(super) returns: HashMap<String, Return>,
    happened: HashMap<(String, &'static str), u32>,
}

impl State {
    /// The consent with this id.
    pub(super) fn by_id(&mut self, id: &str) -> Option<&mut Consent> {
        self.consents.iter_mut().find(|consent| consent.id.as_deref() == Some(id))
    }

    /// The consent with this handle.
    pub(super) fn by_handle(&mut self, handle: &str) -> Option<&mut Consent> {
        self.consents.iter_mut().find(|consent| consent.handle == handle)
    }

    /// The tokens of a customer's pages.
    pub(super) fn pages_of(&self, mobile: &str) -> Vec<String> {
        let theirs =
            |page: &Page| self.consents.iter().any(|consent| consent.mobile == mobile && page.handles.contains(&consent.handle));
        self.pages.iter().filter(|(_, page)| theirs(page)).map(|(token, _)| token.clone()).collect()
    }

    /// Whether this happens to the customer for the first `times` times.
    pub(super) fn first(&mut self, mobile: &str, what: &'static str, times: u32) -> bool {
        let count = self.happened.entry((mobile.to_owned(), what)).or_default();
        *count += 1;
        *count <= times
    }
}
