//! Adds what a signed message holds to its journey, in the background. The claim in the store keeps other replicas away meanwhile, and
//! makes a restart begin anew.

use jiff::SignedDuration;
use tokio::time::Instant;

use super::Inbox;
use crate::{
    journey::service::{JourneyMessage, Taken},
    providers::{inbound::WebhookHint, message_content::MessageContent, provider::Call},
    store::{Message, MessageState, Settled},
};

/// One message whose content goes into one journey.
pub(super) struct Take {
    /// The message.
    pub message: Message,
    /// What it names.
    pub hint: WebhookHint,
    /// What it holds.
    pub content: MessageContent,
    /// What is written down about the message once the content is in its journey.
    pub settled: Settled,
}

impl Take {
    /// Notes that this process is at work on the message.
    pub(super) fn claim(&self, inbox: &Inbox) -> Settled {
        let now = inbox.shared().clock.now();
        let pause = SignedDuration::try_from(inbox.shared().pace.look_limit).unwrap_or_default();
        Settled { next_at: now.checked_add(pause).ok(), ..Settled::new(&self.message, MessageState::New) }
    }

    /// Adds the content and writes down what became of the message.
    pub(super) async fn run(self, inbox: &Inbox) {
        let Self { message, hint, content, settled } = self;
        let shared = inbox.shared();
        let now = shared.clock.now();
        let Ok(service) = inbox.service(&message.tenant) else { return };
        let Some(journey_id) = settled.wakes.first() else { return };
        let call = Call { deadline: Instant::now() + shared.pace.look_limit };
        let about = JourneyMessage { id: &message.id, received_at: message.received_at, journey_id, hint: &hint };
        let settled = match service.take_message(call, about, content).await {
            Ok(Taken::Done) => settled,
            Ok(Taken::NotKept) => Settled { purge_at: hint.holds_data.then_some(now).or(settled.purge_at), ..settled },
            // The journey is woken, since a poll shows whether its consent is approved.
            Ok(Taken::Later) => Settled { wakes: settled.wakes, ..inbox.again(&message, now) },
            Err(failure) => {
                tracing::warn!(error = ?failure.error, journey_id, "failed to add a message to its journey");
                inbox.again(&message, now)
            }
        };
        // If this fails, the message stays claimed and is due again after that.
        if let Err(error) = shared.store.settle_messages(&[settled], shared.clock.now()).await {
            tracing::error!(%error, "failed to store the outcome of a message");
        }
        shared.wake_background();
        shared.tell_inbox();
    }
}
