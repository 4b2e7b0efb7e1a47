//! The consent templates ("products") that both organisations have.

use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};
use serde_json::{Value, json};

use super::time::iso;
use crate::sandbox::bank::ist;

/// One consent template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Product {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) mode: &'static str,
    pub(super) fetch_type: &'static str,
    pub(super) fi_fetch: &'static str,
    pub(super) fi_types: &'static str,
    /// Months of history.
    pub(super) months: i32,
    /// Days for which a consent lasts.
    pub(super) validity_days: i32,
    /// How long fetched data stays, in months.
    pub(super) life_months: i32,
    pub(super) active: bool,
}

const BANKING: &str = "DEPOSIT,TERM_DEPOSIT,RECURRING_DEPOSIT";
const EVERY_KIND: &str = "DEPOSIT,TERM_DEPOSIT,RECURRING_DEPOSIT,MUTUAL_FUNDS,SIP,EQUITIES,ETF,BONDS,DEBENTURES,GOVT_SECURITIES,CP,CD,AIF,CIS,IDR,\
    INVIT,REIT,INSURANCE_POLICIES,LIFE_INSURANCE,GENERAL_INSURANCE,ULIP,NPS,EPF,PPF,CREDIT_CARD,GSTR1_3B";

/// All templates, newest first.
pub(super) const ALL: [Product; 5] = [
    Product {
        code: "UW-ONETIME",
        name: "Underwriting, one fetch",
        mode: "STORE",
        fetch_type: "ONETIME",
        fi_fetch: "AUTOMATIC",
        fi_types: EVERY_KIND,
        months: 12,
        validity_days: 7,
        life_months: 1,
        active: true,
    },
    Product {
        code: "MON-PERIODIC",
        name: "Loan monitoring",
        mode: "STORE",
        fetch_type: "PERIODIC",
        fi_fetch: "MANUAL",
        fi_types: BANKING,
        months: 6,
        validity_days: 365,
        life_months: 1,
        active: true,
    },
    Product {
        code: "UW-MANUAL",
        name: "Underwriting, fetch on request",
        mode: "STORE",
        fetch_type: "ONETIME",
        fi_fetch: "MANUAL",
        fi_types: BANKING,
        months: 12,
        validity_days: 7,
        life_months: 1,
        active: true,
    },
    Product {
        code: "VIEW-ONCE",
        name: "Look, do not keep",
        mode: "VIEW",
        fetch_type: "ONETIME",
        fi_fetch: "AUTOMATIC",
        fi_types: "DEPOSIT",
        months: 6,
        validity_days: 1,
        life_months: 0,
        active: true,
    },
    Product {
        code: "OLD-ONETIME",
        name: "Retired",
        mode: "STORE",
        fetch_type: "ONETIME",
        fi_fetch: "MANUAL",
        fi_types: "DEPOSIT",
        months: 3,
        validity_days: 1,
        life_months: 1,
        active: false,
    },
];

/// The instant moved by a calendar span in UTC.
pub(super) fn moved(at: Timestamp, span: Span) -> Timestamp {
    at.to_zoned(TimeZone::UTC).saturating_add(span).timestamp()
}

impl Product {
    /// The template with this code.
    pub(super) fn of(code: &str) -> Option<&'static Self> {
        ALL.iter().find(|product| product.code == code)
    }

    /// The history that a fetch at `now` covers; months are those of the Indian calendar, as the banks count them.
    pub(super) fn range(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        (now.to_zoned(ist()).saturating_sub(self.months.months()).timestamp(), now)
    }

    /// When data fetched at `at` is deleted; data of VIEW consents lives for an hour.
    pub(super) fn data_expiry(&self, at: Timestamp) -> Timestamp {
        if self.life_months == 0 { moved(at, 1.hour()) } else { moved(at, self.life_months.months()) }
    }

    /// The template as productslist shows it.
    pub(super) fn listed(&self, now: Timestamp) -> Value {
        let (from, to) = self.range(now);
        let (unit, value) = if self.life_months == 0 { ("INF", 0) } else { ("MONTH", self.life_months) };
        json!({
            "productName": self.name,
            "productCode": self.code,
            "productDescription": self.name,
            "consentFrom": "2024-01-01T00:00:00.000Z",
            "consentTo": "2132-01-01T00:00:00.000Z",
            "consentMode": self.mode,
            "fetchType": self.fetch_type,
            "fiTypes": self.fi_types,
            "consentTypes": "PROFILE,SUMMARY,TRANSACTIONS",
            "dataRangeFrom": iso(from),
            "dataRangeTo": iso(to),
            "dataLifeUnit": unit,
            "dataLifeValue": value,
            "frequencyUnit": "MONTH",
            "frequencyValue": if self.fetch_type == "PERIODIC" { 5 } else { 1 },
            "fiFetch": self.fi_fetch,
            "createdAt": "2023-12-01T06:00:00.000Z",
        })
    }
}
