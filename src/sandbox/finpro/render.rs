//! Accounts as FinPro writes them: everything a string, holders an array even for one.

use jiff::civil::Date;
use serde_json::{Value, json};

use super::{portfolio, time::iso};
use crate::sandbox::bank::{BankAccount, BankRow, Kind, Person, TermFacts, masked, rupees, stated_range};

/// Where data came from, which decides its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// A consent: no marker.
    Consent,
    /// The account aggregator within an orchestration: marked "AA".
    Orchestration,
    /// A statement uploaded as PDF.
    Pdf { tampered: bool },
}

/// FI type of an account.
pub(super) fn fi_type(account: &BankAccount) -> &'static str {
    match &account.kind {
        Kind::Deposit { .. } => "DEPOSIT",
        Kind::TermDeposit(_) => "TERM_DEPOSIT",
        Kind::RecurringDeposit(..) => "RECURRING_DEPOSIT",
        Kind::Portfolio(portfolio) => portfolio.asset.word(),
    }
}

/// Account type as the lists and summaries word it.
pub(super) fn account_type(account: &BankAccount) -> &'static str {
    match account.kind {
        Kind::Deposit { current: true, .. } => "CURRENT",
        Kind::Deposit { .. } => "SAVINGS",
        Kind::TermDeposit(_) => "FIXED",
        Kind::RecurringDeposit(..) => "RECURRING",
        Kind::Portfolio(_) => "",
    }
}

/// One account.
pub(super) fn account(account: &BankAccount, source: Source) -> Value {
    if let Source::Pdf { tampered } = source {
        return pdf(account, tampered);
    }
    let mut value = match &account.kind {
        Kind::Portfolio(portfolio) => portfolio::account(account, portfolio),
        _ => deposit(account),
    };
    if source == Source::Orchestration {
        value["type"] = json!("AA");
    }
    value
}

fn deposit(account: &BankAccount) -> Value {
    json!({
        "linkReferenceNumber": account.link_ref,
        "maskedAccountNumber": masked(&account.number),
        "fiType": fi_type(account),
        "bank": account.fip_name,
        "Profile": {"Holders": {
            "type": if account.holders.len() > 1 { "JOINT" } else { "SINGLE" },
            "Holder": account.holders.iter().map(holder).collect::<Vec<_>>(),
        }},
        "Summary": summary(account),
        "Transactions": transactions(account),
    })
}

fn holder(person: &Person) -> Value {
    json!({
        "name": person.name,
        "dob": person.date_of_birth.to_string(),
        "mobile": person.mobile,
        "nominee": if person.nominee { "REGISTERED" } else { "NOT-REGISTERED" },
        "landline": "",
        "address": person.address,
        // Seen with a blank before it.
        "email": format!(" {}", person.email),
        "pan": person.pan,
        "ckycCompliance": if person.ckyc { "true" } else { "false" },
    })
}

fn summary(account: &BankAccount) -> Value {
    match &account.kind {
        Kind::Deposit { overdraft_limit, .. } => json!({
            "currentBalance": rupees(account.balance),
            "currency": "INR",
            "exchgeRate": " ",
            "balanceDateTime": iso(account.balance_at),
            "type": account_type(account),
            "branch": account.branch,
            "facility": if *overdraft_limit > 0 { "OD" } else { "" },
            "ifscCode": account.ifsc,
            "micrCode": account.micr,
            "openingDate": account.opening_date.to_string(),
            "currentODLimit": rupees(*overdraft_limit),
            "drawingLimit": rupees(*overdraft_limit),
            "status": "ACTIVE",
            "Pending": [{"amount": 0, "transactionType": "DEBIT"}],
        }),
        Kind::TermDeposit(facts) => term(account, facts),
        Kind::RecurringDeposit(facts, instalment, day) => {
            let mut value = term(account, facts);
            value["recurringAmount"] = json!(rupees(*instalment));
            value["recurringDepositDay"] = json!(day.to_string());
            value
        }
        Kind::Portfolio(_) => json!({}),
    }
}

fn term(account: &BankAccount, facts: &TermFacts) -> Value {
    json!({
        "ifsc": account.ifsc,
        "branch": account.branch,
        "openingDate": account.opening_date.to_string(),
        "accountType": account_type(account),
        "maturityAmount": rupees(facts.maturity_amount),
        "maturityDate": facts.maturity_date.to_string(),
        "description": "",
        "interestPayout": "OnMaturity",
        "interestRate": facts.interest_rate,
        "principalAmount": rupees(facts.principal),
        "tenureDays": "0",
        "tenureMonths": facts.tenure_months.to_string(),
        "tenureYears": "0",
        "interestComputation": "COMPOUND",
        "compoundingFrequency": "QUARTERLY",
        "interestPeriodicPayoutAmount": "0.00",
        "interestOnMaturity": rupees(facts.maturity_amount - facts.principal),
        "currentValue": rupees(facts.current_value),
    })
}

