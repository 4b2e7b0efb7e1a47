//! The summary of term and recurring deposits. Finpass documents deposits only; these are the names of the ReBIT v2 types, spelled
//! the way the documented ones are: an assumption.

use serde::Serialize;

use crate::sandbox::bank::{BankAccount, Kind, TermFacts, rupees};

/// `summary_details` of a term or recurring deposit.
#[derive(Debug, Default, Serialize)]
pub struct TermSummary<'a> {
    branch: &'a str,
    ifsc: &'a str,
    opening_date: String,
    maturity_date: String,
    account_type: &'static str,
    description: &'static str,
    principal_amount: String,
    current_value: String,
    maturity_amount: String,
    interest_rate: &'a str,
    interest_payout: &'static str,
    interest_computation: &'static str,
    compounding_frequency: &'static str,
    interest_periodic_payout_amount: String,
    interest_on_maturity: String,
    tenure_days: String,
    tenure_months: String,
    tenure_years: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurring_amount: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recurring_deposit_day: Option<String>,
}

impl<'a> TermSummary<'a> {
    /// The summary of an account; of one that is no such deposit, only what every account has.
    pub fn of(account: &'a BankAccount) -> Self {
        let common = Self {
            branch: &account.branch,
            ifsc: &account.ifsc,
            opening_date: account.opening_date.to_string(),
            ..Self::default()
        };
        match &account.kind {
            Kind::Deposit { .. } | Kind::Portfolio(_) => common,
            Kind::TermDeposit(facts) => common.with_facts(facts, "FIXED"),
            Kind::RecurringDeposit(facts, instalment, day) => Self {
                recurring_amount: Some(rupees(*instalment)),
                recurring_deposit_day: Some(day.to_string()),
                ..common.with_facts(facts, "RECURRING")
            },
        }
    }

    fn with_facts(self, facts: &'a TermFacts, account_type: &'static str) -> Self {
        Self {
            maturity_date: facts.maturity_date.to_string(),
            account_type,
            principal_amount: rupees(facts.principal),
            current_value: rupees(facts.current_value),
            maturity_amount: rupees(facts.maturity_amount),
            interest_rate: &facts.interest_rate,
            interest_payout: "ONMATURITY",
            interest_computation: "COMPOUND",
            compounding_frequency: "QUARTERLY",
            interest_periodic_payout_amount: rupees(0),
            interest_on_maturity: rupees(facts.maturity_amount - facts.principal),
            tenure_days: "0".to_owned(),
            tenure_months: facts.tenure_months.to_string(),
            tenure_years: "0".to_owned(),
            ..self
        }
    }
}
