//! FinPro's financial data: the body of getallfidata in both journey styles. FinPro hands on ReBIT's schemas as JSON, attributes as keys;
//! statements read from PDF come in the same shape with fewer keys.

use std::borrow::Cow;

use serde::de::{Error, MapAccess};

use crate::{
    data::{
        ReadContext, Rows,
        account::{AccountText, AccountWriter, Manner, SectionNames},
        holder::HolderText,
        ids::{Identity, Keyed},
        record::{Keys, Listed, keys, owned, read_body},
        repair,
        row::Row,
        scalar::Scalar,
        summary::{PendingText, SummaryText},
        time::Zoneless,
        words,
    },
    pb::FiType,
    providers::error::{ErrorKind, ProviderError},
};

use self::{
    pending::PendingRows,
    sections::{ProfileSection, SummarySection, TransactionsSection},
};

const STAGE: &str = "getallfidata";

/// Rows without a zone are the banks' and so Indian, but for midnight, which FinPro is recorded to write in UTC. It delivers an account or
/// leaves it out.
const MANNER: Manner = Manner {
    zoneless: Zoneless::IstOrUtcMidnight,
    fi_type: None,
    delivered: |_| true,
    typed: typed::read,
    sections: SectionNames { profile: "Profile", summary: "Summary", transactions: "Transactions" },
};

/// Reads a body of `consent` or `orchestration` data.
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
    let error = |kind, detail: String| ProviderError::new(kind, "finpro", STAGE).with_detail(detail);
    if !matches!(provider_product, "consent" | "orchestration") {
        return Err(error(ErrorKind::Unsupported, "no such product".to_owned()));
    }
    let mut writer = AccountWriter::new(context, MANNER, ids, body.len()).of_damaged(damaged);
    let data = Listed::new(|account: &mut _| writer.write_and_clear(account));
    let envelope = read_body::<EnvelopeKeys>(body, Envelope { data, unknown: Vec::new() });
    let Envelope { data, unknown } = envelope.map_err(|detail| error(ErrorKind::ResponseInvalid, detail))?;
    if !data.found {
        return Err(error(ErrorKind::ResponseInvalid, "no list at data".to_owned()));
    }
    let unknown = owned(unknown);
    drop(data);
    writer.write_around(&[("", unknown, STATED)]);
    writer.finish().ok_or_else(|| error(ErrorKind::ResponseTooLarge, "rows beyond 4 GiB".to_owned()))
}

/// What is documented around the accounts and says nothing of them.
const STATED: &[&str] = &["ver", "status", "message", "timestamp", "response"];

/// The success envelope.
struct Envelope<'a> {
    data: Listed<'a, AccountText<'a>>,
    unknown: Vec<(String, Cow<'a, str>)>,
}

keys! {
    EnvelopeKeys fills Envelope {
        "data" => data: list AccountKeys,
    } rest unknown
}

keys! {
    AccountFields fills AccountText {
        "linkReferenceNumber" | "linkRefNumber" | "linkedAccRef" => link,
        "maskedAccountNumber" | "maskedAccNumber" | "maskedGstinNumber" => number,
        "fiType" => fi_type,
        "bank" | "fipName" => fip_name,
        "fipId" | "fipID" => fip_id,
        "isTampered" => tampered,
        "type" => source,
        "dataSource" => data_source,
        "Profile" => holders: by ProfileSection,
        "Summary" => summary: by SummarySection,
        "Transactions" => rows: by TransactionsSection,
    } rest unknown
}

/// A whole account. The kind of an account may stand behind its sections: then they are read when all keys are known.
struct AccountKeys;

impl<'de> Keys<'de> for AccountKeys {
    type Record = AccountText<'de>;

    fn fill<A: MapAccess<'de>>(account: &mut Self::Record, map: A) -> Result<(), A::Error> {
        AccountFields::fill(account, map)?;
        // ReBIT's own attribute `type` names the kind; FinPro puts the source under that name, and the kind under one of its own.
        if account.fi_type.is_missing() && account.source.text().is_some_and(|word| words::fi_type(&word).is_some()) {
            account.fi_type = std::mem::take(&mut account.source);
        }
        // The older shape of GST data names the kind only inside its responses.
        if account.fi_type.is_missing() && account.unknown.iter().any(|(key, _)| key == "responses") {
            account.assumed_fi_type = Some(FiType::Gst);
        }
        sections::read_late(account).map_err(A::Error::custom)
    }

    /// An account is an object, and nothing else is one.
    fn keep_odd(_: &mut Self::Record, _: Scalar<'de>) {}
}

