//! Secrets come from files or from the environment, never from the configuration file itself.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;

use super::faults::Faults;

/// Where a secret is. Exactly one of the two is set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SecretSource {
    /// A file that holds the secret; white space around it is dropped.
    pub file: Option<PathBuf>,
    /// The name of an environment variable that holds it.
    pub env: Option<String>,
}

impl SecretSource {
    /// A secret in a file.
    pub fn from_file(path: impl Into<PathBuf>) -> Self {
        Self { file: Some(path.into()), env: None }
    }

    /// Reads the secret; notes why it cannot be read.
    pub fn load(&self, path: &str, faults: &mut Faults) -> Option<SecretString> {
        let text = match (&self.file, &self.env) {
            (Some(file), None) => std::fs::read_to_string(file)
                .map_err(|error| format!("the file {} cannot be read: {}", file.display(), error.kind())),
            (None, Some(name)) => std::env::var(name).map_err(|_| format!("the environment variable {name} is not set")),
            _ => Err("set exactly one of `file` and `env`".to_owned()),
        };
        let text = text
            .map(|text| text.trim().to_owned())
            .and_then(|text| if text.is_empty() { Err("the secret is empty".to_owned()) } else { Ok(text) });
        match text {
            Ok(text) => Some(SecretString::from(text)),
            Err(message) => {
                faults.add(path, message);
                None
            }
        }
    }
}
