//! What Finpass knows of a session, and how it moves on. Pure: the clock and the accounts come in.

use std::sync::Arc;

use jiff::Timestamp;

use super::script::Script;
use crate::sandbox::bank::BankAccount;

/// Which product opened a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Product {
    /// Plain Account Aggregator.
    Plain,
    /// AA-BSA: the same journey with an analysis, and a poorer statement.
    Analyser,
}

/// What the data is wanted for; Finpass has no other purposes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentType {
    /// Once.
    Underwriting,
    /// Again and again, each time through refresh-data.
    Monitoring,
}

impl ConsentType {
    /// Reads the documented words.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "loan_underwriting" => Some(Self::Underwriting),
            "loan_monitoring" => Some(Self::Monitoring),
            _ => None,
        }
    }

    /// The documented word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Underwriting => "loan_underwriting",
            Self::Monitoring => "loan_monitoring",
        }
    }
}

/// How far the customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsentState {
    /// The link was not opened.
    Initiated,
    /// Opened, undecided.
    Opened,
    /// Given.
    Active,
    /// Declined.
    Rejected,
    /// Withdrawn.
    Revoked,
}

/// One collection of data.
#[derive(Debug, Clone)]
pub struct DataRequest {
    /// Finpass' request id; none for the one that approval itself triggers.
    pub id: Option<String>,
    pub(super) looks_until_ready: u32,
    /// What the banks delivered.
    pub accounts: Arc<Vec<BankAccount>>,
}

/// One session, opened by init.
#[derive(Debug, Clone)]
pub struct Session {
    /// Which credential opened it; others do not see it.
    pub owner: String,
    /// Product.
    pub product: Product,
    /// Purpose.
    pub consent_type: ConsentType,
    /// The customer's mobile number.
    pub mobile: String,
    /// Where the browser goes afterwards.
    pub return_url: Option<String>,
    /// Where status changes are posted.
    pub webhook_url: Option<String>,
    /// How far the customer is.
    pub consent: ConsentState,
    /// Until when the customer may decide.
    pub expires_at: Timestamp,
    /// When something last changed.
    pub updated_at: Timestamp,
    /// The customer's story.
    pub script: Script,
    /// Collections, oldest first.
    pub requests: Vec<DataRequest>,
    pub(super) looks_until_requested: u32,
}

/// What init says of a session.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Which credential.
    pub owner: String,
    /// Product.
    pub product: Product,
    /// Purpose.
    pub consent_type: ConsentType,
    /// Mobile number.
    pub mobile: String,
    /// Where the browser goes afterwards.
    pub return_url: Option<String>,
    /// Where status changes are posted.
    pub webhook_url: Option<String>,
}

impl Session {
    /// A fresh session.
    pub fn open(opening: Opening, script: Script, now: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            owner: opening.owner,
            product: opening.product,
            consent_type: opening.consent_type,
            mobile: opening.mobile,
            return_url: opening.return_url,
            webhook_url: opening.webhook_url,
            consent: ConsentState::Initiated,
            expires_at,
            updated_at: now,
            looks_until_requested: script.looks_until_requested,
            script,
            requests: Vec::new(),
        }
    }

    /// Whether the customer can still decide.
    pub fn is_undecided(&self, now: Timestamp) -> bool {
        matches!(self.consent, ConsentState::Initiated | ConsentState::Opened) && now < self.expires_at
    }

    /// The customer opens the page.
    pub fn opened(&mut self, now: Timestamp) {
        if self.consent == ConsentState::Initiated {
            self.consent = ConsentState::Opened;
            self.updated_at = now;
        }
    }

    /// The customer agrees. Underwriting collects by itself; monitoring waits for refresh-data, except in AA-BSA, which has none.
    pub fn approve(&mut self, accounts: impl FnOnce() -> Arc<Vec<BankAccount>>, now: Timestamp) {
        self.opened(now);
        if self.script.approval_is_lost {
            return;
        }
        self.consent = ConsentState::Active;
        self.updated_at = now;
        if self.product == Product::Analyser || self.consent_type == ConsentType::Underwriting {
            self.add_request(None, accounts());
        }
    }

    /// The customer declines.
    pub fn reject(&mut self, now: Timestamp) {
        self.consent = ConsentState::Rejected;
        self.updated_at = now;
    }

    /// The customer withdraws a consent that was given.
    pub fn revoke(&mut self, now: Timestamp) {
        if self.consent == ConsentState::Active {
            self.consent = ConsentState::Revoked;
            self.updated_at = now;
        }
    }

    /// Begins a collection.
    pub fn add_request(&mut self, id: Option<String>, accounts: Arc<Vec<BankAccount>>) {
        let looks_until_ready = self.script.looks_until_ready;
        self.requests.push(DataRequest { id, looks_until_ready, accounts });
    }
}
