//! Insurance policies, unit linked ones too.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::{Held, price};
use crate::sandbox::bank::{Asset, BankRow, rupees};

pub(super) fn rider(held: &Held<'_>) -> Value {
    json!({
        "riderType": "ACCIDENT", "sumAssured": rupees(held.portfolio.cover / 2), "tenureYears": "15", "tenureMonths": "0",
        "premiumAmount": "100.00", "policyStartDate": held.opened(), "policyEndDate": held.ends(),
    })
}

pub(super) fn policy(held: &Held<'_>) -> Value {
    let (kind, cover) = match held.portfolio.asset {
        Asset::GeneralInsurance => ("COMPREHENSIVE", "BUILDING"),
        Asset::LifeInsurance => ("TERM", "SELF"),
        _ => ("ENDOWMENT", "FAMILY"),
    };
    json!({
        "policyName": "Sample policy", "policyNumber": held.account.number, "eiaNumber": held.code("EIA"),
        "policyDescription": "A sample of a policy", "sumAssured": rupees(held.portfolio.cover), "coverAmount": rupees(held.portfolio.cover),
        "tenureMonths": "0", "tenureYears": "15", "premiumAmount": rupees(held.portfolio.cost), "policyStartDate": held.opened(),
        "policyExpiryDate": held.ends(), "policyType": kind, "coverType": cover, "premiumFrequency": "MONTHLY",
        "premiumPaymentYears": "10", "premiumPaymentMonths": "0",
        "nextPremiumDueDate": held.today().saturating_add(1.month()).to_string(), "maturityDate": held.ends(),
        "maturityBenefit": "Sum assured",
        "MoneyBacks": {"MoneyBack": [{"date": held.ends(), "amount": "1000.00", "description": "Sample money back"}]},
        "ContractClauses": {"ContractClause": [{
            "title": "Sample clause", "subLimit": "NONE", "conditions": "Sample conditions", "exlcusions": "Sample exclusions",
            "amount": "500.00", "description": "A sample of a clause",
        }]},
        "Covers": {"Cover": {"amount": rupees(held.portfolio.cover), "description": "Sample cover"}},
    })
}

pub(super) fn policy_row(row: &BankRow) -> Value {
    json!({
        "txnId": row.id, "txnDate": row.value_date.to_string(), "narration": row.narration, "type": row.event,
        "amount": rupees(row.amount),
    })
}

pub(super) fn unit_linked(held: &Held<'_>) -> Value {
    let holdings = held.positions(|position| {
        let value = rupees(position.units * position.price);
        json!({
            "name": position.name, "type": "EQUITY", "units": position.units.to_string(), "cost": value, "nav": price(position.price),
            "allocationPercentage": "50.00", "premiumAllocation": "50.00", "currentValue": value, "description": "Sample fund",
        })
    });
    json!({
        "type": "LIFE", "productName": "Sample plan", "productDescription": "A sample of a plan",
        "sumAssured": rupees(held.portfolio.cover), "tenureYears": "15", "tenureMonths": "0", "premiumAmount": rupees(held.portfolio.cost),
        "policyStartDate": held.opened(), "policyMaturityDate": held.ends(), "premiumFrequency": "MONTHLY", "premiumPaymentYears": "10",
        "premiumPaymentMonths": "0", "nextPremiumDueDate": held.today().saturating_add(1.month()).to_string(),
        "Holdings": {"Holding": holdings},
    })
}

pub(super) fn unit_linked_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "txnId": row.id, "txnDate": row.value_date.to_string(), "fundName": position.name, "units": lot.units.to_string(),
        "nav": price(lot.price), "navDate": row.value_date.to_string(), "cost": rupees(row.amount), "premium": rupees(held.portfolio.cost),
        "premiumAllocationCharge": "10.00", "otherCharges": "5.00", "type": row.event, "narration": row.narration,
    })
}
