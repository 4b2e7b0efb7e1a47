//! Alternative investment funds and collective investment schemes.

use serde_json::{Value, json};

use super::{Held, price, traded_at, units};
use crate::sandbox::bank::{BankRow, rupees};

pub(super) fn alternative(held: &Held<'_>) -> Value {
    let holdings = held.positions(|position| {
        json!({
            "issuerName": position.name, "typeOfSecurity": "UNLISTED-DEBT", "valuationMethodology": "Sample method",
            "purchaseDate": held.opened(), "purchasePrice": rupees(position.price), "lastValuationDate": held.today().to_string(),
            "mtmOnLastValuation": rupees(position.units * position.price), "holdingPeriod": "36 months", "description": "Sample fund",
        })
    });
    let all: i64 = held.portfolio.positions.iter().map(|position| position.units).sum();
    json!({
        "totalNumUnitsIssued": all.to_string(),
        "investmentValue": rupees(held.portfolio.cost),
        "currentValue": rupees(held.portfolio.value),
        "Investment": {"Holdings": {"Holding": holdings}},
    })
}

pub(super) fn alternative_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, _)) = held.lot(row) else { return json!({}) };
    let day = row.value_date.to_string();
    json!({
        "txnId": row.id, "nameofAsset": position.name, "investmentDateTime": traded_at(row), "investmentValue": rupees(row.amount),
        "redemptionDate": held.ends(), "redemptionValue": "0.00", "fundFeesPaymentDate": day, "fundFeesPaymentAmount": "10.00",
        "reInvestmentDate": day, "reInvestmentValue": "0.00", "paymentInvestorDate": day, "paymentInvestorAmount": "0.00",
        "taxPaidValue": "1.00", "taxPaidDate": day, "narration": row.narration,
    })
}

pub(super) fn collective(held: &Held<'_>) -> Value {
    let holdings = held.positions(|position| {
        json!({
            "isin": position.isin, "ucc": held.code("UCC"), "folioNo": held.account.number, "mode": "DEMAT",
            "units": units(position.units), "closingUnits": units(position.units), "rate": price(position.price),
            "nav": price(position.price),
        })
    });
    json!({
        "investmentValue": rupees(held.portfolio.cost),
        "currentValue": rupees(held.portfolio.value),
        "Investment": {"Holdings": {"Holding": holdings}},
    })
}

pub(super) fn collective_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "txnId": row.id, "transactionDateTime": traded_at(row), "schemeCode": "S01", "isin": position.isin,
        "dividendType": "INTERIM-DIVIDENT", "ucc": held.code("UCC"), "amount": rupees(row.amount), "closingUnits": units(lot.units),
        "nav": price(lot.price), "navDate": row.value_date.to_string(), "type": if row.credit { "BONUS" } else { " BUY-BACK" },
        "orderDate": row.value_date.to_string(), "executionDate": row.value_date.to_string(), "mode": "DEMAT", "otherTaxes": "1.00",
        "narration": row.narration,
    })
}
