//! REQUIRE_COMPLETE: a fetch is served only if every account is known to be complete over days that somebody really asked for.

use prost::Message;

use crate::{
    data::{EntryKind, Rows},
    journey::{
        derive,
        error::{JourneyError, Lack},
        model::{Certainty, Consent, Fetch, FetchState, Journey},
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

/// The other consents of the journey of whose data something is missing. A read that names one consent is about that one alone.
pub(super) fn others<'a>(journey: &'a Journey, consent: &Consent, open: bool) -> Vec<&'a Consent> {
    let mut missing = derive::missing(journey);
    missing.retain(|other| open && other.id != consent.id);
    missing
}

/// Whether the fetches that a read takes meet the demand, and nothing of the `others` is missing. Only the entries of accounts are decoded: they say all about their rows.
pub(super) fn meets(demand: Demand, fetches: &[Fetch], others: &[&Consent], rows: &Rows) -> Result<(), JourneyError> {
    if !demand.require_complete {
        return Ok(());
    }
    let mut lacks = Vec::new();
    for lack in fetches.iter().flat_map(|fetch| of_fetch(demand, fetch)) {
        if !lacks.contains(&lack) {
            lacks.push(lack);
        }
    }
    lacks.extend(others.iter().map(|consent| of_consent(consent)));
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

/// What is missing of another consent, which the finding's subject names.
fn of_consent(consent: &Consent) -> Lack {
    let in_part = consent.fetches.last().is_some_and(|fetch| fetch.state == FetchState::Partial);
    let code = if in_part { CompletenessCode::FetchPartial } else { CompletenessCode::ConsentNotFetched };
    Lack { account_id: consent.id.clone(), finding: finding(code) }
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
            model::{ConsentState, FactSource, FetchedAccount},
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
        match meets(demand, std::slice::from_ref(fetch), &[], rows) {
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
    fn a_consent_whose_data_is_missing_is_named() {
        let mut journey = testing::journey();
        let with = |id: &str, fetches| Consent { id: id.to_owned(), fetches, ..testing::consent(ConsentState::Active) };
        journey.consents = vec![
            with("cns_1", vec![fetch(FetchState::Ready, Certainty::Caller)]),
            with("cns_2", vec![fetch(FetchState::Failed, Certainty::Caller)]),
            with("cns_3", vec![fetch(FetchState::Partial, Certainty::Caller)]),
            with("cns_4", Vec::new()),
        ];
        let served = &journey.consents[0].fetches;
        let found = meets(STRICT, served, &others(&journey, &journey.consents[0], true), &yes());
        let Err(JourneyError::DataIncomplete(lacks)) = found else { panic!("{found:?}") };
        let lacks: Vec<_> = lacks.iter().map(|lack| (lack.account_id.as_str(), lack.finding.code())).collect();
        use CompletenessCode::{ConsentNotFetched, FetchPartial};
        assert_eq!(lacks, [("cns_2", ConsentNotFetched), ("cns_3", FetchPartial), ("cns_4", ConsentNotFetched)]);
        let named = others(&journey, &journey.consents[0], false);
        assert_eq!(meets(STRICT, served, &named, &yes()), Ok(()), "a read of one consent is about that one");
        assert_eq!(meets(Demand::default(), served, &others(&journey, &journey.consents[0], true), &yes()), Ok(()));
    }

    #[test]
    fn an_account_that_was_never_judged_is_not_taken_for_complete() {
        let found = lacks(STRICT, &fetch(FetchState::Ready, Certainty::Caller), &rows(None));
        assert_eq!(found, [("acc_1".to_owned(), CompletenessCode::NotChecked)]);
    }
}
