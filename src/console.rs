//! Standard output of the commands. The standard library's `println!` panics when the reader has gone, as in `sangam defaults | head -1`.

use std::{
    fmt::Arguments,
    io::{ErrorKind, Write, stdout},
};

/// Writes text to standard output. If the reader has gone, the rest of the output is dropped and the command goes on to its own exit
/// code; any other failure is reported on standard error.
pub fn write(text: Arguments<'_>) {
    let mut out = stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush())
        && error.kind() != ErrorKind::BrokenPipe
    {
        eprintln!("sangam: failed to write to standard output: {}", error.kind());
    }
}

/// Writes one line to standard output; see [`write`].
#[macro_export]
macro_rules! say {
    ($($part:tt)*) => {
        $crate::console::write(format_args!("{}\n", format_args!($($part)*)))
    };
}
