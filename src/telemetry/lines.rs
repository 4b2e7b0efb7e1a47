//! Writes one JSON object a line, with the trace it belongs to and the call's id, through the rule of `redact`.

use std::{fmt, io::Write};

use jiff::Timestamp;
use opentelemetry::trace::TraceContextExt;
use serde_json::{Map, Value};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{
    Layer,
    fmt::MakeWriter,
    layer::Context,
    registry::{LookupSpan, Scope},
};

use super::redact;

/// See the module.
#[derive(Debug)]
pub struct JsonLines<W>(W);

impl<W> JsonLines<W> {
    /// Lines to a writer.
    pub fn new(writer: W) -> Self {
        Self(writer)
    }
}

/// What may be shown of a span's or event's fields.
struct Shown<'a> {
    metadata: &'a Metadata<'a>,
    fields: Map<String, Value>,
    message: Option<String>,
    left_out: u64,
}

impl<'a> Shown<'a> {
    fn of(metadata: &'a Metadata<'a>) -> Self {
        Self { metadata, fields: Map::new(), message: None, left_out: 0 }
    }

    fn put(&mut self, field: &Field, value: impl FnOnce() -> Value) {
        if redact::may_show(self.metadata, field.name()) {
            self.fields.insert(field.name().to_owned(), value());
        } else if !field.name().starts_with("otel.") && !field.name().starts_with("log.") {
            self.left_out += 1;
        }
    }
}

impl Visit for Shown<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, || value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, || value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, || value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, || value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            self.put(field, || format!("{value:?}").into());
        } else if redact::may_say(self.metadata) {
            self.message = Some(format!("{value:?}"));
        }
    }
}

/// A span's fields, kept until it closes.
struct SpanFields(Map<String, Value>);

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut shown = Shown::of(attributes.metadata());
        attributes.record(&mut shown);
        span.extensions_mut().insert(SpanFields(shown.fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut shown = Shown::of(span.metadata());
        values.record(&mut shown);
        if let Some(SpanFields(fields)) = span.extensions_mut().get_mut() {
            fields.extend(shown.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut shown = Shown::of(metadata);
        event.record(&mut shown);
        let mut line = Map::new();
        line.insert("time".to_owned(), Timestamp::now().to_string().into());
        line.insert("level".to_owned(), metadata.level().as_str().into());
        line.insert("target".to_owned(), metadata.target().into());
        if let Some(message) = shown.message {
            line.insert("message".to_owned(), message.into());
        }
        if shown.left_out > 0 {
            line.insert("fields_left_out".to_owned(), shown.left_out.into());
        }
        add_trace(&mut line);
        add_spans(&mut line, context.event_scope(event));
        // The event's own fields win over those of its spans.
        line.extend(shown.fields);
        let mut bytes = serde_json::to_vec(&Value::Object(line)).unwrap_or_default();
        bytes.push(b'\n');
        // In one write, so that lines of two threads do not mix; a log that cannot be written has nowhere to say so.
        let _ = self.0.make_writer_for(metadata).write_all(&bytes);
    }
}

/// The ids of the current OpenTelemetry span, which entering a span has made current.
fn add_trace(line: &mut Map<String, Value>) {
    let context = opentelemetry::Context::current();
    let span = context.span();
    let ids = span.span_context();
    if ids.is_valid() {
        line.insert("trace_id".to_owned(), ids.trace_id().to_string().into());
        line.insert("span_id".to_owned(), ids.span_id().to_string().into());
    }
}

fn add_spans<S: for<'span> LookupSpan<'span>>(line: &mut Map<String, Value>, scope: Option<Scope<'_, S>>) {
    for span in scope.into_iter().flat_map(Scope::from_root) {
        if let Some(SpanFields(fields)) = span.extensions().get() {
            line.extend(fields.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;

    use super::*;
    use crate::telemetry::{provider, redact::CaptureWriter, subscriber};

    fn lines_of(filter: &str, work: impl FnOnce()) -> (String, Vec<Value>) {
        let writer = CaptureWriter::default();
        let provider = provider("test").build();
        with_default(subscriber(filter, writer.clone(), &provider).unwrap(), work);
        let text = writer.text();
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (text, lines)
    }

    #[test]
    fn a_line_inside_a_span_carries_trace_and_call_id() {
        let (_, lines) = lines_of("info", || {
            tracing::info!("outside");
            let span = tracing::info_span!("rpc", call_id = "c-1", kind = tracing::field::Empty);
            span.record("kind", "late");
            span.in_scope(|| tracing::info!(count = 3, hit = true, "inside"));
        });
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].get("trace_id"), None);
        assert_eq!(lines[1]["message"], "inside");
        assert_eq!((&lines[1]["call_id"], &lines[1]["kind"]), (&"c-1".into(), &"late".into()));
        assert_eq!((&lines[1]["count"], &lines[1]["hit"]), (&3.into(), &true.into()));
        assert_eq!(lines[1]["trace_id"].as_str().unwrap().len(), 32);
        assert_eq!(lines[1]["span_id"].as_str().unwrap().len(), 16);
    }

    #[test]
    fn planted_personal_values_never_occur_whoever_logs_them() {
        let planted = ["AAAPA0001A", "9000000001", "Asha Rao", "https://bank.example/?x=1"];
        let (text, lines) = lines_of("trace", || {
            let span = tracing::info_span!("rpc", pan = planted[0], rpc.method = "GetStatus");
            span.in_scope(|| tracing::warn!(mobile = planted[1], holder = ?planted[2], "one of ours"));
            tracing::warn!(target: "hyper::proto", error = planted[3], code = planted[1], "from a library");
            tracing::debug!(target: "h2::codec", "header {}", planted[2]);
        });
        for value in planted {
            assert!(!text.contains(value), "{value} in {text}");
        }
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["fields_left_out"], 2);
        assert_eq!(lines[0]["rpc.method"], "GetStatus");
        assert_eq!(lines[1]["message"], "from a library");
        assert_eq!(lines[2].get("message"), None);
    }
}
