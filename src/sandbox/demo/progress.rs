//! Lines that tell how it goes.

use std::{
    io::{self, IsTerminal, Write},
    time::Instant,
};

/// Prints progress with the time since the start.
#[derive(Debug)]
pub(in crate::sandbox) struct Progress {
    begin: Instant,
    coloured: bool,
    silent: bool,
}

impl Progress {
    /// Begins now; coloured if it prints on a terminal.
    pub(in crate::sandbox) fn start() -> Self {
        Self { begin: Instant::now(), coloured: io::stdout().is_terminal(), silent: false }
    }

    /// Begins now, and says nothing.
    pub(in crate::sandbox) fn silent() -> Self {
        Self { begin: Instant::now(), coloured: false, silent: true }
    }

    /// One line about one journey. A line that cannot be printed is no reason to stop.
    pub(in crate::sandbox) fn say(&self, label: &str, what: &str) {
        if self.silent {
            return;
        }
        let seconds = self.begin.elapsed().as_secs_f64();
        let line = if self.coloured {
            format!("\x1b[2m{seconds:6.2} s\x1b[0m  \x1b[1m{label:<20}\x1b[0m  {what}")
        } else {
            format!("{seconds:6.2} s  {label:<20}  {what}")
        };
        let _ = writeln!(io::stdout(), "{line}");
    }

    /// How long it took, as a sentence.
    pub(in crate::sandbox) fn total(&self) -> String {
        format!("It took {:.1} s.", self.begin.elapsed().as_secs_f64())
    }
}
