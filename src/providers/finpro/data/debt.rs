//! Bonds, government securities, debentures, commercial paper and certificates of deposit. BONDS and DEBENTURES have a list of profiles;
//! a bond's only holding is an object where others have a list. ReBIT misspells principle, moths, coupan and aution.

use super::typed::{Family, Parts, market_row};
use crate::{
    data::{
        convert::Reader,
        typed::{Fields, read_object, table},
        words,
    },
    pb::{
        BondDetails, BondHolding, CertificateOfDepositDetails, CertificateOfDepositHolding, CommercialPaperDetails,
        CommercialPaperHolding, DebentureDetails, DebentureHolding, DebtTransaction, DepositInterval, InterestComputation,
        Tenure, Transaction, account::Details, transaction,
    },
};

const ROWS: &[(&str, super::typed::ReadRow)] = &[("Transaction", row)];

pub(super) const BOND: Family =
    Family { details: |parts, reader| Details::Bond(summary(parts, reader, bond_details)), rows: ROWS };

pub(super) const GOVERNMENT_SECURITY: Family =
    Family { details: |parts, reader| Details::GovernmentSecurity(summary(parts, reader, bond_details)), rows: ROWS };

pub(super) const DEBENTURE: Family =
    Family { details: |parts, reader| Details::Debenture(summary(parts, reader, debenture_details)), rows: ROWS };

pub(super) const COMMERCIAL_PAPER: Family =
    Family { details: |parts, reader| Details::CommercialPaper(summary(parts, reader, commercial_paper_details)), rows: ROWS };

pub(super) const CERTIFICATE_OF_DEPOSIT: Family =
    Family { details: |parts, reader| Details::CertificateOfDeposit(summary(parts, reader, certificate)), rows: ROWS };

fn summary<T>(parts: &mut Parts<'_>, reader: &mut Reader<'_>, table: fn(&mut Fields<'_, '_, '_>) -> T) -> T {
    read_object(&mut parts.summary, "details", reader, table)
}

fn row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::Debt(debt_transaction(fields)))
}

fn tenure(fields: &mut Fields<'_, '_, '_>) -> Option<Tenure> {
    fields.tenure(&["tenureYears"], &["tenureMonths", "tenureMoths"], &["tenureDays"])
}

/// The kind of holdings stands beside their list.
fn certificate(fields: &mut Fields<'_, '_, '_>) -> CertificateOfDepositDetails {
    let kind = |inner: &mut Fields<'_, '_, '_>| inner.label("holding_type_text", &["type"]);
    let direct = fields.inside("", "Holdings", kind);
    let holding_type_text = if direct.is_empty() { fields.inside("", "Investment.Holdings", kind) } else { direct };
    CertificateOfDepositDetails { holding_type_text, ..certificate_details(fields) }
}

table! {
    bond_details -> BondDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: bond_holding "Holdings.Holding" | "Investment.Holdings.Holding",
    }
}

table! {
    bond_holding -> BondHolding {
        scheme_text: label "scheme",
        isin: isin "isin",
        units: decimal "units",
        face_value: decimal "faceValue",
        symbol: name "symbol",
        issuer_name: name "issuerName",
        description: text "description",
        credit_rating: name "creditRating",
        credit_rating_agency: name "creditRatingAgency",
        taxable: answer "taxable",
        issue_rate: decimal "issueRate",
        issue_date: day "issueDate",
        principal: money "principleAmount" | "principalAmount",
        coupon_rate: decimal "couponRate" | "coupanRate",
        maturity_date: day "maturityDate",
        coupon_payment_date: day "coupanPaymentDate" | "couponPaymentDate",
        auction_date: day "autionDate" | "auctionDate",
        accrued_interest: money "accruedInterestAmount",
        interest_on_maturity: money "interestOnMaturity",
        last_traded_rate: decimal "lastTradedRate",
        last_traded_date: day "lastTradedDate",
    } words {
        coupon_computation, coupon_computation_text: words::computation, InterestComputation "coupanComputation" | "couponComputation",
        compounding, compounding_text: words::interval, DepositInterval "compoundingFrequency",
        interest_payout, interest_payout_text: words::interval, DepositInterval "interestPayout",
    } own {
        tenure: tenure,
    } rest extensions
}

table! {
    debenture_details -> DebentureDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: debenture_holding "Holdings.Holding" | "Investment.Holdings.Holding",
    }
}

table! {
    debenture_holding -> DebentureHolding {
        isin: isin "isin",
        units: decimal "units",
        face_value: decimal "faceValue",
        coupon: code "coupon",
        fixed_income_portfolio: text "fixedIncomePortfolio",
        symbol: name "symbol",
        issuer_name: name "issuerName",
        description: text "description",
        credit_rating: name "creditRating",
        taxable: answer "taxable",
        issue_date: day "issueDate",
        principal: money "principalAmount" | "principleAmount",
        yield_percent: decimal "yield",
        maturity_date: day "maturityDate",
        last_traded_rate: decimal "lastTradedRate",
        last_traded_date: day "lastTradedDate",
    } own {
        tenure: tenure,
    } rest extensions
}

table! {
    commercial_paper_details -> CommercialPaperDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: commercial_paper_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    commercial_paper_holding -> CommercialPaperHolding {
        scheme_text: label "scheme",
        investment_value: money "investmentValue",
        current_value: money "currentValue",
        isin: isin "isin",
        units: decimal "units",
        face_value: decimal "faceValue",
        symbol: name "symbol",
        description: text "description",
        issuer_name: name "issuerName",
        credit_rating: name "creditRating",
        credit_rating_agency: name "creditRatingAgency",
        issue_date: day "issueDate",
        principal: money "principalAmount" | "principleAmount",
        maturity_date: day "maturityDate",
        auction_date: day "auctionDate" | "autionDate",
    } own {
        tenure: tenure,
    } rest extensions
}

table! {
    certificate_details -> CertificateOfDepositDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: certificate_holding "Holdings.Holding" | "Investment.Holdings.Holding",
    }
}

table! {
    certificate_holding -> CertificateOfDepositHolding {
        company_name: name "companyName",
        isin: isin "isin",
        scheme_text: label "scheme",
        face_value: decimal "faceValue",
        symbol: name "symbol",
        issuer_name: name "issuerName",
        description: text "description",
        issue_date: day "issueDate",
        yield_percent: decimal "yield",
        maturity_date: day "maturityDate",
        last_traded_rate: decimal "lastTradedRate",
        last_traded_date: day "lastTradedDate",
        units: decimal "units",
    } own {
        tenure: tenure,
    } rest extensions
}

table! {
    debt_transaction -> DebtTransaction {
        isin: isin "isin",
        rate: decimal "rate",
        units: decimal "units",
        trade_value: money "tradeValue",
        total_charge: money "totalCharge",
        other_taxes: money "otherTaxes",
        securities_transaction_tax: money "stt",
    }
}
