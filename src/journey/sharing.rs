//! Which consents one body of data comes under, and what the strictest of them allows. A provider that serves an attempt as a whole gives
//! the data of all its consents in one body: rows in it cannot be told apart, so the strictest consent decides about all of it.

use std::time::Duration;

use jiff::Timestamp;

use super::{
    error::JourneyError,
    machine::consent_given,
    model::{Consent, ConsentMode, ConsentState, Fetch, Journey},
};

/// The consents that a fetch's data come under: its own one, and every other given one of an attempt that is served as a whole. A fetch
/// with a session of its own was asked for by consent, and brings the data of that consent only.
pub fn sharing<'a>(journey: &'a Journey, consent: &'a Consent, fetch: Option<&Fetch>) -> impl Iterator<Item = &'a Consent> {
    let own_session = fetch.is_some_and(|fetch| fetch.provider_ref.is_some());
    let whole = !own_session && is_whole(journey, consent);
    let others = journey.consents_of(&consent.attempt_id);
    let others = others.filter(move |other| whole && other.id != consent.id && consent_given(other.state));
    std::iter::once(consent).chain(others)
}

/// Whether the provider serves a consent's attempt as a whole, by an id of its own.
pub fn is_whole(journey: &Journey, consent: &Consent) -> bool {
    journey.attempts.iter().any(|attempt| attempt.id == consent.attempt_id && attempt.provider_ref.is_some())
}

/// Whether a consent's own data may only be looked at. A mode that is not understood, or not told, is taken for the stricter one.
pub fn view_only(consent: &Consent) -> bool {
    matches!(consent.mode, ConsentMode::View | ConsentMode::Other) || consent.mode_untold
}

/// The error of a fetch whose data may not be stored: `ViewOnly` if that is final, `DataNotReady` until the provider states the mode.
pub fn kept_never_or_later(journey: &Journey, consent: &Consent, fetch: &Fetch, retry_after: Duration) -> JourneyError {
    match sharing(journey, consent, Some(fetch)).any(|one| view_only(one) && !one.mode_untold) {
        true => JourneyError::ViewOnly,
        false => JourneyError::DataNotReady(retry_after),
    }
}

/// Whether nothing of what a fetch brings may be kept.
pub fn keeps_nothing(journey: &Journey, consent: &Consent, fetch: Option<&Fetch>) -> bool {
    sharing(journey, consent, fetch).any(view_only)
}

/// Whether a consent allows the provider to be asked for its data now.
pub fn is_live(consent: &Consent, now: Timestamp) -> Result<(), JourneyError> {
    match consent.state {
        ConsentState::Active => {}
        ConsentState::Paused => return Err(JourneyError::ConsentPaused),
        ConsentState::Revoked => return Err(JourneyError::ConsentRevoked),
        ConsentState::Rejected | ConsentState::Expired | ConsentState::Failed => return Err(JourneyError::ConsentEnded),
        ConsentState::Pending | ConsentState::Other | ConsentState::Unspecified => return Err(JourneyError::ConsentPending),
    }
    match consent.expires_at {
        Some(end) if end <= now => Err(JourneyError::ConsentEnded),
        _ => Ok(()),
    }
}

/// Whether a fetch's data may be asked of the provider now: no consent that they come under may be held or over.
pub fn may_bring(journey: &Journey, consent: &Consent, fetch: Option<&Fetch>, now: Timestamp) -> Result<(), JourneyError> {
    sharing(journey, consent, fetch).try_for_each(|one| is_live(one, now))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journey::{model::FetchState, testing};

    /// A journey of consents with these states and modes.
    fn journey(whole: bool, consents: &[(ConsentState, ConsentMode)]) -> Journey {
        let mut journey = testing::journey();
        journey.attempts[0].provider_ref = whole.then(|| "transaction".to_owned());
        let consents = consents.iter().enumerate();
        journey.consents = consents
            .map(|(at, (state, mode))| Consent { id: format!("cns_{at}"), mode: *mode, ..testing::consent(*state) })
            .collect();
        journey
    }

    #[test]
    fn the_strictest_mode_decides_in_any_order() {
        use ConsentMode::{Other, Store, Unspecified, View};
        use ConsentState::{Active, Expired, Paused, Rejected};
        let fetch = testing::fetch(FetchState::Ready, true);
        for strict in [View, Other] {
            for state in [Active, Paused, Expired] {
                for consents in [[(Active, Store), (state, strict)], [(state, strict), (Active, Store)]] {
                    let together = journey(true, &consents);
                    let apart = journey(false, &consents);
                    for (at, (_, mode)) in consents.iter().enumerate() {
                        assert!(keeps_nothing(&together, &together.consents[at], Some(&fetch)), "{consents:?} {at}");
                        assert_eq!(keeps_nothing(&apart, &apart.consents[at], Some(&fetch)), *mode == strict);
                    }
                }
            }
            let declined = journey(true, &[(Active, Store), (Rejected, strict)]);
            assert!(!keeps_nothing(&declined, &declined.consents[0], Some(&fetch)), "it brings nothing");
        }
        let plain = journey(true, &[(Active, Store), (Active, Unspecified)]);
        assert!(!keeps_nothing(&plain, &plain.consents[0], Some(&fetch)));
    }

    #[test]
    fn an_untold_mode_keeps_nothing_and_is_told_later() {
        use ConsentMode::{Store, Unspecified, View};
        let active = ConsentState::Active;
        let fetch = testing::fetch(FetchState::Ready, true);
        let mut plain = journey(true, &[(active, Store), (active, Unspecified)]);
        plain.consents[1].mode_untold = true;
        let why = |journey: &Journey| kept_never_or_later(journey, &journey.consents[0], &fetch, Duration::from_secs(2));
        assert!(keeps_nothing(&plain, &plain.consents[0], Some(&fetch)));
        assert_eq!(why(&plain), JourneyError::DataNotReady(Duration::from_secs(2)));
        plain.consents[0].mode = View;
        assert_eq!(why(&plain), JourneyError::ViewOnly);
    }

    #[test]
    fn a_fetch_with_its_own_session_is_its_consents_alone() {
        let journey = journey(true, &[(ConsentState::Active, ConsentMode::Store), (ConsentState::Paused, ConsentMode::View)]);
        let mut fetch = testing::fetch(FetchState::Ready, true);
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(may_bring(&journey, &journey.consents[0], Some(&fetch), now), Err(JourneyError::ConsentPaused));
        fetch.provider_ref = Some("session".to_owned());
        assert!(!keeps_nothing(&journey, &journey.consents[0], Some(&fetch)));
        assert_eq!(may_bring(&journey, &journey.consents[0], Some(&fetch), now), Ok(()));
    }

    #[test]
    fn a_held_or_ended_consent_brings_nothing() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let check = |state| is_live(&testing::consent(state), at(100)).err();
        assert_eq!(check(ConsentState::Active), None);
        assert_eq!(check(ConsentState::Paused), Some(JourneyError::ConsentPaused));
        assert_eq!(check(ConsentState::Expired), Some(JourneyError::ConsentEnded));
        assert_eq!(check(ConsentState::Revoked), Some(JourneyError::ConsentRevoked));
        assert_eq!(check(ConsentState::Pending), Some(JourneyError::ConsentPending));
        let ends = |second| Consent { expires_at: Some(at(second)), ..testing::consent(ConsentState::Active) };
        assert_eq!(is_live(&ends(100), at(100)), Err(JourneyError::ConsentEnded));
        assert_eq!(is_live(&ends(101), at(100)), Ok(()));
    }
}
