//! Credit cards. No recording of FinPro has them: the keys are those of ReBIT's schema "others_creditcard".

use super::typed::{Family, Parts, other_row};
use crate::{
    data::{
        convert::Reader,
        mask,
        typed::{Fields, read_list, read_object, table},
        words, words_other as more_words,
    },
    pb::{
        CardNetwork, CreditCard, CreditCardAccount, CreditCardTransaction, QualityCode, Transaction, TransactionType, account::Details,
        transaction,
    },
};

pub(super) const CREDIT_CARD: Family = Family { rows: &[("Transaction", row)], ..Family::of(account) };

table! {
    account_fields -> CreditCardAccount {
        current_due: money "currentDue",
        last_statement_date: day "lastStatementDate",
        due_date: day "dueDate",
        previous_due_amount: money "previousDueAmount",
        total_due_amount: money "totalDueAmount",
        min_due_amount: money "minDueAmount",
        credit_limit: money "creditLimit",
        cash_limit: money "cashLimit",
        available_credit: money "availableCredit",
        loyalty_points: decimal "loyaltyPoints",
        finance_charges: money "financeCharges",
    }
}

table! {
    card_fields -> CreditCard {
        primary: answer "primary",
        issued_date: day "issuedDate",
    } words {
        network, network_text: more_words::card_network, CardNetwork "cardType",
    } rest extensions
}

/// A card's number, of which never more than the last four characters go on.
fn number(fields: &mut Fields<'_, '_, '_>, path: &'static str) -> String {
    let text = fields.scalar(&["maskedCardNumber"]).string();
    if text.is_empty() {
        return text;
    }
    let masked = mask::account_number(&text);
    if masked.was_clear {
        fields.reader.flags.add(path, QualityCode::Unmasked);
    }
    masked.number
}

fn card(fields: &mut Fields<'_, '_, '_>) -> CreditCard {
    let masked_number = number(fields, "masked_number");
    CreditCard { masked_number, ..card_fields(fields) }
}

/// The cards stand with the holders.
fn account(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    let mut cards = Vec::new();
    for (at, holder) in parts.holders.iter_mut().enumerate() {
        let path = format!("holders[{at}].cards");
        let own = read_list(holder, "Cards.Card", &path, reader, card);
        cards.extend(own.into_iter().map(|card| CreditCard { holder: i32::try_from(at).ok(), ..card }));
    }
    Details::CreditCard(read_object(&mut parts.summary, "details", reader, |fields| CreditCardAccount {
        cards,
        ..account_fields(fields)
    }))
}

fn row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    let (kind, type_text) = fields.word("type", &["txnType", "type"], words::transaction_type, TransactionType::Other);
    let amount = fields.money("amount", &["amount"]);
    let row = other_row(fields, |fields| {
        transaction::Details::CreditCard(CreditCardTransaction {
            statement_date: fields.day("statement_date", &["statementDate"]),
            merchant_category_code: fields.text("merchant_category_code", &["mcc"]),
            masked_card_number: number(fields, "masked_card_number"),
        })
    });
    Transaction { r#type: kind, type_text, amount, ..row }
}
