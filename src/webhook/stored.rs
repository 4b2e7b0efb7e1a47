//! Seals a message into the inbox: once this has answered, the message is on disk and is applied, whatever happens.

use super::{Inbox, verified::Verified};
use crate::{
    random::new_id,
    store::{NewMessage, StoreError},
};

impl Inbox {
    /// Keeps a message; `false` means that the same bytes came to the same address before.
    pub async fn keep(&self, message: Verified) -> Result<bool, StoreError> {
        let Verified { address, body, proved } = message;
        let (provider, bytes) = (address.provider.clone(), body.len());
        let shared = self.shared();
        let received_at = shared.clock.now();
        let id = new_id(shared.random.as_ref(), "msg");
        shared.links.remember(&id, &tracing::Span::current());
        let kept = shared
            .store
            .keep_message(NewMessage {
                id,
                tenant: address.service.tenant().id.to_string(),
                provider: provider.id().to_owned(),
                credential: provider.credential().to_owned(),
                attempt: address.attempt,
                verified: proved,
                token: address.token,
                body,
                received_at,
                purge_at: received_at.checked_add(self.settings.keep).unwrap_or(received_at),
            })
            .await?;
        if kept {
            shared.tell_inbox();
        }
        let outcome = if kept { "KEPT" } else { "KNOWN" };
        tracing::info!(provider = provider.id(), credential = provider.credential(), bytes, outcome, "a message came");
        Ok(kept)
    }
}
