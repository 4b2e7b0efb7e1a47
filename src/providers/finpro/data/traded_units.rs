//! Exchange traded funds and units of investment trusts. Some providers write an ETF's holdings with the names of mutual funds.

use super::typed::{Family, Parts, market_row};
use crate::{
    data::{
        convert::Reader,
        typed::{Fields, read_object, table},
        words_markets,
    },
    pb::{
        EtfDetails, EtfHolding, EtfTransaction, Exchange, HoldingMode, Transaction, TrustUnitDetails, TrustUnitHolding,
        TrustUnitTransaction, account::Details, transaction,
    },
};

pub(super) const ETF: Family = Family {
    details: |parts, reader| Details::Etf(read_object(&mut parts.summary, "details", reader, etf_details)),
    rows: &[("Transaction", etf_row)],
};

pub(super) const INVIT: Family =
    Family { details: |parts, reader| Details::Invit(trust(parts, reader)), rows: &[("Transaction", trust_row)] };

pub(super) const REIT: Family =
    Family { details: |parts, reader| Details::Reit(trust(parts, reader)), rows: &[("Transaction", trust_row)] };

fn trust(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> TrustUnitDetails {
    read_object(&mut parts.summary, "details", reader, trust_details)
}

fn etf_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::Etf(etf_transaction(fields)))
}

fn trust_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::TrustUnit(trust_transaction(fields)))
}

table! {
    etf_details -> EtfDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: etf_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    etf_holding -> EtfHolding {
        folio_number: id "folioNo",
        demat_id: id "dematId",
        scheme_name: name "schemeName",
        dp_id: id "dpId",
        units: decimal "units",
        isin: isin "isin",
        rate: decimal "rate",
        nav: decimal "nav",
        last_nav_date: day "lastNavDate" | "navDate",
        symbol: name "symbol",
        description: text "description",
        amc: name "amc",
        registrar: name "registrar",
        scheme_code: id "schemeCode",
        client_code: id "ucc",
        amfi_code: id "amfiCode",
        dividend_type_text: label "dividendType",
        fatca_status_text: label "FatcaStatus" | "fatcaStatus",
        closing_units: decimal "closingUnits",
        lien_units: decimal "lienUnits",
        locked_units: decimal "lockingUnits" | "lockinUnits",
        isin_description: text "isinDescription",
    } words {
        mode, mode_text: words_markets::holding_mode, HoldingMode "mode",
    } rest extensions
}

table! {
    etf_transaction -> EtfTransaction {
        isin: isin "isin",
        isin_description: text "isinDescription",
        units: decimal "units",
        scheme_name: name "schemeName",
        dp_id: id "dpId",
        minimum_lot: decimal "schemeMinLotSize",
        face_value: decimal "faceValueofUnits" | "faceValueOfUnits",
        nav: decimal "nav",
        order_date: day "orderDate",
        execution_date: day "executionDate",
        broker_code: id "brokerCode",
    } words {
        mode, mode_text: words_markets::holding_mode, HoldingMode "mode",
    }
}

table! {
    trust_details -> TrustUnitDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: trust_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    trust_holding -> TrustUnitHolding {
        isin: isin "isin",
        issuer_name: name "issuerName",
        rate: decimal "rate",
        description: text "description",
        units: decimal "totalNumberUnits",
        last_closing_rate: decimal "lastClosingRate",
        nominee_registered: answer "nomineeStatus",
    } moments {
        investment_time, investment_date: "investmentDateTime",
    } rest extensions
}

table! {
    trust_transaction -> TrustUnitTransaction {
        isin: isin "isin",
        issuer_name: name "issuerName",
        symbol: name "symbol",
        transaction_description: text "transactionDescription",
        price: decimal "price",
        units_type: name "unitsType",
        units: decimal "numUnitsTransacted",
        trade_value: money "tradeValue",
        total_charge: money "totalCharge",
        other_charges: money "otherCharges",
    } words {
        exchange, exchange_text: words_markets::exchange, Exchange "exchange",
    }
}
