// The names of the scopes, once: build.rs takes this file too, and holds the contract to it.

/// Every scope, in the order of `Scope`.
pub const NAMES: [&str; 8] =
    ["journeys.read", "journeys.write", "data.read", "evidence.read", "providers.read", "pii.read", "ops.read", "ops.write"];

/// What is wrong with the scope that a method names. Nobody may call a method without one, so it is not even built.
#[allow(dead_code)] // The build asks it, and a test.
pub fn fault(method: &str, scope: &str) -> Option<String> {
    if scope.is_empty() {
        return Some(format!("{method} names no (required_scope)"));
    }
    (!NAMES.contains(&scope)).then(|| format!("{method} names the scope {scope:?}, which is none of {}", NAMES.join(", ")))
}
