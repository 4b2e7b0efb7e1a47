//! Transactions that are not settled. ReBIT has one of them, FinPro writes a list; whatever else stands there stays in the summary.

use serde::{Deserializer, de::DeserializeSeed};

use super::PendingKeys;
use crate::data::{
    record::{Left, One, Raw},
    summary::{PendingText, SummaryText},
};

/// Reads a list of them, or one, into a summary.
pub(super) struct PendingRows<'r, 'de>(pub &'r mut SummaryText<'de>);

impl<'de> DeserializeSeed<'de> for PendingRows<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let whole: Raw<'de> = serde::Deserialize::deserialize(deserializer)?;
        read(whole, self.0).map_err(serde::de::Error::custom)
    }
}

fn read<'de>(whole: Raw<'de>, summary: &mut SummaryText<'de>) -> Result<(), serde_json::Error> {
    let items: Vec<Raw<'de>> = if whole.0.starts_with('[') { serde_json::from_str(whole.0)? } else { vec![whole] };
    for item in items {
        let mut one = PendingText::default();
        if item.0.starts_with('{') {
            One::<PendingKeys>::new(&mut one).deserialize(&mut serde_json::Deserializer::from_str(item.0))?;
        } else if item.0 != "null" {
            summary.unknown.keep("Pending".to_owned(), item.0);
            continue;
        }
        summary.pending.push(one);
    }
    Ok(())
}
