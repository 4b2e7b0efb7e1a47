//! What happens on a day of the month: salary, rent, instalments, and the small money between.

use jiff::civil::Date;

use super::random::Random;

/// How an account is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Habit {
    /// Salary in; rent, EMIs, household out.
    Salary,
    /// Savings put aside, small UPI life.
    Second,
    /// A side business's current account.
    Business,
}

/// One intended movement; the statement decides whether the balance allows its whole amount.
#[derive(Debug, Clone)]
pub(super) struct Movement {
    pub(super) credit: bool,
    pub(super) mode: &'static str,
    pub(super) amount: i64,
    pub(super) narration: String,
    /// Regular payments are made in full whatever the balance; the rest shrinks to what is there.
    pub(super) fixed: bool,
}

const SHOPS: [&str; 10] = [
    "KIRANA STORE",
    "CITY METRO",
    "FRESH DAIRY",
    "TEA STALL",
    "MEDICOS",
    "BOOK HOUSE",
    "CAB RIDE",
    "FOOD ORDER",
    "FUEL STATION",
    "MOBILE RECHARGE",
];
const PAYERS: [&str; 6] =
    ["WALK IN CUSTOMER", "SHARMA TRADERS", "NEW STAR AGENCY", "PATEL AND SONS", "ONLINE ORDER", "DISTRIBUTOR"];

fn movement(credit: bool, mode: &'static str, rupees: i64, narration: impl Into<String>) -> Movement {
    Movement { credit, mode, amount: rupees * 100, narration: narration.into(), fixed: true }
}

/// The movements of one account on one day, in order.
pub(super) fn day(habit: Habit, seed: &str, date: Date, per_day: i64) -> Vec<Movement> {
    let mut random = Random::seeded(&["day", seed, &date.to_string()]);
    let mut out = regular(habit, seed, date);
    for _ in 0..per_day {
        out.push(small(habit, &mut random));
    }
    out
}

fn regular(habit: Habit, seed: &str, date: Date) -> Vec<Movement> {
    let mut fixed = Random::seeded(&["regular", seed]);
    let salary = fixed.between(70, 140) * 1000;
    let month = date.strftime("%b%Y").to_string().to_uppercase();
    match (habit, date.day()) {
        (Habit::Salary, 1) => vec![movement(true, "NEFT", salary, format!("NEFT SALARY {month} SAMPLE INDUSTRIES LTD"))],
        (Habit::Salary, 3) => vec![movement(false, "IMPS", salary / 4, format!("IMPS HOUSE RENT {month}"))],
        (Habit::Salary, 5) => vec![
            movement(false, "NACH", salary / 8, "ACH D- EXAMPLE FINANCE LTD-EMI"),
            movement(false, "NACH", salary / 20, "ACH D- SAMPLE MUTUAL FUND-SIP"),
        ],
        (Habit::Salary, 7) => vec![movement(false, "ATM", 5_000, "ATM WDL BENGALURU MG ROAD")],
        (Habit::Salary, 10) => vec![movement(false, "UPI", salary / 6, "UPI/SELF TRANSFER/SECOND ACCOUNT")],
        (Habit::Salary, 15) => vec![movement(false, "CARD", salary / 12, "CREDIT CARD BILL PAYMENT")],
        (Habit::Second, 10) => vec![movement(true, "UPI", 15_000, "UPI/SELF TRANSFER/FROM SALARY ACCOUNT")],
        (Habit::Second, 12) => vec![movement(true, "CASH", 4_000, "CASH DEPOSIT SELF")],
        (Habit::Business, 20) => vec![movement(false, "RTGS", 21_000, "RTGS SUPPLIER PAYMENT EXAMPLE WHOLESALE")],
        (Habit::Business, 25) => vec![movement(false, "CHEQUE", 6_500, "CHQ PAID SHOP RENT")],
        (_, 28) if matches!(date.month(), 3 | 6 | 9 | 12) => vec![
            Movement {
                credit: true,
                mode: "OTHERS",
                amount: fixed.between(20_000, 90_000),
                narration: "INT.PD FOR THE QUARTER".into(),
                fixed: true,
            },
            movement(false, "OTHERS", 18, "SMS ALERT CHARGES INCL GST"),
        ],
        _ => Vec::new(),
    }
}

fn small(habit: Habit, random: &mut Random) -> Movement {
    let shop = random.pick(&SHOPS, "KIRANA STORE");
    let payer = random.pick(&PAYERS, "WALK IN CUSTOMER");
    let reference = random.digits(12);
    let kind = random.between(0, 19);
    let (credit, mode, low, high, narration) = match (habit, kind) {
        (Habit::Business, 0..=9) => (true, "UPI", 20_000, 450_000, format!("UPI/{reference}/{payer}")),
        (Habit::Business, 10..=11) => (true, "CASH", 50_000, 400_000, "CASH DEPOSIT".to_owned()),
        (Habit::Business, _) => (false, "UPI", 15_000, 380_000, format!("UPI/{reference}/STOCK PURCHASE")),
        (_, 0) => (true, "UPI", 10_000, 300_000, format!("UPI/{reference}/FRIEND REPAYS")),
        (_, 1) => (true, "CARD", 5_000, 90_000, format!("POS REFUND {shop}")),
        (_, 2..=3) => (false, "CARD", 10_000, 250_000, format!("POS {shop} BENGALURU")),
        (_, 4) => (false, "CASH", 20_000, 200_000, "CASH WITHDRAWAL".to_owned()),
        _ => (false, "UPI", 1_000, 90_000, format!("UPI/{reference}/{shop}")),
    };
    Movement { credit, mode, amount: random.between(low, high), narration, fixed: false }
}
