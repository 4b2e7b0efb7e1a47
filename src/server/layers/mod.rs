//! The layers around an rpc, one a file; `server::grpc_stack` composes them.

pub mod call_id;
pub mod caller;
pub mod deadline;
mod held;
pub mod limit;
pub mod panic;
mod paths;
mod refusal;
pub mod shed;
pub mod trace;
