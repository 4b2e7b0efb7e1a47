//! Shares and depository receipts. Rows name no amount: rate times units is left to the reader. An EQUITIES row's time is
//! "2023-12-11T18:30:00.0", Indian midnight in UTC, so that the trade is of the next Indian day.

use super::typed::{Family, Parts, market_row};
use crate::{
    data::{
        convert::Reader,
        typed::{Fields, read_object, table},
        words_markets,
    },
    pb::{
        DepositoryReceiptDetails, DepositoryReceiptHolding, DepositoryReceiptTransaction, DerivativeKind, EquityCategory,
        EquityDetails, EquityHolding, EquityTransaction, Exchange, HoldingMode, OptionKind, Transaction, account::Details,
        transaction,
    },
};

pub(super) const EQUITY: Family = Family { details: equity, rows: &[("Transaction", equity_row)] };

pub(super) const DEPOSITORY_RECEIPT: Family =
    Family { details: depository_receipt, rows: &[("Transaction", depository_receipt_row)] };

/// Demat or physical stands beside the list of holdings.
fn mode(fields: &mut Fields<'_, '_, '_>) -> (i32, String) {
    let read = |inner: &mut Fields<'_, '_, '_>| inner.word("mode", &["type"], words_markets::holding_mode, HoldingMode::Other);
    fields.inside("", "Investment.Holdings", read)
}

fn equity(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    Details::Equity(read_object(&mut parts.summary, "details", reader, |fields| {
        let (mode, mode_text) = mode(fields);
        EquityDetails { mode, mode_text, ..equity_details(fields) }
    }))
}

fn equity_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::Equity(equity_transaction(fields)))
}

fn depository_receipt(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    Details::DepositoryReceipt(read_object(&mut parts.summary, "details", reader, |fields| {
        let (mode, mode_text) = mode(fields);
        DepositoryReceiptDetails { mode, mode_text, ..depository_receipt_details(fields) }
    }))
}

fn depository_receipt_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::DepositoryReceipt(depository_receipt_transaction(fields)))
}

table! {
    equity_details -> EquityDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: equity_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    equity_holding -> EquityHolding {
        issuer_name: name "issuerName",
        isin: isin "isin",
        isin_description: text "isinDescription",
        units: decimal "units",
        rate: decimal "rate",
        last_traded_price: decimal "lastTradedPrice",
        description: text "description",
    } moments {
        investment_time, investment_date: "investmentDateTime",
    } rest extensions
}

table! {
    equity_transaction -> EquityTransaction {
        order_id: id "orderId",
        trade_id: id "tradeId",
        company_name: name "companyName",
        symbol: name "symbol",
        isin: isin "isin",
        isin_description: text "isinDescription",
        strike_price: decimal "strikePrice",
        rate: decimal "rate",
        units: decimal "units",
        trade_value: money "tradeValue",
        total_charge: money "totalCharge",
        other_charges: money "otherCharges",
        share_holder_equity_type: name "shareHolderEquityType" | "shareHolerEquityType",
    } words {
        exchange, exchange_text: words_markets::exchange, Exchange "exchange",
        equity_category, equity_category_text: words_markets::equity_category, EquityCategory "equityCategory",
        instrument_type, instrument_type_text: words_markets::derivative, DerivativeKind "instrumentType",
        option_type, option_type_text: words_markets::option, OptionKind "optionType",
    }
}

table! {
    depository_receipt_details -> DepositoryReceiptDetails {
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: depository_receipt_holding "Investment.Holdings.Holding" | "Holdings.Holding",
    }
}

table! {
    depository_receipt_holding -> DepositoryReceiptHolding {
        issuer_name: name "issuerName",
        isin: isin "isin",
        isin_description: text "isinDescription",
        units: decimal "units",
        rate: decimal "rate",
        last_traded_price: decimal "lastTradedPrice",
        description: text "description",
    } moments {
        investment_time, investment_date: "investmentDateTime",
    } rest extensions
}

table! {
    /// ReBIT misspells the class of shares here.
    depository_receipt_transaction -> DepositoryReceiptTransaction {
        order_id: id "orderId",
        trade_id: id "tradeId",
        isin: isin "isin",
        company_name: name "companyName",
        symbol: name "symbol",
        rate: decimal "rate",
        units: decimal "units",
        trade_value: money "tradeValue",
        total_charge: money "totalCharge",
        other_charges: money "otherCharges",
        share_holder_equity_type: name "shareHolerEquityType" | "shareHolderEquityType",
    } words {
        exchange, exchange_text: words_markets::exchange, Exchange "exchange",
    }
}
