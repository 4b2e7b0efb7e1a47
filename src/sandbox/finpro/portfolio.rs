//! Accounts that are no deposits, as FinPro writes them where that is recorded, and else by the FI schemas: everything a string, sections and
//! lists as misspelt and as nested as they are.

mod card;
mod debt;
mod funds;
mod gst;
mod policies;
mod pooled;
mod retirement;
mod shares;
mod units;

use jiff::civil::Date;
use serde_json::{Value, json};

use crate::sandbox::bank::{Asset, BankAccount, BankRow, Lot, Person, Portfolio, Position, masked, rupees, stated_range};

/// An account and what it holds.
#[derive(Clone, Copy)]
struct Held<'a> {
    account: &'a BankAccount,
    portfolio: &'a Portfolio,
}

/// One account.
pub(super) fn account(account: &BankAccount, portfolio: &Portfolio) -> Value {
    let held = Held { account, portfolio };
    if portfolio.asset == Asset::Gst {
        return gst::account(&held);
    }
    json!({
        "linkReferenceNumber": account.link_ref,
        "maskedAccountNumber": masked(&account.number),
        "fiType": portfolio.asset.word(),
        "bank": account.fip_name,
        "Profile": profile(&held),
        "Summary": held.summary(),
        "Transactions": held.transactions(),
    })
}

impl Held<'_> {
    fn summary(&self) -> Value {
        match self.portfolio.asset {
            Asset::MutualFunds => funds::mutual_fund(self),
            Asset::Sip => funds::sip(self),
            Asset::Equities => shares::equities(self),
            Asset::Idr => shares::receipts(self),
            Asset::Etf => units::etf(self),
            Asset::Invit | Asset::Reit => units::trust(self),
            Asset::Bonds | Asset::GovtSecurities => debt::bonds(self),
            Asset::Debentures => debt::debentures(self),
            Asset::Cp => debt::commercial_paper(self),
            Asset::Cd => debt::certificates(self),
            Asset::Aif => pooled::alternative(self),
            Asset::Cis => pooled::collective(self),
            Asset::InsurancePolicies | Asset::LifeInsurance | Asset::GeneralInsurance => policies::policy(self),
            Asset::Ulip => policies::unit_linked(self),
            Asset::Nps => retirement::nps(self),
            Asset::Epf => retirement::epf(self),
            Asset::Ppf => retirement::ppf(self),
            Asset::CreditCard => card::summary(self),
            Asset::Gst => Value::Null,
        }
    }

    fn row(&self, row: &BankRow) -> Value {
        match self.portfolio.asset {
            Asset::MutualFunds => funds::mutual_fund_row(self, row),
            Asset::Equities => shares::equity_row(self, row),
            Asset::Idr => shares::receipt_row(self, row),
            Asset::Etf => units::etf_row(self, row),
            Asset::Invit | Asset::Reit => units::trust_row(self, row),
            Asset::Bonds | Asset::GovtSecurities | Asset::Cp | Asset::Debentures => debt::row(self, row),
            Asset::Cd => debt::certificate_row(self, row),
            Asset::Aif => pooled::alternative_row(self, row),
            Asset::Cis => pooled::collective_row(self, row),
            Asset::InsurancePolicies | Asset::LifeInsurance | Asset::GeneralInsurance => policies::policy_row(row),
            Asset::Ulip => policies::unit_linked_row(self, row),
            Asset::Epf => retirement::epf_row(row),
            Asset::Ppf => retirement::ppf_row(row),
            Asset::CreditCard => card::row(self, row),
            Asset::Sip | Asset::Nps | Asset::Gst => Value::Null,
        }
    }

    fn transactions(&self) -> Value {
        let (from, to) = stated_range(self.account);
        match self.portfolio.asset {
            // Recorded without a window.
            Asset::Sip => json!({}),
            Asset::Nps => retirement::nps_transactions(self),
            _ => {
                let rows: Vec<_> = self.account.rows.iter().map(|row| self.row(row)).collect();
                json!({"startDate": from.to_string(), "endDate": to.to_string(), "Transaction": rows})
            }
        }
    }

    /// The position that a row moved, and what it moved of it.
    fn lot(&self, row: &BankRow) -> Option<(&Position, Lot)> {
        let lot = row.lot?;
        Some((self.portfolio.positions.get(lot.position)?, lot))
    }

    fn positions(&self, write: impl Fn(&Position) -> Value) -> Vec<Value> {
        self.portfolio.positions.iter().map(write).collect()
    }

    /// A client code, a folio or the like: digits that the account always has.
    fn code(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.account.micr)
    }

    fn opened(&self) -> String {
        self.account.opening_date.to_string()
    }

    fn ends(&self) -> String {
        self.portfolio.ends.to_string()
    }

    fn today(&self) -> Date {
        crate::sandbox::bank::day_in_india(self.account.balance_at)
    }
}

/// Whole units with three decimals.
fn units(count: i64) -> String {
    format!("{count}.000")
}

/// A price with four decimals.
fn price(paise: i64) -> String {
    format!("{}00", rupees(paise))
}

/// An instant of a securities account: without a zone and with a tenth of a second.
fn traded_at(row: &BankRow) -> String {
    row.at.strftime("%Y-%m-%dT%H:%M:%S.0").to_string()
}

fn profile(held: &Held<'_>) -> Value {
    let asset = held.portfolio.asset;
    let holders: Vec<_> = held.account.holders.iter().map(|person| holder(held, person)).collect();
    let mut all = json!({"Holder": holders});
    // Where it is not recorded there is no word for single and joint.
    if !matches!(asset, Asset::MutualFunds | Asset::Equities | Asset::Bonds | Asset::Debentures) {
        all["type"] = json!("SINGLE");
    }
    let mut profile = json!({"Holders": all});
    if asset.is_policy() {
        profile["Riders"] = json!({"Rider": [policies::rider(held)]});
    }
    if matches!(asset, Asset::Bonds | Asset::Debentures) { json!([profile]) } else { profile }
}

fn holder(held: &Held<'_>, person: &Person) -> Value {
    let asset = held.portfolio.asset;
    let mut value = json!({
        "name": person.name,
        "dob": person.date_of_birth.to_string(),
        "mobile": person.mobile,
        "nominee": if person.nominee { "REGISTERED" } else { "NOT-REGISTERED" },
        "landline": "",
        "address": person.address,
        "email": format!(" {}", person.email),
        "pan": person.pan,
    });
    match asset {
        Asset::MutualFunds | Asset::Sip => {
            value["folioNo"] = json!(held.account.number);
            value["kycCompliance"] = json!("VERIFIED");
        }
        _ => value["ckycCompliance"] = json!(if person.ckyc { "true" } else { "false" }),
    }
    match asset {
        Asset::Nps => value["pranId"] = json!(held.account.number),
        Asset::Epf => value["uan"] = json!(held.account.number),
        Asset::CreditCard => value["Cards"] = json!({"Card": card::card(held)}),
        Asset::GovtSecurities => value["holdingType"] = json!("SOLE"),
        Asset::Ppf | Asset::MutualFunds => {}
        _ if asset.is_policy() => value["rank"] = json!("1"),
        _ => value["dematId"] = json!(format!("IN3000{}", held.account.number)),
    }
    value
}
