//! ListJourneys.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;

use super::Service;
use crate::{
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
    },
    random::is_id,
    seal::KeyedHash,
    store::{Behind, Wanted},
};

const MAC: usize = 16;

/// A page of journeys.
#[derive(Debug, Clone)]
pub struct FoundJourneys {
    /// The journeys, newest first.
    pub journeys: Vec<Journey>,
    /// Where the next page begins; empty on the last one.
    pub next_page_token: String,
}

impl Service {
    /// Journeys that fit, `size` a page, from where a token says. `request` stands for everything that pages must agree on.
    pub async fn find(&self, wanted: &Wanted, request: &[u8], size: u32, token: &str) -> Result<FoundJourneys, Failure> {
        let tenant = &self.parts.tenant.id;
        let behind = match token {
            "" => None,
            token => Some(read(&self.parts.tokens, request, token).ok_or(JourneyError::PageTokenMismatch)?),
        };
        let mut journeys = self.parts.store.find_journeys(tenant, wanted, behind.as_ref(), size.saturating_add(1)).await?;
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let more = journeys.len() > size;
        journeys.truncate(size);
        let last = journeys.last().filter(|_| more);
        let next_page_token = last.map(|last| write(&self.parts.tokens, request, last)).unwrap_or_default();
        Ok(FoundJourneys { journeys, next_page_token })
    }
}

fn write(hash: &KeyedHash, request: &[u8], last: &Journey) -> String {
    let mut bytes = last.created_at.as_millisecond().to_be_bytes().to_vec();
    bytes.extend_from_slice(last.id.as_bytes());
    let mac = mac(hash, request, &bytes);
    bytes.extend_from_slice(&mac);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn read(hash: &KeyedHash, request: &[u8], token: &str) -> Option<Behind> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (body, tag) = bytes.split_at_checked(bytes.len().checked_sub(MAC)?)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(tag, &mac(hash, request, body)).ok()?;
    let (created_at, id) = body.split_first_chunk()?;
    let journey_id = String::from_utf8(id.to_vec()).ok().filter(|id| is_id(id, "jrn"))?;
    Some(Behind { created_at: Timestamp::from_millisecond(i64::from_be_bytes(*created_at)).ok()?, journey_id })
}

fn mac(hash: &KeyedHash, request: &[u8], body: &[u8]) -> [u8; MAC] {
    let digest = hash.digest([b"list of journeys".as_slice(), request, body]);
    let mut mac = [0; MAC];
    mac.copy_from_slice(&digest[..MAC]);
    mac
}
