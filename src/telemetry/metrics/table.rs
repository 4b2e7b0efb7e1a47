//! Every metric, as a table: what is made, what `docs/metrics.md` says, and what a scrape may hold all come from here.

use opentelemetry_semantic_conventions::metric as convention;

use super::words::{
    Applied, CODES, CacheName, CacheResult, CallOutcome, ConnectionState, DeliveryWord, Heard, ProviderWord, Received, Waiting,
    Word,
};
use crate::{journey::model::JourneyState, resilience::breaker::BreakerState};

/// What a metric counts or measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Many values, by size.
    Histogram,
}

/// What a label may hold.
#[derive(Debug, Clone, Copy)]
pub enum Values {
    /// One of these words.
    Words(fn() -> Vec<&'static str>),
    /// An rpc of the contract, of health or of reflection, or `unknown`.
    Rpc,
    /// The adapter's own name of a call to its provider.
    Operation,
    /// A name from the configuration.
    Configured,
    /// The program's version.
    Version,
}

/// A metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name in OpenTelemetry; Prometheus has underscores for the dots, the unit and `_total` behind.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Its unit, by UCUM.
    pub unit: &'static str,
    /// What it says.
    pub description: &'static str,
    /// Its labels.
    pub labels: &'static [(&'static str, Values)],
}

fn words<W: Word>() -> Vec<&'static str> {
    W::ALL.iter().map(|word| word.word()).collect()
}

const PROVIDER: (&str, Values) = ("provider", Values::Words(words::<ProviderWord>));
const OPERATION: (&str, Values) = ("operation", Values::Operation);

