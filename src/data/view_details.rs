//! What a view shows of the details of accounts that are no deposits: one table a message. Extensions may hold anything, so none is shown.

use super::view::{Rule, hide, rules};
use crate::pb::{
    CisHolding, CisTransaction, EpfAccount, EtfHolding, GstInvoice, GstRegistration, InsurancePolicy, MutualFundHolding,
    MutualFundTransaction, SipDetails, SipHolding, SipPlan, SipTransaction, TrustUnitTransaction, account::Details,
    transaction::Details as RowDetails,
};

macro_rules! tables {
    ($($(#[$meta:meta])* $name:ident: $message:ident { $($field:ident => $class:ident),+ $(,)? })+) => {
        $($(#[$meta])* pub const $name: &[Rule<$message>] = rules! { $message: $($field => $class),+ };)+
    };
}

tables! {
    /// The personal texts of a mutual fund's holding.
    MUTUAL_FUND_HOLDING: MutualFundHolding { client_code => LastFour, folio_number => LastFour }
    /// The personal texts of a mutual fund's row.
    MUTUAL_FUND_TRANSACTION: MutualFundTransaction { client_code => LastFour, folio_number => LastFour }
    /// The personal texts of a SIP account's summary.
    SIP: SipDetails { folio_number => LastFour }
    /// The personal texts of a SIP account's holding.
    SIP_HOLDING: SipHolding {
        client_code => LastFour, folio_number => LastFour, first_holder_name => Hidden, second_holder_name => Hidden,
        nominee_text => Hidden, email => Hidden,
    }
    /// The personal texts of a plan.
    SIP_PLAN: SipPlan { reference => LastFour }
    /// The personal texts of a SIP account's row.
    SIP_TRANSACTION: SipTransaction { client_code => LastFour, folio_number => LastFour }
    /// The personal texts of an ETF's holding.
    ETF_HOLDING: EtfHolding { folio_number => LastFour, demat_id => LastFour, client_code => LastFour }
    /// The personal texts of a collective scheme's holding.
    CIS_HOLDING: CisHolding { client_code => LastFour, folio_number => LastFour }
    /// The personal texts of a collective scheme's row.
    CIS_TRANSACTION: CisTransaction { client_code => LastFour }
    /// The personal texts of an investment trust's row: a description is a narration by another name.
    TRUST_UNIT_TRANSACTION: TrustUnitTransaction { transaction_description => Hidden }
    /// The personal texts of an insurance policy.
    INSURANCE: InsurancePolicy { policy_number => LastFour, eia_number => LastFour }
    /// The personal texts of a provident fund account: where the holder works.
    EPF: EpfAccount { establishment_id => LastFour, establishment_name => Hidden }
    /// The personal texts of a registration for the goods and services tax.
    GST: GstRegistration { gstin => LastFour, legal_name => Hidden, trade_name => Hidden, address => Hidden }
    /// The personal texts of an invoice.
    GST_INVOICE: GstInvoice { counterparty_gstin => LastFour, invoice_number => Hidden, ecommerce_gstin => LastFour }
}

/// Hides what is personal in each message, and its extensions.
macro_rules! hide_each {
    ($messages:expr $(, $rules:ident)?) => {
        for message in &mut $messages {
            $(hide($rules, message);)?
            message.extensions = None;
        }
    };
}

/// Hides what is personal in an account's details.
pub(super) fn account(details: &mut Option<Details>) {
    let Some(details) = details else { return };
    match details {
        Details::Deposit(deposit) => hide_each!(deposit.pending),
        Details::TermDeposit(_) => {}
        Details::MutualFund(fund) => hide_each!(fund.holdings, MUTUAL_FUND_HOLDING),
        Details::Sip(sip) => hide_sip(sip),
        Details::Equity(equity) => hide_each!(equity.holdings),
        Details::Etf(etf) => hide_each!(etf.holdings, ETF_HOLDING),
        Details::Bond(bond) | Details::GovernmentSecurity(bond) => hide_each!(bond.holdings),
        Details::Debenture(debenture) => hide_each!(debenture.holdings),
        Details::CommercialPaper(paper) => hide_each!(paper.holdings),
        Details::CertificateOfDeposit(certificate) => hide_each!(certificate.holdings),
        Details::Aif(aif) => hide_each!(aif.holdings),
        Details::Cis(cis) => hide_each!(cis.holdings, CIS_HOLDING),
        Details::DepositoryReceipt(receipt) => hide_each!(receipt.holdings),
        Details::Invit(trust) | Details::Reit(trust) => hide_each!(trust.holdings),
        Details::Insurance(policy) => hide_policy(policy),
        Details::Ulip(policy) => {
            hide_each!(policy.riders);
            hide_each!(policy.holdings);
        }
        Details::Nps(nps) => {
            hide_each!(nps.scheme_choices);
            hide_each!(nps.tiers);
            for tier in &mut nps.tiers {
                hide_each!(tier.holdings);
            }
        }
        Details::Epf(epf) => hide(EPF, epf),
        Details::Ppf(_) => {}
        // Card numbers are masked where they are read, for every view.
        Details::CreditCard(account) => hide_each!(account.cards),
        Details::Gst(registration) => hide(GST, registration),
    }
}

fn hide_policy(policy: &mut InsurancePolicy) {
    hide(INSURANCE, policy);
    hide_each!(policy.riders);
    hide_each!(policy.money_backs);
    hide_each!(policy.contract_clauses);
    hide_each!(policy.covers);
}

fn hide_sip(sip: &mut SipDetails) {
    hide(SIP, sip);
    hide_each!(sip.holdings, SIP_HOLDING);
    hide_each!(sip.investments);
    for holding in &mut sip.holdings {
        hide_each!(holding.schemes);
        for scheme in &mut holding.schemes {
            hide_each!(scheme.plans, SIP_PLAN);
        }
    }
}

/// Hides what is personal in a row's details.
pub(super) fn row(details: &mut Option<RowDetails>) {
    let Some(details) = details else { return };
    match details {
        RowDetails::MutualFund(fund) => hide(MUTUAL_FUND_TRANSACTION, fund),
        RowDetails::Sip(sip) => hide(SIP_TRANSACTION, sip),
        RowDetails::Cis(cis) => hide(CIS_TRANSACTION, cis),
        RowDetails::TrustUnit(trust) => hide(TRUST_UNIT_TRANSACTION, trust),
        RowDetails::Equity(_)
        | RowDetails::Etf(_)
        | RowDetails::Debt(_)
        | RowDetails::Aif(_)
        | RowDetails::DepositoryReceipt(_)
        | RowDetails::Insurance(_)
        | RowDetails::Ulip(_)
        | RowDetails::Nps(_)
        | RowDetails::Epf(_)
        | RowDetails::Ppf(_)
        | RowDetails::CreditCard(_) => {}
        RowDetails::GstReturn(of) => {
            hide_each!(of.lines);
            hide_each!(of.paid_in_cash);
            hide_each!(of.paid_by_credit);
        }
        RowDetails::GstInvoice(invoice) => {
            hide(GST_INVOICE, invoice);
            hide_each!(invoice.items);
        }
    }
}
