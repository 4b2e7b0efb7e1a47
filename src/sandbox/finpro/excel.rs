//! The Excel report.

use bytes::Bytes;
use rust_xlsxwriter::{Workbook, XlsxError};

use crate::sandbox::bank::{BankAccount, Truth, day_in_india, masked};

/// One sheet that sums up, and one with every row.
pub(super) fn workbook(accounts: &[BankAccount]) -> Result<Bytes, XlsxError> {
    let mut workbook = Workbook::new();
    let summary = workbook.add_worksheet().set_name("Summary")?;
    for (column, heading) in (0..).zip(["Bank", "Account", "Rows", "Credits", "Debits", "Balance"]) {
        summary.write(0, column, heading)?;
    }
    for (line, account) in (1..).zip(accounts) {
        let truth = Truth::of(&account.rows);
        summary.write(line, 0, account.fip_name.as_str())?;
        summary.write(line, 1, masked(&account.number))?;
        summary.write(line, 2, truth.rows as f64)?;
        for (column, paise) in (3..).zip([truth.credits, truth.debits, account.balance]) {
            summary.write(line, column, paise as f64 / 100.0)?;
        }
    }
    let sheet = workbook.add_worksheet().set_name("Transactions")?;
    for (column, heading) in (0..).zip(["Account", "Date", "Type", "Amount", "Balance", "Narration"]) {
        sheet.write(0, column, heading)?;
    }
    let rows = accounts.iter().flat_map(|account| account.rows.iter().map(move |row| (account, row)));
    for (line, (account, row)) in (1..).zip(rows) {
        sheet.write(line, 0, masked(&account.number))?;
        sheet.write(line, 1, day_in_india(row.at).to_string())?;
        sheet.write(line, 2, if row.credit { "CREDIT" } else { "DEBIT" })?;
        sheet.write(line, 3, row.amount as f64 / 100.0)?;
        sheet.write(line, 4, row.balance as f64 / 100.0)?;
        sheet.write(line, 5, row.narration.as_str())?;
    }
    Ok(workbook.save_to_buffer()?.into())
}
