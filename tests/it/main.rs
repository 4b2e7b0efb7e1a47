//! The real gateway, driven from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
mod deadlines;
mod documented;
mod harness;
mod hostile;
mod hostile_server;
mod journeys;
mod layout;
mod lost_answers;
mod replay;
mod stage;
mod traces;
