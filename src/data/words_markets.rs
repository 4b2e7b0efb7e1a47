//! Tables of words of securities and funds: ReBIT's, misspelt ones included, and what was seen beside them. Case, hyphens and blanks do
//! not count. `None` means a word that is not in the table.

use super::words::table;
use crate::pb::{Answer, HoldingMode, TransactionType};

table! {
    /// Demat or physical.
    holding_mode -> HoldingMode {
        "DEMAT" => Demat,
        "PHYSICAL" => Physical,
        "OTHERS" | "OTHER" => Other,
    }
}

table! {
    /// Whether KYC papers are verified. Fund houses say VERIFIED and Completed beside true and false.
    verified -> Answer {
        "VERIFIED" | "COMPLETED" | "TRUE" | "YES" | "Y" => Yes,
        "FALSE" | "NO" | "N" | "NOT_VERIFIED" => No,
        "NO_DATA_AVAILABLE" => Unspecified,
    }
}

table! {
    /// What happened to a holding. ReBIT writes BOUNS for funds and certificates.
    transaction_type -> TransactionType {
        "BUY" => Buy,
        "SELL" => Sell,
        "BONUS" | "BOUNS" => Bonus,
        "SPLIT" | "STOCK_SPLIT" => Split,
        "DIVIDEND" => Dividend,
        "RIGHTS" | "RIGHTS_ISSUE" => Rights,
        "AMALGAMATION" => Amalgamation,
        "BUY_BACK" => BuyBack,
        "CAPITAL_REDUCTION_OR_CONSOLIDATION_OF_SHARES" => CapitalReduction,
        "CONVERSION_OF_DEBENTURES_INTO_SHARES" => Conversion,
        "DEMERGER" => Demerger,
        "OPEN_OFFER" => OpenOffer,
        "OPENING" => Opening,
        "INTEREST" => Interest,
        "TDS" => Tds,
        "INSTALLMENT" | "INSTALMENT" => Installment,
        "CLOSING" => Closing,
        "OTHERS" | "OTHER" => Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_and_the_misspelt_words_are_known() {
        assert_eq!(transaction_type("CAPITAL-REDUCTION_or_CONSOLIDATION-OF-SHARES"), Some(TransactionType::CapitalReduction));
        assert_eq!(transaction_type("BOUNS"), Some(TransactionType::Bonus));
        assert_eq!(verified("Completed"), Some(Answer::Yes));
        assert_eq!(holding_mode("CRYPT"), None);
    }
}
