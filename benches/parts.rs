//! What reading a large body costs, against plain parsing of the same body. Rounds are interleaved and medians of processor time are
//! compared, so that the ratios hold on a busy machine too.
#![allow(missing_docs, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[path = "shared/body.rs"]
mod body;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sangam::{
    data::{ReadContext, ids::Ordinal},
    journey::model::Customer,
    providers::finpro::data,
    seal::KeyedHash,
};

const ROUNDS: usize = 31;
/// Parse and encode against the plain parse.
const P4A_BOUND: f64 = 0.90;

/// The same body as structs that own their text: what one writes without thinking of speed.
mod plain {
    use serde::Deserialize;

    #[derive(Deserialize)]
    #[allow(dead_code)]
    pub struct Envelope {
        pub ver: Option<String>,
        pub status: Option<String>,
        pub message: Option<String>,
        pub data: Vec<Account>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    pub struct Account {
        pub link_reference_number: String,
        pub masked_account_number: String,
        pub fi_type: String,
        pub bank: Option<String>,
        #[serde(rename = "Profile")]
        pub profile: Profile,
        #[serde(rename = "Summary")]
        pub summary: Summary,
        #[serde(rename = "Transactions")]
        pub transactions: Transactions,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    pub struct Profile {
        #[serde(rename = "Holders")]
        pub holders: Holders,
    }

    #[derive(Deserialize)]
    #[allow(dead_code)]
    pub struct Holders {
        #[serde(rename = "type")]
        pub kind: Option<String>,
        #[serde(rename = "Holder")]
        pub holder: Vec<Holder>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    pub struct Holder {
        pub name: Option<String>,
        pub dob: Option<String>,
        pub mobile: Option<String>,
        pub nominee: Option<String>,
        pub landline: Option<String>,
        pub address: Option<String>,
        pub email: Option<String>,
        pub pan: Option<String>,
        pub ckyc_compliance: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    pub struct Summary {
        pub current_balance: Option<String>,
        pub currency: Option<String>,
        pub balance_date_time: Option<String>,
        #[serde(rename = "type")]
        pub kind: Option<String>,
        pub branch: Option<String>,
        pub facility: Option<String>,
        pub ifsc_code: Option<String>,
        pub micr_code: Option<String>,
        pub opening_date: Option<String>,
        pub status: Option<String>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    pub struct Transactions {
        pub start_date: Option<String>,
        pub end_date: Option<String>,
        #[serde(rename = "Transaction")]
        pub transaction: Vec<Transaction>,
    }

    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    #[allow(dead_code)]
    pub struct Transaction {
        #[serde(rename = "type")]
        pub kind: String,
        pub mode: Option<String>,
        pub amount: String,
        pub current_balance: Option<String>,
        pub transaction_timestamp: String,
        pub value_date: Option<String>,
        pub txn_id: Option<String>,
        pub narration: Option<String>,
        pub reference: Option<String>,
    }
}

/// What the work takes of the processor; of the clock, where the system does not tell.
fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let (cpu, start) = (cpu(), Instant::now());
    let value = black_box(run());
    let took = cpu.zip(self::cpu()).map_or_else(|| start.elapsed(), |(before, after)| after - before);
    drop(value);
    took
}

/// The processor time of this thread so far. Yielding makes the kernel bring its count up to date.
fn cpu() -> Option<Duration> {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(text.split(' ').next()?.parse().ok()?))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let body = body::body();
    let hash = KeyedHash::new(b"bench");
    let applicant = Customer::default();
    let context = ReadContext {
        fetch_id: "fch_1",
        consent_id: "cns_1",
        ids: &hash,
        applicant: &applicant,
        received_at: Timestamp::UNIX_EPOCH,
        asked: Default::default(),
    };
    let [mut plain, mut parts, mut whole] = [const { Vec::new() }; 3];
    for _ in 0..ROUNDS {
        plain.push(timed(|| serde_json::from_slice::<plain::Envelope>(&body).expect("the body is valid")));
        parts.push(timed(|| data::read_with("consent", &body, &context, &mut Ordinal::default()).expect("the body is valid")));
        whole.push(timed(|| data::read("consent", &body, &context).expect("the body is valid")));
    }
    let rows = data::read("consent", &body, &context).expect("the body is valid");
    let [plain, parts, whole] = [plain, parts, whole].map(median);
    let ratio = |time: Duration| time.as_secs_f64() / plain.as_secs_f64();
    println!(
        "body {} bytes, {} rows, {} bytes encoded; plain parse {plain:.2?}",
        body.len(),
        rows.transactions,
        rows.bytes.len()
    );
    println!("P4a = {:.2} (bound {P4A_BOUND:.2})  parse and encode {parts:.2?}", ratio(parts));
    println!("P4b = {:.2}  with keyed ids and duplicates {whole:.2?}", ratio(whole));
}
