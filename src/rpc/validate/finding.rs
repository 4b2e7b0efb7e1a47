//! Requests that look for journeys.

use jiff::Timestamp;

use super::{Check, is_reference};
use crate::{
    journey::{error::Failure, model::JourneyState},
    pb,
    store::Wanted,
};

const LARGEST_PAGE: i32 = 200;
const USUAL_PAGE: i32 = 50;
const MAX_STATES: usize = 15;
const LONGEST_QUERY: usize = 16 * 1024;

/// ListJourneys: what is wanted, and how many a page.
pub(in crate::rpc) fn journeys(request: pb::ListJourneysRequest) -> Result<(Wanted, u32), Failure> {
    let mut check = Check::default();
    let client_reference = check.reference("client_reference", &request.client_reference);
    let customer_reference = check.reference("customer_reference", &request.customer_reference);
    let provider = check.text("provider", &request.provider, is_reference, "must be a provider's id as ListProviders names it");
    check.require(request.states.len() <= MAX_STATES, "states", "must be at most 15");
    let mut states = Vec::new();
    for (at, number) in request.states.iter().enumerate().take(MAX_STATES) {
        match JourneyState::try_from(*number) {
            Ok(state) if state != JourneyState::Unspecified => states.push(state),
            _ => check.add(format!("states[{at}]"), "must be a known state"),
        }
    }
    let expires_before = request.expires_before.and_then(|at| {
        let instant = Timestamp::new(at.seconds, at.nanos).ok();
        check.require(instant.is_some(), "expires_before", "must be an instant");
        instant
    });
    check.require((0..=LARGEST_PAGE).contains(&request.page_size), "page_size", "must be 0 to 200");
    let size = if request.page_size == 0 { USUAL_PAGE } else { request.page_size };
    let wanted = Wanted { client_reference, customer_reference, states, provider, expires_before };
    check.finish((wanted, u32::try_from(size).unwrap_or_default()))
}

/// ResolveRedirect's query.
pub(in crate::rpc) fn query(query: &str) -> Result<(), Failure> {
    let mut check = Check::default();
    check.require(!query.is_empty() && query.len() <= LONGEST_QUERY, "query", "is required, of at most 16 KiB");
    check.finish(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpc::validate::tests::fields;

    #[test]
    fn states_pages_and_queries_are_taken_up_to_their_bounds_and_not_beyond() {
        let ask = |states: usize, page_size: i32| {
            let request = pb::ListJourneysRequest { states: vec![6; states], page_size, ..Default::default() };
            journeys(request).map(|(_, size)| size).map_err(fields)
        };
        assert_eq!((ask(15, 200), ask(0, 0)), (Ok(200), Ok(50)));
        assert_eq!(ask(16, 0), Err(vec!["states".to_owned()]));
        for size in [-1, 201] {
            assert_eq!(ask(0, size), Err(vec!["page_size".to_owned()]));
        }
        assert!(query(&"x".repeat(16 * 1024)).is_ok());
        for text in [String::new(), "x".repeat(16 * 1024 + 1)] {
            assert_eq!(query(&text).map_err(fields), Err(vec!["query".to_owned()]));
        }
    }
}
