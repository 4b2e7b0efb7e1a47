//! The calls at its provider that an attempt keeps: a provider's support desk finds a call by its id and by nothing else.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Attempt, Journey};
use crate::providers::call_notes::CallNote;

/// How many calls an attempt keeps: enough for an opening, its data and some polls, and small beside the tree.
pub const MOST_CALLS: usize = 8;

/// A call at the provider, by which its support finds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderCall {
    /// The call's name, such as `requestconsent`.
    pub stage: String,
    /// What went along as `x-request-id`.
    pub x_request_id: String,
    /// When it began.
    pub at: Timestamp,
}

impl Attempt {
    /// Keeps the newest calls.
    pub fn note_calls(&mut self, notes: &[CallNote]) {
        let new = notes.iter().map(|note| ProviderCall {
            stage: note.stage.to_owned(),
            x_request_id: note.x_request_id.to_string(),
            at: note.at,
        });
        self.calls.extend(new);
        self.calls.drain(..self.calls.len().saturating_sub(MOST_CALLS));
    }
}

impl Journey {
    /// Keeps the newest calls of an attempt.
    pub fn note_calls(&mut self, attempt_id: &str, notes: &[CallNote]) {
        if let Some(attempt) = self.attempts.iter_mut().find(|attempt| attempt.id == attempt_id) {
            attempt.note_calls(notes);
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::journey::testing;

    #[test]
    fn an_attempt_keeps_the_newest_calls() {
        let mut journey = testing::journey();
        for number in 0..12_u128 {
            let note = CallNote { stage: "poll", x_request_id: Uuid::from_u128(number), at: Timestamp::UNIX_EPOCH };
            journey.note_calls("att_1", &[note]);
            journey.note_calls("att_none", &[note]);
        }
        let kept: Vec<_> = journey.attempts[0].calls.iter().map(|call| call.x_request_id.clone()).collect();
        assert_eq!(kept, (4..12).map(|number| Uuid::from_u128(number).to_string()).collect::<Vec<_>>());
    }

    #[test]
    fn a_tree_of_an_older_version_has_no_calls() {
        let mut tree = crate::data::personal::for_sealing(|| serde_json::to_value(testing::journey())).unwrap();
        assert!(tree["attempts"][0].as_object_mut().unwrap().remove("calls").is_none(), "no calls, no member");
        let journey: Journey = serde_json::from_value(tree).unwrap();
        assert!(journey.attempts[0].calls.is_empty());
    }
}
