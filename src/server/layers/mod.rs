//! The layers around an rpc, one a file; `server::grpc_stack` composes them.

pub mod call_id;
pub mod caller;
pub mod deadline;
pub mod leaving;
pub mod panic;
mod refusal;
pub mod trace;
