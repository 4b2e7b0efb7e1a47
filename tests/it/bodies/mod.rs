//! Bodies of financial data as banks really write them: damaged texts, numbers of every form, other spellings, keys that are documented
//! nowhere. Each documented body goes through the adapter that reads it.

use std::{fs, path::Path};

use prost::Message;
use sangam::{
    data::{ReadContext, Rows, completeness::Asked},
    journey::model::Customer,
    pb::{FetchDataResponse, QualityCode, QualityFlag},
    providers::{error::ProviderError, finpass, finpro},
    seal::KeyedHash,
};
use serde_json::Value;

mod absence;
mod cases;
mod damaged;
mod numbers;
mod rebit;
mod respelt;
mod served;
mod spelling;
mod unknown_keys;
mod wrong_shapes;

type Read = fn(&[u8], &ReadContext<'_>) -> Result<Rows, ProviderError>;

/// A documented body, and where in it a row stands.
#[derive(Clone, Copy)]
pub struct Documented {
    pub file: &'static str,
    pub account: &'static str,
    pub row: &'static str,
    /// The keys of amount, balance, text and the bank's id in a row.
    pub keys: [&'static str; 4],
    read: Read,
}

pub const BODIES: [Documented; 4] = [
    Documented {
        file: "it/documented/finpro_data.json",
        account: "/data/0",
        row: "/data/0/Transactions/Transaction/0",
        keys: ["amount", "currentBalance", "narration", "txnId"],
        read: |body, context| finpro::data::read("consent", body, context),
    },
    Documented {
        file: "it/documented/finpro_pdf_data.json",
        account: "/data/0",
        row: "/data/0/Transactions/Transaction/0",
        keys: ["amount", "currentBalance", "narration", "txnId"],
        read: |body, context| finpro::data::read("orchestration", body, context),
    },
    Documented {
        file: "it/documented/finpass_report.json",
        account: "/data/account_aggregator_json/0",
        row: "/data/account_aggregator_json/0/transaction_data/transaction_details/0",
        keys: ["amount", "transactional_balance", "narration", "transaction_id"],
        read: |body, context| finpass::data::read("account_aggregator", body, context),
    },
    Documented {
        file: "it/documented/finpass_bsa_result.json",
        account: "/data/accounts/0",
        row: "/data/accounts/0/transactions/0",
        keys: ["amount", "balance", "description", "transaction_id"],
        read: |body, context| finpass::data::read("aa_bsa", body, context),
    },
];

/// The text of a file below `tests`.
pub fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(name)).unwrap()
}

impl Documented {
    /// The body.
    pub fn body(&self) -> Value {
        serde_json::from_str(&file(self.file)).unwrap()
    }

    /// The body with a value in its first row. `value` is JSON, or nearly.
    pub fn with(&self, key: usize, value: &str) -> Vec<u8> {
        let mut body = self.body();
        body.pointer_mut(self.row).unwrap()[self.keys[key]] = Value::from("<here>");
        body.to_string().replace("\"<here>\"", value).into_bytes()
    }

    /// All that comes out of a body.
    pub fn rows(&self, body: &[u8]) -> Result<Rows, ProviderError> {
        self.rows_of(body, Asked::default())
    }

    /// The same of a fetch that was asked for these days.
    pub fn rows_of(&self, body: &[u8], asked: Asked) -> Result<Rows, ProviderError> {
        let context = ReadContext {
            fetch_id: "fch_1",
            consent_id: "cns_1",
            ids: &KeyedHash::new(b"test"),
            applicant: &Customer::default(),
            received_at: "2026-12-01T10:00:00Z".parse().unwrap(),
            asked,
        };
        (self.read)(body, &context)
    }

    /// The same as messages.
    pub fn page(&self, body: &[u8]) -> FetchDataResponse {
        let rows = self.rows(body).unwrap_or_else(|error| panic!("{}: {error}: {}", self.file, body.escape_ascii()));
        FetchDataResponse::decode(rows.bytes).unwrap()
    }
}

/// The flags of a code, by their paths.
pub fn flagged(flags: &[QualityFlag], code: QualityCode) -> Vec<&str> {
    flags.iter().filter(|flag| flag.code() == code).map(|flag| flag.field_path.as_str()).collect()
}
