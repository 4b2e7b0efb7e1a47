//! What this process logs, watched for what was planted.

use std::{
    io::Write,
    sync::{Mutex, Once},
};

use sangam::telemetry;
use tracing_subscriber::fmt::MakeWriter;

use crate::hostile_server::PLANTED;

/// Lines that tell something planted, and the warnings.
static SEEN: Mutex<(Vec<String>, Vec<String>)> = Mutex::new((Vec::new(), Vec::new()));

/// Looks through each line and keeps the last of the warnings.
struct Watch;

impl Write for &Watch {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(line).into_owned();
        let mut seen = SEEN.lock().unwrap();
        if PLANTED.iter().any(|planted| text.contains(planted)) {
            seen.0.push(text.clone());
        }
        if text.contains("\"WARN\"") {
            seen.1.push(text);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Watch {
    type Writer = &'a Watch;
    fn make_writer(&'a self) -> &'a Watch {
        self
    }
}

/// Begins to watch, for the whole process: the gateway's work runs on threads of its own.
pub(super) fn watch() {
    static BEGIN: Once = Once::new();
    BEGIN.call_once(|| {
        let spans = telemetry::provider("test").build();
        let subscriber = telemetry::subscriber("info,sangam=trace", Watch, &spans).unwrap();
        tracing::subscriber::set_global_default(subscriber).unwrap();
    });
}

/// Nothing planted was logged so far, and a line with this message was: the watch sees.
pub(super) fn assert_clean_with(message: &str) {
    let seen = SEEN.lock().unwrap();
    assert!(seen.0.is_empty(), "logged: {:?}", seen.0.first());
    assert!(seen.1.iter().any(|line| line.contains(message)), "no line {message:?} in {:?}", seen.1.last());
}

/// The warnings so far that hold a text.
pub(super) fn lines_with(text: &str) -> Vec<String> {
    SEEN.lock().unwrap().1.iter().filter(|line| line.contains(text)).cloned().collect()
}

/// No warning so far holds a text.
pub(super) fn assert_free_of(text: &str) {
    assert!(lines_with(text).is_empty(), "logged: {:?}", lines_with(text));
}
