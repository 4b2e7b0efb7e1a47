//! Which log lines are written.

use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing_subscriber::{EnvFilter, filter::ParseError};

/// Reads directives such as `info,sangam=debug`.
///
/// # Errors
/// When they are none.
pub fn parse(directives: &str) -> Result<EnvFilter, ParseError> {
    EnvFilter::try_new(within(directives, STATIC_MAX_LEVEL))
}

/// The directives with no level beyond what this build has lines of. The library writes a warning about such a one to standard error,
/// which is no JSON and belongs to the log.
fn within(directives: &str, most: LevelFilter) -> String {
    if most == LevelFilter::TRACE {
        return directives.to_owned();
    }
    let within = |directive: &str| {
        let is_beyond = |level: &str| level.trim().eq_ignore_ascii_case("trace");
        match directive.rsplit_once('=') {
            Some((target, level)) if is_beyond(level) => format!("{target}={most}"),
            None if is_beyond(directive) => most.to_string(),
            // A target alone stands for all of its lines.
            None if !directive.trim().is_empty() && directive.trim().parse::<LevelFilter>().is_err() => {
                format!("{directive}={most}")
            }
            _ => directive.to_owned(),
        }
    };
    directives.split(',').map(within).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_level_is_beyond_what_there_is() {
        for (asked, expected) in [
            ("trace", "debug"),
            ("info,sangam=TRACE", "info,sangam=debug"),
            ("warn,h2", "warn,h2=debug"),
            ("info,sangam=debug,h2=off", "info,sangam=debug,h2=off"),
            ("ERROR", "ERROR"),
            ("", ""),
        ] {
            assert_eq!(within(asked, LevelFilter::DEBUG), expected);
            assert_eq!(within(asked, LevelFilter::TRACE), asked);
        }
        assert!(parse("info,sangam=trace").is_ok() && parse("sangam=loud").is_err());
    }
}
