//! The real gateway, driven from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod analytics;
mod changes;
mod command;
mod completeness;
mod conformance;
mod deadlines;
mod documented;
mod equality;
mod evidence;
mod fuzz;
mod harness;
mod hostile;
mod hostile_server;
mod journeys;
mod killed;
mod layout;
mod lost_answers;
mod malformed;
mod offers;
mod personal;
mod replay;
mod scenarios;
mod stage;
mod streams;
mod traces;
