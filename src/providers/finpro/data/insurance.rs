//! Insurance policies and unit linked ones. No recording of FinPro has them: the keys are those of ReBIT's schemas "insurance_policies"
//! and "others_ulip", misspellings included, each beside the right spelling.

use super::typed::{Family, Parts, other_row};
use crate::{
    data::{
        convert::Reader,
        typed::{Fields, read_list, read_object, table},
        words_other as words,
    },
    pb::{
        InsuranceContractClause, InsuranceCover, InsuranceCoverType, InsuranceMoneyBack, InsurancePolicy, InsurancePolicyType,
        InsuranceRider, InsuranceTransaction, InsuranceTransactionType, PremiumFrequency, Transaction, UlipFundType, UlipHolding,
        UlipPolicy, UlipTransaction, UlipTransactionType, UlipType, account::Details, transaction,
    },
};

/// Life and general insurance have the same schema as policies whose branch is not told.
pub(super) const POLICY: Family = Family { details: policy, rows: &[("Transaction", policy_row)] };

pub(super) const ULIP: Family = Family { details: ulip, rows: &[("Transaction", ulip_row)] };

table! {
    policy_fields -> InsurancePolicy {
        policy_name: name "policyName",
        policy_number: id "policyNumber",
        eia_number: id "eiaNumber",
        policy_description: text "policyDescription",
        sum_assured: money "sumAssured",
        cover_amount: money "coverAmount",
        premium_amount: money "premiumAmount",
        policy_start_date: day "policyStartDate",
        policy_expiry_date: day "policyExpiryDate",
        next_premium_due_date: day "nextPremiumDueDate",
        maturity_date: day "maturityDate",
        maturity_benefit: text "maturityBenefit",
    } words {
        policy_type, policy_type_text: words::policy_type, InsurancePolicyType "policyType",
        cover_type, cover_type_text: words::cover_type, InsuranceCoverType "coverType",
        premium_frequency, premium_frequency_text: words::premium_frequency, PremiumFrequency "premiumFrequency",
    } lists {
        money_backs: money_back "MoneyBacks.MoneyBack",
        contract_clauses: clause "ContractClauses.ContractClause",
        covers: cover "Covers.Cover",
    }
}

table! {
    rider_fields -> InsuranceRider {
        rider_type: name "riderType",
        sum_assured: money "sumAssured",
        premium_amount: money "premiumAmount",
        start_date: day "policyStartDate",
        end_date: day "policyEndDate",
        description: text "description",
    } rest extensions
}

table! {
    money_back -> InsuranceMoneyBack {
        date: day "date",
        amount: money "amount",
        description: text "description",
    } rest extensions
}

table! {
    clause -> InsuranceContractClause {
        title: text "title",
        sub_limit: text "subLimit",
        conditions: text "conditions",
        exclusions: text "exlcusions" | "exclusions",
        amount: money "amount",
        description: text "description",
    } rest extensions
}

table! {
    cover -> InsuranceCover {
        amount: money "amount",
        description: text "description",
    } rest extensions
}

fn rider(fields: &mut Fields<'_, '_, '_>) -> InsuranceRider {
    let tenure = fields.tenure(&["tenureYears"], &["tenureMonths"], &["tenureDays"]);
    InsuranceRider { tenure, ..rider_fields(fields) }
}

/// The riders stand beside the holders.
fn riders(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Vec<InsuranceRider> {
    parts.profiles.iter_mut().flat_map(|profile| read_list(profile, "Riders.Rider", "details.riders", reader, rider)).collect()
}

fn policy(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    let riders = riders(parts, reader);
    Details::Insurance(read_object(&mut parts.summary, "details", reader, |fields| {
        let tenure = fields.tenure(&["tenureYears"], &["tenureMonths"], &["tenureDays"]);
        let premium_payment_term = fields.tenure(&["premiumPaymentYears"], &["premiumPaymentMonths"], &[]);
        InsurancePolicy { tenure, premium_payment_term, riders, ..policy_fields(fields) }
    }))
}

table! {
    transaction_fields -> InsuranceTransaction {
    } words {
        r#type, type_text: words::insurance_transaction, InsuranceTransactionType "type",
    }
}

fn policy_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    other_row(fields, |fields| transaction::Details::Insurance(transaction_fields(fields)))
}

table! {
    ulip_fields -> UlipPolicy {
        product_name: name "productName",
        product_description: text "productDescription",
        sum_assured: money "sumAssured",
        premium_amount: money "premiumAmount",
        policy_start_date: day "policyStartDate",
        policy_maturity_date: day "policyMaturityDate",
        next_premium_due_date: day "nextPremiumDueDate",
    } words {
        r#type, type_text: words::ulip_type, UlipType "type",
        premium_frequency, premium_frequency_text: words::premium_frequency, PremiumFrequency "premiumFrequency",
    } lists {
        holdings: holding "Holdings.Holding",
    }
}

table! {
    holding -> UlipHolding {
        name: name "name",
        units: decimal "units",
        cost: money "cost",
        nav: decimal "nav",
        allocation_percentage: decimal "allocationPercentage",
        premium_allocation: decimal "premiumAllocation",
        current_value: money "currentValue",
        description: text "description",
    } words {
        r#type, type_text: words::ulip_fund, UlipFundType "type",
    } rest extensions
}

fn ulip(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    let riders = riders(parts, reader);
    Details::Ulip(read_object(&mut parts.summary, "details", reader, |fields| {
        let tenure = fields.tenure(&["tenureYears"], &["tenureMonths"], &["tenureDays"]);
        let premium_payment_term = fields.tenure(&["premiumPaymentYears"], &["premiumPaymentMonths"], &[]);
        UlipPolicy { tenure, premium_payment_term, riders, ..ulip_fields(fields) }
    }))
}

table! {
    ulip_transaction_fields -> UlipTransaction {
        fund_name: name "fundName",
        units: decimal "units",
        nav: decimal "nav",
        nav_date: day "navDate",
        cost: money "cost",
        premium: money "premium",
        premium_allocation_charge: money "premiumAllocationCharge",
        other_charges: money "otherCharges",
    } words {
        r#type, type_text: words::ulip_transaction, UlipTransactionType "type",
    }
}

fn ulip_row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    other_row(fields, |fields| transaction::Details::Ulip(ulip_transaction_fields(fields)))
}
