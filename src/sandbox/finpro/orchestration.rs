//! Orchestrated journeys: how they settle, POST /transaction/status, and the JOURNEY_COMPLETE event.

use serde_json::{Value, json};

use super::{
    desk::Desk,
    envelope::{Answer, Failure, Reply},
    render::pdf_day,
    state::{Consent, Ending, Orchestration, Status, Step},
    time::iso_nanos,
    validate::{Check, Rule},
};
use crate::sandbox::{
    bank::{BankAccount, institutions, masked},
    scenario::Scenario,
};

impl Step {
    /// The word in /transaction/status.
    fn polled(self) -> &'static str {
        match self {
            Self::Pending => "IN_PROGRESS",
            Self::Success => "SUCCESSFUL",
            Self::Partial => "PARTIAL",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }

    /// The word in JOURNEY_COMPLETE.
    fn announced(self) -> &'static str {
        match self {
            Self::Success | Self::Partial => "SUCCESS",
            Self::Skipped => "SKIPPED",
            Self::Pending | Self::Failed => "FAILED",
        }
    }
}

impl Orchestration {
    /// The state of the whole, in the words of /transaction/status.
    pub(super) fn overall(&self) -> &'static str {
        match (self.aa, self.pdf) {
            _ if self.decided.is_none() => "IN_PROGRESS",
            (Step::Pending, _) | (_, Step::Pending) => "IN_PROGRESS",
            (Step::Success | Step::Partial, _) | (_, Step::Success | Step::Partial) => "SUCCESSFUL",
            (Step::Skipped, Step::Skipped) => "SKIPPED",
            _ => "UNSUCCESSFUL",
        }
    }
}

impl Desk<'_> {
    /// The handles of an orchestration's consents.
    pub(super) fn handles_of(&self, transaction: &str) -> Vec<String> {
        let consents = self.state.consents.iter().filter(|consent| consent.transaction.as_deref() == Some(transaction));
        consents.map(|consent| consent.handle.clone()).collect()
    }

    /// Takes the fetches' progress over into the orchestration, and announces its end once. A look counts the fetches down.
    pub(super) fn settle(&mut self, id: &str, look: bool) {
        let handles = self.handles_of(id);
        if look {
            handles.iter().for_each(|handle| self.look(handle));
        }
        let of_this = |consent: &&Consent| consent.transaction.as_deref() == Some(id);
        let endings: Vec<_> =
            self.state.consents.iter().filter(of_this).filter_map(|c| c.sessions.last()).map(|session| session.ending).collect();
        let Some(found) = self.state.orchestrations.get_mut(id) else { return };
        let scenario = Scenario::of(&found.mobile);
        if found.decided.is_some() && found.aa == Step::Pending && endings.iter().all(Option::is_some) {
            let ready = endings.iter().all(|ending| *ending == Some(Ending::Ready)) && scenario != Scenario::NoData;
            found.aa = match ready {
                true if scenario == Scenario::PartialStep => Step::Partial,
                true => Step::Success,
                false => Step::Failed,
            };
        }
        if found.overall() == "IN_PROGRESS" || found.announced {
            return;
        }
        found.announced = true;
        let found = found.clone();
        let event = self.journey_complete(&found);
        self.events.push((scenario, event));
    }

    /// POST /transaction/status. It has an envelope of its own.
    pub(super) fn transaction_status(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let id = check.required("transactionId", Rule::Name);
        check.done()?;
        self.settle(id, true);
        let Some(found) = self.state.orchestrations.get(id) else {
            return Err(Failure::rule("InvalidRequest", "Invalid transactionId"));
        };
        Ok(Reply::Json(json!({
            "status": found.overall(),
            "transaction_id": id,
            "message": Value::Null,
            "data": self.steps(found),
        })))
    }

    fn steps(&self, found: &Orchestration) -> Vec<Value> {
        let unhealthy = |id: &str| !found.expected.is_empty() && found.expected.first().is_some_and(|first| first == id);
        let ids: Vec<_> = institutions::ALL.iter().map(|bank| bank.id).collect();
        let (bad, good): (Vec<&str>, Vec<&str>) = ids.iter().copied().partition(|id| unhealthy(id));
        let decisions = ids.iter().map(|id| {
            let word = if unhealthy(id) { "FIP_UNHEALTHY" } else { "FIP_HEALTHY" };
            json!({"fip": id, "decision": word})
        });
        let mut steps = vec![json!({"type": "health_check", "status": "SUCCESSFUL", "data": {
            "healthy_fips": good, "unhealthy_fips": bad, "fip_decisions": decisions.collect::<Vec<_>>(),
        }})];
        let aa_word = if found.decided.is_none() { "PENDING" } else { found.aa.polled() };
        let fips: Vec<_> = ids.iter().map(|id| json!({"fip": id, "status": aa_word})).collect();
        steps
            .push(json!({"type": "aa", "status": aa_word, "data": {"fips": fips, "consents": self.consent_views(found, false)}}));
        let pdf_word = if found.decided.is_none() { "PENDING" } else { found.pdf.polled() };
        let uploaded = found.uploaded;
        steps.push(json!({"type": "pdf", "status": pdf_word, "data": {
            "expected_fips": found.expected, "total_expected": found.expected.len(),
            "uploaded": uploaded, "processed": uploaded, "fetched": uploaded,
        }}));
        // A step without data, as documented; it is missing while there is nothing to analyse.
        if found.overall() == "SUCCESSFUL" {
            steps.push(json!({"type": "analytics", "status": "SUCCESSFUL"}));
        }
        let route = if found.expected.is_empty() { "AA" } else { "PDF" };
        steps.push(json!({"type": "smart_routing_decision", "status": "SUCCESSFUL", "data": {"route": route}}));
        steps
    }

    fn consent_views(&self, found: &Orchestration, event: bool) -> Vec<Value> {
        let of_this = self.state.consents.iter().filter(|consent| consent.transaction.as_deref() == Some(found.id.as_str()));
        let decided = of_this.filter(|consent| consent.status != Status::Pending);
        decided.map(|consent| if event { announced(consent, found) } else { polled(consent, found) }).collect()
    }

    fn journey_complete(&self, found: &Orchestration) -> Value {
        let statements = found.statements.iter().map(statement).collect::<Vec<_>>();
        let good = found.overall() == "SUCCESSFUL";
        json!({
            "timestamp": iso_nanos(self.now),
            "transactionID": found.id,
            "eventType": "JOURNEY_COMPLETE",
            "eventStatus": if good { "SUCCESS" } else { "FAILED" },
            "accountID": found.account_id,
            "eventData": [
                {"type": "AA", "status": found.aa.announced(), "consents": self.consent_views(found, true)},
                {"type": "PDF", "status": found.pdf.announced(), "accounts": statements},
            ],
        })
    }
}

