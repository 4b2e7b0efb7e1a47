//! The body of a large fetch, as FinPro writes it.

use std::fmt::Write as _;

/// How many bytes it has, about.
pub const BODY: usize = 10_000_000;

/// Three accounts of the same customer with rows over two years, until the body is large enough.
pub fn body() -> Vec<u8> {
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

/// Each balance follows from the one before, as in nearly every statement.
fn rows(out: &mut String, account: usize) {
    let modes = ["UPI", "UPI", "UPI", "NEFT", "IMPS", "CARD", "ATM", "CASH", "OTHERS", "FT"];
    let end = BODY / 3 * account;
    let (mut row, mut balance) = (0_usize, 50_000_000_usize);
    while out.len() < end {
        let mixed = (row * 2_654_435_761) ^ (account * 40_503);
        let amount = mixed % 4_000_000;
        let credit = mixed.is_multiple_of(5) || balance < amount;
        balance = if credit { balance + amount } else { balance - amount };
        let kind = if credit { "CREDIT" } else { "DEBIT" };
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
