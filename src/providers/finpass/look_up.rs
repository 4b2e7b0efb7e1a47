//! Looks up a session that another system opened, by its client id.

use super::{Finpass, owner};
use crate::{
    journey::model::Journey,
    providers::{
        error::{ErrorKind, ProviderError},
        inbound::Owner,
        provider::{Call, Found, References},
    },
};

/// Reads the session back; none if it is somebody else's.
pub(super) async fn read(
    finpass: &Finpass,
    call: Call,
    journey: &Journey,
    references: &References,
) -> Result<Option<Found>, ProviderError> {
    let Some(client_id) = &references.handle else {
        return Err(super::error(ErrorKind::UnknownReference, "adopt").with_detail("there is no client id"));
    };
    match owner::read(finpass, call, journey, client_id).await {
        // Until there is a report Finpass tells nothing of the customer; the caller knows whose the id is.
        Ok(Owner::Customer | Owner::Untold) => Ok(Some(Found { provider_ref: Some(client_id.clone()), ..Found::default() })),
        Ok(Owner::Stranger) => Ok(None),
        Err(error) => Err(error),
    }
}
