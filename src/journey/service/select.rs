//! Which consent and fetch a read is about, and whether it may be served: the fences of revocation and data life stand here.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    journey::{
        error::JourneyError,
        machine::fetch_usable,
        model::{Consent, ConsentState, Fetch, FetchState, Journey, JourneyState},
        sharing::{keeps_nothing, kept_never_or_later},
        transaction::{Member, Transaction, data_end},
        withdraw::{Purge, PurgeReason, given_up},
    },
    providers::error::ErrorKind,
};

/// What a caller names; empty texts choose for them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FetchChoice {
    /// The consent.
    pub consent_id: String,
    /// The fetch.
    pub fetch_id: String,
    /// Serve what may only be looked at, too: for a read that keeps nothing of it.
    pub view_only_too: bool,
}

/// The consent and fetch that a read is about, if it may be served now.
pub(crate) fn select<'a>(
    journey: &'a Journey,
    choice: &FetchChoice,
    now: Timestamp,
    retry_after: std::time::Duration,
) -> Result<(&'a Consent, &'a Fetch), JourneyError> {
    let (consent, fetch) = find(journey, choice, now)?.ok_or_else(|| nothing_yet(journey, retry_after))?;
    is_served(journey, consent, fetch, now).map_err(|error| match error {
        JourneyError::DataNotReady(_) => JourneyError::DataNotReady(retry_after),
        other => other,
    })?;
    if keeps_nothing(journey, consent, Some(fetch)) && !choice.view_only_too {
        return Err(kept_never_or_later(journey, consent, fetch, retry_after));
    }
    Ok((consent, fetch))
}

/// Whether the rows of a fetch may be served now, keepable or not.
pub(super) fn is_served(journey: &Journey, consent: &Consent, fetch: &Fetch, now: Timestamp) -> Result<(), JourneyError> {
    if consent.state == ConsentState::Revoked {
        return Err(JourneyError::ConsentRevoked);
    }
    if given_up(journey, consent) {
        return Err(JourneyError::JourneyEnded(JourneyState::Cancelled));
    }
    if let Some(purge) = fetch.purge {
        return Err(fenced(purge));
    }
    match fetch.state {
        FetchState::Ready | FetchState::Partial if fetch.settled => {}
        FetchState::Empty => return Err(JourneyError::NoAccounts),
        _ if !fetch.settled => return Err(JourneyError::DataNotReady(Duration::ZERO)),
        _ if gone(fetch) => return Err(JourneyError::DataExpired),
        _ => return Err(JourneyError::JourneyEnded(journey.state)),
    }
    match data_end(journey, consent, fetch) {
        Some(end) if end <= now => Err(JourneyError::DataExpired),
        _ => Ok(()),
    }
}

/// Why fenced rows are not served. Rows that cannot be told from those of a withdrawn consent are withdrawn with it.
pub(super) fn fenced(purge: Purge) -> JourneyError {
    match purge.reason {
        PurgeReason::Revoked => JourneyError::ConsentRevoked,
        _ => JourneyError::DataPurged,
    }
}

/// Whether the data had come and the provider deleted it before it could be picked up: whoever asks first and whoever asks later hear
/// the same.
fn gone(fetch: &Fetch) -> bool {
    fetch.pick_up_failure.as_deref() == Some(ErrorKind::DataExpired.reason_name())
}

fn find<'a>(
    journey: &'a Journey,
    choice: &FetchChoice,
    now: Timestamp,
) -> Result<Option<(&'a Consent, &'a Fetch)>, JourneyError> {
    let consents: Vec<&Consent> = if choice.consent_id.is_empty() {
        journey.consents.iter().collect()
    } else {
        vec![journey.consent(&choice.consent_id).ok_or(JourneyError::ConsentNotFound)?]
    };
    let pairs = || consents.iter().flat_map(|consent| consent.fetches.iter().map(move |fetch| (*consent, fetch)));
    if !choice.fetch_id.is_empty() {
        return pairs().find(|(_, fetch)| fetch.id == choice.fetch_id).map(Some).ok_or(JourneyError::FetchNotFound);
    }
    // Newest usable one that is neither withdrawn nor purged; else the newest of any, for its reason.
    let newest = |usable: bool| {
        pairs()
            .filter(|(consent, fetch)| {
                let wanted = consent.state != ConsentState::Revoked && fetch.purge.is_none();
                !usable || (fetch_usable(fetch.state) && fetch.settled && wanted)
            })
            .max_by_key(|(_, fetch)| fetch.requested_at)
    };
    if let Some(found) = newest(true).or_else(|| newest(false)) {
        let first = choice.is_open().then(|| first_served(journey, found, now)).flatten();
        return Ok(Some(first.unwrap_or(found)));
    }
    if consents.iter().any(|consent| consent.state == ConsentState::Revoked) {
        return Err(JourneyError::ConsentRevoked);
    }
    Ok(None)
}

