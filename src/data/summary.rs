//! What a summary says, for the three kinds of deposit together: a provider's keys fill what they know.

use std::borrow::Cow;

use super::scalar::Scalar;

/// A transaction that is not settled, as it came.
#[derive(Debug, Default, PartialEq)]
pub struct PendingText<'a> {
    /// How much.
    pub amount: Scalar<'a>,
    /// Credit or debit.
    pub kind: Scalar<'a>,
    /// Keys that are not known, with their values.
    pub unknown: Vec<(String, Cow<'a, str>)>,
}

macro_rules! summary_text {
    ($($(#[$meta:meta])* $field:ident),+ $(,)?) => {
        /// A summary as it came.
        #[derive(Debug, Default, PartialEq)]
        pub struct SummaryText<'a> {
            $($(#[$meta])* pub $field: Scalar<'a>,)+
            /// Transactions that are not settled.
            pub pending: Vec<PendingText<'a>>,
            /// Keys that are not known, with their values.
            pub unknown: Vec<(String, Cow<'a, str>)>,
        }

        impl SummaryText<'_> {
            /// Whether it says nothing.
            pub fn is_empty(&self) -> bool {
                self.pending.is_empty() $(&& self.$field.is_missing())+
            }
        }
    };
}

summary_text! {
    /// Currency of all amounts.
    currency,
    /// Branch.
    branch,
    /// IFSC.
    ifsc,
    /// MICR.
    micr,
    /// Opened.
    opening_date,
    /// Condition.
    status,
    /// Savings or current.
    kind,
    /// The same in version 2 of ReBIT's schema.
    sub_kind,
    /// The kind of a term deposit; in version 2 for deposits too.
    account_type,
    /// Balance.
    current_balance,
    /// Its time.
    balance_time,
    /// Home currency for one unit of the account's.
    exchange_rate,
    /// Balance before the first row.
    opening_balance,
    /// Overdraft limit.
    overdraft_limit,
    /// Drawing limit.
    drawing_limit,
    /// Facility.
    facility,
    /// End of a term deposit.
    maturity_date,
    /// Paid out at the end.
    maturity_amount,
    /// The bank's description.
    description,
    /// When interest is paid out.
    interest_payout,
    /// Percent a year.
    interest_rate,
    /// Paid in.
    principal,
    /// Worth now.
    current_value,
    /// Days of the tenure.
    tenure_days,
    /// Months of the tenure.
    tenure_months,
    /// Years of the tenure.
    tenure_years,
    /// Simple or compound.
    interest_computation,
    /// How often compounded.
    compounding,
    /// Interest paid out each time.
    interest_periodic_payout,
    /// Interest at the end.
    interest_on_maturity,
    /// Instalment.
    recurring_amount,
    /// Day of the instalment.
    recurring_day,
}
