//! Wire-exact simulators of both providers, with the customer's page between them: what the demo runs on, and what teams test against.
//!
//! One HTTP server on one loopback port. `/finpro` and `/finpass` answer as the providers do, quirks included; `/journey` is where the
//! customer decides; `/files` hands out reports that a provider gives as a link. All state is in memory. What happens to a customer
//! follows from the mobile number ([`scenario`]), what the customer owns from the banks ([`bank`]).

// It reads JSON of its own making by `value["name"]`, which answers null for what is not there, and is no part of the release.
#![allow(clippy::indexing_slicing, clippy::string_slice)]

pub mod bank;
pub mod calls;
mod columns;
pub mod credentials;
pub mod customer;
pub mod customer_page;
pub mod demo;
pub mod files;
pub mod finpass;
pub mod finpro;
#[doc(hidden)]
pub mod fuzzing;
pub mod gateway_config;
pub mod parity;
pub mod run;
pub mod scenario;
pub mod scratch;
mod server;
pub mod webhooks;
pub mod world;

pub use self::{
    server::{Sandbox, SandboxConfig},
    webhooks::WebhookTarget,
};
