//! What may stand in a log line.
//!
//! The rule: a field is written only if its name is in [`FIELDS`]; anything else is left out, and the line says how many fields were.
//! A message is a fixed text of ours, without values in it. The message of another crate is written only as a warning or an error:
//! below that, libraries quote headers, addresses and statements. Fields on the list hold ids of ours, words from closed lists,
//! counts and times; never a name, number, address, amount, narration, URL, token or any part of a provider's body.

use tracing::{Level, Metadata};

/// The fields that may be written, sorted.
pub const FIELDS: &[&str] = &[
    "accounts",
    "address",
    "attempt",
    "attempt_id",
    "bytes",
    "cache",
    "call_id",
    "cause",
    "code",
    "connections",
    "consent_id",
    "count",
    "credential",
    "detail",
    "effect",
    "elapsed_ms",
    "entry",
    "error",
    "fetch_id",
    "form",
    "hit",
    "http_status",
    "journey",
    "journey_id",
    "kind",
    "listener",
    "location",
    "looks",
    "open",
    "outcome",
    "product",
    "provider",
    "provider_code",
    "purpose",
    "reason",
    "retry_after_ms",
    "rows",
    "rpc.method",
    "rpc.service",
    "sequence",
    "setting",
    "signal",
    "stage",
    "state",
    "status",
    "task",
    "tenant",
    "transactions",
    "version",
    "warning",
    "x_request_id",
];

/// Whether an event or span comes from this crate.
pub fn is_ours(target: &str) -> bool {
    target == "sangam" || target.starts_with("sangam::")
}

/// Whether a field may be written. Another crate's `error` or `detail` can quote anything.
pub fn may_show(metadata: &Metadata<'_>, field: &str) -> bool {
    is_ours(metadata.target()) && FIELDS.binary_search(&field).is_ok()
}

/// Whether an event's message may be written.
pub fn may_say(metadata: &Metadata<'_>) -> bool {
    is_ours(metadata.target()) || *metadata.level() <= Level::WARN
}

/// Writes down where a panic was. Its text stays out: it can quote what was being read.
pub fn note_panic(panic: &std::panic::PanicHookInfo<'_>) {
    match panic.location() {
        Some(location) => tracing::error!(%location, "panic"),
        None => tracing::error!("panic"),
    }
}

/// Collects log lines, so that a test can assert what is not in them.
#[cfg(test)]
#[derive(Debug, Clone, Default)]
pub struct CaptureWriter(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

#[cfg(test)]
impl CaptureWriter {
    /// Everything written so far.
    pub fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

#[cfg(test)]
impl std::io::Write for CaptureWriter {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
impl tracing_subscriber::fmt::MakeWriter<'_> for CaptureWriter {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        contract::{CONTRACT, Kind},
        data::classes::may_log,
        pb::FieldClass,
    };

    #[test]
    fn the_list_is_sorted_and_names_nothing_personal() {
        assert!(FIELDS.is_sorted());
        for personal in ["pan", "mobile", "name", "account_number", "url", "body", "token", "amount", "narration", "email", "vua"]
        {
            assert!(!FIELDS.contains(&personal), "{personal}");
        }
    }

    /// Names that mean something of ours in a log and something of a person's in the contract: the address of a listener.
    const OURS: [&str; 1] = ["address"];

    #[test]
    fn no_field_of_a_log_or_span_is_called_as_something_personal_in_the_contract() {
        let fields = CONTRACT.messages.iter().filter(|message| message.name.starts_with("sangam.v1.")).flat_map(|message| {
            let personal =
                message.fields.iter().filter(|field| matches!(field.kind, Kind::Text | Kind::Bytes | Kind::Message(_)));
            personal
                .filter(|field| field.class != FieldClass::Unspecified && !may_log(field.class))
                .map(move |field| (message, field))
        });
        let mut seen = 0;
        for (message, field) in fields {
            seen += 1;
            let name = field.name.as_str();
            assert!(!FIELDS.contains(&name) || OURS.contains(&name), "{}.{name} is {:?}", message.name, field.class);
        }
        assert!(seen > 100, "the descriptor is not what it was");
    }
}
