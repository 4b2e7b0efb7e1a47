//! The real gateway, driven from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
mod conformance;
mod equality;
mod harness;
mod journeys;
mod layout;
mod offers;
mod personal;
mod scenarios;
mod traces;
