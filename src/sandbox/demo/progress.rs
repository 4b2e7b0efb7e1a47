//! Lines that tell how it goes.

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

/// Prints progress with the time since the start.
#[derive(Debug)]
pub(super) struct Progress {
    begin: Instant,
    coloured: bool,
}

impl Progress {
    /// Begins now; coloured if it prints on a terminal.
    pub(super) fn start() -> Self {
        Self { begin: Instant::now(), coloured: io::stdout().is_terminal() }
    }

    /// One line about one journey. A line that cannot be printed is no reason to stop.
    pub(super) fn say(&self, label: &str, what: &str) {
        let seconds = self.begin.elapsed().as_secs_f64();
        let line = if self.coloured {
            format!("\x1b[2m{seconds:6.2} s\x1b[0m  \x1b[1m{label:<20}\x1b[0m  {what}")
        } else {
            format!("{seconds:6.2} s  {label:<20}  {what}")
        };
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// How long it took, as a sentence.
    pub(super) fn total(&self) -> String {
        format!("It took {:.1} s.", self.begin.elapsed().as_secs_f64())
    }
}
