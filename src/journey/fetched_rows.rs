//! The account rows of a data session, from polls and from signed messages.

use super::model::{FactSource, FetchedAccount};

/// The rows of a poll with those that only a message has. The poll's row of an account stands, whichever came first.
pub fn with_message_rows(mut rows: Vec<FetchedAccount>, others: &[FetchedAccount]) -> Vec<FetchedAccount> {
    for row in others {
        if row.source == FactSource::Webhook && !rows.iter().any(|known| known.link_ref == row.link_ref) {
            rows.push(row.clone());
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::FetchState;

    fn row(link_ref: &str, state: FetchState, source: FactSource) -> FetchedAccount {
        FetchedAccount { fip: String::new(), masked_number: String::new(), link_ref: link_ref.to_owned(), state, source }
    }

    #[test]
    fn a_row_of_a_message_stays_beside_the_rows_of_a_poll() {
        let poll = row("l-1", FetchState::Ready, FactSource::Unspecified);
        let same = row("l-1", FetchState::Denied, FactSource::Webhook);
        let other = row("l-2", FetchState::Denied, FactSource::Webhook);
        let message = [same, other.clone()];
        assert_eq!(with_message_rows(vec![poll.clone()], &message), [poll.clone(), other.clone()]);
        // A later poll replaces its own rows only.
        let kept = with_message_rows(Vec::new(), &message);
        assert_eq!(with_message_rows(vec![poll.clone()], &kept), [poll.clone(), other]);
        assert_eq!(with_message_rows(Vec::new(), &[poll]), []);
    }
}
