//! Mutual funds and systematic investment plans, as recorded.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::{Held, price, units};
use crate::sandbox::bank::{BankRow, rupees};

pub(super) fn mutual_fund(held: &Held<'_>) -> Value {
    let holdings = held.positions(|position| {
        json!({
            "nav": price(position.price), "ucc": held.code("UCC"), "isin": position.isin, "folioNo": held.account.number,
            "navDate": held.today().to_string(), "amfiCode": "100001", "lienUnits": "0.000", "registrar": "Sample Registrar",
            // The code of a scheme comes with its name.
            "schemeCode": format!("null-{}", position.name), "FatcaStatus": "YES", "lockinUnits": "0.000", "schemeTypes": "EQUITY_SCHEMES",
            "closingUnits": units(position.units), "schemeOption": "GROWTH_TYPE", "schemeCategory": "LARGE_CAP_FUND",
            "isinDescription": position.name,
        })
    });
    json!({
        "costValue": rupees(held.portfolio.cost),
        "currentValue": rupees(held.portfolio.value),
        "Investment": {"Holdings": {"Holding": holdings}},
    })
}

pub(super) fn mutual_fund_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "amc": "Sample Asset Management", "nav": price(lot.price), "ucc": held.code("UCC"), "isin": position.isin, "mode": "PHYSICAL",
        "type": row.event, "txnId": row.id, "units": units(lot.units), "amount": rupees(row.amount),
        "navDate": row.value_date.strftime("%Y-%m-%d 00:00:00:000").to_string(), "amfiCode": "100001", "narration": row.narration,
        "registrar": "Sample Registrar", "schemeCode": format!("null-{}", position.name), "schemePlan": "DIRECT",
        "lock-inDays": "1095", "lock-inFlag": "true", "isinDescription": position.name, "transactionDate": row.value_date.to_string(),
    })
}

/// Schemes inside of holdings, plans inside of schemes, and no rows.
pub(super) fn sip(held: &Held<'_>) -> Value {
    let today = held.today();
    let holdings = held.positions(|position| {
        json!({
            "amc": "Sample Asset Management", "amfiCode": "100001", "registrar": "Sample Registrar", "holder2Name": "",
            "Schemes": {"Scheme": [{
                "isin": position.isin, "scheme": position.name, "schemeTypes": "EQUITY_SCHEMES", "schemeOption": "GROWTH_TYPE",
                "schemeCategory": "LARGE_CAP_FUND",
                "Sips": {"Sip": [{
                    "amount": rupees(position.price), "SIPRefNo": held.code("SIP"), "frequency": "Monthly", "creationDate": held.opened(),
                    "ceasedDate": "", "installmentDay": today.first_of_month().to_string(),
                    "lastInstallmentDate": today.first_of_month().to_string(),
                    "nextInstallmentDate": today.first_of_month().saturating_add(1.month()).to_string(),
                    "pendingInstallments": "24", "completeInstallments": "12",
                }]},
            }]},
        })
    });
    json!({"folioNo": held.account.number, "Holdings": {"Holding": holdings}})
}
