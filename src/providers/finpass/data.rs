//! Finpass' financial data: the body of fetch-json-report. Its keys are ReBIT's in snake case; the names of an older upstream product are
//! read as well.

use std::borrow::Cow;

use crate::{
    data::{
        ReadContext, Rows,
        account::{AccountText, AccountWriter, Manner, SectionNames},
        holder::HolderText,
        ids::{Identity, Keyed},
        record::{Listed, keys, owned, read_body},
        repair,
        row::Row,
        summary::{PendingText, SummaryText},
        time::Zoneless,
    },
    pb::FiType,
    providers::error::{ErrorKind, ProviderError},
};

use super::{data_bsa, delivery};

/// Times carry +05:30 and some come without any zone: taken as Indian. An account that names no type is a deposit.
const MANNER: Manner = Manner {
    zoneless: Zoneless::Ist,
    fi_type: Some(FiType::Deposit),
    delivered: delivery::is_delivered,
    sections: SectionNames { profile: "profile_details", summary: "summary_details", transactions: "transaction_data" },
    typed: other_kinds::keep_whole,
};

/// Reads a body of `account_aggregator` or `aa_bsa` data.
pub fn read(provider_product: &str, body: &[u8], context: &ReadContext<'_>) -> Result<Rows, ProviderError> {
    repair::reading(body, |body, damaged| {
        let mut ids = Keyed::new(context.ids, context.consent_id);
        read_once(provider_product, body, context, damaged, &mut ids)
    })
}

/// The same of a body that needs no repair, with ids from elsewhere.
pub fn read_with(
    provider_product: &str,
    body: &[u8],
    context: &ReadContext<'_>,
    ids: &mut impl Identity,
) -> Result<Rows, ProviderError> {
    read_once(provider_product, body, context, false, ids)
}

fn read_once(
    provider_product: &str,
    body: &[u8],
    context: &ReadContext<'_>,
    damaged: bool,
    ids: &mut impl Identity,
) -> Result<Rows, ProviderError> {
    let mut writer = AccountWriter::new(context, MANNER, ids, body.len()).of_damaged(damaged);
    let (stage, read) = match provider_product {
        "account_aggregator" => {
            let (keep, mut whole) = (&mut writer, other_kinds::Whole::of(body));
            let each = move |account: &mut _| {
                whole.restore(account);
                keep.write_and_clear(account);
            };
            ("fetch-json-report", report(body, each))
        }
        "aa_bsa" => ("statement-result", data_bsa::statement(body, |account| writer.write(account))),
        _ => {
            return Err(ProviderError::new(ErrorKind::Unsupported, "finpass", "read-data").with_detail("no such product"));
        }
    };
    let error = |kind, detail: String| ProviderError::new(kind, "finpass", stage).with_detail(detail);
    let around = read.map_err(|detail| error(ErrorKind::ResponseInvalid, detail))?;
    if !around.found {
        return Err(error(ErrorKind::ResponseInvalid, "no list of accounts".to_owned()));
    }
    writer.write_around(&[("", around.unknown, STATED), ("data", around.data_unknown, STATED)]);
    writer.finish().ok_or_else(|| error(ErrorKind::ResponseTooLarge, "rows beyond 4 GiB".to_owned()))
}

/// What is documented around the accounts and says nothing of them; the adapter has looked at it before.
const STATED: &[&str] = &["client_id", "success", "status", "status_code", "message", "message_code"];

