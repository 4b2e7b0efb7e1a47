//! The real gateway, driven from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod changes;
mod command;
mod harness;
mod journeys;
mod layout;
mod streams;
mod traces;