/// Declares the metrics: a constant for each, and all of them in the order of the file.
macro_rules! metrics {
    ($($constant:ident = $kind:ident $name:expr, $unit:literal, [$($label:expr),*], $description:literal;)+) => {
        $(
            #[doc = $description]
            pub const $constant: Metric =
                Metric { name: $name, kind: Kind::$kind, unit: $unit, description: $description, labels: &[$($label),*] };
        )+
        /// All of them.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

// The convention's name for connections, db.client.connection.count, is left alone: Prometheus keeps the ending `_count` for histograms.
metrics! {
    BUILD_INFO = Gauge "sangam.build.info", "", [("version", Values::Version)],
        "Always 1; the label says which version runs.";
    RPC_DURATION = Histogram convention::RPC_SERVER_CALL_DURATION, "s",
        [("rpc.system.name", Values::Words(|| vec!["grpc"])), ("rpc.method", Values::Rpc),
         ("rpc.response.status_code", Values::Words(|| CODES.to_vec()))],
        "How long calls took until their last byte, by rpc and code. Its count is the number of calls; a watch counts when it ends.";
    RPC_ACTIVE = Gauge "sangam.rpc.active", "{call}", [],
        "Calls that are under way, watches among them.";
    WATCH_STREAMS = Gauge "sangam.watch.streams", "{stream}", [],
        "Streams of changes that are open.";
    WATCH_STREAMS_MAX = Gauge "sangam.watch.streams.max", "{stream}", [],
        "Streams of changes that may be open (watch.max_streams).";
    PROVIDER_CALLS = Histogram "sangam.provider.call.duration", "s",
        [PROVIDER, OPERATION, ("outcome", Values::Words(words::<CallOutcome>))],
        "How long calls to providers took, with all their attempts and pauses.";
    PROVIDER_ATTEMPTS = Counter "sangam.provider.attempts", "{attempt}",
        [PROVIDER, OPERATION, ("outcome", Values::Words(words::<CallOutcome>))],
        "Attempts of calls to providers. A failed read is sent a second time, a write only if none of its bytes was sent.";
    PROVIDER_BACKOFF = Histogram "sangam.provider.backoff.duration", "s", [PROVIDER],
        "How long the pauses before second attempts were.";
    PROVIDER_QUOTA = Gauge "sangam.provider.quota.remaining", "{request}",
        [PROVIDER, ("credential", Values::Configured)],
        "Calls that a provider said it would still take of a credential, at its last answer. Only where the provider tells.";
    PROVIDER_BREAKER = Gauge "sangam.provider.breaker.state", "",
        [PROVIDER, ("credential", Values::Configured), ("state", Values::Words(words::<BreakerState>))],
        "1 for the state that the breaker before a credential's calls is in, 0 for the others.";
    CACHE_REQUESTS = Counter "sangam.cache.requests", "{request}",
        [("cache", Values::Words(words::<CacheName>)), ("result", Values::Words(words::<CacheResult>))],
        "Look-ups in the caches, by what was there.";
    CACHE_SIZE = Gauge "sangam.cache.size", "By", [("cache", Values::Words(words::<CacheName>))],
        "Bytes that the caches hold, about.";
    BODIES_RESERVED = Gauge "sangam.bodies.reserved", "By", [],
        "Bytes of memory that are reserved for provider bodies and stored data in flight.";
    BODIES_PEAK = Gauge "sangam.bodies.reserved.peak", "By", [],
        "The most bytes that were reserved for them at once since the start.";
    BODIES_MAX = Gauge "sangam.bodies.max", "By", [],
        "Bytes that may be reserved for them (memory.bodies_max_bytes).";
    BODIES_WAITING = Gauge "sangam.bodies.waiting", "{body}", [],
        "Bodies and reads that wait for such memory.";
    LOOKS_ACTIVE = Gauge "sangam.looks.active", "{look}", [],
        "Journeys that the background looks at right now.";
    JOURNEYS = Gauge "sangam.journeys", "{journey}", [("state", Values::Words(states))],
        "Journeys that the background looks after, by state: open ones, and those whose consents may still bring something. Every replica tells the same number.";
    JOURNEYS_OLDEST = Gauge "sangam.journeys.oldest.age", "s", [("state", Values::Words(states))],
        "Age of the oldest of these journeys, by state.";
    POLL_DELAY = Gauge "sangam.poll.delay", "s", [PROVIDER],
        "How long the most overdue poll of a provider's journeys has been due; 0 if none is. A provider that does not answer delays only its own.";
    JOURNEYS_LATE = Gauge "sangam.journeys.look.delay", "s", [],
        "How long the most overdue look is overdue; 0 if none is.";
    INBOX = Gauge "sangam.inbox.messages", "{message}", [("state", Values::Words(words::<Waiting>))],
        "Messages of providers that wait to be applied. Every replica tells the same number.";
    INBOX_OLDEST = Gauge "sangam.inbox.oldest.age", "s", [("state", Values::Words(words::<Waiting>))],
        "Age of the oldest of these messages.";
    WEBHOOKS = Counter "sangam.webhook.requests", "{request}",
        [PROVIDER, ("outcome", Values::Words(words::<Received>))],
        "Requests to the webhook listener, by what became of them.";
    WEBHOOKS_APPLIED = Counter "sangam.webhook.messages", "{message}", [("outcome", Values::Words(words::<Applied>))],
        "Kept messages that were tried, by what became of them.";
    DELIVERIES = Counter "sangam.deliveries", "{delivery}",
        [("kind", Values::Words(words::<DeliveryWord>)), ("outcome", Values::Words(words::<Heard>))],
        "Withdrawals and deletions that were told to providers, by whether they were heard. A failed one is tried again.";
    PURGED = Counter "sangam.purge.removed", "{item}", [],
        "What was removed because its date had come.";
    OVERDUE = Gauge "sangam.purge.overdue", "{item}", [],
        "What should have been removed and is still there. Must be 0. Every replica tells the same number.";
    AUDIT_WAITING = Gauge "sangam.audit.waiting", "{record}", [],
        "Records that wait to be written to the audit log; beyond 10,000 they are refused or lost.";
    AUDIT_LOST = Counter "sangam.audit.lost", "{record}", [],
        "Records of what came of an act that could not be written. Must be 0; nothing was done for a caller without its record.";
    STORE_UP = Gauge "sangam.store.up", "", [],
        "1 while the store answers and commits writes, else 0. A failed write sets it to 0; without other writes a small one is made every ten seconds.";
    STORE_PING = Histogram "sangam.store.ping.duration", "s", [],
        "How long the store takes to answer the smallest question; asked every second, sometimes with a small write.";
    STORE_CONNECTIONS = Gauge "sangam.store.connections", "{connection}",
        [("state", Values::Words(words::<ConnectionState>))],
        "Connections to the store.";
    STORE_CONNECTIONS_MAX = Gauge "sangam.store.connections.max", "{connection}", [],
        "Connections to the store that may be open.";
}

fn states() -> Vec<&'static str> {
    (1..).map_while(|number| JourneyState::try_from(number).ok()).map(state_word).collect()
}

/// A journey's state as a label has it.
pub fn state_word(state: JourneyState) -> &'static str {
    state.as_str_name().trim_start_matches("JOURNEY_STATE_")
}

