//! What a view shows of the details of accounts that are no deposits: one table a message. Extensions may hold anything, so none is shown.

use super::view::{Rule, hide, rules};
use crate::pb::{
    EpfAccount, GstInvoice, GstRegistration, InsurancePolicy, MutualFundHolding, MutualFundTransaction, account, transaction,
};

/// The personal texts of a mutual fund's holding.
pub const MUTUAL_FUND_HOLDING: &[Rule<MutualFundHolding>] = rules! { MutualFundHolding:
    client_code => LastFour,
    folio_number => LastFour,
};

/// The personal texts of a mutual fund's row.
pub const MUTUAL_FUND_TRANSACTION: &[Rule<MutualFundTransaction>] = rules! { MutualFundTransaction:
    client_code => LastFour,
    folio_number => LastFour,
};

/// The personal texts of an insurance policy.
pub const INSURANCE: &[Rule<InsurancePolicy>] = rules! { InsurancePolicy:
    policy_number => LastFour,
    eia_number => LastFour,
};

/// The personal texts of a provident fund account: where the holder works.
pub const EPF: &[Rule<EpfAccount>] = rules! { EpfAccount:
    establishment_id => LastFour,
    establishment_name => Hidden,
};

/// The personal texts of a registration for the goods and services tax.
pub const GST: &[Rule<GstRegistration>] = rules! { GstRegistration:
    gstin => LastFour,
    legal_name => Hidden,
    trade_name => Hidden,
    address => Hidden,
};

/// The personal texts of an invoice.
pub const GST_INVOICE: &[Rule<GstInvoice>] = rules! { GstInvoice:
    counterparty_gstin => LastFour,
    invoice_number => Hidden,
    ecommerce_gstin => LastFour,
};

macro_rules! hide_each {
    ($rules:ident, $messages:expr) => {
        for message in &mut $messages {
            hide($rules, message);
            message.extensions = None;
        }
    };
}

/// Drops the extensions of messages without personal texts.
macro_rules! drop_extensions {
    ($($messages:expr),+) => {
        {
            $(for message in &mut $messages {
                message.extensions = None;
            })+
        }
    };
}

/// Hides what is personal in an account's details.
pub(super) fn account(details: &mut Option<account::Details>) {
    match details {
        None | Some(account::Details::Deposit(_) | account::Details::TermDeposit(_)) => {}
        Some(account::Details::MutualFund(fund)) => hide_each!(MUTUAL_FUND_HOLDING, fund.holdings),
        Some(account::Details::Insurance(policy)) => {
            hide(INSURANCE, policy);
            drop_extensions!(policy.riders, policy.money_backs, policy.contract_clauses, policy.covers);
        }
        Some(account::Details::Ulip(policy)) => drop_extensions!(policy.riders, policy.holdings),
        Some(account::Details::Nps(nps)) => {
            for tier in &mut nps.tiers {
                drop_extensions!(tier.holdings);
            }
            drop_extensions!(nps.scheme_choices, nps.tiers);
        }
        Some(account::Details::Epf(epf)) => hide(EPF, epf),
        Some(account::Details::Ppf(_)) => {}
        // Card numbers are masked where they are read, for every view.
        Some(account::Details::CreditCard(account)) => drop_extensions!(account.cards),
        Some(account::Details::Gst(registration)) => hide(GST, registration),
    }
}

/// Hides what is personal in a row's details.
pub(super) fn row(details: &mut Option<transaction::Details>) {
    match details {
        None => {}
        Some(transaction::Details::MutualFund(fund)) => hide(MUTUAL_FUND_TRANSACTION, fund),
        Some(
            transaction::Details::Insurance(_)
            | transaction::Details::Ulip(_)
            | transaction::Details::Nps(_)
            | transaction::Details::Epf(_)
            | transaction::Details::Ppf(_)
            | transaction::Details::CreditCard(_),
        ) => {}
        Some(transaction::Details::GstReturn(of)) => drop_extensions!(of.lines),
        Some(transaction::Details::GstInvoice(invoice)) => {
            hide(GST_INVOICE, invoice);
            drop_extensions!(invoice.items);
        }
    }
}
