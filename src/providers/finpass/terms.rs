//! What a consent's type says: Finpass has no templates and tells neither days nor ends.

use crate::{
    journey::model::{FetchTrigger, LaterFetches, Purpose},
    providers::provider::ConsentFact,
};

/// Puts what the type says into a fact; `refreshes` says whether the product can be asked anew.
pub(super) fn apply(purpose: Purpose, refreshes: bool, fact: &mut ConsentFact) {
    let monitoring = purpose == Purpose::Monitoring;
    fact.periodic = Some(monitoring);
    // Monitoring data comes on refresh-data only.
    fact.trigger = Some(if monitoring { FetchTrigger::Gateway } else { FetchTrigger::Provider });
    // The analysed product has no call that asks anew; what it does by itself later is not documented.
    fact.later = Some(if monitoring && refreshes { LaterFetches::Caller } else { LaterFetches::Unknown });
}