fn transactions(account: &BankAccount) -> Value {
    let deposit = matches!(account.kind, Kind::Deposit { .. });
    let rows: Vec<_> = account.rows.iter().map(|row| if deposit { deposit_row(row) } else { term_row(row) }).collect();
    let (from, to) = stated_range(account);
    json!({"startDate": from.to_string(), "endDate": to.to_string(), "Transaction": rows})
}

fn deposit_row(row: &BankRow) -> Value {
    json!({
        "type": if row.credit { "CREDIT" } else { "DEBIT" },
        "mode": row.mode,
        "amount": rupees(row.amount),
        "currentBalance": rupees(row.balance),
        "transactionTimestamp": iso(row.at),
        "valueDate": row.value_date.to_string(),
        "txnId": row.id,
        // Seen with blanks behind it.
        "narration": format!("{}  ", row.narration),
        "reference": row.reference,
    })
}

fn term_row(row: &BankRow) -> Value {
    json!({
        "txnId": row.id,
        "amount": rupees(row.amount),
        "narration": row.narration,
        "type": row.event,
        "mode": row.mode,
        "balance": rupees(row.balance),
        "transactionDateTime": iso(row.at),
        "valueDate": row.value_date.to_string(),
        "reference": row.reference,
    })
}

/// `5500.0` and `6981.1`: a statement's amounts lose their last zero.
fn short(paise: i64) -> String {
    let text = rupees(paise);
    text.strip_suffix('0').map_or(text.clone(), str::to_owned)
}

/// dd-mm-yyyy.
pub(super) fn pdf_day(day: Date) -> String {
    day.strftime("%d-%m-%Y").to_string()
}

fn pdf(account: &BankAccount, tampered: bool) -> Value {
    let holders = account.holders.iter().map(|p| json!({"name": p.name, "mobile": p.mobile, "email": p.email}));
    let (from, to) = stated_range(account);
    let rows = account.rows.iter().map(|row| {
        json!({
            "type": if row.credit { "credit" } else { "debit" },
            "amount": short(row.amount),
            "currentBalance": short(row.balance),
            "transactionTimestamp": pdf_day(row.value_date),
            "narration": row.narration,
        })
    });
    json!({
        "type": "PDF",
        "dataSource": "PDF",
        "isTampered": tampered,
        "linkReferenceNumber": account.number,
        "maskedAccountNumber": account.number,
        "fiType": "DEPOSIT",
        "bank": account.fip_code,
        "Profile": {"Holders": {"Holder": holders.collect::<Vec<_>>()}},
        "Summary": {
            "currentBalance": short(account.balance),
            "currency": "INR",
            "type": if account_type(account) == "CURRENT" { "current" } else { "saving" },
            "ifscCode": account.ifsc,
        },
        "Transactions": {
            "startDate": pdf_day(from),
            "endDate": pdf_day(to),
            "Transaction": rows.collect::<Vec<_>>(),
        },
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sandbox::bank::Bank;

    #[test]
    fn statements_from_pdf_show_plain_numbers_and_days_from_day_to_year() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let first = Bank::accounts_for("9000000001", now).remove(0);
        let value = account(&first, Source::Pdf { tampered: true });
        assert_eq!(value["linkReferenceNumber"], json!(first.number));
        assert_eq!(value["isTampered"], json!(true));
        let row = &value["Transactions"]["Transaction"][0];
        assert!(row.get("txnId").is_none() && row["type"].as_str().unwrap().chars().all(char::is_lowercase));
        assert_eq!(row["transactionTimestamp"].as_str().unwrap().as_bytes().get(2), Some(&b'-'));
        assert_eq!((short(550_000), short(698_110), short(5)), ("5500.0".into(), "6981.1".into(), "0.05".into()));
    }

    #[test]
    fn accounts_through_consents_are_masked_and_every_number_is_a_string() {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        for bank in Bank::accounts_for("9000000001", now) {
            let value = account(&bank, Source::Consent);
            assert!(value["maskedAccountNumber"].as_str().unwrap().starts_with("XXXX"));
            assert!(value["Profile"]["Holders"]["Holder"].is_array());
            assert!(value["Transactions"]["Transaction"][0]["amount"].is_string());
            assert!(value.get("type").is_none());
        }
    }
}
