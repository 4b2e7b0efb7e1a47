//! REQUIRE_COMPLETE: a fetch is served only if every account is known to be complete over days that somebody really asked for.

use prost::Message;

use crate::{
    data::{EntryKind, Rows},
    journey::{
        error::{JourneyError, Lack},
        model::{Certainty, Fetch},
    },
    pb::{self, Answer, CompletenessCode, CompletenessFinding},
};

/// What a caller demands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Demand {
    /// Refuse what is not complete.
    pub require_complete: bool,
    /// A requested range that is only assumed will do.
    pub accept_assumed_range: bool,
}

/// Whether a fetch meets the demand. Only the entries of accounts are decoded: they say all about their rows.
pub(super) fn meets(demand: Demand, fetch: &Fetch, rows: &Rows) -> Result<(), JourneyError> {
    if !demand.require_complete {
        return Ok(());
    }
    let mut lacks = of_fetch(demand, fetch);
    for entry in rows.entries.iter().filter(|entry| entry.kind == EntryKind::Account) {
        let account =
            pb::Account::decode(rows.message(*entry)).map_err(|_| JourneyError::Internal("an account cannot be read"))?;
        of_account(account, &mut lacks);
    }
    if lacks.is_empty() { Ok(()) } else { Err(JourneyError::DataIncomplete(lacks)) }
}

fn finding(code: CompletenessCode) -> CompletenessFinding {
    CompletenessFinding { code: code.into(), ..CompletenessFinding::default() }
}

fn of_fetch(demand: Demand, fetch: &Fetch) -> Vec<Lack> {
    let range = match fetch.range_certainty {
        Certainty::Caller | Certainty::Template | Certainty::Provider => None,
        Certainty::Assumed if demand.accept_assumed_range => None,
        Certainty::Assumed => Some(CompletenessCode::RangeAssumed),
        Certainty::Unspecified => Some(CompletenessCode::RangeUnknown),
    };
    let partial = fetch.came_in_part().then_some(CompletenessCode::FetchPartial);
    let lacks = range.into_iter().chain(partial);
    lacks.map(|code| Lack { account_id: String::new(), finding: finding(code) }).collect()
}

fn of_account(account: pb::Account, lacks: &mut Vec<Lack>) {
    let judged = account.completeness.unwrap_or_default();
    if judged.complete() == Answer::Yes {
        return;
    }
    let mut findings = judged.findings;
    // Said once, for the fetch.
    let known = lacks.iter().any(|lack| lack.finding.code() == CompletenessCode::RangeUnknown);
    findings.retain(|found| !(known && found.code() == CompletenessCode::RangeUnknown));
    if findings.is_empty() && !known {
        // Kept before accounts were judged.
        findings.push(finding(CompletenessCode::NotChecked));
    }
    lacks.extend(findings.into_iter().map(|finding| Lack { account_id: account.account_id.clone(), finding }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;
    use crate::{
        data::RowsBuilder,
        journey::{
            model::{FactSource, FetchState, FetchedAccount},
            testing,
        },
    };

    const STRICT: Demand = Demand { require_complete: true, accept_assumed_range: false };

    fn rows(judged: Option<pb::Completeness>) -> Rows {
        let mut builder = RowsBuilder::with_capacity(0);
        let account = pb::Account { account_id: "acc_1".to_owned(), completeness: judged, ..pb::Account::default() };
        builder.framed(EntryKind::Account, &pb::FetchDataResponse { accounts: vec![account], ..Default::default() });
        builder.finish().unwrap()
    }

    fn yes() -> Rows {
        rows(Some(pb::Completeness { complete: Answer::Yes.into(), ..Default::default() }))
    }

    fn fetch(state: FetchState, range_certainty: Certainty) -> Fetch {
        Fetch { range_certainty, ..testing::fetch(state, true) }
    }

    fn lacks(demand: Demand, fetch: &Fetch, rows: &Rows) -> Vec<(String, CompletenessCode)> {
        match meets(demand, fetch, rows) {
            Ok(()) => Vec::new(),
            Err(JourneyError::DataIncomplete(lacks)) => {
                lacks.into_iter().map(|lack| (lack.account_id.clone(), lack.finding.code())).collect()
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_was_asked_for_must_be_known() {
        let of = |certainty, demand| lacks(demand, &fetch(FetchState::Ready, certainty), &yes());
        for certain in [Certainty::Caller, Certainty::Template, Certainty::Provider] {
            assert_eq!(of(certain, STRICT), []);
        }
        let accepts = Demand { accept_assumed_range: true, ..STRICT };
        assert_eq!(of(Certainty::Assumed, STRICT), [(String::new(), CompletenessCode::RangeAssumed)]);
        assert_eq!(of(Certainty::Assumed, accepts), []);
        assert_eq!(of(Certainty::Unspecified, accepts), [(String::new(), CompletenessCode::RangeUnknown)]);
        assert_eq!(of(Certainty::Unspecified, Demand::default()), []);
    }

    #[test]
    fn a_part_that_did_not_come_and_findings_of_accounts_are_told_together() {
        let gap = CompletenessFinding { year: 2025, month: 3, ..finding(CompletenessCode::MonthGap) };
        let judged = pb::Completeness { complete: Answer::No.into(), findings: vec![gap], ..Default::default() };
        let found = lacks(STRICT, &fetch(FetchState::Partial, Certainty::Caller), &rows(Some(judged)));
        assert_eq!(found, [(String::new(), CompletenessCode::FetchPartial), ("acc_1".to_owned(), CompletenessCode::MonthGap)]);
    }

    #[test]
    fn a_session_that_is_done_without_one_of_its_accounts_is_partial() {
        let mut done = fetch(FetchState::Ready, Certainty::Caller);
        let account = |state| FetchedAccount {
            fip: "F".to_owned(),
            masked_number: String::new(),
            link_ref: String::new(),
            state,
            source: FactSource::Unspecified,
        };
        done.accounts = vec![account(FetchState::Ready), account(FetchState::Empty)];
        assert_eq!(lacks(STRICT, &done, &yes()), []);
        done.accounts.push(account(FetchState::Denied));
        assert_eq!(lacks(STRICT, &done, &yes()), [(String::new(), CompletenessCode::FetchPartial)]);
    }

    #[test]
    fn an_account_that_was_never_judged_is_not_taken_for_complete() {
        let found = lacks(STRICT, &fetch(FetchState::Ready, Certainty::Caller), &rows(None));
        assert_eq!(found, [("acc_1".to_owned(), CompletenessCode::NotChecked)]);
    }
}