/// What stands around the accounts of an answer.
pub(super) struct Around {
    /// Whether there was a list of accounts.
    pub found: bool,
    /// Keys beside `data`, with their values.
    pub unknown: Vec<(String, Cow<'static, str>)>,
    /// Keys inside `data`, beside the list.
    pub data_unknown: Vec<(String, Cow<'static, str>)>,
}

/// Hands on each account of a report; answers what stands around the list of them.
fn report<'a>(body: &'a [u8], each: impl FnMut(&mut AccountText<'a>) + 'a) -> Result<Around, String> {
    let envelope = Envelope { accounts: Listed::new(each), unknown: Vec::new(), data_unknown: Vec::new() };
    let Envelope { accounts, unknown, data_unknown } = read_body::<EnvelopeKeys>(body, envelope)?;
    Ok(Around { found: accounts.found, unknown: owned(unknown), data_unknown: owned(data_unknown) })
}

struct Envelope<'a> {
    accounts: Listed<'a, AccountText<'a>>,
    unknown: Vec<(String, Cow<'a, str>)>,
    data_unknown: Vec<(String, Cow<'a, str>)>,
}

keys! {
    EnvelopeKeys fills Envelope {
        "data" => accounts: same ReportKeys,
    } rest unknown
}

keys! {
    ReportKeys fills Envelope {
        "account_aggregator_json" | "accounts" => accounts: list AccountKeys,
    } rest data_unknown
}

keys! {
    AccountKeys fills AccountText {
        "account_id" => link,
        "status" => delivery,
        "masked_account_number" | "account_number" => number,
        "transaction_type" => fi_type,
        "profile_details" | "profile" => holders: many HolderKeys,
        "summary_details" | "summary" => summary: one SummaryKeys,
        "transaction_data" | "transactions" => rows: same TransactionsKeys,
        "fi_status_details" => unnamed: same StatusKeys,
    } rest unknown
}

keys! {
    StatusKeys fills AccountText {
        "account_number" => number,
    } rest unknown
}

keys! {
    /// Exactly one holder comes, also of a joint account.
    HolderKeys fills HolderText {
        "name" => name,
        "dob" | "date_of_birth" => date_of_birth,
        "mobile" | "mobile_number" => mobile,
        "landline" => landline,
        "email" | "email_id" => email,
        "address" => address,
        "pan" | "pan_number" => pan,
        "nominee" => nominee,
        "ckyc_registered" => ckyc,
        "type" => holding,
    } rest unknown
}

keys! {
    /// Deposits as documented. Of term and recurring deposits no document shows a key: these are ReBIT's names in the same spelling.
    SummaryKeys fills SummaryText {
        "currency" => currency,
        "branch" => branch,
        "ifsc" | "ifsc_code" => ifsc,
        "micr_code" | "micr" => micr,
        "opening_date" => opening_date,
        "status" => status,
        "account_sub_type" => sub_kind,
        "account_type" => account_type,
        "current_balance" => current_balance,
        "balance_date_time" => balance_time,
        "exchge_rate" | "exchange_rate" | "exchgeRate" => exchange_rate,
        "current_od_limit" => overdraft_limit,
        "drawing_limit" => drawing_limit,
        "facility" => facility,
        "maturity_date" => maturity_date,
        "maturity_amount" => maturity_amount,
        "description" => description,
        "interest_payout" => interest_payout,
        "interest_rate" => interest_rate,
        "principal_amount" => principal,
        "current_value" => current_value,
        "tenure_days" => tenure_days,
        "tenure_months" => tenure_months,
        "tenure_years" => tenure_years,
        "interest_computation" => interest_computation,
        "compounding_frequency" => compounding,
        "interest_periodic_payout_amount" => interest_periodic_payout,
        "interest_on_maturity" => interest_on_maturity,
        "recurring_amount" => recurring_amount,
        "recurring_deposit_day" => recurring_day,
        "pending" => pending: many PendingKeys,
    } rest unknown
}

keys! {
    PendingKeys fills PendingText {
        "amount" => amount,
        "transaction_type" => kind,
    } rest unknown
}

keys! {
    TransactionsKeys fills AccountText {
        "start_date" => from,
        "end_date" => to,
        "transaction_details" => rows: many RowKeys,
    } rest transactions_unknown
}

keys! {
    RowKeys fills Row {
        "type" => kind,
        "mode" => mode,
        "amount" => amount: digits Scalar,
        "transactional_balance" | "transaction_balance" => balance: digits Scalar,
        "transaction_timestamp" => time,
        "value_date" => value_date,
        "transaction_id" => id,
        "narration" => narration,
        "reference" => reference,
    } rest unknown
}

mod other_kinds;

#[cfg(test)]
mod statement_tests;
#[cfg(test)]
pub(super) mod tests;
