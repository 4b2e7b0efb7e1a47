//! Accounts of kinds that Finpass does not document: their keys are not known, so they are kept as they came.

use std::{borrow::Cow, collections::BTreeMap};

use serde_json::value::RawValue;

use crate::{
    data::{
        absence, account::AccountText, convert::Reader, json::Object, scalar::Scalar, summary::SummaryText, typed::Typed, words,
    },
    pb::FiType,
    providers::lenient::{Members, elements},
};

/// Keys that are fields of every account; the number may be told in clear and is shown by its end only.
const FIELDS: [&str; 4] = ["account_id", "transaction_type", "masked_account_number", "account_number"];

/// The accounts of a report as they came, read only where one of them is of another kind.
pub(super) struct Whole<'a> {
    body: &'a [u8],
    accounts: Option<Vec<&'a RawValue>>,
    at: usize,
}

impl<'a> Whole<'a> {
    /// Of a body.
    pub(super) fn of(body: &'a [u8]) -> Self {
        Self { body, accounts: None, at: 0 }
    }

    /// Takes the next account. One of another kind than a deposit gets all its keys back, in the place of what was read of them.
    pub(super) fn restore(&mut self, account: &mut AccountText<'a>) {
        let at = self.at;
        self.at += 1;
        let told = account.fi_type.text().filter(|word| !absence::is_absent(word));
        if told.is_none_or(|word| words::fi_type(&word).is_some_and(words::is_deposit)) {
            return;
        }
        let body = self.body;
        let accounts = self.accounts.get_or_insert_with(|| {
            let data = Members::of(body).map(|top| top.object(&["data"])).unwrap_or_default();
            elements(data.raw(&["account_aggregator_json", "accounts"]))
        });
        let Some(raw) = accounts.get(at) else { return };
        let keys: BTreeMap<String, &'a RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
        let keys = keys.into_iter().filter(|(key, _)| !FIELDS.contains(&key.as_str()));
        account.unknown = keys.map(|(key, value)| (key, Cow::Borrowed(value.get()))).collect();
        account.rows.clear();
        account.summary = SummaryText::default();
    }
}

/// Everything that came of an account, under its own names.
pub(super) fn keep_whole(_: FiType, account: &AccountText<'_>, _: &mut Reader<'_>) -> Typed {
    let owned = |scalar: &Scalar<'_>| scalar.text().map_or(Scalar::Missing, |text| Scalar::Owned(text.into_owned().into()));
    let whole = Object::of(&account.unknown);
    Typed {
        from: owned(&account.from),
        to: owned(&account.to),
        rows_found: whole.get("transaction_data").or_else(|| whole.get("transactions")).is_some(),
        extensions: whole.into_extensions(),
        ..Typed::default()
    }
}
