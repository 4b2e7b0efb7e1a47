//! What other processes on the same store have changed: it is not served from memory any more, and whoever listens here hears of it.

use std::sync::Arc;

use tokio::sync::{Notify, broadcast};

use super::Change;
use crate::{
    access::TenantId,
    cache::Caches,
    store::{Ear, Told},
};

/// The ear of the process, for all its tenants. It holds nothing of the store, which holds it.
pub(super) fn ear(caches: &Caches, changes: broadcast::Sender<Change>, wake: Arc<Notify>) -> Ear {
    let epochs = caches.epochs.clone();
    Arc::new(move |told| {
        let change = match told {
            Told::Changed(change) => {
                epochs.raise(&change.journey_id);
                if !change.news {
                    return;
                }
                let tenant = TenantId::from(change.tenant.as_str());
                Change { tenant, journey_id: change.journey_id, sequence: change.sequence }
            }
            Told::Due => {
                wake.notify_one();
                return;
            }
            Told::Reread => {
                epochs.raise_all();
                Change { tenant: TenantId::default(), journey_id: String::new(), sequence: 0 }
            }
        };
        // Without a listener there is nobody to tell.
        let _ = changes.send(change);
    })
}
