//! The sandbox's banks.

/// A bank that answers through Account Aggregators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Institution {
    /// FIP id.
    pub id: &'static str,
    /// Name.
    pub name: &'static str,
    /// Lower-case short code, as statements read from PDF carry it.
    pub code: &'static str,
    /// First four letters of its IFSCs.
    pub ifsc: &'static str,
}

/// Holds the salary account and the deposits.
pub const ACME: Institution = Institution { id: "ACME-FIP", name: "Acme Bank", code: "acme", ifsc: "ACME" };
/// Holds the second savings account.
pub const NORTH: Institution = Institution { id: "north_coop@fip", name: "Northern Cooperative Bank", code: "ncb", ifsc: "NCOB" };
/// Holds the current account.
pub const METRO: Institution = Institution { id: "METRO-FIP", name: "Metro Small Finance Bank", code: "metro", ifsc: "METR" };

/// Keeps what is no deposit.
pub const FUNDS: Institution = Institution { id: "FUNDS & CO%20FIP", name: "Sample Funds", code: "funds", ifsc: "" };
/// Knows the registrations for the goods and services tax.
pub const TAX: Institution = Institution { id: "gst-fip", name: "Sample Tax Network", code: "gst", ifsc: "" };

/// Every bank.
pub const ALL: [Institution; 3] = [ACME, NORTH, METRO];
