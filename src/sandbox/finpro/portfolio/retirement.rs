//! The National Pension System and the two provident funds.

use serde_json::{Value, json};

use super::{Held, price};
use crate::sandbox::bank::{BankRow, Position, rupees, stated_range};

const MANAGER: (&str, &str) = ("PFM001", "Sample Pension Fund");

pub(super) fn nps(held: &Held<'_>) -> Value {
    let value = held.portfolio.value;
    let choices = held.positions(|position| {
        json!({
            "allocationPercent": "50.00", "pfmId": MANAGER.0, "pfmName": MANAGER.1, "schemeId": scheme_id(position),
            "schemeName": position.name,
        })
    });
    let holdings = held.positions(|position| {
        let worth = rupees(position.units * position.price);
        json!({
            "amount": worth, "amountInTransition": "0.00", "blockedUnits": "0", "freeUnits": position.units.to_string(),
            "nav": price(position.price), "schemeName": position.name, "schemeId": scheme_id(position),
            "totalUnits": position.units.to_string(), "totalValueOfScheme": worth,
        })
    });
    let all: i64 = held.portfolio.positions.iter().map(|position| position.units).sum();
    json!({
        "openingDate": held.opened(), "currentValue": rupees(value), "status": "ACTIVE", "tier1Status": "ACTIVE",
        "tier2NAVDate": "", "tier2Status": "NA", "tier1NAVDate": held.today().to_string(), "debtAssetValue": rupees(value / 2),
        "equityAssetValue": rupees(value - value / 2), "otherAssetValue": "0.00",
        "SchemeChoices": {"SchemeChoice": choices},
        "Holdings": {
            "Tier1Holdings": {
                "schemePreferenceType": "ACTIVE", "freeUnits": all.to_string(), "investmentCost": rupees(held.portfolio.cost),
                "investmentValue": rupees(value), "Tier1Holding": holdings,
            },
            "Tier2Holdings": {},
        },
    })
}

fn scheme_id(position: &Position) -> String {
    format!("SM{}", position.isin.get(3..9).unwrap_or_default())
}

/// Every other row is one of a scheme, the others are investments.
pub(super) fn nps_transactions(held: &Held<'_>) -> Value {
    let (from, to) = stated_range(held.account);
    let (mut schemes, mut investments) = (Vec::new(), Vec::new());
    let mut cumulative = 0;
    for (at, row) in held.account.rows.iter().enumerate() {
        let Some((position, lot)) = held.lot(row) else { continue };
        cumulative += lot.units;
        let mut value = json!({
            "txnId": row.id, "txnDate": row.value_date.to_string(), "type": row.event, "narration": row.narration,
        });
        if at % 2 == 0 {
            value["schemeName"] = json!(position.name);
            value["schemeId"] = json!(scheme_id(position));
            value["allocationPercent"] = json!("50.00");
            value["amount"] = json!(rupees(row.amount));
            value["nav"] = json!(price(lot.price));
            value["units"] = json!(lot.units.to_string());
            value["cumulativeUnits"] = json!(cumulative.to_string());
            schemes.push(value);
        } else {
            value["subscriberContribution"] = json!(rupees(row.amount - row.amount / 3));
            value["employerContribution"] = json!(rupees(row.amount / 3));
            value["totalContribution"] = json!(rupees(row.amount));
            investments.push(value);
        }
    }
    json!({
        "startDate": from.to_string(), "endDate": to.to_string(),
        "Tier1SchemeTransactions": {"Tier1SchemeTransaction": schemes},
        "Tier2SchemeTransactions": {},
        "Tier1InvestmentTransactions": {"Tier1InvestmentTransaction": investments},
        "Tier2InvestmentTransactions": {},
    })
}

/// An employee pays two parts, the employer one, and a little of that goes to the pension fund.
pub(super) fn epf(held: &Held<'_>) -> Value {
    let value = held.portfolio.value;
    json!({
        "currentBalance": rupees(value), "openingDate": held.opened(), "establishmentId": held.code("EST"),
        "establishmentName": "Sample Employer", "employerBalance": rupees(value / 3), "employeeBalance": rupees(value - value / 3),
        "totalBalance": rupees(value),
    })
}

pub(super) fn epf_row(row: &BankRow) -> Value {
    json!({
        "txnId": row.id, "txnDate": row.value_date.to_string(), "narration": row.narration, "type": row.event,
        "employeeDepositAmount": rupees(row.amount - row.amount / 3), "employerDepositAmount": rupees(row.amount / 3),
        "employeeWithdrawalAmount": "0.00", "employerWithdrawalAmount": "0.00", "pensionFundAmount": rupees(row.amount / 10),
    })
}

pub(super) fn ppf(held: &Held<'_>) -> Value {
    json!({
        "openingDate": held.opened(), "maturityDate": held.ends(), "ifscCode": held.account.ifsc, "micrCode": held.account.micr,
        "status": "ACTIVE", "branchAddr": held.account.branch, "currentBalance": rupees(held.portfolio.value),
    })
}

pub(super) fn ppf_row(row: &BankRow) -> Value {
    json!({
        "txnId": row.id, "txnDate": row.value_date.to_string(), "valueDate": row.value_date.to_string(), "type": row.event,
        "amount": rupees(row.amount), "balance": rupees(row.balance), "narration": row.narration,
    })
}