/// The first consent of a transaction that is served: it stands for all of them.
fn first_served<'a>(journey: &'a Journey, found: (&Consent, &Fetch), now: Timestamp) -> Option<(&'a Consent, &'a Fetch)> {
    let members = Transaction::of(journey, found.0, found.1)?.members;
    let served = |member: &Member<'_>| is_served(journey, member.consent, member.fetch, now).is_ok();
    members.into_iter().find(served).map(|member| (member.consent, member.fetch))
}

/// Why there is no fetch at all.
fn nothing_yet(journey: &Journey, retry_after: std::time::Duration) -> JourneyError {
    match journey.state {
        JourneyState::Rejected
        | JourneyState::Failed
        | JourneyState::Skipped
        | JourneyState::Cancelled
        | JourneyState::Abandoned
        | JourneyState::Expired => JourneyError::JourneyEnded(journey.state),
        JourneyState::Revoked => JourneyError::ConsentRevoked,
        _ => JourneyError::DataNotReady(retry_after),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::journey::{
        model::{AttemptState, ConsentMode},
        testing,
        withdraw::{Purge, PurgeReason},
    };

    fn ready() -> Journey {
        let mut journey = testing::journey();
        journey.consents[0].state = ConsentState::Active;
        journey.consents[0].fetches = vec![testing::fetch(FetchState::Ready, true)];
        journey
    }

    fn ask(journey: &Journey, choice: &FetchChoice) -> Result<String, JourneyError> {
        let now = Timestamp::from_second(1_000).unwrap();
        select(journey, choice, now, Duration::from_secs(5)).map(|(_, fetch)| fetch.id.clone())
    }

    #[test]
    fn what_is_ready_is_served() {
        assert_eq!(ask(&ready(), &FetchChoice::default()).unwrap(), "fch_1");
    }

    #[test]
    fn a_withdrawn_consent_fences_whatever_was_fetched() {
        let mut journey = ready();
        journey.consents[0].state = ConsentState::Revoked;
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::ConsentRevoked));
        let by_id = FetchChoice { fetch_id: "fch_1".to_owned(), ..FetchChoice::default() };
        assert_eq!(ask(&journey, &by_id), Err(JourneyError::ConsentRevoked));
    }

    #[test]
    fn an_expired_consent_leaves_its_data_readable_and_expired_data_is_gone() {
        let mut journey = ready();
        journey.consents[0].state = ConsentState::Expired;
        assert!(ask(&journey, &FetchChoice::default()).is_ok());
        journey.consents[0].fetches[0].data_expires_at = Some(Timestamp::from_second(1_000).unwrap());
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::DataExpired));
    }

    #[test]
    fn every_reason_for_nothing() {
        let mut journey = ready();
        journey.consents[0].mode = ConsentMode::View;
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::ViewOnly));
        let looking = FetchChoice { view_only_too: true, ..FetchChoice::default() };
        assert_eq!(ask(&journey, &looking).unwrap(), "fch_1");
        let mut journey = ready();
        journey.consents[0].fetches[0] = testing::fetch(FetchState::Partial, true);
        assert!(ask(&journey, &FetchChoice::default()).is_ok());
        journey.consents[0].fetches[0] = testing::fetch(FetchState::Requested, false);
        assert!(matches!(ask(&journey, &FetchChoice::default()), Err(JourneyError::DataNotReady(_))));
        journey.consents[0].fetches[0] = testing::fetch(FetchState::Empty, true);
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::NoAccounts));
        journey.consents[0].fetches[0] = testing::fetch(FetchState::Failed, true);
        assert!(matches!(ask(&journey, &FetchChoice::default()), Err(JourneyError::JourneyEnded(_))));
        journey.consents[0].fetches[0].pick_up_failure = Some("DATA_EXPIRED".to_owned());
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::DataExpired));
        let mut journey = ready();
        let purge = Purge { at: Timestamp::UNIX_EPOCH, reason: PurgeReason::Caller, swept: true };
        journey.consents[0].fetches[0].purge = Some(purge);
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::DataPurged));
        journey.attempts[0].state = AttemptState::Cancelled;
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::JourneyEnded(JourneyState::Cancelled)));
        journey.attempts[0].state = AttemptState::Done;
        let unknown = FetchChoice { fetch_id: "fch_x".to_owned(), ..FetchChoice::default() };
        assert_eq!(ask(&journey, &unknown), Err(JourneyError::FetchNotFound));
        let unknown = FetchChoice { consent_id: "cns_x".to_owned(), ..FetchChoice::default() };
        assert_eq!(ask(&journey, &unknown), Err(JourneyError::ConsentNotFound));
        journey.consents[0].fetches.clear();
        journey.state = JourneyState::Rejected;
        assert_eq!(ask(&journey, &FetchChoice::default()), Err(JourneyError::JourneyEnded(JourneyState::Rejected)));
    }
}
