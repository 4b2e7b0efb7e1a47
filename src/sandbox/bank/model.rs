//! What the sandbox's banks know, in one exact form. Each simulator renders it in its provider's own way, so that one customer's data
//! is the same through every provider.

use jiff::{Timestamp, civil::Date};

/// A customer of the sandbox's banks. All synthetic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Full name.
    pub name: String,
    /// Ten digits.
    pub mobile: String,
    /// PAN.
    pub pan: String,
    /// Email.
    pub email: String,
    /// Address.
    pub address: String,
    /// Date of birth.
    pub date_of_birth: Date,
    /// Whether in the central KYC registry.
    pub ckyc: bool,
    /// Whether a nominee is registered.
    pub nominee: bool,
}

/// The kind of account with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Savings or current account.
    Deposit {
        /// True for a current account.
        current: bool,
        /// Overdraft limit in paise.
        overdraft_limit: i64,
    },
    /// Fixed deposit.
    TermDeposit(TermFacts),
    /// Recurring deposit; the instalment in paise and its day of the month.
    RecurringDeposit(TermFacts, i64, u8),
}

/// What a term or recurring deposit states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TermFacts {
    /// Paid in, paise.
    pub principal: i64,
    /// Worth now, paise.
    pub current_value: i64,
    /// Paid out at maturity, paise.
    pub maturity_amount: i64,
    /// End.
    pub maturity_date: Date,
    /// Percent a year as a decimal string.
    pub interest_rate: String,
    /// Months.
    pub tenure_months: u32,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankAccount {
    /// FIP id.
    pub fip_id: String,
    /// Bank's name.
    pub fip_name: String,
    /// The bank's lower-case short code, as statements read from PDF carry it.
    pub fip_code: String,
    /// Full number: digits. Simulators mask it where the provider does.
    pub number: String,
    /// A stable UUID under which the account is linked.
    pub link_ref: String,
    /// Kind.
    pub kind: Kind,
    /// Branch.
    pub branch: String,
    /// IFSC.
    pub ifsc: String,
    /// MICR.
    pub micr: String,
    /// Opened.
    pub opening_date: Date,
    /// Balance now, paise. Negative if overdrawn.
    pub balance: i64,
    /// When the balance was taken.
    pub balance_at: Timestamp,
    /// Holders, the applicant first.
    pub holders: Vec<Person>,
    /// Rows, oldest first.
    pub rows: Vec<BankRow>,
}

/// One statement row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BankRow {
    /// The bank's id; not unique in the awkward cases.
    pub id: String,
    /// True for money in.
    pub credit: bool,
    /// For term and recurring deposits: OPENING, INTEREST, TDS, INSTALLMENT, CLOSING or OTHERS. `None` on a deposit account.
    pub event: Option<&'static str>,
    /// UPI, IMPS, NEFT, RTGS, CASH, ATM, CARD, CHEQUE, NACH, ... (the words both providers document).
    pub mode: &'static str,
    /// Paise, positive.
    pub amount: i64,
    /// Balance after the row, paise.
    pub balance: i64,
    /// When.
    pub at: Timestamp,
    /// The day from which it counts.
    pub value_date: Date,
    /// Text.
    pub narration: String,
    /// Reference.
    pub reference: String,
}
