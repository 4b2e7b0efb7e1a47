//! The National Pension System and the two provident funds. No recording of FinPro has them: the keys are those of ReBIT's schemas "nps",
//! "others_epf" and "others_ppf".

use super::typed::{Family, Parts, other_row};
use crate::{
    data::{
        convert::Reader,
        typed::{Fields, read_object, table},
        words, words_other as more_words,
    },
    pb::{
        AccountStatus, EpfAccount, EpfTransaction, NpsAccount, NpsSchemeChoice, NpsSchemeHolding, NpsSchemePreference, NpsStatus,
        NpsTier, NpsTierHoldings, NpsTransaction, NpsTransactionList, NpsTransactionType, PpfAccount, PpfTransaction,
        ProvidentFundTransactionType, Transaction, account::Details, transaction,
    },
};

/// The rows of a pension account stand in four lists, each inside an object of its own; there is no plain list.
pub(super) const NPS: Family = Family {
    details: nps,
    rows: &[
        ("Tier1SchemeTransactions.Tier1SchemeTransaction", |fields| nps_row(fields, NpsTier::One, NpsTransactionList::Scheme)),
        ("Tier2SchemeTransactions.Tier2SchemeTransaction", |fields| nps_row(fields, NpsTier::Two, NpsTransactionList::Scheme)),
        ("Tier1InvestmentTransactions.Tier1InvestmentTransaction", |fields| {
            nps_row(fields, NpsTier::One, NpsTransactionList::Investment)
        }),
        ("Tier2InvestmentTransactions.Tier2InvestmentTransaction", |fields| {
            nps_row(fields, NpsTier::Two, NpsTransactionList::Investment)
        }),
    ],
};

pub(super) const EPF: Family = Family { details: epf, rows: &[("Transaction", epf_row)] };

pub(super) const PPF: Family = Family { details: ppf, rows: &[("Transaction", ppf_row)] };

table! {
    nps_fields -> NpsAccount {
        opening_date: day "openingDate",
        current_value: money "currentValue",
        tier1_nav_date: day "tier1NAVDate",
        tier2_nav_date: day "tier2NAVDate",
        debt_asset_value: money "debtAssetValue",
        equity_asset_value: money "equityAssetValue",
        other_asset_value: money "otherAssetValue",
    } words {
        status, status_text: more_words::nps_status, NpsStatus "status",
        tier1_status, tier1_status_text: more_words::nps_status, NpsStatus "tier1Status",
        tier2_status, tier2_status_text: more_words::nps_status, NpsStatus "tier2Status",
    } lists {
        scheme_choices: choice "SchemeChoices.SchemeChoice",
    }
}

table! {
    choice -> NpsSchemeChoice {
        allocation_percent: decimal "allocationPercent",
        pfm_id: id "pfmId",
        pfm_name: name "pfmName",
        scheme_id: id "schemeId",
        scheme_name: name "schemeName",
    } rest extensions
}

table! {
    tier_fields -> NpsTierHoldings {
        free_units: decimal "freeUnits",
        investment_cost: money "investmentCost",
        investment_value: money "investmentValue",
    } words {
        scheme_preference, scheme_preference_text: more_words::nps_preference, NpsSchemePreference "schemePreferenceType",
    } lists {
        holdings: scheme "Tier1Holding" | "Tier2Holding",
    } rest extensions
}

table! {
    scheme -> NpsSchemeHolding {
        scheme_name: name "schemeName",
        scheme_id: id "schemeId",
        amount: money "amount",
        amount_in_transition: money "amountInTransition",
        blocked_units: decimal "blockedUnits",
        free_units: decimal "freeUnits",
        total_units: decimal "totalUnits",
        nav: decimal "nav",
        total_value: money "totalValueOfScheme",
    } rest extensions
}

fn nps(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    Details::Nps(read_object(&mut parts.summary, "details", reader, |fields| {
        let mut tiers = Vec::new();
        for (tier, key) in [(NpsTier::One, "Holdings.Tier1Holdings"), (NpsTier::Two, "Holdings.Tier2Holdings")] {
            let read = fields.list("tiers", &[key], tier_fields);
            tiers.extend(read.into_iter().map(|holdings| NpsTierHoldings { tier: tier.into(), ..holdings }));
        }
        NpsAccount { tiers, ..nps_fields(fields) }
    }))
}

table! {
    nps_transaction_fields -> NpsTransaction {
        scheme_name: name "schemeName",
        scheme_id: id "schemeId",
        allocation_percent: decimal "allocationPercent",
        nav: decimal "nav",
        units: decimal "units",
        cumulative_units: decimal "cumulativeUnits",
        subscriber_contribution: money "subscriberContribution",
        employer_contribution: money "employerContribution",
        total_contribution: money "totalContribution",
    } words {
        r#type, type_text: more_words::nps_transaction, NpsTransactionType "type",
    }
}

fn nps_row(fields: &mut Fields<'_, '_, '_>, tier: NpsTier, list: NpsTransactionList) -> Transaction {
    let mut total = None;
    let row = other_row(fields, |fields| {
        let details = nps_transaction_fields(fields);
        total = details.total_contribution.clone();
        transaction::Details::Nps(NpsTransaction { tier: tier.into(), list: list.into(), ..details })
    });
    Transaction { amount: row.amount.clone().or(total), ..row }
}

table! {
    epf_fields -> EpfAccount {
        current_balance: money "currentBalance",
        opening_date: day "openingDate",
        establishment_id: id "establishmentId",
        establishment_name: name "establishmentName",
        employer_balance: money "employerBalance",
        employee_balance: money "employeeBalance",
        total_balance: money "totalBalance",
    }
}

fn epf(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    Details::Epf(read_object(&mut parts.summary, "details", reader, epf_fields))
}

table! {
    epf_transaction_fields -> EpfTransaction {
        employee_deposit: money "employeeDepositAmount",
        employer_deposit: money "employerDepositAmount",
        employee_withdrawal: money "employeeWithdrawalAmount",
        employer_withdrawal: money "employerWithdrawalAmount",
        pension_fund_amount: money "pensionFundAmount",
    } words {
        r#type, type_text: more_words::provident_fund_transaction, ProvidentFundTransactionType "type",
    }
}

fn epf_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    other_row(fields, |fields| transaction::Details::Epf(epf_transaction_fields(fields)))
}

table! {
    ppf_fields -> PpfAccount {
        opening_date: day "openingDate",
        maturity_date: day "maturityDate",
        ifsc: code "ifscCode" | "ifsc",
        micr: code "micrCode" | "micr",
        branch_address: name "branchAddr",
        current_balance: money "currentBalance",
    } words {
        status, status_text: words::status, AccountStatus "status",
    }
}

fn ppf(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    Details::Ppf(read_object(&mut parts.summary, "details", reader, ppf_fields))
}

table! {
    ppf_transaction_fields -> PpfTransaction {
    } words {
        r#type, type_text: more_words::provident_fund_transaction, ProvidentFundTransactionType "type",
    }
}

fn ppf_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    other_row(fields, |fields| transaction::Details::Ppf(ppf_transaction_fields(fields)))
}
