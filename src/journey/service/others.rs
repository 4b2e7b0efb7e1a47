//! What other processes on the same store have changed: it is not served from memory any more, and whoever listens here hears of it.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use super::{Change, Parts};
use crate::store::{Ear, Told};

/// The ear of the service. It holds nothing of the store, which holds it.
pub(super) fn ear(parts: &Parts, changes: broadcast::Sender<Change>, wake: Arc<Notify>) -> Ear {
    let (epochs, tenant) = (parts.caches.epochs.clone(), parts.tenant.id.clone());
    Arc::new(move |told| {
        let change = match told {
            Told::Changed(change) => {
                epochs.raise(&change.journey_id);
                if !change.news {
                    return;
                }
                Change { tenant: change.tenant, journey_id: change.journey_id, sequence: change.sequence }
            }
            Told::Due => {
                wake.notify_one();
                return;
            }
            Told::Reread => {
                epochs.raise_all();
                Change { tenant: tenant.clone(), journey_id: String::new(), sequence: 0 }
            }
        };
        // Without a listener there is nobody to tell.
        let _ = changes.send(change);
    })
}
