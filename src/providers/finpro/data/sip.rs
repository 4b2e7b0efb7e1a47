//! Systematic investment plans. FinPro delivers a holding with schemes and plans inside, and writes instalments with two l; ReBIT has all
//! of it flat in the holding, with one l.

use super::typed::{Family, market_row};
use crate::{
    data::typed::{Fields, read_object, table},
    pb::{SipDetails, SipHolding, SipInvestment, SipPlan, SipScheme, SipTransaction, Transaction, account::Details, transaction},
};

pub(super) const SIP: Family = Family {
    details: |parts, reader| Details::Sip(read_object(&mut parts.summary, "details", reader, details)),
    rows: &[("Transaction", row)],
};

fn row(fields: &mut Fields<'_, '_, '_>) -> Transaction {
    market_row(fields, |fields| transaction::Details::Sip(sip_transaction(fields)))
}

fn details(fields: &mut Fields<'_, '_, '_>) -> SipDetails {
    let about = |inner: &mut Fields<'_, '_, '_>| investments(inner);
    let about = fields.inside("", "Investments", about);
    SipDetails {
        investments_type_text: about.investments_type_text,
        issue_date: about.issue_date,
        maturity_date: about.maturity_date,
        ..sip_details(fields)
    }
}

fn holding(fields: &mut Fields<'_, '_, '_>) -> SipHolding {
    let mut schemes = fields.list("schemes", &["Schemes.Scheme"], scheme);
    if schemes.is_empty() {
        schemes.extend(flat_scheme(fields));
    }
    let mut holding = SipHolding { schemes, ..sip_holding(fields) };
    holding.extensions = fields.rest();
    holding
}

fn scheme(fields: &mut Fields<'_, '_, '_>) -> SipScheme {
    let plans = fields.list("plans", &["Sips.Sip"], plan);
    let mut scheme = SipScheme { plans, ..sip_scheme(fields) };
    scheme.extensions = fields.rest();
    scheme
}

/// ReBIT's one scheme and one plan, from the keys of the holding itself.
fn flat_scheme(fields: &mut Fields<'_, '_, '_>) -> Option<SipScheme> {
    read_object(fields.object, "schemes[0]", &mut fields.reader, |fields| {
        let mut scheme = sip_scheme(fields);
        let plan = read_object(fields.object, "plans[0]", &mut fields.reader, flat_plan);
        scheme.plans.extend((plan != SipPlan::default()).then_some(plan));
        (scheme != SipScheme::default()).then_some(scheme)
    })
}

fn plan(fields: &mut Fields<'_, '_, '_>) -> SipPlan {
    let mut plan = flat_plan(fields);
    plan.extensions = fields.rest();
    plan
}

/// The day of the instalment is a whole date in FinPro's data and a day of the month in ReBIT's.
fn flat_plan(fields: &mut Fields<'_, '_, '_>) -> SipPlan {
    let keys = ["installmentDay", "instalmentDay"];
    let short =
        keys.iter().any(|key| fields.object.get(key).and_then(|node| node.scalar()).is_some_and(|day| day.string().len() <= 2));
    let instalment_day = if short { fields.decimal("instalment_day", &keys) } else { String::new() };
    SipPlan { instalment_day, ..sip_plan(fields) }
}

table! {
    sip_details -> SipDetails {
        folio_number: id "folioNo",
        investment_value: money "investmentValue",
        current_value: money "currentValue",
    } lists {
        holdings: holding "Holdings.Holding" | "Investment.Holdings.Holding",
        investments: investment "Investments.Investment",
    }
}

table! {
    investments -> SipDetails {
        investments_type_text: label "type",
        issue_date: day "issueDate",
        maturity_date: day "maturityDate",
    }
}

table! {
    investment -> SipInvestment {
        type_text: label "type",
        start_date: day "startDate",
        end_date: day "endDate",
    } rest extensions
}

table! {
    sip_holding -> SipHolding {
        amc: name "amc",
        registrar: name "registrar",
        amfi_code: id "amfiCode",
        client_code: id "ucc",
        folio_number: id "folioNo",
        first_holder_name: name "holder1Name",
        second_holder_name: name "holder2Name",
        holding_type_text: label "holdingType",
        nominee_text: name "nominee",
        email: name "email",
        units: decimal "units",
        nav: decimal "nav",
        value: money "value",
        dividend_type_text: label "devidentType" | "dividendType",
    }
}

table! {
    sip_scheme -> SipScheme {
        isin: isin "isin",
        scheme_name: name "scheme" | "schemeName",
        scheme_type_text: label "schemeTypes",
        scheme_option_text: label "schemeOption",
        scheme_category_text: label "schemeCategory",
    }
}

table! {
    sip_plan -> SipPlan {
        reference: id "SIPRefNo" | "sipRefNo",
        amount: money "amount",
        frequency_text: label "frequency",
        instalment_date: day "installmentDay" | "instalmentDay",
        last_instalment_date: day "lastInstallmentDate" | "lastInstalmentDate",
        next_instalment_date: day "nextInstallmentDate" | "nextInstalmentDate",
        pending_instalments: decimal "pendingInstallments" | "pendingInstalments",
        completed_instalments: decimal "completeInstallments" | "completeInstalments",
        creation_date: day "creationDate",
        modification_date: day "modificationDate",
        ceased_date: day "ceasedDate",
    }
}

table! {
    sip_transaction -> SipTransaction {
        amc: name "amc",
        scheme_name: name "scheme" | "schemeName",
        isin: isin "isin",
        client_code: id "ucc",
        amfi_code: id "amfiCode",
        folio_number: id "folioNo",
        units: decimal "units",
        nav: decimal "nav",
        cost: money "cost",
        securities_transaction_tax: money "stt",
    }
}
