//! The JSON report of the plain Account Aggregator product. Beside a row's amount, which is a number, all money is text; a value
//! date is a midnight; there is exactly one holder even on a joint account, and no bank's name anywhere.

use serde::Serialize;
use serde_json::Number;

use super::{
    term::TermSummary,
    text::{indian_midnight, indian_time, noisy_number, rupees_number},
};
use crate::sandbox::bank::{BankAccount, BankRow, Kind, Person, masked, rupees, stated_range};

/// What a report holds beside the bank's facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReportStyle {
    /// Answer `null` for the opening date, as the published sample does.
    pub hides_opening_date: bool,
    /// Which parts of an account come.
    pub sections: Sections,
    /// Numbers carry float noise, such as 83760.76000000001.
    pub float_noise: bool,
}

impl ReportStyle {
    /// An amount that goes out as a number.
    pub(super) fn number(self, paise: i64) -> Number {
        if self.float_noise { noisy_number(paise) } else { rupees_number(paise) }
    }
}

/// Which parts of an account come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sections {
    /// All of them.
    #[default]
    All,
    /// One is missing, another one in each account.
    MissingInTurn,
    /// Only the profile.
    ProfileOnly,
    /// None in the second account, whose status is FAILED. Only READY is documented, by a field that would be idle otherwise.
    SecondFailed,
}

impl Sections {
    /// Whether profile, summary and transactions come in the account at this place.
    fn present(self, place: usize) -> [bool; 3] {
        match self {
            Self::All => [true; 3],
            Self::MissingInTurn => [0, 1, 2].map(|section| section != place % 3),
            Self::ProfileOnly => [true, false, false],
            Self::SecondFailed => [place != 1; 3],
        }
    }
}

/// One entry of `data.account_aggregator_json`.
#[derive(Debug, Serialize)]
pub struct AccountReport<'a> {
    account_id: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile_details: Option<Profile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_details: Option<Summary<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_data: Option<TransactionData<'a>>,
    transaction_type: &'static str,
    masked_account_number: String,
}

#[derive(Debug, Serialize)]
struct Profile<'a> {
    name: &'a str,
    dob: String,
    mobile: &'a str,
    nominee: &'static str,
    landline: &'static str,
    address: &'a str,
    email: &'a str,
    pan: &'a str,
    /// Text, not a boolean.
    ckyc_registered: &'static str,
    #[serde(rename = "type")]
    holding: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Summary<'a> {
    Deposit(DepositSummary<'a>),
    Term(TermSummary<'a>),
}

#[derive(Debug, Serialize)]
struct DepositSummary<'a> {
    branch: &'a str,
    facility: &'static str,
    micr_code: &'a str,
    opening_date: Option<String>,
    current_od_limit: String,
    drawing_limit: String,
    status: &'static str,
    account_type: &'static str,
    account_sub_type: &'static str,
    ifsc: &'a str,
    current_balance: String,
    currency: &'static str,
    balance_date_time: String,
}

#[derive(Debug, Serialize)]
struct TransactionData<'a> {
    transaction_details: Vec<TransactionDetail<'a>>,
    start_date: String,
    end_date: String,
}

#[derive(Debug, Serialize)]
struct TransactionDetail<'a> {
    transaction_id: &'a str,
    amount: Number,
    narration: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    mode: &'a str,
    transaction_timestamp: String,
    value_date: String,
    reference: &'a str,
    transactional_balance: String,
}

/// Renders accounts in the bank's order.
pub fn account_reports(accounts: &[BankAccount], style: ReportStyle) -> Vec<AccountReport<'_>> {
    accounts.iter().enumerate().map(|(place, account)| account_report(account, place, style)).collect()
}

fn account_report(account: &BankAccount, place: usize, style: ReportStyle) -> AccountReport<'_> {
    let sections = style.sections.present(place);
    let [has_profile, has_summary, has_rows] = sections;
    AccountReport {
        account_id: &account.link_ref,
        status: if sections == [false; 3] { "FAILED" } else { "READY" },
        profile_details: has_profile.then(|| profile(account)),
        summary_details: has_summary.then(|| summary(account, style)),
        transaction_data: has_rows.then(|| transaction_data(account, style)),
        transaction_type: fi_type(&account.kind),
        masked_account_number: masked(&account.number),
    }
}

/// The word of `transaction_type`, which is the FI type. Only "deposit" is documented; the others follow its spelling.
fn fi_type(kind: &Kind) -> &'static str {
    match kind {
        Kind::Deposit { .. } => "deposit",
        Kind::TermDeposit(_) => "term_deposit",
        Kind::RecurringDeposit(..) => "recurring_deposit",
        Kind::Portfolio(_) => "",
    }
}

fn profile(account: &BankAccount) -> Profile<'_> {
    let holder = account.holders.first();
    let text = |read: fn(&Person) -> &str| holder.map_or("", read);
    Profile {
        name: text(|person| &person.name),
        dob: holder.map(|person| person.date_of_birth.to_string()).unwrap_or_default(),
        mobile: text(|person| &person.mobile),
        nominee: match holder {
            Some(person) if person.nominee => "REGISTERED",
            _ => "NOT-REGISTERED",
        },
        landline: "",
        address: text(|person| &person.address),
        email: text(|person| &person.email),
        pan: text(|person| &person.pan),
        ckyc_registered: match holder {
            Some(person) if person.ckyc => "true",
            _ => "false",
        },
        holding: if account.holders.len() > 1 { "JOINT" } else { "SINGLE" },
    }
}

