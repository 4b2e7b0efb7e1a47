//! Mutual funds. Recorded beside ReBIT's names: costValue, navDate, lockinUnits and isinDescription of holdings, transactionDate, units and
//! isinDescription of rows.

use super::typed::{Family, Parts, market_row};
use crate::{
    data::{
        convert::Reader,
        typed::{Fields, read_object, table},
        words_markets,
    },
    pb::{HoldingMode, MutualFundDetails, MutualFundHolding, MutualFundTransaction, Transaction, account::Details, transaction},
};

pub(super) const MUTUAL_FUND: Family = Family { details: mutual_fund, rows: &[("Transaction", mutual_fund_row)] };

fn mutual_fund(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    Details::MutualFund(read_object(&mut parts.summary, "details", reader, mutual_fund_details))
}

fn mutual_fund_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::MutualFund(mutual_fund_transaction(fields)))
}

table! {
    mutual_fund_details -> MutualFundDetails {
        investment_value: money "investmentValue",
        cost_value: money "costValue",
        current_value: money "currentValue",
    } lists {
        holdings: mutual_fund_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    mutual_fund_holding -> MutualFundHolding {
        amc: name "amc",
        registrar: name "registrar",
        scheme_code: id "schemeCode",
        isin: isin "isin",
        isin_description: text "isinDescription",
        client_code: id "ucc",
        amfi_code: id "amfiCode",
        folio_number: id "folioNo",
        dividend_type_text: label "dividendType",
        fatca_status_text: label "FatcaStatus" | "fatcaStatus",
        units: decimal "units",
        closing_units: decimal "closingUnits",
        lien_units: decimal "lienUnits",
        locked_units: decimal "lockingUnits" | "lockinUnits" | "lockInUnits",
        rate: decimal "rate",
        nav: decimal "nav",
        nav_date: day "navDate",
        scheme_type_text: label "schemeTypes",
        scheme_option_text: label "schemeOption",
        scheme_category_text: label "schemeCategory",
    } words {
        mode, mode_text: words_markets::holding_mode, HoldingMode "mode",
    } rest extensions
}

table! {
    mutual_fund_transaction -> MutualFundTransaction {
        amc: name "amc",
        registrar: name "registrar",
        scheme_code: id "schemeCode",
        scheme_plan_text: label "schemePlan",
        scheme_option_text: label "schemeOption",
        scheme_type_text: label "schemeTypes",
        scheme_category_text: label "schemeCategory",
        fund_type_text: label "fundType",
        isin: isin "isin",
        isin_description: text "isinDescription",
        client_code: id "ucc",
        amfi_code: id "amfiCode",
        units: decimal "units",
        closing_units: decimal "closingUnits",
        lien_units: decimal "lienUnits",
        nav: decimal "nav",
        nav_date: day "navDate",
        order_date: day "orderDate",
        execution_date: day "executionDate",
        locked_in: answer "lock-inFlag",
        lock_in_days: decimal "lock-inDays",
        folio_number: id "folioNo",
    } words {
        mode, mode_text: words_markets::holding_mode, HoldingMode "mode",
    }
}
