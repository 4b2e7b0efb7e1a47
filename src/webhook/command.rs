//! What an operator sees and does of the inbox, while the gateway is stopped or beside it.

use super::{Inbox, run::Pass};
use crate::{
    access::TenantId,
    store::{Message, MessageState, Replay, StoreError},
};

/// Most messages of a list.
const MOST: u32 = 1_000;

impl Inbox {
    /// A tenant's newest messages as lines of a table, of one state or of all. Nothing of their bodies is shown.
    pub async fn list(&self, tenant: &TenantId, state: Option<MessageState>) -> Result<Vec<String>, StoreError> {
        let messages = self.shared().store.messages(tenant, state, MOST).await?;
        let head =
            format!("{:<31}{:<22}{:<20}{:<10}{:<13}{:>5}  {}", "id", "received", "from", "proof", "state", "tries", "purged");
        Ok(std::iter::once(head).chain(messages.iter().map(line)).collect())
    }

    /// Tries a tenant's messages again as if they had just come; answers how many there are, and what became of them. One that needs a provider's
    /// word stays due for the gateway.
    pub async fn replay(&self, tenant: &TenantId, which: Replay<'_>) -> Result<(u64, Pass), StoreError> {
        let shared = self.shared();
        let count = shared.store.replay_messages(tenant, which, shared.clock.now()).await?;
        let mut done = Pass::default();
        loop {
            let (pass, _) = self.apply_due(None).await?;
            done = Pass {
                applied: done.applied + pass.applied,
                parked: done.parked + pass.parked,
                quarantined: done.quarantined + pass.quarantined,
                again: done.again + pass.again,
            };
            if pass.total() == 0 {
                return Ok((count, done));
            }
        }
    }
}

fn line(message: &Message) -> String {
    let from = format!("{} {}", message.provider, message.credential);
    let proof = if message.verified { "signed" } else { "hint" };
    let (id, state, tries) = (&message.id, message.state.word(), message.tries);
    let second = |at: jiff::Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let (received, purged) = (second(message.received_at), second(message.purge_at));
    format!("{id:<31}{received:<22}{from:<20}{proof:<10}{state:<13}{tries:>5}  {purged}")
}
