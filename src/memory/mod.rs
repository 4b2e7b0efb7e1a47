//! The memory of the process: how much it may use, and one budget of it for the large bodies that pass through.
//!
//! A body of financial data is held in several forms at once while it is read, sealed and stored. A few hundred of them at the same time are
//! more than a small pod has, so each one reserves its bytes before it is read and waits for its turn where too many are under way.

mod budget;
mod limit;
mod room;

pub use budget::{BodyBudget, BodyShare, NoRoom};
pub use limit::{available, shares};
pub use room::Room;

/// How many bytes a body of financial data takes at its peak, for each byte of the body: the body itself, the rows that are made of it, and the
/// sealed copy on its way to the store. 2.2 was measured for the first two.
pub const BODY_FACTOR: u64 = 3;

/// A body of at most so many bytes needs no reservation: the limits on calls at once bound them, and no poll waits behind large bodies.
pub const SMALL_BODY: u64 = 256 * 1024;
