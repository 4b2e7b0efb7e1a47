//! What the customer's page shows, and what a decision does.

use std::sync::Arc;

use super::{
    desk::Desk,
    events,
    redirect::with_query,
    state::{Page, Status, Step},
};
use crate::sandbox::{
    bank::{Bank, Kind},
    customer_page::{Decision, Outcome, View},
    scenario::Scenario,
};

/// Statements that a customer is expected to upload when the account aggregator brings nothing.
const EXPECTED_STATEMENTS: usize = 2;

impl Desk<'_> {
    /// What the page shows.
    pub(super) fn view(&self, token: &str) -> Option<View> {
        let page = self.state.pages.get(token)?;
        let consents = self.state.consents.iter().filter(|consent| page.handles.contains(&consent.handle));
        let mut lines: Vec<_> = consents
            .map(|consent| {
                let product = consent.product;
                let months = product.months;
                format!("{}: {months} months of {} ({})", product.name, product.fi_types, consent.status(self.now).word())
            })
            .collect();
        lines.push("Asked by the lender of this sandbox".to_owned());
        Some(View { title: "Account aggregator".to_owned(), lines, choices: self.choices(page) })
    }

    fn choices(&self, page: &Page) -> Vec<Decision> {
        let open =
            page.transaction.as_ref().and_then(|id| self.state.orchestrations.get(id)).map(|found| found.decided.is_none());
        if open == Some(true) {
            return vec![Decision::Approve, Decision::Upload(EXPECTED_STATEMENTS), Decision::Skip, Decision::Reject];
        }
        let consent = self.state.consents.iter().find(|consent| page.handles.contains(&consent.handle));
        match consent.map(|consent| consent.status(self.now)) {
            Some(Status::Pending) if open.is_none() => vec![Decision::Approve, Decision::Reject],
            Some(Status::Active) => vec![Decision::Revoke, Decision::Pause],
            Some(Status::Paused) => vec![Decision::Resume, Decision::Revoke],
            _ => Vec::new(),
        }
    }

    /// The customer decides.
    pub(super) fn decide(&mut self, token: &str, decision: Decision) -> Option<Outcome> {
        let page = self.state.pages.get(token)?.clone();
        let offered = self.choices(&page);
        let same = |choice: &Decision| std::mem::discriminant(choice) == std::mem::discriminant(&decision);
        if !offered.iter().any(same) {
            return Some(Outcome::NotNow);
        }
        Some(match (&page.transaction, decision) {
            (_, Decision::Revoke) => self.later(&page, Status::Revoked, "CONSENT_REVOKED"),
            (_, Decision::Pause) => self.later(&page, Status::Paused, "CONSENT_PAUSED"),
            (_, Decision::Resume) => self.later(&page, Status::Active, "CONSENT_RESUMED"),
            (Some(id), _) => self.decide_orchestration(&page, &id.clone(), decision),
            (None, _) => self.decide_consents(&page, decision == Decision::Approve),
        })
    }

    fn later(&mut self, page: &Page, status: Status, word: &str) -> Outcome {
        let now = self.now;
        for handle in &page.handles {
            let Some(consent) = self.state.by_handle(handle) else { continue };
            if matches!(consent.status(now), Status::Active | Status::Paused) {
                consent.status = status;
                let event = (consent.scenario(), events::consent(consent, word, now));
                self.events.push(event);
            }
        }
        Outcome::Done
    }

    fn decide_consents(&mut self, page: &Page, approved: bool) -> Outcome {
        let now = self.now;
        let mut code = u8::from(!approved);
        for handle in &page.handles {
            let Some(consent) = self.state.by_handle(handle) else { continue };
            let scenario = consent.scenario();
            if approved && scenario == Scenario::NoAccountFound {
                // The customer leaves with nothing discovered: the consent was neither given nor refused.
                code = 9;
                continue;
            }
            if !approved {
                consent.status = Status::Rejected;
                let event = events::consent(consent, "CONSENT_REJECTED", now);
                self.events.push((scenario, event));
                continue;
            }
            let automatic = consent.product.fi_fetch == "AUTOMATIC";
            self.activate(handle);
            if let Some(consent) = self.state.by_handle(handle) {
                let event = events::consent(consent, "CONSENT_APPROVED", now);
                self.events.push((scenario, event));
            }
            if automatic {
                self.begin(handle, None);
            }
        }
        self.return_url(page, code).map_or(Outcome::Done, Outcome::Redirect)
    }

    fn decide_orchestration(&mut self, page: &Page, id: &str, decision: Decision) -> Outcome {
        let Some(mobile) = self.state.orchestrations.get(id).map(|found| found.mobile.clone()) else { return Outcome::NotNow };
        let scenario = Scenario::of(&mobile);
        match (decision, scenario) {
            (Decision::Skip | Decision::Upload(0), _) | (_, Scenario::BothSkipped) => {
                self.steps_end(id, Step::Skipped, Step::Skipped)
            }
            (Decision::Reject, _) => {
                for handle in &page.handles {
                    if let Some(consent) = self.state.by_handle(handle) {
                        consent.status = Status::Rejected;
                    }
                }
                self.steps_end(id, Step::Failed, Step::Skipped);
            }
            (Decision::Upload(count), _) => {
                self.steps_end(id, Step::Skipped, Step::Pending);
                self.upload(id, count);
            }
            (_, Scenario::AaFailsPdfWorks | Scenario::TamperedPdf | Scenario::PartialPdf) => {
                page.handles.iter().for_each(|handle| self.activate(handle));
                self.steps_end(id, Step::Failed, Step::Pending);
                self.upload(id, if scenario == Scenario::PartialPdf { 1 } else { EXPECTED_STATEMENTS });
            }
            (_, Scenario::NoAccountFound) => self.steps_end(id, Step::Failed, Step::Skipped),
            _ => {
                self.steps_end(id, Step::Pending, Step::Skipped);
                for (place, handle) in page.handles.iter().enumerate() {
                    self.activate(handle);
                    if place == 0 || scenario.of_later_consents().is_none() {
                        self.begin(handle, None);
                    }
                }
            }
        }
        self.settle(id, false);
        let overall = self.state.orchestrations.get(id).map(super::state::Orchestration::overall);
        let status = if matches!(overall, Some("SUCCESSFUL" | "IN_PROGRESS")) { "true" } else { "false" };
        match &page.redirect {
            Some(to) => Outcome::Redirect(with_query(to, &[("txnid", id), ("status", status)])),
            None => Outcome::Done,
        }
    }

    fn steps_end(&mut self, id: &str, aa: Step, pdf: Step) {
        let now = self.now;
        if let Some(found) = self.state.orchestrations.get_mut(id) {
            (found.aa, found.pdf, found.decided) = (aa, pdf, Some(now));
        }
    }

    fn upload(&mut self, id: &str, count: usize) {
        let now = self.now;
        let Some(found) = self.state.orchestrations.get_mut(id) else { return };
        let mut accounts = Bank::accounts_for(&found.mobile, now);
        accounts.retain(|account| matches!(account.kind, Kind::Deposit { .. }));
        accounts.truncate(EXPECTED_STATEMENTS);
        found.expected = accounts.iter().map(|account| account.fip_id.clone()).collect();
        found.uploaded = count.min(accounts.len());
        found.pdf = if found.uploaded < accounts.len() { Step::Partial } else { Step::Success };
        accounts.truncate(found.uploaded);
        found.statements = Arc::new(accounts);
    }
}