fn fetch_word(consent: &Consent, found: &Orchestration) -> &'static str {
    match consent.sessions.last().map(|session| session.ending) {
        _ if consent.scenario() == Scenario::NoData && consent.id.is_some() => "NO_DATA",
        Some(Some(Ending::Ready)) => "SUCCESS",
        Some(None) => "PENDING",
        Some(Some(_)) => "FAILED",
        None if consent.id.is_some() && found.aa == Step::Pending => "PENDING",
        None if consent.id.is_some() && found.aa == Step::Failed => "FAILED",
        None => consent.id.as_ref().and(consent.scenario().of_later_consents()).unwrap_or("NOT_ATTEMPTED"),
    }
}

fn accounts(consent: &Consent, fip: &str) -> Vec<Value> {
    let session = consent.sessions.last().filter(|_| consent.scenario() != Scenario::AccountsNotListed);
    let Some(session) = session else { return Vec::new() };
    let accounts = session.accounts.iter().enumerate();
    accounts
        .map(|(place, account)| {
            json!({
                "linkRefNumber": account.link_ref,
                "fiStatus": consent.fi_status(session, place),
                fip: account.fip_id,
                "maskedAccountNumber": masked(&account.number),
            })
        })
        .collect()
}

fn consent_word(consent: &Consent) -> &'static str {
    if consent.id.is_some() { "CONSENT_APPROVED" } else { "CONSENT_REJECTED" }
}

fn polled(consent: &Consent, found: &Orchestration) -> Value {
    json!({
        "consentHandle": consent.handle,
        "consentId": consent.id,
        "consentStatus": consent_word(consent),
        "productId": consent.product.code,
        "dataFetchStatus": fetch_word(consent, found),
        "accounts": accounts(consent, "fip"),
    })
}

/// A refused consent comes with nulls for all that would name it.
fn announced(consent: &Consent, found: &Orchestration) -> Value {
    let known = consent.id.is_some();
    json!({
        "consentID": consent.id,
        "consentHandle": consent.handle,
        "consentStatus": consent_word(consent),
        "productID": known.then_some(consent.product.code),
        "fetchType": known.then_some(consent.product.fetch_type),
        "fiFetch": known.then_some(consent.product.fi_fetch),
        "dataFetchStatus": fetch_word(consent, found),
        "accounts": accounts(consent, "fipID"),
    })
}

/// An uploaded statement's account: its number in clear, its days from day to year.
fn statement(account: &BankAccount) -> Value {
    let kind = if super::render::account_type(account) == "CURRENT" { "current" } else { "saving" };
    let (from, to) = crate::sandbox::bank::stated_range(account);
    json!({
        "maskedAccountNumber": account.number,
        "bankName": account.fip_code,
        "accountType": kind,
        "startDate": pdf_day(from),
        "endDate": pdf_day(to),
    })
}
