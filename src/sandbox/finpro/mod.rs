//! The FinPro simulator.

use std::sync::Arc;

use axum::Router;

use super::{
    customer_page::{Decision, Journeys, Outcome, View},
    server::Part,
    world::World,
};

/// The FinPro simulator in this world.
pub(super) fn part(_world: &Arc<World>) -> Part {
    Part { path: "/finpro", router: Router::new(), journeys: Arc::new(Nobody) }
}

struct Nobody;

impl Journeys for Nobody {
    fn view(&self, _token: &str) -> Option<View> {
        None
    }
    fn decide(&self, _token: &str, _decision: Decision) -> Option<Outcome> {
        None
    }
}
