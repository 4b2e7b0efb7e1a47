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
    /// Anything else.
    Portfolio(Portfolio),
}

/// The kinds of account beside deposits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "each is the FI type of its name")]
pub enum Asset {
    MutualFunds,
    Sip,
    Equities,
    Etf,
    Bonds,
    Debentures,
    GovtSecurities,
    Cp,
    Cd,
    Aif,
    Cis,
    Idr,
    Invit,
    Reit,
    InsurancePolicies,
    LifeInsurance,
    GeneralInsurance,
    Ulip,
    Nps,
    Epf,
    Ppf,
    CreditCard,
    Gst,
}

impl Asset {
    /// Every kind.
    pub const ALL: [Self; 23] = [
        Self::MutualFunds,
        Self::Sip,
        Self::Equities,
        Self::Etf,
        Self::Bonds,
        Self::Debentures,
        Self::GovtSecurities,
        Self::Cp,
        Self::Cd,
        Self::Aif,
        Self::Cis,
        Self::Idr,
        Self::Invit,
        Self::Reit,
        Self::InsurancePolicies,
        Self::LifeInsurance,
        Self::GeneralInsurance,
        Self::Ulip,
        Self::Nps,
        Self::Epf,
        Self::Ppf,
        Self::CreditCard,
        Self::Gst,
    ];

    /// The FI type, as account aggregators write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::MutualFunds => "MUTUAL_FUNDS",
            Self::Sip => "SIP",
            Self::Equities => "EQUITIES",
            Self::Etf => "ETF",
            Self::Bonds => "BONDS",
            Self::Debentures => "DEBENTURES",
            Self::GovtSecurities => "GOVT_SECURITIES",
            Self::Cp => "CP",
            Self::Cd => "CD",
            Self::Aif => "AIF",
            Self::Cis => "CIS",
            Self::Idr => "IDR",
            Self::Invit => "INVIT",
            Self::Reit => "REIT",
            Self::InsurancePolicies => "INSURANCE_POLICIES",
            Self::LifeInsurance => "LIFE_INSURANCE",
            Self::GeneralInsurance => "GENERAL_INSURANCE",
            Self::Ulip => "ULIP",
            Self::Nps => "NPS",
            Self::Epf => "EPF",
            Self::Ppf => "PPF",
            Self::CreditCard => "CREDIT_CARD",
            Self::Gst => "GSTR1_3B",
        }
    }

    /// Whether something with units is held.
    pub fn has_positions(self) -> bool {
        !matches!(self, Self::Epf | Self::Ppf | Self::CreditCard | Self::Gst) && (self == Self::Ulip || !self.is_policy())
    }

    /// Whether somebody is insured.
    pub fn is_policy(self) -> bool {
        matches!(self, Self::InsurancePolicies | Self::LifeInsurance | Self::GeneralInsurance | Self::Ulip)
    }

    /// What a row of it is called, and whether it adds to what was paid in; `back` for the rare row the other way.
    pub(super) fn event(self, back: bool) -> (&'static str, bool) {
        match self {
            Self::InsurancePolicies | Self::LifeInsurance | Self::GeneralInsurance => ("PREMIUM_PAYMENT", true),
            Self::Nps => ("CONTRIBUTION", true),
            Self::Epf | Self::Ppf => ("DEPOSIT", true),
            Self::CreditCard => (if back { "CREDIT" } else { "DEBIT" }, back),
            Self::Gst => ("INVOICE", true),
            Self::Debentures => ("INSTALLMENT", true),
            Self::Ulip if back => ("SWITCH_OUT", false),
            Self::Ulip => ("PURCHASE", true),
            _ if back => ("SELL", false),
            _ => ("BUY", true),
        }
    }
}

/// What an account states that is no deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portfolio {
    /// Its kind.
    pub asset: Asset,
    /// What it is worth, what is insured, or what is owed on a card, paise.
    pub value: i64,
    /// What was paid in on balance, or a policy's premium, paise.
    pub cost: i64,
    /// What is insured, or a card's limit, paise.
    pub cover: i64,
    /// When it ends.
    pub ends: Date,
    /// What is held.
    pub positions: Vec<Position>,
}

/// Something with units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Name.
    pub name: String,
    /// ISIN with a valid check digit.
    pub isin: String,
    /// Whole units.
    pub units: i64,
    /// The last price of a unit, paise.
    pub price: i64,
}

/// What a row moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// The position's place.
    pub position: usize,
    /// Whole units.
    pub units: i64,
    /// The price of a unit, paise.
    pub price: i64,
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
    /// For term and recurring deposits: OPENING, INTEREST, TDS, INSTALLMENT, CLOSING or OTHERS; for a portfolio its own word. `None` on a
    /// deposit account.
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
    /// The units that it moved, of an account that holds some.
    pub lot: Option<Lot>,
}
