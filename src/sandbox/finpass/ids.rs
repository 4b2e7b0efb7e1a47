//! Ids of the documented forms.

use jiff::Timestamp;
use uuid::Uuid;

fn hex(length: usize) -> String {
    let text = Uuid::new_v4().simple().to_string();
    text.get(..length).unwrap_or(&text).to_owned()
}

/// A plain session: `aa_`, eight hexadecimal digits of Unix time, `_`, 24 more.
pub fn plain_client(now: Timestamp) -> String {
    format!("aa_{:08x}_{}", now.as_second(), hex(24))
}

/// An AA-BSA session: `bsa_clnt_` and twelve characters.
pub fn analyser_client() -> String {
    format!("bsa_clnt_{}", hex(12))
}

/// A data request: the prefix of the product behind Finpass, twenty letters, `_`, eight characters. It tells nothing of its session.
pub fn request() -> String {
    let letters: String = Uuid::new_v4().as_bytes().iter().chain(Uuid::new_v4().as_bytes()).take(20).map(letter).collect();
    format!("account_aggregator_v2_{letters}_{}", hex(8))
}

fn letter(byte: &u8) -> char {
    let letter = char::from(b'a' + byte % 26);
    if byte & 0x80 == 0 { letter } else { letter.to_ascii_uppercase() }
}

/// The token of a link.
pub fn token() -> String {
    format!("{}{}", hex(32), hex(32))
}
