//! What a view shows: one table of the personal fields and what becomes of each.

use prost::Message;

use super::{
    mask,
    rows::{Entry, EntryKind, Rows, RowsBuilder},
    view_details,
};
use crate::pb::{Account, FetchDataResponse, Holder, Transaction, View};

/// What becomes of a field outside the FULL view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It is emptied.
    Hidden,
    /// Its last four characters stay.
    LastFour,
}

/// One personal text of a message.
pub struct Rule<M> {
    /// The field's path in its message.
    pub path: &'static str,
    /// What becomes of it.
    pub class: Class,
    pub(super) slot: fn(&mut M) -> &mut String,
}

/// Writes a table of rules: `Message: field => Class`.
macro_rules! rules {
    ($kind:ident: $($field:ident => $class:ident),+ $(,)?) => {
        &[$($crate::data::view::Rule { path: stringify!($field), class: $crate::data::view::Class::$class, slot: |message: &mut $kind| &mut message.$field }),+]
    };
}

pub(super) use rules;

/// The personal texts of a holder. The date of birth, which is no text, is hidden too.
pub const HOLDER: &[Rule<Holder>] = rules! { Holder:
    name => Hidden,
    mobile => LastFour,
    landline => Hidden,
    email => Hidden,
    address => Hidden,
    pan => LastFour,
    demat_id => LastFour,
    folio_number => LastFour,
    pran => LastFour,
    uan => LastFour,
};

/// The personal texts of a transaction.
pub const TRANSACTION: &[Rule<Transaction>] = rules! { Transaction:
    narration => Hidden,
    reference => Hidden,
};

/// Hides what is personal in a message.
pub(super) fn hide<M>(rules: &[Rule<M>], message: &mut M) {
    for rule in rules {
        let text = (rule.slot)(message);
        *text = match rule.class {
            Class::Hidden => String::new(),
            Class::LastFour => mask::last_four(text),
        };
    }
}

/// The rows as a view shows them. UNSPECIFIED means MASKED.
#[must_use]
pub fn apply(rows: &Rows, view: View) -> Rows {
    if view == View::Full {
        return rows.clone();
    }
    let mut out = RowsBuilder::with_capacity(rows.bytes.len());
    for entry in &rows.entries {
        match entry.kind {
            EntryKind::Account => masked_account(rows, *entry, &mut out),
            EntryKind::Transaction if view == View::Summary => {}
            EntryKind::Transaction => masked_transaction(rows, *entry, &mut out),
        }
    }
    // Masked rows are never longer than the rows they are made from, which fit.
    out.finish().unwrap_or_else(|| Rows { bytes: bytes::Bytes::new(), entries: Vec::new(), accounts: 0, transactions: 0 })
}

fn masked_account(rows: &Rows, entry: Entry, out: &mut RowsBuilder) {
    // Rows that cannot be decoded are not shown at all, rather than unmasked.
    let Ok(mut account) = Account::decode(rows.message(entry)) else {
        return;
    };
    for holder in &mut account.holders {
        hide(HOLDER, holder);
        holder.date_of_birth = None;
        holder.extensions = None;
    }
    account.extensions = None;
    view_details::account(&mut account.details);
    let page = FetchDataResponse { accounts: vec![account], ..FetchDataResponse::default() };
    out.framed(EntryKind::Account, &page);
}

fn masked_transaction(rows: &Rows, entry: Entry, out: &mut RowsBuilder) {
    let Ok(mut row) = Transaction::decode(rows.message(entry)) else {
        return;
    };
    hide(TRANSACTION, &mut row);
    row.extensions = None;
    view_details::row(&mut row.details);
    let page = FetchDataResponse { transactions: vec![row], ..FetchDataResponse::default() };
    out.framed(EntryKind::Transaction, &page);
}
