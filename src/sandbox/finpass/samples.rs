//! Small accounts for tests, equal to the documented example where it has one.
#![allow(clippy::unwrap_used)]

use jiff::{Timestamp, ToSpan, civil::date};

use super::{
    script::{Outcome, Script},
    world::{ConsentType, Opening, Product, Session},
};
use crate::sandbox::bank::{BankAccount, BankRow, Kind, Person, TermFacts, day_in_india};

pub(crate) fn person(name: &str) -> Person {
    Person {
        name: name.to_owned(),
        mobile: "9000000001".to_owned(),
        pan: "AAAPA0000A".to_owned(),
        email: String::new(),
        address: "1 Test Road, PIN : 000000".to_owned(),
        date_of_birth: date(1990, 1, 1),
        ckyc: true,
        nominee: false,
    }
}

pub(crate) fn row(id: &str, credit: bool, amount: i64, balance: i64, at: &str, narration: &str) -> BankRow {
    let at: Timestamp = at.parse().unwrap();
    BankRow {
        id: id.to_owned(),
        credit,
        event: None,
        mode: "UPI",
        amount,
        balance,
        at,
        value_date: day_in_india(at),
        narration: narration.to_owned(),
        reference: String::new(),
        lot: None,
    }
}

pub(crate) fn savings() -> BankAccount {
    BankAccount {
        fip_id: "DEMO-FIP".to_owned(),
        fip_name: "Demo Bank".to_owned(),
        fip_code: "demo".to_owned(),
        number: "00000000000000001".to_owned(),
        link_ref: "00000000-0000-4000-8000-000000000001".to_owned(),
        kind: Kind::Deposit { current: false, overdraft_limit: 0 },
        branch: "00001".to_owned(),
        ifsc: "DEMO0000001".to_owned(),
        micr: "000000000".to_owned(),
        opening_date: date(2015, 5, 5),
        balance: 100_000,
        balance_at: "2026-01-01T10:00:00+05:30".parse().unwrap(),
        holders: vec![person("A Sample")],
        rows: vec![row("X1", true, 50_000, 100_000, "2025-12-31T09:00:00+05:30", "UPI/CR/demo")],
    }
}

pub(crate) fn recurring() -> BankAccount {
    let facts = TermFacts {
        principal: 6_000_000,
        current_value: 500_000,
        maturity_amount: 6_200_000,
        maturity_date: date(2026, 12, 7),
        interest_rate: "7.10".to_owned(),
        tenure_months: 12,
    };
    let mut instalment = row("R1", true, 500_000, 500_000, "2025-12-07T09:00:00+05:30", "RD INSTALMENT");
    instalment.event = Some("INSTALLMENT");
    BankAccount { kind: Kind::RecurringDeposit(facts, 500_000, 7), rows: vec![instalment], ..savings() }
}

pub(crate) fn now() -> Timestamp {
    "2026-01-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn session(product: Product, consent_type: ConsentType, script: Script) -> Session {
    let opening = Opening {
        owner: "key".to_owned(),
        product,
        consent_type,
        mobile: "9000000001".to_owned(),
        return_url: None,
        webhook_url: None,
    };
    Session::open(opening, script, now(), now() + 24.hours())
}

pub(crate) fn ending_in(outcome: Outcome) -> Script {
    Script { outcome, ..Script::default() }
}
