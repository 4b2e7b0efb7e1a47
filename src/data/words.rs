//! Tables of the words that providers use: ReBIT's of both versions and what was seen beside them. Case, hyphens and blanks do not
//! count. `None` means a word that is not in the table.

use crate::pb::{
    AccountStatus, Answer, DepositAccountType, DepositFacility, DepositInterval, DepositKind, FiType, HoldingArrangement,
    InterestComputation, TransactionMode, TransactionType,
};

/// The longest word of any table.
pub(super) const LONGEST: usize = 48;

/// A word in upper case, with underscores for hyphens and blanks; empty if too long for any table.
pub(super) fn normal<'b>(word: &str, buffer: &'b mut [u8; LONGEST]) -> &'b str {
    let Some(room) = buffer.get_mut(..word.len()) else {
        return "";
    };
    for (to, from) in room.iter_mut().zip(word.bytes()) {
        *to = match from {
            b'-' | b' ' => b'_',
            other => other.to_ascii_uppercase(),
        };
    }
    std::str::from_utf8(room).unwrap_or("")
}

macro_rules! table {
    ($(#[$meta:meta])* $name:ident -> $kind:ident { $($($word:literal)|+ => $value:ident),+ $(,)? }) => {
        $(#[$meta])*
        pub fn $name(word: &str) -> Option<$kind> {
            let exact = |word: &str| {
                Some(match word {
                    $($($word)|+ => $kind::$value,)+
                    _ => return None,
                })
            };
            // Nearly every word comes as the table has it.
            exact(word).or_else(|| exact($crate::data::words::normal(word, &mut [0; $crate::data::words::LONGEST])))
        }
    };
}

pub(super) use table;

table! {
    /// Credit, debit, or an event of a deposit.
    transaction_type -> TransactionType {
        "CREDIT" | "CR" => Credit,
        "DEBIT" | "DR" => Debit,
        "OPENING" => Opening,
        "INTEREST" => Interest,
        "TDS" => Tds,
        "INSTALLMENT" | "INSTALMENT" => Installment,
        "CLOSING" => Closing,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// How the money moved.
    transaction_mode -> TransactionMode {
        "UPI" => Upi,
        "FT" => Ft,
        "IMPS" => Imps,
        "NEFT" => Neft,
        "RTGS" => Rtgs,
        "CASH" => Cash,
        "ATM" => Atm,
        "CARD" | "CARD_PAYMENT" => Card,
        "CHEQUE" => Cheque,
        "DEMAND_DRAFT" => DemandDraft,
        "AUTO_DEBIT" => AutoDebit,
        "INTEREST_CREDIT" => InterestCredit,
        "NACH" => Nach,
        "ECS" => Ecs,
        "REMITTANCE" => Remittance,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// The kind of financial information.
    fi_type -> FiType {
        "DEPOSIT" => Deposit,
        "TERM_DEPOSIT" => TermDeposit,
        "RECURRING_DEPOSIT" => RecurringDeposit,
        "MUTUAL_FUNDS" | "MUTUALFUNDS" | "MUTUAL_FUND" => MutualFunds,
        "SIP" => Sip,
        "EQUITIES" => Equities,
        "ETF" => Etf,
        "BONDS" => Bonds,
        "DEBENTURES" => Debentures,
        "GOVT_SECURITIES" => GovtSecurities,
        "CP" => Cp,
        "CD" | "CERTIFICATES_DEPOSIT" => Cd,
        "AIF" => Aif,
        "CIS" => Cis,
        "IDR" => Idr,
        "INVIT" => Invit,
        "REIT" => Reit,
        "INSURANCE_POLICIES" | "INSURANCE" => InsurancePolicies,
        "LIFE_INSURANCE" => LifeInsurance,
        "GENERAL_INSURANCE" => GeneralInsurance,
        "ULIP" => Ulip,
        "NPS" => Nps,
        "EPF" => Epf,
        "PPF" => Ppf,
        "CREDIT_CARD" => CreditCard,
        "GSTR1_3B" | "GST" | "GST_GSTR1" | "GST_GSTR2A" | "GST_GSTR3B" => Gst,
        "OTHER" | "OTHERS" => Other,
    }
}

/// Whether accounts of a kind have the rows of a bank statement.
pub fn is_deposit(fi_type: FiType) -> bool {
    matches!(fi_type, FiType::Deposit | FiType::TermDeposit | FiType::RecurringDeposit)
}

table! {
    /// Single or joint. ReBIT has SOLE for real estate trusts.
    holding -> HoldingArrangement {
        "SINGLE" | "SOLE" => Single,
        "JOINT" => Joint,
    }
}

table! {
    /// The kind of a deposit account. Statements read from PDF say "saving".
    deposit_kind -> DepositKind {
        "SAVINGS" | "SAVING" => Savings,
        "CURRENT" => Current,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// For whom a deposit account is.
    account_type -> DepositAccountType {
        "REGULAR" | "RESIDENT" | "DOMESTIC" => Regular,
        "NRE" => Nre,
        "NRO" => Nro,
        "RFC" => Rfc,
        "FCNR" | "FCNR_B" | "FCNR(B)" => Fcnr,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// A borrowing facility: ReBIT version 1 says OD and CC, version 2 the long words.
    facility -> DepositFacility {
        "NO_FACILITY_GRANTED" | "NONE" => None,
        "OD" | "OVERDRAFT" => Overdraft,
        "CC" | "CASH_CREDIT" => CashCredit,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// The condition of an account.
    status -> AccountStatus {
        "ACTIVE" => Active,
        "INACTIVE" => Inactive,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// How often interest is paid or compounded.
    interval -> DepositInterval {
        "MONTHLY" => Monthly,
        "QUARTERLY" => Quarterly,
        "HALF_YEARLY" => HalfYearly,
        "YEARLY" => Yearly,
        "ONMATURITY" | "ON_MATURITY" => OnMaturity,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// How interest is computed.
    computation -> InterestComputation {
        "SIMPLE" => Simple,
        "COMPOUND" => Compound,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// Yes or no in the words of nominee and KYC fields.
    answer -> Answer {
        "TRUE" | "YES" | "Y" | "REGISTERED" | "NOMINATED" | "NOMINEE_REGISTERED" => Yes,
        "FALSE" | "NO" | "N" | "NOT_REGISTERED" | "NOTREGISTERED" | "NON_REGISTERED" | "UNREGISTERED" | "NO_NOMINEE"
            | "NOT_NOMINATED" => No,
        "NO_DATA_AVAILABLE" => Unspecified,
    }
}

/// A provider's word as it may be shown: up to 48 plain characters without a run of five digits, else empty. A personal text in the wrong
/// place must not pass for a word.
pub fn shown(word: &str) -> String {
    if may_be_shown(word) { word.to_owned() } else { String::new() }
}

/// Whether a word is one that [`shown`] shows.
pub(super) fn may_be_shown(word: &str) -> bool {
    let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b' ' | b'/' | b'.'));
    let digits = word.as_bytes().windows(5).any(|window| window.iter().all(u8::is_ascii_digit));
    plain && !digits && word.len() <= 48
}

/// Whether a text that a flag quotes may be shown where its field is shown to all: a word, or a number that its point or its groups give
/// away as one. Any other text may be anything, a telephone number in the place of an amount for example.
pub(super) fn may_be_quoted(text: &str) -> bool {
    let number = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',' | b'-' | b'+' | b'e' | b'E');
    may_be_shown(text) || (text.len() <= 48 && text.contains(['.', ',']) && text.bytes().all(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_hyphens_and_blanks_do_not_count() {
        assert_eq!(transaction_type("credit"), Some(TransactionType::Credit));
        assert_eq!(transaction_mode("Demand Draft"), Some(TransactionMode::DemandDraft));
        assert_eq!(fi_type("TERM-DEPOSIT"), Some(FiType::TermDeposit));
        assert_eq!(interval("OnMaturity"), Some(DepositInterval::OnMaturity));
        assert_eq!(interval("HALF-YEARLY"), Some(DepositInterval::HalfYearly));
        assert_eq!(deposit_kind("saving"), Some(DepositKind::Savings));
        assert_eq!(answer("Not-Registered"), Some(Answer::No));
    }

    #[test]
    fn a_word_outside_the_table_is_none() {
        assert_eq!(transaction_mode("ONLINE"), None);
        assert_eq!(transaction_mode(""), None);
        assert_eq!(transaction_mode("A word that is longer than any of the words of any table"), None);
        assert_eq!(transaction_mode("न"), None);
        assert_eq!(fi_type("GOLD"), None);
    }

    #[test]
    fn a_number_may_be_quoted_and_what_may_be_anything_may_not() {
        for text in ["1,00,000.00", "136797.48000000001", "-12.345", "ONLINE", "5.00 Dr"] {
            assert!(may_be_quoted(text), "{text}");
        }
        for text in ["9000000001", "+919000000001", "a@example.com", "A, Sample", "call 9000000001"] {
            assert!(!may_be_quoted(text), "{text}");
        }
    }

    #[test]
    fn only_plain_words_are_shown() {
        assert_eq!(shown("ONLINE"), "ONLINE");
        assert_eq!(shown("9000000001"), "");
        assert_eq!(shown("a@example.com"), "");
        assert_eq!(shown(&"A".repeat(49)), "");
    }
}
