//! One customer with an account of every kind: each comes typed, and its figures are those of the sandbox's banks.

use std::collections::BTreeMap;

use prost::Message;
use sangam::{
    clock::{Clock, SystemClock},
    pb::{self, FetchDataResponse, FiType, Money, Product, View, account::Details, stream_data_response::Part, transaction},
    sandbox::{
        bank::{Asset, Bank, BankAccount, Kind, Portfolio},
        scenario::Scenario,
    },
};

use crate::harness::{World, data_request, start_request};

/// What an account says of itself: what it is worth, what was paid in, and units by ISIN or, of what has none, by name.
#[derive(Debug, Default, PartialEq)]
struct Figures {
    value: Option<i64>,
    cost: Option<i64>,
    units: Vec<(String, String)>,
}

fn paise(money: &Option<Money>) -> Option<i64> {
    money.as_ref().map(|money| {
        assert_eq!(money.currency_code, "INR");
        money.minor_units
    })
}

fn figures(value: &Option<Money>, cost: &Option<Money>, units: Vec<(&String, &str)>) -> Figures {
    let units = units.into_iter().map(|(isin, units)| (isin.clone(), units.trim_end_matches(".000").to_owned()));
    Figures { value: paise(value), cost: paise(cost), units: units.collect() }
}

macro_rules! held {
    ($details:expr, $cost:ident, $isin:ident, $units:ident) => {
        figures(
            &$details.current_value,
            &$details.$cost,
            $details.holdings.iter().map(|holding| (&holding.$isin, holding.$units.as_str())).collect(),
        )
    };
}

fn said(details: &Details) -> Figures {
    match details {
        Details::MutualFund(fund) => held!(fund, cost_value, isin, closing_units),
        Details::Sip(sip) => {
            let schemes = sip.holdings.iter().flat_map(|holding| &holding.schemes);
            figures(&None, &None, schemes.map(|scheme| (&scheme.isin, "")).collect())
        }
        Details::Equity(equity) => held!(equity, investment_value, isin, units),
        Details::DepositoryReceipt(receipt) => held!(receipt, investment_value, isin, units),
        Details::Etf(etf) => held!(etf, investment_value, isin, units),
        Details::Invit(trust) | Details::Reit(trust) => held!(trust, investment_value, isin, units),
        Details::Bond(bond) | Details::GovernmentSecurity(bond) => held!(bond, investment_value, isin, units),
        Details::Debenture(debenture) => held!(debenture, investment_value, isin, units),
        Details::CommercialPaper(paper) => held!(paper, investment_value, isin, units),
        Details::CertificateOfDeposit(certificate) => held!(certificate, investment_value, isin, units),
        Details::Aif(aif) => held!(aif, investment_value, issuer_name, issuer_name),
        Details::Cis(cis) => held!(cis, investment_value, isin, units),
        Details::Insurance(policy) => figures(&policy.sum_assured, &policy.premium_amount, vec![]),
        Details::Ulip(policy) => figures(
            &policy.sum_assured,
            &policy.premium_amount,
            policy.holdings.iter().map(|fund| (&fund.name, fund.units.as_str())).collect(),
        ),
        Details::Nps(nps) => {
            let tier = &nps.tiers[0];
            let schemes = tier.holdings.iter().map(|scheme| (&scheme.scheme_name, scheme.total_units.as_str()));
            figures(&nps.current_value, &tier.investment_cost, schemes.collect())
        }
        Details::Epf(epf) => figures(&epf.total_balance, &None, vec![]),
        Details::Ppf(ppf) => figures(&ppf.current_balance, &None, vec![]),
        Details::CreditCard(card) => figures(&card.total_due_amount, &card.credit_limit, vec![]),
        Details::Gst(_) => Figures::default(),
        Details::Deposit(_) | Details::TermDeposit(_) => panic!("a deposit"),
    }
}

/// The same of the bank's own books, as far as the kind tells it.
fn known(portfolio: &Portfolio) -> Figures {
    let units = portfolio.positions.iter().map(|held| match portfolio.asset {
        Asset::Ulip | Asset::Nps => (held.name.clone(), held.units.to_string()),
        Asset::Aif => (held.name.clone(), held.name.clone()),
        // Nothing of certificates and plans has a number of units.
        Asset::Cd | Asset::Sip => (held.isin.clone(), String::new()),
        _ => (held.isin.clone(), held.units.to_string()),
    });
    let (value, cost) = match portfolio.asset {
        Asset::Sip | Asset::Gst => (None, None),
        Asset::Epf | Asset::Ppf => (Some(portfolio.value), None),
        Asset::CreditCard => (Some(portfolio.value), Some(portfolio.cover)),
        _ => (Some(portfolio.value), Some(portfolio.cost)),
    };
    Figures { value, cost, units: units.collect() }
}

