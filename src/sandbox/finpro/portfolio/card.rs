//! Credit cards: the cards stand with the holder.

use jiff::ToSpan;
use serde_json::{Value, json};

use super::Held;
use crate::sandbox::bank::{BankRow, masked, rupees};

pub(super) fn card(held: &Held<'_>) -> Value {
    json!([{
        "cardType": "RUPAY", "primary": "YES", "issuedDate": held.opened(), "maskedCardNumber": masked(&held.account.number),
    }])
}

pub(super) fn summary(held: &Held<'_>) -> Value {
    let (due, limit) = (held.portfolio.value, held.portfolio.cover);
    let statement = held.today().first_of_month();
    json!({
        "currentDue": rupees(due), "lastStatementDate": statement.to_string(), "dueDate": statement.saturating_add(20.days()).to_string(),
        "previousDueAmount": rupees(due), "totalDueAmount": rupees(due), "minDueAmount": rupees(due / 20), "creditLimit": rupees(limit),
        "cashLimit": rupees(limit / 5), "availableCredit": rupees(limit - due), "loyaltyPoints": "1234", "financeCharges": "0.00",
    })
}

pub(super) fn row(held: &Held<'_>, row: &BankRow) -> Value {
    json!({
        "txnId": row.id, "txnType": row.event, "txnDate": row.value_date.to_string(), "amount": rupees(row.amount),
        "valueDate": row.value_date.to_string(), "narration": row.narration,
        "statementDate": row.value_date.last_of_month().to_string(), "mcc": "5411", "maskedCardNumber": masked(&held.account.number),
    })
}
