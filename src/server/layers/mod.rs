//! The layers around an rpc, one a file; `server::grpc_stack` composes them.

pub mod authenticate;
pub mod call_id;
pub mod deadline;
pub mod explain;
mod held;
mod in_time;
pub mod leaving;
pub mod limit;
pub mod panic;
pub(super) mod paths;
pub mod protocol;
pub(in crate::server) mod refusal;
pub mod scope;
pub mod share;
pub mod shed;
pub mod trace;
