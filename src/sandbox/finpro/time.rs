//! The ways in which FinPro writes instants.

use jiff::Timestamp;

/// `2025-10-01T10:55:32.710Z`.
pub(super) fn iso(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// `2025-10-01T10:55:32.710000000Z`, as only JOURNEY_COMPLETE has it.
pub(super) fn iso_nanos(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

/// `2025-10-01 10:55:32`: UTC, though it does not say so.
pub(super) fn blank(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// ddMMyyyyHHmm and three digits of the milliseconds.
pub(super) fn redirect_date(at: Timestamp) -> String {
    format!("{}{:03}", at.strftime("%d%m%Y%H%M"), at.subsec_millisecond())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_form_has_its_fixed_width() {
        let at: Timestamp = "2025-03-17T10:23:52.007Z".parse().unwrap();
        assert_eq!(iso(at), "2025-03-17T10:23:52.007Z");
        assert_eq!(iso_nanos(at), "2025-03-17T10:23:52.007000000Z");
        assert_eq!(blank(at), "2025-03-17 10:23:52");
        assert_eq!(redirect_date(at), "170320251023007");
    }
}