struct SummaryOfAccount;

impl<'de> Keys<'de> for SummaryOfAccount {
    type Record = AccountText<'de>;

    fn fill<A: MapAccess<'de>>(account: &mut Self::Record, map: A) -> Result<(), A::Error> {
        SummaryKeys::fill(&mut account.summary, map)
    }

    fn keep_odd(account: &mut Self::Record, odd: Scalar<'de>) {
        SummaryKeys::keep_odd(&mut account.summary, odd);
    }
}

keys! {
    ProfileKeys fills AccountText {
        "Holders" => holders: same HoldersKeys,
    } rest profile_unknown
}

keys! {
    HoldersKeys fills AccountText {
        "type" => holding,
        "Holder" => holders: many HolderKeys,
    } rest profile_unknown
}

keys! {
    HolderKeys fills HolderText {
        "name" => name,
        "dob" => date_of_birth,
        "mobile" => mobile,
        "landline" => landline,
        "email" => email,
        "address" => address,
        "pan" => pan,
        "nominee" => nominee,
        "ckycCompliance" | "ckycRegistered" => ckyc,
    } rest unknown
}

keys! {
    /// Deposits of both ReBIT versions, term and recurring deposits: their names do not clash.
    SummaryKeys fills SummaryText {
        "currency" => currency,
        "branch" => branch,
        "ifscCode" | "ifsc" => ifsc,
        "micrCode" | "micr" => micr,
        "openingDate" => opening_date,
        "status" => status,
        "type" => kind,
        "accountSubType" => sub_kind,
        "accountType" => account_type,
        "currentBalance" => current_balance,
        "balanceDateTime" => balance_time,
        "exchgeRate" | "exchangeRate" => exchange_rate,
        "currentODLimit" => overdraft_limit,
        "drawingLimit" => drawing_limit,
        "facility" => facility,
        "maturityDate" => maturity_date,
        "maturityAmount" => maturity_amount,
        "description" => description,
        "interestPayout" => interest_payout,
        "interestRate" => interest_rate,
        "principalAmount" => principal,
        "currentValue" => current_value,
        "tenureDays" => tenure_days,
        "tenureMonths" => tenure_months,
        "tenureYears" => tenure_years,
        "interestComputation" => interest_computation,
        "compoundingFrequency" => compounding,
        "interestPeriodicPayoutAmount" => interest_periodic_payout,
        "interestOnMaturity" => interest_on_maturity,
        "recurringAmount" => recurring_amount,
        "recurringDepositDay" => recurring_day,
        "Pending" => pending: by PendingRows,
        "PendingTxns" => unnamed: same PendingTxnsKeys,
    } rest unknown
}

keys! {
    PendingTxnsKeys fills SummaryText {
        "PendingTxn" => pending: by PendingRows,
    } rest unknown
}

keys! {
    PendingKeys fills PendingText {
        "amount" => amount,
        "transactionType" | "type" => kind,
    } rest unknown
}

keys! {
    TransactionsKeys fills AccountText {
        "startDate" => from,
        "endDate" => to,
        "Transaction" => rows: many RowKeys,
    } rest transactions_unknown
}

keys! {
    /// Deposits say `currentBalance` and `transactionTimestamp`, term deposits `balance` and `transactionDateTime`.
    RowKeys fills Row {
        "type" => kind,
        "mode" => mode,
        "amount" => amount,
        "currentBalance" | "balance" | "transactionalBalance" => balance,
        "transactionTimestamp" | "transactionDateTime" => time,
        "valueDate" => value_date,
        "txnId" => id,
        "narration" => narration,
        "reference" => reference,
    } rest unknown
}

mod card;
mod debt;
mod equities;
mod funds;
mod gst;
mod gst_invoice;
mod gst_payment;
mod insurance;
mod pending;
mod pooled;
mod retirement;
mod sections;
mod sip;
mod traded_units;
mod typed;
mod wrapped;

#[cfg(test)]
mod damage_tests;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod other_tests;
#[cfg(test)]
mod statement_tests;
#[cfg(test)]
mod tests;
