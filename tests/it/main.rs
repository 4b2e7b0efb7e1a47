//! The real gateway, driven from outside.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod command;
<<<<<<< HEAD
mod deadlines;
mod documented;
=======
mod conformance;
mod equality;
>>>>>>> conformance
mod harness;
mod hostile;
mod hostile_server;
mod journeys;
<<<<<<< HEAD
mod layout;
mod lost_answers;
mod replay;
mod stage;
=======
mod offers;
mod personal;
mod scenarios;
>>>>>>> conformance
mod traces;
