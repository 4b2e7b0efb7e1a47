//! Credit cards. No recording of FinPro has them: the keys are those of ReBIT's schema "others_creditcard".

use super::typed::{Family, Parts, other_row};
use crate::{
    data::{
        convert::Reader,
        json::{Node, Object},
        mask,
        quality::Flags,
        typed::{Fields, read_object, table},
        words, words_other as more_words,
    },
    pb::{
        CardNetwork, CreditCard, CreditCardAccount, CreditCardTransaction, QualityCode, Transaction, TransactionType,
        account::Details, transaction,
    },
};

pub(super) const CREDIT_CARD: Family = Family { details: account, rows: &[("Transaction", row)] };

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
    let text = fields.id(path, &["maskedCardNumber"]);
    if text.is_empty() {
        return text;
    }
    let masked = mask::account_number(&text);
    if masked.was_clear {
        fields.reader.flags.add(path, QualityCode::Unmasked);
    }
    masked.number
}

/// Masks what is written like a card number under a key that no table knows. A holder's phone numbers are none, and rows are left to
/// their own turn.
fn hide_numbers(object: &mut Object<'_>, flags: &mut Flags) {
    for (key, node) in &mut object.fields {
        if !matches!(key.as_ref(), "Transaction" | "mobile" | "landline") {
            hide_number(node, flags);
        }
    }
}

fn hide_number(node: &mut Node<'_>, flags: &mut Flags) {
    match node {
        Node::Object(object) => hide_numbers(object, flags),
        Node::List(items) => items.iter_mut().for_each(|item| hide_number(item, flags)),
        Node::Text(text) if is_card_number(text) => {
            *node = Node::Text(mask::account_number(text).number.into());
            flags.add("extensions", QualityCode::Unmasked);
        }
        Node::Number(text) if is_card_number(text) => {
            *node = Node::Text(mask::account_number(text).number.into());
            flags.add("extensions", QualityCode::Unmasked);
        }
        _ => {}
    }
}

/// Twelve to nineteen digits (ISO/IEC 7812), of which more than four are told, with blanks or hyphens between them. The check digit is
/// not asked: what is masked in vain does less harm.
fn is_card_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let masked = text.bytes().filter(|byte| matches!(byte, b'X' | b'x' | b'*' | b'#')).count();
    let between = text.bytes().filter(|byte| matches!(byte, b' ' | b'-')).count();
    digits > 4 && (12..=19).contains(&(digits + masked)) && digits + masked + between == text.len()
}

fn card(fields: &mut Fields<'_, '_, '_>) -> CreditCard {
    let masked_number = number(fields, "masked_number");
    hide_numbers(fields.object, fields.reader.flags);
    let card = card_fields(fields);
    CreditCard { masked_number, ..card }
}

/// The cards stand with the holders.
fn account(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    if parts.summary.fields.is_empty() {
        reader.flags.add("summary", QualityCode::SectionMissing);
    }
    let mut found = Vec::new();
    for (at, holder) in parts.holders.iter_mut().enumerate() {
        found.extend(holder.take_path("Cards.Card").into_iter().map(|card| (i32::try_from(at).ok(), card)));
    }
    for profile in &mut parts.profiles {
        // Of holders of whom nothing else is known.
        found.extend(profile.take_path("Holders.Holder.Cards.Card").into_iter().map(|card| (None, card)));
    }
    let count = found.len();
    found.retain(|(_, object)| !object.fields.is_empty());
    if count > 1 {
        (found.len()..count).for_each(|_| reader.flags.add("details.cards", QualityCode::Unparsable));
    }
    let cards = found.into_iter().enumerate();
    let cards = cards.map(|(at, (holder, mut object))| {
        let card = read_object(&mut object, &format!("details.cards[{at}]"), reader, card);
        CreditCard { holder, ..card }
    });
    let cards = cards.collect();
    let account =
        read_object(&mut parts.summary, "details", reader, |fields| CreditCardAccount { cards, ..account_fields(fields) });
    let rest = [&mut parts.rest, &mut parts.summary].into_iter().chain(&mut parts.holders).chain(&mut parts.profiles);
    for object in rest.chain(&mut parts.transactions) {
        hide_numbers(object, reader.flags);
    }
    Details::CreditCard(account)
}

fn row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    let (kind, type_text) = fields.word("type", &["txnType", "type"], words::transaction_type, TransactionType::Other);
    let row = other_row(fields, |fields| {
        transaction::Details::CreditCard(CreditCardTransaction {
            statement_date: fields.day("statement_date", &["statementDate"]),
            merchant_category_code: fields.id("merchant_category_code", &["mcc"]),
            masked_card_number: number(fields, "masked_card_number"),
        })
    });
    hide_numbers(fields.object, fields.reader.flags);
    Transaction { r#type: kind, type_text, ..row }
}
