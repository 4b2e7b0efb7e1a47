//! What every store does before it writes and after it reads, whatever the database: sealing, each value for its own place, and hashes to
//! look values up by.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;

use super::{
    FeedNote, KeptEvidence, Message, NewMessage, StoreError, columns, events,
    items::{Found, Item, SealedItem},
};
use crate::{
    data::personal::for_sealing,
    journey::model::Journey,
    seal::{KeyedHash, SealedUnder, Sealer},
};

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(super) struct Vault {
    /// Seals a value for its place: the kind of what is kept, then whatever names the row.
    pub(super) sealer: Sealer,
    hash: Arc<KeyedHash>,
    /// What all hashes of this store are derived from.
    pub(super) root: KeyedHash,
}

impl Vault {
    pub(super) fn new(sealer: &Sealer, root: KeyedHash) -> Self {
        Self { sealer: sealer.clone(), hash: Arc::new(root.derive("store", "")), root }
    }

    /// The look-up hash of a value; equal values of two tenants or kinds differ.
    pub(super) fn lookup(&self, tenant: &str, kind: &str, value: &str) -> Vec<u8> {
        self.hash.digest([tenant.as_bytes(), kind.as_bytes(), value.as_bytes()]).to_vec()
    }

    pub(super) fn seal_journey(&self, journey: &Journey) -> Result<Vec<u8>, StoreError> {
        let plain = for_sealing(|| serde_json::to_vec(journey)).map_err(|_| StoreError::Unreadable("a journey"))?;
        Ok(self.sealer.seal(&["journey", &journey.tenant, &journey.id], &plain)?)
    }

    pub(super) fn open_journey(&self, tenant: &str, id: &str, sealed: &[u8]) -> Result<Journey, StoreError> {
        let plain = self.sealer.open(&["journey", tenant, id], sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("a journey"))
    }

