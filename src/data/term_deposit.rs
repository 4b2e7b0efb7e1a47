//! The summary of fixed and recurring deposits (ReBIT FI types "term_deposit" and "recurring_deposit").

use super::{absence, convert::Reader, quality::Flags, scalar::Scalar, summary::SummaryText, words};
use crate::pb::{DepositInterval, InterestComputation, QualityCode, Tenure, TermDepositSummary};

/// Reads the summary of a term or recurring deposit.
pub fn read(text: &SummaryText<'_>, reader: &mut Reader<'_>) -> TermDepositSummary {
    let interval =
        |reader: &mut Reader<'_>, path, scalar: &Scalar<'_>| reader.word(path, scalar, words::interval, DepositInterval::Other).0;
    TermDepositSummary {
        branch: reader.code("summary.branch", &text.branch),
        ifsc: reader.code("summary.ifsc", &text.ifsc),
        opening_date: reader.day("summary.opening_date", &text.opening_date),
        maturity_date: reader.day("summary.maturity_date", &text.maturity_date),
        kind_text: words::shown(&reader.code("summary.kind_text", &text.account_type)),
        description: reader.text("summary.description", &text.description),
        principal: reader.money("summary.principal", &text.principal),
        current_value: reader.money("summary.current_value", &text.current_value),
        maturity_amount: reader.money("summary.maturity_amount", &text.maturity_amount),
        interest_rate: rate("summary.interest_rate", &text.interest_rate, reader.flags),
        interest_payout: interval(reader, "summary.interest_payout", &text.interest_payout),
        interest_computation: reader
            .word("summary.interest_computation", &text.interest_computation, words::computation, InterestComputation::Other)
            .0,
        compounding: interval(reader, "summary.compounding", &text.compounding),
        interest_periodic_payout: reader.money("summary.interest_periodic_payout", &text.interest_periodic_payout),
        interest_on_maturity: reader.money("summary.interest_on_maturity", &text.interest_on_maturity),
        tenure: tenure(text, reader.flags),
        recurring_amount: reader.money("summary.recurring_amount", &text.recurring_amount),
        recurring_day: reader.code("summary.recurring_day", &text.recurring_day),
        exchange_rate: rate("summary.exchange_rate", &text.exchange_rate, reader.flags),
    }
}

/// A rate stays the decimal text that the bank wrote, without a percent sign.
pub(super) fn rate(path: &'static str, scalar: &Scalar<'_>, flags: &mut Flags) -> String {
    flags.wrong(path, scalar);
    let text = scalar.string();
    if absence::is_absent_code(&text) {
        return String::new();
    }
    match text.strip_suffix('%').map(|digits| flags.decimal(path, &Scalar::Text(digits))) {
        Some(Some(rate)) => {
            flags.quote(path, QualityCode::Normalised, &text);
            rate
        }
        Some(None) => String::new(),
        None => flags.decimal(path, scalar).unwrap_or_default(),
    }
}

fn tenure(text: &SummaryText<'_>, flags: &mut Flags) -> Option<Tenure> {
    let mut part = |path, scalar: &Scalar<'_>| -> Option<i32> {
        flags.wrong(path, scalar);
        let written = scalar.text()?;
        // "12.0" is a whole number too.
        let whole = written.strip_suffix(".0").unwrap_or(&written);
        let number = whole.parse().ok().filter(|number: &i32| *number >= 0);
        if number.is_none() && !absence::is_absent(&written) {
            flags.quote(path, QualityCode::Unparsable, &written);
        }
        number
    };
    let years = part("summary.tenure.years", &text.tenure_years);
    let months = part("summary.tenure.months", &text.tenure_months);
    let days = part("summary.tenure.days", &text.tenure_days);
    (years.is_some() || months.is_some() || days.is_some()).then(|| Tenure {
        years: years.unwrap_or_default(),
        months: months.unwrap_or_default(),
        days: days.unwrap_or_default(),
    })
}
