//! Writes one JSON object a line, with the trace it belongs to and the call's id, through the rule of `redact`.

use std::{
    fmt,
    io::{self, Write},
    ops::Range,
};

use jiff::Timestamp;
use opentelemetry::trace::TraceContextExt;
use serde::Serialize;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};
use tracing_subscriber::{Layer, fmt::MakeWriter, layer::Context, registry::LookupSpan};

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

/// Members of a JSON object, each encoded once, as it comes.
#[derive(Debug, Default)]
struct Members {
    values: Vec<u8>,
    places: Vec<(&'static str, Range<usize>)>,
}

impl Members {
    /// Sets a member; the later value wins.
    fn set(&mut self, name: &'static str, value: &(impl Serialize + ?Sized)) {
        let begin = self.values.len();
        if value.serialize(&mut serde_json::Serializer::with_formatter(&mut self.values, Plain)).is_err() {
            self.values.truncate(begin);
            return;
        }
        let place = begin..self.values.len();
        match self.places.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = place,
            None => self.places.push((name, place)),
        }
    }

    /// Adds the members of a span around it. What is there already wins.
    fn add_outer(&mut self, outer: &Self) {
        for (name, place) in &outer.places {
            if self.places.iter().all(|(known, _)| known != name) {
                let begin = self.values.len();
                self.values.extend_from_slice(outer.values.get(place.clone()).unwrap_or_default());
                self.places.push((name, begin..self.values.len()));
            }
        }
    }

    /// The object, with the end of its line.
    fn line(&self) -> Vec<u8> {
        let mut line = Vec::with_capacity(self.values.len() + 32 * self.places.len());
        for (name, place) in &self.places {
            line.push(if line.is_empty() { b'{' } else { b',' });
            // The names are ours: words and dots, with nothing to escape.
            line.push(b'"');
            line.extend_from_slice(name.as_bytes());
            line.extend_from_slice(b"\":");
            line.extend_from_slice(self.values.get(place.clone()).unwrap_or_default());
        }
        line.extend_from_slice(b"}\n");
        line
    }
}

/// JSON without any character that ends a line, moves a cursor or turns the direction of writing for whoever reads the log: JSON itself asks
/// for no escape of them beyond ASCII.
struct Plain;

impl serde_json::ser::Formatter for Plain {
    fn write_string_fragment<W: Write + ?Sized>(&mut self, to: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some(at) = rest.find(acts) {
            let (plain, from) = rest.split_at(at);
            to.write_all(plain.as_bytes())?;
            let mut letters = from.chars();
            if let Some(letter) = letters.next() {
                write!(to, "\\u{:04x}", u32::from(letter))?;
            }
            rest = letters.as_str();
        }
        to.write_all(rest.as_bytes())
    }
}

/// Whether a character does something instead of being read. All of them have four hexadecimal digits at most.
fn acts(letter: char) -> bool {
    let directs =
        matches!(letter, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
    letter.is_control() || directs
}

/// Takes over what may be shown of a span's or event's fields.
struct Shown<'a> {
    metadata: &'a Metadata<'a>,
    members: &'a mut Members,
    left_out: u64,
}

impl<'a> Shown<'a> {
    fn of(metadata: &'a Metadata<'a>, members: &'a mut Members) -> Self {
        Self { metadata, members, left_out: 0 }
    }

    fn put(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if redact::may_show(self.metadata, field.name()) {
            self.members.set(field.name(), value);
        } else if !field.name().starts_with("otel.") && !field.name().starts_with("log.") {
            self.left_out += 1;
        }
    }
}

impl Visit for Shown<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() != "message" {
            self.put(field, &format_args!("{value:?}"));
        } else if redact::may_say(self.metadata) {
            self.members.set("message", &format_args!("{value:?}"));
        }
    }
}

impl<S, W> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'a> MakeWriter<'a> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut members = Members::default();
        attributes.record(&mut Shown::of(attributes.metadata(), &mut members));
        span.extensions_mut().insert(members);
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if let Some(members) = span.extensions_mut().get_mut::<Members>() {
            values.record(&mut Shown::of(span.metadata(), members));
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let metadata = event.metadata();
        let mut members = Members::default();
        members.set("time", &Timestamp::now());
        members.set("level", metadata.level().as_str());
        members.set("target", metadata.target());
        let mut shown = Shown::of(metadata, &mut members);
        event.record(&mut shown);
        let left_out = shown.left_out;
        if left_out > 0 {
            members.set("fields_left_out", &left_out);
        }
        add_trace(&mut members);
        // From the innermost span outwards.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get() {
                members.add_outer(outer);
            }
        }
        // In one write, so that lines of two threads do not mix; a log that cannot be written has nowhere to say so.
        let _ = self.0.make_writer_for(metadata).write_all(&members.line());
    }
}

/// The ids of the current OpenTelemetry span, which entering a span has made current.
fn add_trace(members: &mut Members) {
    opentelemetry::Context::map_current(|context| {
        let span = context.span();
        let ids = span.span_context();
        if ids.is_valid() {
            members.set("trace_id", &format_args!("{}", ids.trace_id()));
            members.set("span_id", &format_args!("{}", ids.span_id()));
        }
    });
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use tracing::subscriber::with_default;

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

    /// Texts that try to end a line, to begin another, to add a member, or to do something to whoever reads them.
    const HOSTILE: [&str; 16] = [
        "a\n{\"level\":\"ERROR\",\"message\":\"forged\"}",
        "a\r\n{\"forged\":true}",
        "\",\"forged\":\"",
        "\"},{\"forged\":\"",
        "\\",
        "\\\"",
        "\u{1b}[2J\u{1b}[31mforged",
        "\u{9b}2Jforged",
        "a\u{85}forged",
        "a\u{2028}forged\u{2029}",
        "a\u{b}\u{c}forged",
        "\u{202e}degrof\u{202c}",
        "\u{2066}x\u{2069}",
        "\u{feff}\u{200b}\u{200f}",
        "\0\u{7f}\u{8}\u{8}",
        "\u{fffd}\u{10ffff}",
    ];

    #[test]
    fn no_text_makes_a_second_line_or_another_field() {
        for text in HOSTILE {
            let (written, lines) = lines_of("trace", || {
                let span = tracing::info_span!("rpc", rpc.method = text, kind = ?text, provider_code = tracing::field::Empty);
                span.record("provider_code", text);
                span.in_scope(|| {
                    tracing::warn!(error = text, "as a text");
                    tracing::warn!(error = %text, detail = ?text, "as shown");
                    tracing::warn!("{text}");
                    tracing::warn!(target: "hyper::proto", "{text}");
                    tracing::warn!(target: "hyper::proto", error = text, forged = text, "of a library");
                });
            });
            assert_eq!(lines.len(), 5, "{text:?}");
            assert_eq!(written.matches('\n').count(), 5, "{text:?}");
            let acting = written.chars().find(|letter| super::acts(*letter) && *letter != '\n');
            assert_eq!(acting, None, "{text:?}");
            for line in &lines {
                assert_eq!((line["level"].as_str(), line.get("forged")), (Some("WARN"), None), "{text:?}");
                assert_eq!((&line["rpc.method"], &line["provider_code"]), (&text.into(), &text.into()));
            }
            assert_eq!((&lines[0]["error"], &lines[1]["error"]), (&text.into(), &text.into()), "a reader gets the text back");
            assert_eq!((&lines[2]["message"], &lines[3]["message"]), (&text.into(), &text.into()));
            assert_eq!(lines[4]["fields_left_out"], 2);
        }
    }
}
