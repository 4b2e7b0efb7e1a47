//! Which span has caused what is done later, by another task: a message's arrival its application, and that the look which it wakes. They
//! are no parents, for one look may answer to many messages; a link says so.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use opentelemetry::trace::{SpanContext, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Beyond so many that nobody has taken, all are forgotten: a missing link costs nothing but itself.
const MOST: usize = 4_096;

/// See the module.
#[derive(Debug, Default)]
pub struct Links(Mutex<HashMap<String, SpanContext>>);

impl Links {
    /// The span has caused what will be done under this id.
    pub fn remember(&self, id: &str, span: &Span) {
        let context = span.context().span().span_context().clone();
        if !context.is_sampled() {
            return;
        }
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.clear();
        }
        known.insert(id.to_owned(), context);
    }

    /// Links a span to what has caused it.
    pub fn link(&self, id: &str, span: &Span) {
        let cause = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        if let Some(cause) = cause {
            span.add_link(cause);
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;

    use super::*;
    use crate::telemetry::{provider, redact::CaptureWriter, subscriber};

    #[test]
    fn a_cause_is_taken_once_and_what_nobody_takes_is_forgotten() {
        let provider = provider("test").build();
        with_default(subscriber("info", CaptureWriter::default(), &provider).unwrap(), || {
            let links = Links::default();
            let cause = tracing::info_span!("cause");
            links.remember("one", &cause);
            let taken = || links.0.lock().unwrap().len();
            assert_eq!(taken(), 1);
            links.link("one", &tracing::info_span!("effect"));
            assert_eq!(taken(), 0);
            for number in 0..2 * MOST {
                links.remember(&number.to_string(), &cause);
            }
            assert!(taken() <= MOST);
        });
    }
}
