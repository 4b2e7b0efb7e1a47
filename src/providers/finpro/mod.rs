//! MoneyOne FinPro.

pub mod data;
pub mod fields;
