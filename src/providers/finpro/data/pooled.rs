//! Alternative investment funds and collective investment schemes, by ReBIT's names: no sample was seen.

use super::typed::{Family, market_row};
use crate::{
    data::{
        typed::{Fields, read_object, table},
        words_markets,
    },
    pb::{
        AifDetails, AifHolding, AifTransaction, CisDetails, CisHolding, CisTransaction, DividendKind, HoldingMode, Transaction,
        account::Details, transaction,
    },
};

pub(super) const AIF: Family = Family {
    details: |parts, reader| Details::Aif(read_object(&mut parts.summary, "details", reader, aif_details)),
    rows: &[("Transaction", aif_row)],
};

pub(super) const CIS: Family = Family {
    details: |parts, reader| Details::Cis(read_object(&mut parts.summary, "details", reader, cis_details)),
    rows: &[("Transaction", cis_row)],
};

fn aif_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::Aif(aif_transaction(fields)))
}

fn cis_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::Cis(cis_transaction(fields)))
}

table! {
    aif_details -> AifDetails {
        units_issued: decimal "totalNumUnitsIssued",
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: aif_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    aif_holding -> AifHolding {
        issuer_name: name "issuerName",
        security_type_text: label "typeOfSecurity",
        valuation_methodology: text "valuationMethodology",
        purchase_date: day "purchaseDate",
        purchase_price: money "purchasePrice",
        last_valuation_date: day "lastValuationDate",
        last_valuation: money "mtmOnLastValuation",
        holding_period: text "holdingPeriod",
        description: text "description",
    } rest extensions
}

table! {
    aif_transaction -> AifTransaction {
        asset_name: name "nameofAsset" | "nameOfAsset",
        investment_value: money "investmentValue",
        redemption_date: day "redemptionDate",
        redemption_value: money "redemptionValue",
        fund_fees_date: day "fundFeesPaymentDate",
        fund_fees: money "fundFeesPaymentAmount",
        reinvestment_date: day "reInvestmentDate",
        reinvestment_value: money "reInvestmentValue",
        investor_payment_date: day "paymentInvestorDate",
        investor_payment: money "paymentInvestorAmount",
        tax_paid: money "taxPaidValue",
        tax_paid_date: day "taxPaidDate",
    }
}

table! {
    cis_details -> CisDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: cis_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    cis_holding -> CisHolding {
        isin: isin "isin",
        client_code: id "ucc",
        folio_number: id "folioNo",
        units: decimal "units",
        closing_units: decimal "closingUnits",
        rate: decimal "rate",
        nav: decimal "nav",
    } words {
        mode, mode_text: words_markets::holding_mode, HoldingMode "mode",
    } rest extensions
}

table! {
    cis_transaction -> CisTransaction {
        scheme_code: id "schemeCode",
        isin: isin "isin",
        client_code: id "ucc",
        closing_units: decimal "closingUnits",
        nav: decimal "nav",
        nav_date: day "navDate",
        order_date: day "orderDate",
        execution_date: day "executionDate",
        other_taxes: money "otherTaxes",
    } words {
        dividend_type, dividend_type_text: words_markets::dividend, DividendKind "dividendType",
        mode, mode_text: words_markets::holding_mode, HoldingMode "mode",
    }
}
