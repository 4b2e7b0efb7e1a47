//! One term deposit and one recurring deposit at the salary bank.

use jiff::{Timestamp, ToSpan, civil::Date};

use super::{
    BankAccount, BankRow, Kind, TermFacts, institutions::ACME, ist, person, random::Random, shown_from, statement::first_day,
};

/// Both deposits as they stand at `now`.
pub(super) fn accounts(mobile: &str, now: Timestamp) -> Vec<BankAccount> {
    vec![term(mobile, now), recurring(mobile, now)]
}

fn term(mobile: &str, now: Timestamp) -> BankAccount {
    let mut random = Random::seeded(&["term", mobile]);
    let principal = random.between(10, 40) * 1_000_000;
    let opened = first_day(now);
    let mut balance = principal;
    let mut rows = vec![row("FD", opened, 0, true, "OPENING", principal, principal, "FIXED DEPOSIT OPENED")];
    for quarter in 1..=80 {
        let day = opened.saturating_add((quarter * 3).months());
        let interest = principal * 71 / 4_000;
        balance += interest;
        rows.push(row("FD", day, 1, true, "INTEREST", interest, balance, "INTEREST CAPITALISED"));
        balance -= interest / 10;
        rows.push(row("FD", day, 2, false, "TDS", interest / 10, balance, "TDS DEDUCTED"));
    }
    let facts = TermFacts {
        principal,
        current_value: principal,
        maturity_amount: principal * 142 / 100,
        maturity_date: opened.saturating_add(60.months()),
        interest_rate: "7.10".to_owned(),
        tenure_months: 60,
    };
    finish(mobile, now, &mut random, opened, facts, rows, Kind::TermDeposit)
}

fn recurring(mobile: &str, now: Timestamp) -> BankAccount {
    let mut random = Random::seeded(&["recurring", mobile]);
    let instalment = random.between(2, 10) * 100_000;
    let opened = first_day(now).saturating_add(9.days());
    let rows = (0..240)
        .map(|month| {
            let balance = instalment * (i64::from(month) + 1);
            row("RD", opened.saturating_add(month.months()), 0, true, "INSTALLMENT", instalment, balance, "RD INSTALLMENT")
        })
        .collect();
    let facts = TermFacts {
        principal: 0,
        current_value: 0,
        maturity_amount: instalment * 60 * 118 / 100,
        maturity_date: opened.saturating_add(60.months()),
        interest_rate: "6.80".to_owned(),
        tenure_months: 60,
    };
    let day = opened.day() as u8;
    finish(mobile, now, &mut random, opened, facts, rows, |facts| Kind::RecurringDeposit(facts, instalment, day))
}

#[allow(clippy::too_many_arguments, reason = "a row of a table reads best in one line")]
fn row(
    prefix: &str,
    day: Date,
    position: i8,
    credit: bool,
    event: &'static str,
    amount: i64,
    balance: i64,
    text: &str,
) -> BankRow {
    let at = day.at(10, 30, position, 0).to_zoned(ist()).map(|zoned| zoned.timestamp()).unwrap_or_default();
    BankRow {
        id: format!("{prefix}{}{position}", day.strftime("%Y%m%d")),
        credit,
        event: Some(event),
        mode: "OTHERS",
        amount,
        balance,
        at,
        value_date: day,
        narration: text.to_owned(),
        reference: format!("{prefix}REF{}", day.strftime("%y%m%d")),
        lot: None,
    }
}

fn finish(
    mobile: &str,
    now: Timestamp,
    random: &mut Random,
    opened: Date,
    mut facts: TermFacts,
    rows: Vec<BankRow>,
    kind: impl FnOnce(TermFacts) -> Kind,
) -> BankAccount {
    let past: Vec<_> = rows.into_iter().filter(|row| row.at <= now && row.value_date < facts.maturity_date).collect();
    facts.current_value = past.last().map_or(facts.principal, |row| row.balance);
    if facts.principal == 0 {
        facts.principal = facts.current_value;
    }
    let from = shown_from(now);
    BankAccount {
        fip_id: ACME.id.to_owned(),
        fip_name: ACME.name.to_owned(),
        fip_code: ACME.code.to_owned(),
        number: random.digits(12),
        link_ref: random.uuid(),
        balance: facts.current_value,
        kind: kind(facts),
        branch: "BENGALURU MAIN".to_owned(),
        ifsc: "ACME0000123".to_owned(),
        micr: random.digits(9),
        opening_date: opened,
        balance_at: now,
        holders: vec![person(mobile)],
        rows: past.into_iter().filter(|row| row.value_date >= from).collect(),
    }
}
