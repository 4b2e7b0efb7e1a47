//! The summary of savings and current accounts (ReBIT FI type "deposit", versions 1 and 2).

use super::{
    absence,
    convert::{Reader, timestamp},
    json::Object,
    scalar::Scalar,
    summary::{PendingText, SummaryText},
    term_deposit::rate,
    time::Received,
    words,
};
use crate::pb::{
    AccountStatus, DepositAccountType, DepositFacility, DepositKind, DepositSummary, PendingTransaction, QualityCode,
    TransactionType,
};

/// Reads a deposit's summary.
pub fn read(text: &SummaryText<'_>, received: Received, reader: &mut Reader<'_>) -> DepositSummary {
    let (kind, kind_text) = kind(text, reader);
    let (account_type, account_type_text) = account_type(text, reader);
    let (facility, facility_text) = reader.word("summary.facility", &text.facility, words::facility, DepositFacility::Other);
    let (status, status_text) = reader.word("summary.status", &text.status, words::status, AccountStatus::Other);
    DepositSummary {
        current_balance: reader.money("summary.current_balance", &text.current_balance),
        balance_time: balance_time(&text.balance_time, received, reader),
        kind,
        kind_text,
        branch: reader.code("summary.branch", &text.branch),
        ifsc: reader.code("summary.ifsc", &text.ifsc),
        micr: reader.code("summary.micr", &text.micr),
        opening_date: reader.day("summary.opening_date", &text.opening_date),
        overdraft_limit: reader.money("summary.overdraft_limit", &text.overdraft_limit),
        drawing_limit: reader.money("summary.drawing_limit", &text.drawing_limit),
        facility,
        facility_text,
        status,
        status_text,
        pending: pending(&text.pending, reader),
        opening_balance: reader.money("summary.opening_balance", &text.opening_balance),
        account_type,
        account_type_text,
        exchange_rate: rate("summary.exchange_rate", &text.exchange_rate, reader.flags),
    }
}

/// When the balance was taken; a day alone is no instant, and yet may be later than the fetch.
fn balance_time(scalar: &Scalar<'_>, received: Received, reader: &mut Reader<'_>) -> Option<prost_types::Timestamp> {
    let path = "summary.balance_time";
    let when = reader.flags.when(path, scalar, reader.zoneless)?;
    if received.is_before(when) {
        reader.flags.add(path, QualityCode::LaterThanFetch);
    }
    timestamp(when)
}

/// Version 1 says the kind as `type`; version 2 as the sub-type, beside a type (REGULAR, NRE, NRO, RFC) that is something else.
fn kind(text: &SummaryText<'_>, reader: &mut Reader<'_>) -> (i32, String) {
    let known = |scalar: &&Scalar<'_>| scalar.text().is_some_and(|word| words::deposit_kind(&word).is_some());
    let candidates = [&text.kind, &text.sub_kind, &text.account_type];
    let chosen = candidates
        .into_iter()
        .find(known)
        .or_else(|| candidates[..2].iter().copied().find(|scalar| says_something(scalar)))
        .unwrap_or(&Scalar::Missing);
    for scalar in &candidates[..2] {
        reader.flags.wrong("summary.kind", scalar);
        // Two words may stand there, and only one of them is the kind.
        let is_type = |word: &str| words::account_type(word).is_some() || words::deposit_kind(word).is_some();
        if !std::ptr::eq(*scalar, chosen)
            && says_something(scalar)
            && let Some(word) = scalar.text().filter(|word| !is_type(word))
        {
            reader.flags.quote("summary.kind", QualityCode::UnknownWord, &word);
        }
    }
    reader.word("summary.kind", chosen, words::deposit_kind, DepositKind::Other)
}

/// The account type stands where version 2 has it, or in the place of a kind; a word there that is neither is kept as one.
fn account_type(text: &SummaryText<'_>, reader: &mut Reader<'_>) -> (i32, String) {
    let type_of = |scalar: &Scalar<'_>| {
        let word = scalar.text()?;
        let part = |part: &str| words::account_type(part).filter(|found| *found != DepositAccountType::Other);
        part(&word).or_else(|| word.split(['-', '_', ' ', '/']).find_map(part))
    };
    if let Some(found) = [&text.account_type, &text.kind, &text.sub_kind].into_iter().find_map(type_of) {
        return (found.into(), String::new());
    }
    let is_kind = text.account_type.text().is_some_and(|word| words::deposit_kind(&word).is_some());
    let own = if is_kind { &Scalar::Missing } else { &text.account_type };
    reader.word("summary.account_type", own, words::account_type, DepositAccountType::Other)
}

fn says_something(scalar: &Scalar<'_>) -> bool {
    scalar.text().is_some_and(|text| !absence::is_absent(&text))
}

/// What is not settled. One entry that says nothing is how some write that there is none; among others it is flagged.
fn pending(pending: &[PendingText<'_>], reader: &mut Reader<'_>) -> Vec<PendingTransaction> {
    let (told, empty): (Vec<_>, Vec<_>) = pending.iter().partition(|pending| **pending != PendingText::default());
    if pending.len() > 1 {
        empty.iter().for_each(|_| reader.flags.add("summary.pending", QualityCode::Unparsable));
    }
    told.into_iter().enumerate().map(|(at, pending)| pending_row(pending, at, reader)).collect()
}

fn pending_row(pending: &PendingText<'_>, at: usize, reader: &mut Reader<'_>) -> PendingTransaction {
    let kind = pending.kind.text().and_then(|word| words::transaction_type(&word));
    let before = reader.flags.0.len();
    reader.flags.wrong("type", &pending.kind);
    if kind.is_none() && says_something(&pending.kind) {
        reader.flags.quote("type", QualityCode::UnknownWord, &pending.kind.text().unwrap_or_default());
    }
    let amount = reader.money("amount", &pending.amount);
    for flag in reader.flags.0.iter_mut().skip(before) {
        flag.path = format!("summary.pending[{at}].{}", flag.path).into();
    }
    PendingTransaction {
        r#type: kind.unwrap_or(TransactionType::Unspecified).into(),
        amount,
        extensions: Object::of(&pending.unknown).into_extensions(),
    }
}

#[cfg(test)]
mod tests;
