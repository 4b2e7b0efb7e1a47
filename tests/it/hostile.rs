//! Hostile answers through the real gateway: a typed error, nothing kept, nothing personal told, and the gateway goes on.

mod capture;
mod codes;
mod data;
mod latest;
mod lines;
mod looks;
mod opening;
mod reports;

use tonic::{Code, Status};

use crate::{
    harness::{metadata, reason},
    hostile_server::{Case, PLANTED, broken, twisted, unusable},
};

/// Everything that a call may meet on a path, save silence.
fn all_cases(path: &str) -> Vec<Case> {
    let mut cases = unusable(path);
    cases.extend(broken(path));
    cases.extend(twisted(path));
    cases
}

/// A typed error that fits the case and tells nothing that was planted.
fn assert_told(case: &Case, status: &Status) {
    let said = reason(status);
    assert!(case.reasons.contains(&said.as_str()), "{}: {said} ({status:?})", case.name);
    assert!(!matches!(status.code(), Code::Unknown | Code::Ok | Code::Unauthenticated), "{}: {status:?}", case.name);
    assert!(metadata(status, "effect").is_some(), "{}", case.name);
    assert!(status.details().len() <= 4096, "{}", case.name);
    assert_clean(&case.name, &format!("{status:?} {}", String::from_utf8_lossy(status.details())));
}

/// Nothing planted stands in a text.
fn assert_clean(what: &str, text: &str) {
    for planted in PLANTED {
        assert!(!text.contains(planted), "{what} tells {planted}");
    }
}
