//! The body of AA-BSA's statement-result: numbers for money, days for times, one flat object per account.

use std::borrow::Cow;

use crate::data::{
    account::AccountText,
    holder::HolderText,
    record::{Listed, ODD, keys, owned, read_body},
    row::Row,
    scalar::Scalar,
    summary::SummaryText,
};

use super::data::Around;

/// Hands on each account of a statement; answers what stands around the list of them.
pub(super) fn statement<'a>(body: &'a [u8], mut each: impl FnMut(&AccountText<'a>) + 'a) -> Result<Around, String> {
    let accounts = Listed::new(move |flat: &mut Statement<'a>| {
        let flat = std::mem::take(flat);
        if !flat.is_empty() {
            each(&flat.into_account());
        }
    });
    let envelope = Envelope { accounts, unknown: Vec::new(), data_unknown: Vec::new() };
    let Envelope { accounts, unknown, data_unknown } = read_body::<EnvelopeKeys>(body, envelope)?;
    Ok(Around { found: accounts.found, unknown: owned(unknown), data_unknown: owned(data_unknown) })
}

struct Envelope<'a> {
    accounts: Listed<'a, Statement<'a>>,
    unknown: Vec<(String, Cow<'a, str>)>,
    data_unknown: Vec<(String, Cow<'a, str>)>,
}

/// A flat account.
#[derive(Default)]
struct Statement<'a> {
    id: Scalar<'a>,
    number: Scalar<'a>,
    ifsc: Scalar<'a>,
    bank: Scalar<'a>,
    kind: Scalar<'a>,
    holder: Scalar<'a>,
    opening_balance: Scalar<'a>,
    closing_balance: Scalar<'a>,
    from: Scalar<'a>,
    to: Scalar<'a>,
    rows: Vec<Row<'a>>,
    unknown: Vec<(String, Cow<'a, str>)>,
}

impl<'a> Statement<'a> {
    /// Whether it says nothing: a null or a text in the list of accounts.
    fn is_empty(&self) -> bool {
        let scalars =
            [&self.id, &self.number, &self.ifsc, &self.bank, &self.holder, &self.opening_balance, &self.closing_balance];
        scalars.iter().all(|scalar| scalar.is_missing()) && self.rows.is_empty() && self.unknown.iter().all(|(key, _)| key == ODD)
    }

    /// The analyser reads savings and current accounts only and does not say so.
    fn into_account(self) -> AccountText<'a> {
        let holder = HolderText { name: self.holder, ..HolderText::default() };
        AccountText {
            link: self.id,
            number: self.number,
            fi_type: Scalar::Text("DEPOSIT"),
            fip_name: self.bank,
            holders: vec![holder],
            summary: SummaryText {
                ifsc: self.ifsc,
                kind: self.kind,
                opening_balance: self.opening_balance,
                current_balance: self.closing_balance,
                ..SummaryText::default()
            },
            rows: self.rows,
            from: self.from,
            to: self.to,
            unknown: self.unknown,
            ..AccountText::default()
        }
    }
}

keys! {
    EnvelopeKeys fills Envelope {
        "data" => accounts: same DataKeys,
    } rest unknown
}

keys! {
    DataKeys fills Envelope {
        "accounts" => accounts: list StatementKeys,
    } rest data_unknown
}

keys! {
    StatementKeys fills Statement {
        "account_id" => id,
        "account_number" | "masked_account_number" => number,
        "ifsc" | "ifsc_code" => ifsc,
        "bank_name" => bank,
        "account_type" => kind,
        "holder_name" => holder,
        "opening_balance" => opening_balance: digits Scalar,
        "closing_balance" => closing_balance: digits Scalar,
        "statement_from" => from,
        "statement_to" => to,
        "transactions" => rows: many RowKeys,
    } rest unknown
}

keys! {
    /// Beyond `date` the names are assumed; those of the plain report are read as well.
    RowKeys fills Row {
        "date" | "transaction_date" | "transaction_timestamp" => time,
        "description" | "narration" => narration,
        "type" => kind,
        "mode" => mode,
        "amount" => amount: digits Scalar,
        "balance" | "transactional_balance" => balance: digits Scalar,
        "value_date" => value_date,
        "transaction_id" => id,
        "reference" => reference,
    } rest unknown
}
