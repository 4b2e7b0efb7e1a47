//! Adds the content of a signed message to its journey: rows that only the message has, and data that the provider sent without being asked.
//! States of consents and attempts come from polls only, so none is moved here.

use jiff::Timestamp;

use super::Service;
use crate::{
    journey::{
        error::{Failure, JourneyError},
        fetched_rows::with_message_rows,
        model::{Consent, ConsentState, Evidence, FactSource, Fetch, FetchState, Journey, UploadedStatement},
        sharing::view_only,
        withdraw::given_up,
    },
    providers::{
        inbound::WebhookHint,
        message_content::{ConsentName, MessageContent, PushedData},
        provider::Call,
    },
};

/// A signed message of one journey.
pub struct JourneyMessage<'a> {
    /// The message (`msg_...`).
    pub id: &'a str,
    /// When it came.
    pub received_at: Timestamp,
    /// The journey that it concerns.
    pub journey_id: &'a str,
    /// What it names.
    pub hint: &'a WebhookHint,
}

/// What became of the content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It is in the journey, or nothing of it may be kept.
    Done,
    /// Its consent is not approved yet, as far as the gateway knows: to be tried again after a poll.
    Later,
    /// Its consent allows no keeping: the message must not keep the data either.
    NotKept,
}

/// How pushed data stand to a journey.
enum Push {
    Kept(String),
    Later,
    NotKept,
    Nothing,
}

impl Service {
    /// Adds the content of a message to its journey; pushed data become a fetch with a snapshot. Doing it again changes nothing.
    pub async fn take_message(&self, call: Call, message: JourneyMessage<'_>, content: MessageContent) -> Result<Taken, Failure> {
        let MessageContent { statements, accounts, pushed } = content;
        let tenant = self.tenant().id.to_string();
        let (_, push) = self
            .change(&tenant, message.journey_id, |journey| {
                add_statements(journey, &message, &statements);
                for named in &accounts {
                    let newest = consent_mut(journey, &named.consent).and_then(|consent| consent.fetches.last_mut());
                    if let Some(fetch) = newest {
                        fetch.accounts = with_message_rows(std::mem::take(&mut fetch.accounts), &named.accounts);
                    }
                }
                pushed.as_ref().map_or(Push::Nothing, |pushed| self.place_push(journey, &message, pushed))
            })
            .await?;
        match (push, pushed) {
            (Push::Kept(fetch_id), Some(pushed)) => {
                let picked_up = self.pick_up(call, &tenant, message.journey_id, &fetch_id, Some(pushed.body)).await;
                match picked_up {
                    Err(JourneyError::Store) => Ok(Taken::Later),
                    // Every other failure stands in the tree and in the log, and the same bytes fail again.
                    _ => Ok(Taken::Done),
                }
            }
            (Push::Later, _) => Ok(Taken::Later),
            (Push::NotKept, _) => Ok(Taken::NotKept),
            _ => Ok(Taken::Done),
        }
    }

    /// The fetch of pushed data: the session that the message names, or a new one.
    fn place_push(&self, journey: &mut Journey, message: &JourneyMessage<'_>, pushed: &PushedData) -> Push {
        let Some(at) = position(journey, &pushed.consent) else { return Push::Nothing };
        let Some(consent) = journey.consents.get(at) else { return Push::Nothing };
        if given_up(journey, consent) {
            return Push::NotKept;
        }
        match consent.state {
            ConsentState::Active => {}
            ConsentState::Pending | ConsentState::Other | ConsentState::Unspecified => return Push::Later,
            // A paused or ended consent brings nothing new.
            _ => return Push::NotKept,
        }
        if view_only(consent) {
            return Push::NotKept;
        }
        let known = consent.fetches.iter().find(|fetch| {
            fetch.pushed_by.as_deref() == Some(message.id) || (pushed.session.is_some() && fetch.provider_ref == pushed.session)
        });
        if let Some(fetch) = known {
            return if fetch.purge.is_some() { Push::NotKept } else { Push::Kept(fetch.id.clone()) };
        }
        let fetch = self.pushed_fetch(consent, message, pushed);
        let id = fetch.id.clone();
        if let Some(consent) = journey.consents.get_mut(at) {
            consent.fetches.push(fetch);
        }
        Push::Kept(id)
    }

    fn pushed_fetch(&self, consent: &Consent, message: &JourneyMessage<'_>, pushed: &PushedData) -> Fetch {
        let mut fetch = self.merge(FactSource::Webhook).new_fetch(consent);
        // A name of its own: without one a poll would take it for the session that it reads.
        fetch.provider_ref = Some(pushed.session.clone().unwrap_or_else(|| message.id.to_owned()));
        (fetch.state, fetch.settled) = (FetchState::Ready, true);
        fetch.evidence = Evidence { as_of: message.received_at, source: FactSource::Webhook, text: message.hint.kind.to_owned() };
        fetch.pushed_by = Some(message.id.to_owned());
        fetch.accounts.clone_from(&pushed.accounts);
        fetch.data_expires_at = [fetch.data_expires_at, pushed.data_expires_at].into_iter().flatten().min();
        fetch
    }
}

/// Statements of the attempt that the message names; of the newest one where it names none.
fn add_statements(journey: &mut Journey, message: &JourneyMessage<'_>, statements: &[UploadedStatement]) {
    if statements.is_empty() {
        return;
    }
    let named = journey.attempts.iter().position(|attempt| {
        message.hint.attempt_id.as_deref() == Some(attempt.account())
            || (message.hint.opening_ref.is_some() && attempt.provider_ref == message.hint.opening_ref)
    });
    let at = named.unwrap_or(journey.attempts.len().saturating_sub(1));
    let Some(attempt) = journey.attempts.get_mut(at) else { return };
    for statement in statements {
        let same = |kept: &UploadedStatement| {
            (&kept.institution, &kept.masked_number, kept.from, kept.to)
                == (&statement.institution, &statement.masked_number, statement.from, statement.to)
        };
        if !attempt.statements.iter().any(same) {
            attempt.statements.push(UploadedStatement { as_of: Some(message.received_at), ..statement.clone() });
        }
    }
}

fn position(journey: &Journey, name: &ConsentName) -> Option<usize> {
    let same = |ours: &Option<String>, theirs: &Option<String>| ours.is_some() && ours == theirs;
    journey
        .consents
        .iter()
        .position(|consent| same(&consent.provider_ref, &name.consent_ref) || same(&consent.handle, &name.handle))
}

fn consent_mut<'a>(journey: &'a mut Journey, name: &ConsentName) -> Option<&'a mut Consent> {
    let at = position(journey, name)?;
    journey.consents.get_mut(at)
}