    /// A change's note for the feed and its tree, sealed apart.
    pub(super) fn seal_event(&self, journey: &Journey) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let sequence = journey.sequence.to_string();
        let seal = |kind: &str, plain: Result<Vec<u8>, serde_json::Error>| {
            let plain = plain.map_err(|_| StoreError::Unreadable("an event"))?;
            Ok::<_, StoreError>(self.sealer.seal(&[kind, &journey.tenant, &journey.id, &sequence], &plain)?)
        };
        let note = seal("event note", serde_json::to_vec(&FeedNote::of(journey)))?;
        Ok((note, seal("event tree", for_sealing(|| serde_json::to_vec(&events::kept(journey))))?))
    }

    pub(super) fn open_event_note(&self, tenant: &str, id: &str, sequence: i64, sealed: &[u8]) -> Result<FeedNote, StoreError> {
        let plain = self.sealer.open(&["event note", tenant, id, &sequence.to_string()], sealed)?;
        serde_json::from_slice(&plain).map_err(|_| StoreError::Unreadable("an event's note"))
    }

    /// `None`: a version wrote it that is too different.
    pub(super) fn open_event_tree(
        &self,
        tenant: &str,
        id: &str,
        sequence: i64,
        sealed: &[u8],
    ) -> Result<Option<Journey>, StoreError> {
        let plain = self.sealer.open(&["event tree", tenant, id, &sequence.to_string()], sealed)?;
        Ok(serde_json::from_slice(&plain).ok())
    }

    /// The hashes of everything that a journey is looked up by: what a provider's message can name it by, and the caller's references.
    pub(super) fn ref_hashes(&self, journey: &Journey) -> Vec<Vec<u8>> {
        let hash = |kind: &str, value: &str| self.lookup(&journey.tenant, kind, value);
        let provider = journey.routing.provider.as_str();
        let mut hashes: Vec<_> = journey.guards().map(|(kind, value)| hash(kind, &value)).collect();
        let references = [("client", &journey.ask.client_reference), ("customer", &journey.ask.customer.customer_reference)];
        hashes.extend(references.into_iter().filter_map(|(kind, value)| Some(hash(kind, value.as_deref()?))));
        for attempt in &journey.attempts {
            hashes.push(hash("attempt", &attempt.id));
            hashes.push(hash("token", attempt.webhook_token.expose()));
            hashes.extend(attempt.account_ref.iter().map(|value| hash("attempt", value)));
            hashes.extend(attempt.provider_ref.iter().map(|value| hash(provider, value)));
        }
        for consent in &journey.consents {
            hashes.extend(consent.handle.iter().chain(&consent.provider_ref).map(|value| hash(provider, value)));
        }
        hashes
    }

    /// The key of a request id.
    pub(super) fn request(&self, tenant: &str, request_id: &str) -> Vec<u8> {
        self.lookup(tenant, "request", request_id)
    }

    /// A request's body is hashed under the store's key as well, so that the table tells nothing about it.
    pub(super) fn body_hash(&self, body: &[u8]) -> Vec<u8> {
        self.hash.digest([b"body".as_slice(), body]).to_vec()
    }

    pub(super) fn seal_answer(&self, tenant: &str, request_id: &str, answer: &[u8]) -> Result<Vec<u8>, StoreError> {
        // By its hash and not by the request id, which is not kept: sealing anew must know the place too.
        Ok(self.sealer.seal(&["request", tenant, &hex(&self.request(tenant, request_id))], answer)?)
    }

    pub(super) fn open_answer(&self, tenant: &str, request_id: &str, sealed: &[u8]) -> Result<Vec<u8>, StoreError> {
        let hash = hex(&self.request(tenant, request_id));
        let before = Sealer::sealed_under(sealed) == Some(SealedUnder::Unnamed);
        Ok(self.sealer.open(&["request", tenant, if before { request_id } else { &hash }], sealed)?)
    }

    pub(super) fn seal_rows(&self, tenant: &str, fetch_id: &str, rows: &[u8]) -> Result<SealedItem, StoreError> {
        Item::snapshot(tenant, fetch_id).seal(&self.sealer, &["snapshot", tenant, fetch_id], rows)
    }

    /// `None` if the key is destroyed, as below.
    pub(super) fn open_rows(&self, tenant: &str, fetch_id: &str, kept: Found<'_>) -> Result<Option<Vec<u8>>, StoreError> {
        Item::snapshot(tenant, fetch_id).open(&self.sealer, &["snapshot", tenant, fetch_id], kept)
    }

    pub(super) fn seal_message(&self, sent: &NewMessage) -> Result<Vec<u8>, StoreError> {
        Ok(self.sealer.seal(&message(&sent.tenant, &sent.id, sent.verified), &sent.body)?)
    }

    pub(super) fn open_message(&self, kept: &Message, sealed: &[u8]) -> Result<Bytes, StoreError> {
        Ok(self.sealer.open(&message(&kept.tenant, &kept.id, kept.verified), sealed)?.into())
    }

    /// Equal for the same bytes at the same address only.
    pub(super) fn message_key(&self, sent: &NewMessage) -> Vec<u8> {
        let parts = [&sent.tenant, "message", &sent.provider, &sent.credential, &sent.token];
        self.hash.digest(parts.into_iter().map(str::as_bytes).chain([sent.body.as_ref()])).to_vec()
    }

    pub(super) fn seal_document(
        &self,
        tenant: &str,
        fetch_id: &str,
        format: &str,
        bytes: &[u8],
    ) -> Result<SealedItem, StoreError> {
        Item::document(tenant, fetch_id, format).seal(&self.sealer, &["document", tenant, fetch_id, format], bytes)
    }

    pub(super) fn open_document(
        &self,
        tenant: &str,
        fetch_id: &str,
        format: &str,
        kept: Found<'_>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        Item::document(tenant, fetch_id, format).open(&self.sealer, &["document", tenant, fetch_id, format], kept)
    }

    pub(super) fn seal_evidence(&self, tenant: &str, fetch_id: &str, evidence: &KeptEvidence) -> Result<SealedItem, StoreError> {
        let sha256 = evidence.sha256();
        let facts = Facts {
            media_type: &evidence.media_type,
            endpoint: &evidence.endpoint,
            received_at: columns::millis(evidence.received_at),
            sha256: &sha256,
        };
        let place = facts.place(tenant, fetch_id);
        Item::evidence(tenant, fetch_id).seal(&self.sealer, &place.each_ref().map(String::as_str), &evidence.bytes)
    }

    pub(super) fn open_evidence(
        &self,
        tenant: &str,
        fetch_id: &str,
        facts: &Facts<'_>,
        kept: Found<'_>,
    ) -> Result<Option<KeptEvidence>, StoreError> {
        let place = facts.place(tenant, fetch_id);
        let opened = Item::evidence(tenant, fetch_id).open(&self.sealer, &place.each_ref().map(String::as_str), kept)?;
        let Some(bytes) = opened else { return Ok(None) };
        Ok(Some(KeptEvidence {
            bytes: bytes.into(),
            media_type: facts.media_type.to_owned(),
            endpoint: facts.endpoint.to_owned(),
            received_at: columns::instant(facts.received_at)?,
        }))
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Where a message's body is sealed. In the database a hint cannot be made a message that was proved.
fn message<'a>(tenant: &'a str, id: &'a str, verified: bool) -> [&'a str; 4] {
    ["message", tenant, id, if verified { "verified" } else { "hint" }]
}

/// What stands in clear beside a sealed body.
pub(super) struct Facts<'a> {
    pub(super) media_type: &'a str,
    pub(super) endpoint: &'a str,
    pub(super) received_at: i64,
    pub(super) sha256: &'a [u8],
}

impl Facts<'_> {
    /// The place of the seal: a fact that was changed opens nothing.
    fn place(&self, tenant: &str, fetch_id: &str) -> [String; 7] {
        let sha256 = hex(self.sha256);
        let own = |text: &str| text.to_owned();
        [
            own("evidence"),
            own(tenant),
            own(fetch_id),
            own(self.media_type),
            own(self.endpoint),
            self.received_at.to_string(),
            sha256,
        ]
    }
}

/// The oldest request id that is still remembered.
pub(super) fn oldest_request(now: Timestamp) -> i64 {
    columns::millis(now.checked_sub(super::REQUEST_LIFE).unwrap_or(Timestamp::MIN))
}
