//! The summary of savings and current accounts (ReBIT FI type "deposit", versions 1 and 2).

use super::{
    convert::Reader,
    json::Object,
    scalar::Scalar,
    summary::{PendingText, SummaryText},
    words,
};
use crate::pb::{AccountStatus, DepositFacility, DepositKind, DepositSummary, PendingTransaction, QualityCode, TransactionType};

/// Reads a deposit's summary.
pub fn read(text: &SummaryText<'_>, reader: &mut Reader<'_>) -> DepositSummary {
    let (kind, kind_text) = kind(text, reader);
    let (facility, facility_text) = reader.word("summary.facility", &text.facility, words::facility, DepositFacility::Other);
    let (status, status_text) = reader.word("summary.status", &text.status, words::status, AccountStatus::Other);
    DepositSummary {
        current_balance: reader.money("summary.current_balance", &text.current_balance),
        balance_time: reader.instant("summary.balance_time", &text.balance_time),
        kind,
        kind_text,
        branch: reader.text("summary.branch", &text.branch),
        ifsc: reader.text("summary.ifsc", &text.ifsc),
        micr: reader.text("summary.micr", &text.micr),
        opening_date: reader.day("summary.opening_date", &text.opening_date),
        overdraft_limit: reader.money("summary.overdraft_limit", &text.overdraft_limit),
        drawing_limit: reader.money("summary.drawing_limit", &text.drawing_limit),
        facility,
        facility_text,
        status,
        status_text,
        pending: pending(&text.pending, reader),
        opening_balance: reader.money("summary.opening_balance", &text.opening_balance),
    }
}

/// Version 1 says the kind as `type`; version 2 as the sub-type, beside a type (REGULAR, NRE, NRO, RFC) that is something else.
fn kind(text: &SummaryText<'_>, reader: &mut Reader<'_>) -> (i32, String) {
    let known = |scalar: &&Scalar<'_>| scalar.text().is_some_and(|word| words::deposit_kind(&word).is_some());
    let candidates = [&text.kind, &text.sub_kind, &text.account_type];
    let chosen = candidates
        .into_iter()
        .find(known)
        .or_else(|| candidates[..2].iter().copied().find(|scalar| !scalar.is_missing()))
        .unwrap_or(&Scalar::Missing);
    reader.word("summary.kind", chosen, words::deposit_kind, DepositKind::Other)
}

/// What is not settled. One entry that says nothing is how some write that there is none; among others it is flagged.
fn pending(pending: &[PendingText<'_>], reader: &mut Reader<'_>) -> Vec<PendingTransaction> {
    let (told, empty): (Vec<_>, Vec<_>) = pending.iter().partition(|pending| **pending != PendingText::default());
    if pending.len() > 1 {
        empty.iter().for_each(|_| reader.flags.add("summary.pending", QualityCode::Unparsable));
    }
    told.into_iter().map(|pending| pending_row(pending, reader)).collect()
}

fn pending_row(pending: &PendingText<'_>, reader: &mut Reader<'_>) -> PendingTransaction {
    let kind = pending.kind.text().and_then(|word| words::transaction_type(&word));
    if kind.is_none() && !pending.kind.is_missing() {
        reader.flags.add("summary.pending.type", QualityCode::UnknownWord);
    }
    PendingTransaction {
        r#type: kind.unwrap_or(TransactionType::Unspecified).into(),
        amount: reader.money("summary.pending.amount", &pending.amount),
        extensions: Object::of(&pending.unknown).into_extensions(),
    }
}
