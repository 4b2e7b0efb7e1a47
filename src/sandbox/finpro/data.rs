//! POST /getallfidata, and which data a call may have.

use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    awkward,
    consent::unknown_consent,
    desk::Desk,
    envelope::{Answer, Failure, Reply},
    render::{self, Source},
    state::{Ending, Status, Step},
    validate::{Check, Rule},
};
use crate::sandbox::{bank::BankAccount, scenario::Scenario};

/// The accounts that a call may have.
pub(super) struct Delivered {
    pub(super) scenario: Scenario,
    pub(super) mobile: String,
    pub(super) source: Source,
    pub(super) accounts: Vec<BankAccount>,
    pub(super) transaction: Option<String>,
}

/// How a call names the data.
pub(super) enum Selector<'a> {
    Consent(&'a str),
    Account(&'a str),
    Transaction(&'a str),
}

impl<'a> Selector<'a> {
    /// Exactly one must be given.
    pub(super) fn of(body: &'a Value) -> Result<Self, Failure> {
        let mut check = Check::new(body);
        let consent = check.optional("consentID", Rule::Name).map(Self::Consent);
        let account = check.optional("accountID", Rule::Name).map(Self::Account);
        let transaction = check.optional("transactionId", Rule::Name).map(Self::Transaction);
        for day in ["transactionsStartDate", "transactionsEndDate"] {
            check.optional(day, Rule::Instant);
        }
        check.list("linkRefNumber", Rule::Filled, false);
        check.done()?;
        match (consent, account, transaction) {
            (Some(one), None, None) | (None, Some(one), None) | (None, None, Some(one)) => Ok(one),
            _ => Err(Failure::coded("FP0055", "InvalidPayload", "exactly one of consentID / accountID must be given")),
        }
    }
}

impl Desk<'_> {
    /// POST /getallfidata.
    pub(super) fn all_data(&mut self, body: &Value) -> Answer {
        let selector = Selector::of(body)?;
        let mut delivered = self.delivered(&selector)?;
        self.faulty_read(&delivered)?;
        narrow(&mut delivered.accounts, body);
        Ok(written(&delivered))
    }

    /// POST /getalllatestfidata: for a periodic consent only the rows that neither the fetch before the newest had nor this call has given,
    /// and each once; otherwise everything.
    pub(super) fn latest_data(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let id = check.required("consentID", Rule::Name);
        check.done()?;
        let now = self.now;
        let consent = self.state.by_id(id).ok_or_else(unknown_consent)?;
        if consent.status(now) != Status::Active {
            return Err(Failure::rule("ConsentNotActive", "Consent is not active"));
        }
        let handle = consent.handle.clone();
        let mut delivered = self.of_consent(&handle, Source::Consent)?;
        let consent = self.state.by_id(id).ok_or_else(unknown_consent)?;
        let account_id = consent.account_id.clone();
        let since = consent.since();
        if consent.product.fetch_type == "PERIODIC" {
            consent.given = consent.newest();
        }
        self.count("/getalllatestfidata", &[id, &account_id, &delivered.mobile]);
        if let Some(since) = since {
            delivered.accounts.iter_mut().for_each(|account| account.rows.retain(|row| row.at > since));
            if delivered.accounts.iter().all(|account| account.rows.is_empty()) {
                return Err(Failure::rule("NoIncrementalData", "No new data available"));
            }
        }
        // Given, whether it arrives or not.
        if delivered.scenario == Scenario::FetchAnswerLost && self.state.first(&delivered.mobile, "latest", 1) {
            return Err(Failure::Proxy(StatusCode::GATEWAY_TIMEOUT));
        }
        Ok(summary_first(written(&delivered)))
    }

    /// The data behind a selector, or FinPro's reason why there is none.
    pub(super) fn delivered(&mut self, selector: &Selector<'_>) -> Result<Delivered, Failure> {
        let handle = match selector {
            Selector::Transaction(id) => return self.orchestrated(id),
            Selector::Consent(id) => self.state.by_id(id).map(|consent| consent.handle.clone()),
            Selector::Account(id) => {
                let known = self.state.consents.iter().rev().find(|consent| consent.id.is_some() && consent.account_id == *id);
                known.map(|consent| consent.handle.clone())
            }
        };
        self.of_consent(&handle.ok_or_else(unknown_consent)?, Source::Consent)
    }

    fn of_consent(&mut self, handle: &str, source: Source) -> Result<Delivered, Failure> {
        self.look(handle);
        let now = self.now;
        let consent = self.state.by_handle(handle).ok_or_else(unknown_consent)?;
        let scenario = consent.scenario();
        let failure = |fp, code, text: &str| Err(Failure::coded(fp, code, text).for_customer(scenario));
        if consent.status(now) == Status::Revoked && consent.product.mode == "VIEW" {
            return failure("FP0058", "InvalidRequest", "Consent ID is Revoked with consent type as VIEW.");
        }
        let Some((session, accounts)) = consent.delivered() else {
            return match consent.sessions.last().and_then(|session| session.ending) {
                Some(Ending::Denied) => failure("FP0063", "NoDataFound", "Data is not available"),
                _ => failure("FP0060", "NoDataAvailable", "Data is not available for the given consent"),
            };
        };
        if consent.deleted || now >= consent.product.data_expiry(session.requested) {
            return failure("FP0061", "DataIsDeleted", "Data is deleted for this consent");
        }
        if accounts.is_empty() {
            return failure("FP0063", "NoDataFound", "Data is not available");
        }
        let accounts = accounts.into_iter().cloned().collect();
        Ok(Delivered { scenario, mobile: consent.mobile.clone(), source, accounts, transaction: consent.transaction.clone() })
    }

    fn orchestrated(&mut self, id: &str) -> Result<Delivered, Failure> {
        self.settle(id, true);
        let Some(found) = self.state.orchestrations.get(id).cloned() else {
            return Err(Failure::rule("InvalidRequest", "Invalid transactionId"));
        };
        let scenario = Scenario::of(&found.mobile);
        let not_yet = || Failure::coded("FP0060", "NoDataAvailable", "Data is not available for the given consent");
        if matches!(found.pdf, Step::Success | Step::Partial) {
            let source = Source::Pdf { tampered: scenario == Scenario::TamperedPdf };
            let accounts = found.statements.as_ref().clone();
            return Ok(Delivered { scenario, mobile: found.mobile, source, accounts, transaction: Some(found.id) });
        }
        if found.aa == Step::Pending || found.decided.is_none() {
            return Err(not_yet().for_customer(scenario));
        }
        let handles = self.handles_of(id);
        let mut all = Vec::new();
        let mut reason = Failure::coded("FP0063", "NoDataFound", "Data is not available").for_customer(scenario);
        for handle in handles {
            match self.of_consent(&handle, Source::Orchestration) {
                Ok(delivered) => all.extend(delivered.accounts),
                Err(failure) => reason = failure,
            }
        }
        if all.is_empty() {
            return Err(reason);
        }
        Ok(Delivered {
            scenario,
            mobile: found.mobile,
            source: Source::Orchestration,
            accounts: all,
            transaction: Some(found.id),
        })
    }

    /// For some customers reading fails, always or the first time.
    fn faulty_read(&mut self, delivered: &Delivered) -> Result<(), Failure> {
        match delivered.scenario {
            Scenario::NestedError => return Err(Failure::Nested("ERR_CONSENT_NOT_FOUND", "Consent not found")),
            Scenario::FlatError => return Err(Failure::Flat("Something went wrong")),
            _ => {}
        }
        let failure = match delivered.scenario {
            Scenario::ServerFaultOnce => Failure::coded("FP0070", "InternalError", "Internal Server Error : accountFIDataList")
                .with_status(StatusCode::INTERNAL_SERVER_ERROR),
            Scenario::TooManyRequestsOnce => {
                Failure::rule("RateLimitExceeded", "Too many requests").with_status(StatusCode::TOO_MANY_REQUESTS)
            }
            Scenario::HtmlErrorOnce => Failure::Proxy(StatusCode::BAD_GATEWAY),
            _ => return Ok(()),
        };
        if self.state.first(&delivered.mobile, "read", 1) { Err(failure) } else { Ok(()) }
    }
}

/// The accounts as this customer's story writes them.
fn written(delivered: &Delivered) -> Reply {
    let accounts = delivered.accounts.iter().enumerate().map(|(place, account)| {
        let value = render::account(account, delivered.source);
        awkward::spoil(value, delivered.scenario, delivered.source, place)
    });
    Reply::success(json!(accounts.collect::<Vec<_>>()))
}

/// The same answer with the sections in the order of this call.
fn summary_first(reply: Reply) -> Reply {
    let Reply::Json(answer) = &reply else { return reply };
    let Some(accounts) = answer.get("data").and_then(Value::as_array) else { return reply };
    let accounts: Vec<String> = accounts.iter().filter_map(Value::as_object).map(reordered).collect();
    let ver = answer.get("ver").cloned().unwrap_or_default();
    let text = format!(r#"{{"ver":{ver},"status":"success","data":[{}],"message":"Success"}}"#, accounts.join(","));
    Reply::Bytes("application/json; charset=utf-8", text.into())
}

fn reordered(account: &serde_json::Map<String, Value>) -> String {
    const SECTIONS: [&str; 3] = ["Summary", "Profile", "Transactions"];
    let others = account.iter().filter(|(name, _)| !SECTIONS.contains(&name.as_str()));
    let sections = SECTIONS.into_iter().filter_map(|name| account.get_key_value(name));
    let members: Vec<String> = others.chain(sections).map(|(name, value)| format!("{}:{value}", json!(name))).collect();
    format!("{{{}}}", members.join(","))
}

/// Applies the call's filters.
pub(super) fn narrow(accounts: &mut Vec<BankAccount>, body: &Value) {
    if let Some(links) = body.get("linkRefNumber").and_then(Value::as_array) {
        accounts.retain(|account| links.iter().any(|link| link.as_str() == Some(&account.link_ref)));
    }
    let day = |name: &str| body.get(name).and_then(Value::as_str).and_then(|at| at.parse::<Timestamp>().ok());
    let (from, to) = (day("transactionsStartDate"), day("transactionsEndDate"));
    for account in accounts {
        account.rows.retain(|row| from.is_none_or(|from| row.at >= from) && to.is_none_or(|to| row.at <= to));
    }
}
