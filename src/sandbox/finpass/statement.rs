//! The statement result of AA-BSA. Unlike the plain report all money is a number, account types are in title case, rows carry a day
//! only and no id.

use serde::Serialize;
use serde_json::Number;

use super::{report::ReportStyle, text::rupees_number};
use crate::sandbox::bank::{
    BankAccount, BankRow, Kind, day_in_india,
    figures::{self, opening_balance},
    masked, stated_range,
};

/// One entry of `data.accounts`.
#[derive(Debug, Serialize)]
pub struct StatementAccount<'a> {
    account_id: &'a str,
    account_number: String,
    ifsc: &'a str,
    bank_name: &'a str,
    account_type: &'static str,
    holder_name: &'a str,
    opening_balance: Number,
    closing_balance: Number,
    statement_from: String,
    statement_to: String,
    transactions: Vec<StatementRow<'a>>,
}

/// One row. Only `date` is documented; the other names are assumed.
#[derive(Debug, Serialize)]
struct StatementRow<'a> {
    date: String,
    description: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    amount: Number,
    balance: Number,
    mode: &'a str,
    category: &'static str,
}

/// Renders the deposit accounts in the bank's order; the analyser takes no others.
pub fn statement_accounts(accounts: &[BankAccount], style: ReportStyle) -> Vec<StatementAccount<'_>> {
    accounts.iter().filter_map(|account| statement_account(account, style)).collect()
}

fn statement_account(account: &BankAccount, style: ReportStyle) -> Option<StatementAccount<'_>> {
    let Kind::Deposit { current, .. } = account.kind else { return None };
    let (from, to) = stated_range(account);
    Some(StatementAccount {
        account_id: &account.link_ref,
        account_number: masked(&account.number),
        ifsc: &account.ifsc,
        bank_name: &account.fip_name,
        account_type: if current { "Current" } else { "Savings" },
        holder_name: account.holders.first().map_or("", |person| &person.name),
        opening_balance: rupees_number(opening_balance(account)),
        closing_balance: rupees_number(account.balance),
        statement_from: from.to_string(),
        statement_to: to.to_string(),
        transactions: account.rows.iter().map(|row| statement_row(row, style)).collect(),
    })
}

fn statement_row(row: &BankRow, style: ReportStyle) -> StatementRow<'_> {
    StatementRow {
        date: day_in_india(row.at).to_string(),
        description: &row.narration,
        kind: if row.credit { "credit" } else { "debit" },
        amount: style.number(row.amount),
        balance: style.number(row.balance),
        mode: row.mode,
        category: category(row),
    }
}

fn category(row: &BankRow) -> &'static str {
    if figures::is_salary(row) {
        "salary"
    } else if figures::is_obligation(row) {
        "emi"
    } else if row.mode == "ATM" || row.mode == "CASH" {
        "cash"
    } else {
        "others"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sandbox::finpass::samples;

    #[test]
    fn a_statement_has_numbers_and_title_case() {
        let accounts = [samples::savings(), samples::recurring()];
        assert_eq!(
            serde_json::to_value(statement_accounts(&accounts, ReportStyle::default())).unwrap(),
            json!([{"account_id":"00000000-0000-4000-8000-000000000001","account_number":"XXXXXXXXXXXXX0001","ifsc":"DEMO0000001",
                "bank_name":"Demo Bank","account_type":"Savings","holder_name":"A Sample","opening_balance":500,"closing_balance":1000,
                "statement_from":"2025-01-01","statement_to":"2026-01-01","transactions":[{"date":"2025-12-31",
                "description":"UPI/CR/demo","type":"credit","amount":500,"balance":1000,"mode":"UPI","category":"others"}]}])
        );
    }
}
