//! The three sections of an account. Those of a deposit are read as they come; those of another kind, or of one not told yet, are put
//! aside unread: FinPro writes an account's keys in any order.

use serde::{Deserializer, de::DeserializeSeed};

use super::{ProfileKeys, SummaryOfAccount, TransactionsKeys};
use crate::data::{
    account::AccountText,
    record::{One, Raw},
    words,
};

/// Whether the account is known to be a deposit.
fn is_deposit(account: &AccountText<'_>) -> bool {
    account.fi_type.text().and_then(|word| words::fi_type(&word)).is_some_and(words::is_deposit)
}

macro_rules! section {
    ($(#[$meta:meta])* $name:ident $slot:ident $keys:ident) => {
        $(#[$meta])*
        pub(super) struct $name<'r, 'de>(pub &'r mut AccountText<'de>);

        impl<'de> DeserializeSeed<'de> for $name<'_, 'de> {
            type Value = ();

            fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
                if is_deposit(self.0) {
                    return One::<$keys>::new(self.0).deserialize(deserializer);
                }
                let raw: Raw<'de> = serde::Deserialize::deserialize(deserializer)?;
                if raw.0 != "null" {
                    self.0.sections.$slot = Some(raw.0);
                }
                Ok(())
            }
        }
    };
}

section!(
    /// Holders.
    ProfileSection profile ProfileKeys
);
section!(
    /// Summary and holdings.
    SummarySection summary SummaryOfAccount
);
section!(
    /// Rows.
    TransactionsSection transactions TransactionsKeys
);

/// Reads what was put aside before the account turned out to be a deposit.
pub(super) fn read_late(account: &mut AccountText<'_>) -> Result<(), serde_json::Error> {
    if account.sections.is_empty() || !is_deposit(account) {
        return Ok(());
    }
    let sections = std::mem::take(&mut account.sections);
    if let Some(text) = sections.profile {
        One::<ProfileKeys>::new(account).deserialize(&mut serde_json::Deserializer::from_str(text))?;
    }
    if let Some(text) = sections.summary {
        One::<SummaryOfAccount>::new(account).deserialize(&mut serde_json::Deserializer::from_str(text))?;
    }
    if let Some(text) = sections.transactions {
        One::<TransactionsKeys>::new(account).deserialize(&mut serde_json::Deserializer::from_str(text))?;
    }
    Ok(())
}