fn summary(account: &BankAccount, style: ReportStyle) -> Summary<'_> {
    let Kind::Deposit { current, overdraft_limit } = account.kind else {
        return Summary::Term(TermSummary::of(account));
    };
    Summary::Deposit(DepositSummary {
        branch: &account.branch,
        facility: if overdraft_limit > 0 { "OVERDRAFT" } else { "NO_FACILITY_GRANTED" },
        micr_code: &account.micr,
        opening_date: (!style.hides_opening_date).then(|| account.opening_date.to_string()),
        current_od_limit: rupees(overdraft_limit),
        drawing_limit: rupees(overdraft_limit),
        status: "ACTIVE",
        account_type: "",
        account_sub_type: if current { "CURRENT" } else { "SAVINGS" },
        ifsc: &account.ifsc,
        current_balance: rupees(account.balance),
        currency: "INR",
        balance_date_time: indian_time(account.balance_at),
    })
}

fn transaction_data(account: &BankAccount, style: ReportStyle) -> TransactionData<'_> {
    let (start, end) = stated_range(account);
    TransactionData {
        transaction_details: account.rows.iter().map(|row| detail(row, style)).collect(),
        start_date: start.to_string(),
        end_date: end.to_string(),
    }
}

fn detail(row: &BankRow, style: ReportStyle) -> TransactionDetail<'_> {
    TransactionDetail {
        transaction_id: &row.id,
        amount: style.number(row.amount),
        narration: &row.narration,
        kind: row.event.unwrap_or(if row.credit { "CREDIT" } else { "DEBIT" }),
        mode: row.mode,
        transaction_timestamp: indian_time(row.at),
        value_date: indian_midnight(row.value_date),
        reference: &row.reference,
        transactional_balance: rupees(row.balance),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::sandbox::finpass::samples;

    fn rendered(account: &BankAccount, style: ReportStyle) -> Value {
        serde_json::to_value(account_report(account, 0, style)).unwrap()
    }

    #[test]
    fn a_deposit_has_the_documented_shape() {
        let report = rendered(&samples::savings(), ReportStyle { hides_opening_date: true, ..ReportStyle::default() });
        assert_eq!(
            report,
            json!({"account_id":"00000000-0000-4000-8000-000000000001","status":"READY",
                "profile_details":{"name":"A Sample","dob":"1990-01-01","mobile":"9000000001","nominee":"NOT-REGISTERED","landline":"",
                    "address":"1 Test Road, PIN : 000000","email":"","pan":"AAAPA0000A","ckyc_registered":"true","type":"SINGLE"},
                "summary_details":{"branch":"00001","facility":"NO_FACILITY_GRANTED","micr_code":"000000000","opening_date":null,
                    "current_od_limit":"0.00","drawing_limit":"0.00","status":"ACTIVE","account_type":"","account_sub_type":"SAVINGS",
                    "ifsc":"DEMO0000001","current_balance":"1000.00","currency":"INR","balance_date_time":"2026-01-01T10:00:00+05:30"},
                "transaction_data":{"transaction_details":[{"transaction_id":"X1","amount":500,"narration":"UPI/CR/demo","type":"CREDIT",
                    "mode":"UPI","transaction_timestamp":"2025-12-31T09:00:00+05:30","value_date":"2025-12-31T00:00:00+05:30",
                    "reference":"","transactional_balance":"1000.00"}],"start_date":"2025-01-01","end_date":"2026-01-01"},
                "transaction_type":"deposit","masked_account_number":"XXXXXXXXXXXXX0001"})
        );
    }

    #[test]
    fn a_joint_account_names_its_first_holder_only() {
        let mut account = samples::savings();
        account.holders.push(samples::person("B Sample"));
        let report = rendered(&account, ReportStyle::default());
        assert_eq!(report["profile_details"]["type"], "JOINT");
        assert_eq!(report["profile_details"]["name"], "A Sample");
        assert_eq!(report["summary_details"]["opening_date"], "2015-05-05");
    }

    #[test]
    fn a_failed_account_has_only_its_number() {
        let style = ReportStyle { sections: Sections::SecondFailed, ..ReportStyle::default() };
        let accounts = [samples::savings(), samples::savings()];
        let reports = serde_json::to_value(account_reports(&accounts, style)).unwrap();
        assert_eq!(reports[0]["status"], "READY");
        assert_eq!(
            reports[1],
            json!({"account_id":"00000000-0000-4000-8000-000000000001","status":"FAILED","transaction_type":"deposit",
                "masked_account_number":"XXXXXXXXXXXXX0001"})
        );
    }

    #[test]
    fn an_overdraft_shows_as_facility_and_limits() {
        let mut account = samples::savings();
        account.kind = Kind::Deposit { current: true, overdraft_limit: 5_000_050 };
        account.balance = -100;
        let summary = rendered(&account, ReportStyle::default())["summary_details"].clone();
        assert_eq!(summary["facility"], "OVERDRAFT");
        assert_eq!(summary["account_sub_type"], "CURRENT");
        assert_eq!(summary["current_od_limit"], "50000.50");
        assert_eq!(summary["current_balance"], "-1.00");
    }

    #[test]
    fn a_recurring_deposit_names_its_instalment_and_events() {
        let report = rendered(&samples::recurring(), ReportStyle::default());
        assert_eq!(report["transaction_type"], "recurring_deposit");
        assert_eq!(report["summary_details"]["recurring_amount"], "5000.00");
        assert_eq!(report["summary_details"]["recurring_deposit_day"], "7");
        assert_eq!(report["summary_details"]["tenure_months"], "12");
        assert_eq!(report["transaction_data"]["transaction_details"][0]["type"], "INSTALLMENT");
    }
}
