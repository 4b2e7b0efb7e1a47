//! FinPro's schema validation: it collects every complaint and names the field in its own words.

use jiff::Timestamp;
use serde_json::Value;

use super::envelope::Failure;

/// What a text must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// Letters, digits, `_`, `-`, `.`.
    Name,
    /// Capital letters.
    Capitals,
    /// Ten digits, in the words of the lists.
    Mobile,
    /// Local part, one `@`, handle.
    Vua,
    /// PAN.
    Pan,
    /// Anything but empty.
    Filled,
    /// A UUID that is not all zeros.
    Guid,
    /// An ISO instant.
    Instant,
}

impl Rule {
    fn holds(self, text: &str) -> bool {
        let name = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        match self {
            Self::Name => !text.is_empty() && text.chars().all(name),
            Self::Capitals => !text.is_empty() && text.chars().all(|c| c.is_ascii_uppercase()),
            Self::Mobile => is_mobile(text),
            Self::Vua => text
                .split_once('@')
                .is_some_and(|(user, handle)| [user, handle].iter().all(|part| !part.is_empty() && part.chars().all(name))),
            Self::Pan => is_pan(text),
            Self::Filled => !text.is_empty(),
            Self::Guid => uuid::Uuid::parse_str(text).is_ok_and(|id| !id.is_nil()),
            Self::Instant => text.parse::<Timestamp>().is_ok(),
        }
    }

    fn complaint(self, field: &str) -> String {
        match self {
            Self::Name => format!("{field} value can have only A to Z, a to z, 0 to 9, _ , - and . characters"),
            Self::Capitals => format!("{field} value can have only A to Z characters"),
            Self::Mobile => format!("{field} must be valid 10 digit"),
            Self::Vua => {
                format!("{field} value can have only A to Z, a to z, 0 to 9, _ , -, . characters and a single @ char in between")
            }
            Self::Pan => format!("{field} fails to match the required pattern: /^[A-Z]{{5}}[0-9]{{4}}[A-Z]{{1}}$/"),
            Self::Filled => format!("{field} is not allowed to be empty"),
            Self::Guid => format!("{field} must be a valid GUID"),
            Self::Instant => format!("{field} must be a valid ISO date"),
        }
    }
}

/// Ten digits.
pub(super) fn is_mobile(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_pan(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, b)| if (5..9).contains(&at) { b.is_ascii_digit() } else { b.is_ascii_uppercase() })
}

/// A body under examination.
#[derive(Debug)]
pub(super) struct Check<'a> {
    body: &'a Value,
    faults: Vec<String>,
}

impl<'a> Check<'a> {
    /// Begins.
    pub(super) fn new(body: &'a Value) -> Self {
        Self { body, faults: Vec::new() }
    }

    /// A text that must be there. Where it is faulty the result is empty and the complaint is kept.
    pub(super) fn required(&mut self, field: &str, rule: Rule) -> &'a str {
        if self.body.get(field).is_none() {
            self.fault(format!("{field} is required"));
            return "";
        }
        self.optional(field, rule).unwrap_or_default()
    }

    /// A text that may be there.
    pub(super) fn optional(&mut self, field: &str, rule: Rule) -> Option<&'a str> {
        let value = self.body.get(field)?;
        let Some(text) = value.as_str() else {
            self.fault(format!("{field} must be a string"));
            return None;
        };
        if text.is_empty() && rule != Rule::Filled {
            self.fault(format!("{field} must contain value"));
        }
        if !rule.holds(text) {
            self.fault(rule.complaint(field));
        }
        Some(text)
    }

    /// A list of texts that may be there; a single text counts as a list of one where `bare` says so.
    pub(super) fn list(&mut self, field: &str, rule: Rule, bare: bool) -> Option<Vec<&'a str>> {
        let value = self.body.get(field)?;
        if bare && value.is_string() {
            return self.optional(field, rule).map(|text| vec![text]);
        }
        let Some(items) = value.as_array() else {
            self.fault(format!("{field} must be an array"));
            return None;
        };
        let mut texts = Vec::new();
        for (at, item) in items.iter().enumerate() {
            let name = format!("{field} > {at}");
            match item.as_str() {
                None => self.fault(format!("{name} must be a string")),
                Some(text) if !rule.holds(text) => self.fault(rule.complaint(&name)),
                Some(text) => texts.push(text),
            }
        }
        Some(texts)
    }

    /// Adds a complaint.
    pub(super) fn fault(&mut self, text: String) {
        self.faults.push(text);
    }

    /// Ends.
    pub(super) fn done(self) -> Result<(), Failure> {
        if self.faults.is_empty() { Ok(()) } else { Err(Failure::Schema(self.faults)) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn faults(check: Check<'_>) -> Vec<String> {
        match check.done() {
            Err(Failure::Schema(faults)) => faults,
            _ => Vec::new(),
        }
    }

    #[test]
    fn a_missing_field_and_an_empty_one_complain_differently() {
        let body = json!({"mobileNumber": ""});
        let mut check = Check::new(&body);
        check.required("mobileNumber", Rule::Mobile);
        check.required("vua", Rule::Vua);
        assert_eq!(faults(check), ["mobileNumber must contain value", "mobileNumber must be valid 10 digit", "vua is required"]);
    }

    #[test]
    fn lists_name_the_faulty_place() {
        let body = json!({"fipID": ["", 3], "consentHandle": "nonsense"});
        let mut check = Check::new(&body);
        check.list("fipID", Rule::Filled, false);
        check.list("consentHandle", Rule::Guid, true);
        assert_eq!(
            faults(check),
            ["fipID > 0 is not allowed to be empty", "fipID > 1 must be a string", "consentHandle must be a valid GUID"]
        );
    }

    #[test]
    fn pan_and_vua_follow_their_patterns() {
        assert!(Rule::Pan.holds("AAAPA0001A") && !Rule::Pan.holds("AAAPA001A"));
        assert!(Rule::Vua.holds("9000000001@onemoney") && !Rule::Vua.holds("a@b@c") && !Rule::Vua.holds("@x"));
        assert!(Rule::Pan.complaint("pan").ends_with("/^[A-Z]{5}[0-9]{4}[A-Z]{1}$/"));
    }
}
