//! The real gateway, driven from outside.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::unreachable,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod access;
mod adopting;
mod analytics;
mod audit;
mod bodies;
mod breaker;
mod canary;
mod cancel;
mod changes;
mod changes_latest;
mod command;
mod completeness;
mod compressed;
mod conformance;
mod data_life;
mod deadlines;
mod documented;
mod documents;
mod equality;
mod evidence;
mod fair_use;
mod finding;
mod foreseen;
mod fuzz;
mod golden;
mod harness;
mod held;
mod hostile;
mod hostile_server;
mod identifiers;
mod journeys;
mod killed;
mod lanes;
mod later_fetches;
mod layers;
mod layout;
mod lifecycle;
mod lost_answers;
mod malformed;
mod metrics;
mod offers;
mod outbound_tls;
mod partial_reads;
mod personal;
mod portfolio;
mod postgres;
mod purge;
mod receipts;
mod reconcile;
mod refresh;
mod repeats;
mod replay;
mod replicas;
mod revoke;
mod room_for_bodies;
mod scenarios;
mod shared_consents;
mod stage;
mod statements;
mod store_stress;
mod stores;
mod streams;
mod strictest;
mod tenants;
mod torture;
mod traces;
mod transport;
mod unknown_reference;
mod watch;
mod webhooks;
mod writes;
