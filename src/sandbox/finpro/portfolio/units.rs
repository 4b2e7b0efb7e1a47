//! Exchange traded funds and units of investment trusts.

use serde_json::{Value, json};

use super::{Held, price, traded_at, units};
use crate::sandbox::bank::{BankRow, rupees};

pub(super) fn etf(held: &Held<'_>) -> Value {
    let holdings = held.positions(|position| {
        json!({
            "folioNo": held.account.number, "dematId": held.code("IN30"), "schemeName": position.name, "dpId": "IN300000",
            "units": position.units.to_string(), "isin": position.isin, "mode": "DEMAT", "rate": price(position.price),
            "nav": price(position.price), "lastNavDate": held.today().to_string(), "symbol": "SAMPLEETF",
            "description": "Sample traded fund",
        })
    });
    json!({
        "investmentValue": rupees(held.portfolio.cost),
        "currentValue": rupees(held.portfolio.value),
        "Investment": {"Holdings": {"Holding": holdings}},
    })
}

pub(super) fn etf_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "txnId": row.id, "isin": position.isin, "transactionDateTime": traded_at(row), "units": lot.units.to_string(),
        "amount": rupees(row.amount), "schemeName": position.name, "dpId": "IN300000", "schemeMinLotSize": "1",
        "faceValueofUnits": "10.00", "nav": price(lot.price), "type": row.event, "orderDate": row.value_date.to_string(),
        "executionDate": row.value_date.to_string(), "mode": "DEMAT", "narration": row.narration, "brokerCode": "BRK01",
    })
}

pub(super) fn trust(held: &Held<'_>) -> Value {
    let holdings = held.positions(|position| {
        json!({
            "isin": position.isin, "issuerName": position.name, "investmentDateTime": format!("{}T00:00:00.0", held.opened()),
            "rate": price(position.price), "description": "Sample trust", "totalNumberUnits": units(position.units),
            "lastClosingRate": price(position.price), "nomineeStatus": "REGISTERED",
        })
    });
    json!({
        "investmentValue": rupees(held.portfolio.cost),
        "currentValue": rupees(held.portfolio.value),
        "Investment": {"Holdings": {"Holding": holdings}},
    })
}

pub(super) fn trust_row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    json!({
        "txnId": row.id, "isin": position.isin, "issuerName": position.name, "symbol": "SAMPLE", "exchange": "NSE",
        "transactionDescription": row.narration, "transactionDateTime": traded_at(row), "price": price(lot.price), "unitsType": "UNITS",
        "numUnitsTransacted": lot.units.to_string(), "tradeValue": rupees(row.amount), "totalCharge": "20.00", "otherCharges": "5.00",
    })
}
