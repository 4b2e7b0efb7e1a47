//! Reading request bodies the way Finpass does: an empty string is an absent value.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

/// A JSON object.
pub struct Input(Map<String, Value>);

impl Input {
    /// Reads a body; none if it is no JSON object or not announced as JSON, which Finpass requires of every POST.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Option<Self> {
        let media_type = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
        if !media_type.starts_with("application/json") {
            return None;
        }
        serde_json::from_slice(body).ok().map(Self)
    }

    /// The first of the names that has a text in it.
    pub fn text(&self, names: &[&str]) -> Option<&str> {
        names.iter().filter_map(|name| self.0.get(*name)?.as_str()).find(|text| !text.is_empty())
    }
}

/// Whether it is a mobile number: ten digits without country code.
pub fn is_mobile(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is a PAN: five letters, four digits, one letter.
pub fn is_pan(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| if (5..9).contains(&at) { byte.is_ascii_digit() } else { byte.is_ascii_uppercase() };
    text.len() == 10 && text.bytes().enumerate().all(fits)
}
