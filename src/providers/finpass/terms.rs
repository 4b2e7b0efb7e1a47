//! What a consent's type says: Finpass has no templates and tells neither days nor ends.

use crate::{
    journey::model::{FetchTrigger, Purpose},
    providers::provider::ConsentFact,
};

/// Puts what the type says into a fact.
pub(super) fn apply(purpose: Purpose, fact: &mut ConsentFact) {
    let monitoring = purpose == Purpose::Monitoring;
    fact.periodic = Some(monitoring);
    // Monitoring data comes on refresh-data only.
    fact.trigger = Some(if monitoring { FetchTrigger::Gateway } else { FetchTrigger::Provider });
}
