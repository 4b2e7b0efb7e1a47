//! The layers around an rpc, one a file; `server::grpc_stack` composes them.

pub mod authenticate;
pub mod call_id;
pub mod deadline;
pub mod leaving;
pub mod panic;
mod refusal;
pub mod scope;
pub mod trace;
