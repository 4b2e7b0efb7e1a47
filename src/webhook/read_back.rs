//! A message names an opening whose answer was lost. Before it binds anything the provider is asked whose that opening is.

use jiff::SignedDuration;
use tokio::time::Instant;

use super::Inbox;
use crate::{
    journey::service::{Adoption, Named},
    providers::provider::Call,
    store::{Message, MessageState, Settled},
};

/// See the module.
pub(super) struct ReadBack {
    /// The message.
    pub message: Message,
    /// The journey.
    pub journey_id: String,
    /// The attempt.
    pub attempt_id: String,
    /// The provider's id that the message names.
    pub reference: String,
    /// Whether the provider itself has said, provably, that the reference is the attempt's.
    pub vouched: bool,
}

impl ReadBack {
    /// Notes that the provider is being asked: nobody else asks meanwhile, and a restart begins anew.
    pub(super) fn claim(&self, inbox: &Inbox) -> Settled {
        let now = inbox.shared().clock.now();
        let pause = SignedDuration::try_from(inbox.shared().pace.look_limit).unwrap_or_default();
        Settled { next_at: now.checked_add(pause).ok(), ..Settled::new(&self.message, MessageState::New) }
    }

    /// Asks, binds if the answer allows it, and writes down what became of the message.
    pub(super) async fn run(self, inbox: &Inbox) {
        let shared = inbox.shared();
        let call = Call { deadline: Instant::now() + shared.pace.look_limit };
        let named = Named {
            journey_id: &self.journey_id,
            attempt_id: &self.attempt_id,
            reference: &self.reference,
            vouched: self.vouched,
        };
        let Ok(service) = inbox.service(&self.message.tenant) else { return };
        let settled = match service.adopt(call, named).await {
            Ok(Adoption::Bound | Adoption::Over | Adoption::Refused) => {
                Settled { wakes: vec![self.journey_id], ..Settled::new(&self.message, MessageState::Applied) }
            }
            Ok(Adoption::Later) => inbox.again(&self.message, shared.clock.now()),
            Err(failure) => {
                tracing::warn!(error = ?failure.error, journey_id = %self.journey_id, "a lost opening is not decided");
                inbox.again(&self.message, shared.clock.now())
            }
        };
        // It stays claimed, and is due again after that.
        if let Err(error) = shared.store.settle_messages(&[settled], shared.clock.now()).await {
            tracing::error!(%error, "what became of a message is not written down");
        }
        shared.wake_background();
        shared.tell_inbox();
    }
}
