//! What reading a large body costs, against plain parsing of the same body. Rounds are interleaved and medians are compared, so that the
//! ratios hold on a busy machine too.
#![allow(missing_docs, clippy::expect_used)]

use std::{
    fmt::Write as _,
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

const BODY: usize = 10_000_000;
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

/// Three accounts of the same customer with rows over two years, until the body is large enough.
fn body() -> Vec<u8> {
    let mut out = String::with_capacity(BODY + 10_000);
    out.push_str(r#"{"ver":"1.21.0","status":"success","data":["#);
    for account in 1..=3_usize {
        if account > 1 {
            out.push(',');
        }
        let _ = write!(
            out,
            r#"{{"linkReferenceNumber":"00000000-0000-4000-8000-{account:012}","maskedAccountNumber":"XXXXXXXX000{account}","fiType":"DEPOSIT","bank":"Test Bank","Profile":{{"Holders":{{"type":"SINGLE","Holder":[{{"name":"A Sample","dob":"1990-01-01","mobile":"9000000001","nominee":"REGISTERED","landline":"","address":"1 Test Road, PIN : 000000","email":" a@example.com","pan":"AAAPA0001A","ckycCompliance":"true"}}]}}}},"Summary":{{"currentBalance":"1000.00","currency":"INR","exchgeRate":" ","balanceDateTime":"2025-12-31T10:00:00.000Z","type":"SAVINGS","branch":"Test","facility":"","ifscCode":"TEST0000001","micrCode":"000000000","openingDate":"2015-01-01","currentODLimit":"0.00","drawingLimit":"0.00","status":"ACTIVE","Pending":[{{"amount":0,"transactionType":"DEBIT"}}]}},"Transactions":{{"startDate":"2024-01-01","endDate":"2025-12-31","Transaction":["#
        );
        rows(&mut out, account);
        out.push_str("]}}");
    }
    out.push_str(r#"],"message":"Success"}"#);
    out.into_bytes()
}

fn rows(out: &mut String, account: usize) {
    let modes = ["UPI", "UPI", "UPI", "NEFT", "IMPS", "CARD", "ATM", "CASH", "OTHERS", "FT"];
    let end = BODY / 3 * account;
    let mut row = 0_usize;
    while out.len() < end {
        let mixed = (row * 2_654_435_761) ^ (account * 40_503);
        let kind = if mixed.is_multiple_of(5) { "CREDIT" } else { "DEBIT" };
        let (amount, balance) = (mixed % 4_000_000, mixed % 90_000_000);
        let (day, month, year) = (1 + row / 24 % 28, 1 + row / 672 % 12, 2024 + row / 8064 % 2);
        let comma = if row == 0 { "" } else { "," };
        let _ = write!(
            out,
            r#"{comma}{{"type":"{kind}","mode":"{}","amount":"{}.{:02}","currentBalance":"{}.{:02}","transactionTimestamp":"{year}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000Z","valueDate":"{year}-{month:02}-{day:02}","txnId":"S{:08}","narration":"UPI/DR/{:012}/Test Merchant {}/TEST/payment ","reference":"{:012}"}}"#,
            modes[mixed % modes.len()],
            amount / 100,
            amount % 100,
            balance / 100,
            balance % 100,
            row % 24,
            mixed % 60,
            mixed / 60 % 60,
            row + account * 1_000_000,
            mixed % 1_000_000_000_000,
            mixed % 97,
            mixed % 1_000_000_000_000,
        );
        row += 1;
    }
}

fn timed<T>(run: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    let value = black_box(run());
    let took = start.elapsed();
    drop(value);
    took
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn main() {
    let body = body();
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
