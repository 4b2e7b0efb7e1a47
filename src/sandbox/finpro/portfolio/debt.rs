//! Bonds, government securities, debentures, commercial paper and certificates of deposit.

use serde_json::{Value, json};

use super::{Held, price, traded_at, units};
use crate::sandbox::bank::{Asset, BankRow, Position, rupees};

fn sums(held: &Held<'_>) -> Value {
    json!({"investmentValue": rupees(held.portfolio.cost), "currentValue": rupees(held.portfolio.value)})
}

/// With the spelling of the schema.
pub(super) fn bonds(held: &Held<'_>) -> Value {
    let mut summary = sums(held);
    summary["Holdings"] = json!({"Holding": held.positions(|position| {
        json!({
            "scheme": "T_BONDS", "isin": position.isin, "units": units(position.units), "faceValue": price(position.price),
            "symbol": "SAMPLE", "issuerName": position.name, "description": "Sample bond", "creditRating": "AAA",
            "creditRatingAgency": "Sample Ratings", "taxable": "true", "issueRate": "100.00", "issueDate": held.opened(),
            "principleAmount": rupees(position.units * position.price), "tenureYears": "15", "tenureMoths": "0", "tenureDays": "0",
            "couponRate": "7.25", "maturityDate": held.ends(), "coupanComputation": "SIMPLE", "coupanPaymentDate": held.today().to_string(),
            "autionDate": held.opened(), "compoundingFrequency": "YEARLY", "interestPayout": "HALF_YEARLY",
            "accruedInterestAmount": "12.50", "interestOnMaturity": "725.00", "lastTradedRate": price(position.price),
            "lastTradedDate": held.today().to_string(),
        })
    })});
    summary
}

pub(super) fn debentures(held: &Held<'_>) -> Value {
    let mut summary = sums(held);
    summary["Holdings"] = json!({"Holding": held.positions(|position| {
        let mut value = paper(held, position);
        value["coupon"] = json!("8.10");
        value["fixedIncomePortfolio"] = json!("Sample portfolio");
        value["taxable"] = json!("YES");
        value["yield"] = json!("8.25");
        value["lastTradedRate"] = json!(price(position.price));
        value["lastTradedDate"] = json!(held.today().to_string());
        value
    })});
    summary
}

/// What debentures and commercial paper share.
fn paper(held: &Held<'_>, position: &Position) -> Value {
    json!({
        "isin": position.isin, "units": units(position.units), "faceValue": price(position.price), "symbol": "SAMPLE",
        "issuerName": position.name, "description": "Sample paper", "creditRating": "AA+", "issueDate": held.opened(),
        "principalAmount": rupees(position.units * position.price), "tenureDays": "0", "tenureMonths": "180", "tenureYears": "0",
        "maturityDate": held.ends(),
    })
}

pub(super) fn commercial_paper(held: &Held<'_>) -> Value {
    let mut summary = sums(held);
    summary["Investment"] = json!({"Holdings": {"Holding": held.positions(|position| {
        let mut value = paper(held, position);
        value["scheme"] = json!("T_NOTES");
        value["investmentValue"] = json!(rupees(position.units * position.price));
        value["currentValue"] = json!(rupees(position.units * position.price));
        value["creditRatingAgency"] = json!("Sample Ratings");
        value["auctionDate"] = json!(held.opened());
        value
    })}});
    summary
}

pub(super) fn certificates(held: &Held<'_>) -> Value {
    let mut summary = sums(held);
    summary["Holdings"] = json!({"type": "DEMAT", "Holding": held.positions(|position| {
        json!({
            "companyName": position.name, "isin": position.isin, "scheme": "REGULAR", "faceValue": price(position.price),
            "symbol": "SAMPLE", "issuerName": position.name, "description": "Sample certificate", "issueDate": held.opened(),
            "tenureYears": "15", "tenureMonths": "0", "tenureDays": "0", "yield": "7", "maturityDate": held.ends(),
            "lastTradedRate": price(position.price), "lastTradedDate": held.today().to_string(),
        })
    })});
    summary
}

pub(super) fn row(held: &Held<'_>, row: &BankRow) -> Value {
    let Some((position, lot)) = held.lot(row) else { return json!({}) };
    let mut value = json!({
        "txnId": row.id, "isin": position.isin, "transactionDateTime": traded_at(row), "rate": price(lot.price), "type": row.event,
        "units": units(lot.units), "currency": "INR", "tradeValue": rupees(row.amount), "totalCharge": "20.00", "otherTaxes": "1.00",
    });
    // Debentures are recorded without one.
    if held.portfolio.asset != Asset::Debentures {
        value["narration"] = json!(row.narration);
    }
    value
}

pub(super) fn certificate_row(held: &Held<'_>, row: &BankRow) -> Value {
    let mut value = self::row(held, row);
    value["stt"] = json!("0.50");
    value
}