/// What a row moved, by the bank's id; `None` for one that is about others: the return that an invoice belongs to, for example.
fn moved(row: &pb::Transaction) -> Option<(String, i64)> {
    use transaction::Details;
    let amount = match row.details.as_ref().unwrap() {
        Details::GstReturn(_) => return None,
        Details::GstInvoice(invoice) => return Some((invoice.invoice_number.clone(), paise(&row.amount).unwrap())),
        Details::Equity(equity) => paise(&equity.trade_value),
        Details::DepositoryReceipt(receipt) => paise(&receipt.trade_value),
        Details::TrustUnit(trust) => paise(&trust.trade_value),
        Details::Debt(debt) => paise(&debt.trade_value),
        Details::Aif(aif) => paise(&aif.investment_value),
        Details::Ulip(ulip) => paise(&ulip.cost),
        Details::Epf(epf) => paise(&epf.employee_deposit).zip(paise(&epf.employer_deposit)).map(|(one, other)| one + other),
        _ => paise(&row.amount),
    };
    Some((row.bank_transaction_id.clone(), amount.unwrap()))
}

fn is(account: &pb::Account, bank: &BankAccount, portfolio: &Portfolio) -> bool {
    let word = if portfolio.asset == Asset::Gst { "GSTR1_3B" } else { portfolio.asset.word() };
    account.fi_type_text == word && bank.number.ends_with(account.masked_number.trim_start_matches('X'))
}

fn compare(data: &FetchDataResponse, truth: &[BankAccount]) -> BTreeMap<&'static str, usize> {
    let mut seen = BTreeMap::new();
    for bank in truth {
        let Kind::Portfolio(portfolio) = &bank.kind else { continue };
        let name = portfolio.asset.word();
        let found: Vec<_> = data.accounts.iter().filter(|account| is(account, bank, portfolio)).collect();
        let [account] = found[..] else { panic!("{name}: {} accounts", found.len()) };
        assert_eq!(account.extensions, None, "{name}: not everything is typed");
        assert_eq!(said(account.details.as_ref().unwrap()), known(portfolio), "{name}");
        let rows = data.transactions.iter().filter(|row| row.account_id == account.account_id);
        assert!(rows.clone().all(|row| row.extensions.is_none()), "{name}: not everything of a row is typed");
        let mut moved: Vec<_> = rows.clone().filter_map(moved).collect();
        let mut known: Vec<_> = bank.rows.iter().map(|row| (row.id.clone(), row.amount)).collect();
        moved.sort();
        known.sort();
        assert_eq!(moved, known, "{name}");
        seen.insert(name, rows.count());
    }
    seen
}

#[tokio::test]
async fn an_account_of_every_kind_comes_typed_with_the_banks_own_figures() {
    let now = SystemClock.now();
    let truth = Bank::accounts_for(&Scenario::EveryKind.mobile(), now);
    let world = World::with_bank_at(now).await;
    for credential in ["consent", "orchestration"] {
        let journey_id = world.approved(start_request("finpro", credential, "44", &[Product::Data])).await;
        world.until_picked_up(&journey_id).await;
        let (accounts, transactions) = world.data(data_request(&journey_id, View::Full)).await.unwrap();
        let pages = FetchDataResponse { accounts, transactions, ..Default::default() };
        let seen = compare(&pages, &truth);
        assert_eq!(seen.len(), Asset::ALL.len());
        assert!(seen.iter().all(|(name, rows)| *rows >= 12 || *name == "SIP"), "{credential}: {seen:?}");
        // Every kind of account that the contract has, and the deposits beside them.
        let kinds: std::collections::BTreeSet<i32> = pages.accounts.iter().map(|account| account.fi_type).collect();
        assert_eq!(kinds, (1..=27).filter(|kind| *kind != i32::from(FiType::Other)).collect());
        assert!(pages.accounts.iter().all(|account| account.details.is_some()));

        let request = pb::StreamDataRequest { journey_id: journey_id.clone(), view: View::Full.into(), ..Default::default() };
        let mut stream = world.client.clone().stream_data(request).await.unwrap().into_inner();
        let mut bytes = Vec::new();
        while let Some(message) = stream.message().await.unwrap() {
            if let Some(Part::Payload(payload)) = message.part {
                bytes.extend_from_slice(&payload);
            }
        }
        assert_eq!(FetchDataResponse::decode(&bytes[..]).unwrap(), pages, "{credential}");
    }
    world.stop().await;
}