impl Metric {
    /// Its name at /metrics.
    pub fn prometheus(&self) -> String {
        let unit = match self.unit {
            "s" => "_seconds",
            "By" => "_bytes",
            _ => "",
        };
        let total = if self.kind == Kind::Counter { "_total" } else { "" };
        format!("{}{unit}{total}", self.name.replace('.', "_"))
    }
}

impl Values {
    /// For people.
    fn told(self) -> String {
        match self {
            Self::Words(words) => words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
            Self::Rpc => "an rpc such as `sangam.v1.JourneyService/GetStatus`, or `unknown`".to_owned(),
            Self::Operation => "the adapter's name of the call, such as `requestconsent`".to_owned(),
            Self::Configured => "the name in the configuration".to_owned(),
            Self::Version => "such as `0.1.0`".to_owned(),
        }
    }
}

/// The text of `docs/metrics.md`.
pub fn markdown() -> String {
    let mut text = String::from(INTRODUCTION);
    for metric in ALL {
        let kind = format!("{:?}", metric.kind).to_lowercase();
        let unit = if metric.unit.is_empty() { String::new() } else { format!(", unit `{}`", metric.unit) };
        text += &format!("\n## `{}`\n\n`{}`, {kind}{unit}. {}\n", metric.prometheus(), metric.name, metric.description);
        if !metric.labels.is_empty() {
            text += "\n| label | values |\n| --- | --- |\n";
        }
        for (label, values) in metric.labels {
            text += &format!("| `{}` | {} |\n", label.replace('.', "_"), values.told());
        }
    }
    text
}

const INTRODUCTION: &str = "# Metrics

What the gateway measures of itself. The same numbers leave it in two ways: `GET /metrics` of `listen.admin`, for Prometheus, and OTLP over
gRPC to `telemetry.otlp_endpoint`, if one is set. The headings are the names at `/metrics`; behind each stands the name by OTLP. Names
and units follow the semantic conventions of OpenTelemetry where there is one. Labels hold words of closed sets only: nothing that a
caller, a customer or a provider sends becomes one. What every replica tells alike is to be read with `max`, not `sum`.

The alerts of the chart and what to do about each are in [runbooks](runbooks). This page is written from
`src/telemetry/metrics/table.rs`: `SANGAM_WRITE_DOCS=1 cargo test --test it metrics::documented`.
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_once_and_none_says_total_by_itself() {
        for (place, metric) in ALL.iter().enumerate() {
            assert!(ALL[place + 1..].iter().all(|other| other.name != metric.name), "{}", metric.name);
            assert!(!metric.name.ends_with("total") && !metric.description.is_empty());
        }
        assert_eq!(PROVIDER_ATTEMPTS.prometheus(), "sangam_provider_attempts_total");
        assert_eq!(RPC_DURATION.prometheus(), "rpc_server_call_duration_seconds");
    }
}
