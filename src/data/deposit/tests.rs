#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
use super::*;
use crate::{
    data::{quality::Flags, row::Currency, time::Zoneless},
    pb::Money,
};

type Quoted = Vec<(String, QualityCode, String)>;

fn summary(text: &SummaryText<'_>) -> (DepositSummary, Quoted) {
    let mut flags = Flags::default();
    let currency = Some(Currency { code: *b"INR", decimals: 2 });
    let mut reader = Reader { currency, zoneless: Zoneless::Ist, flags: &mut flags };
    let received = Received::at("2027-01-01T00:00:00Z".parse().unwrap());
    let summary = read(text, received, &mut reader);
    (summary, flags.0.into_iter().map(|flag| (flag.path.into_owned(), flag.code, flag.source)).collect())
}

#[test]
fn an_account_type_is_typed_wherever_it_stands() {
    use DepositAccountType as Type;
    use DepositKind as Kind;
    for (account_type, kind, sub_kind, wanted) in [
        ("NRE", "", "SAVINGS", (Kind::Savings, Type::Nre)),
        ("REGULAR", "", "CURRENT", (Kind::Current, Type::Regular)),
        ("nro", "SAVINGS", "", (Kind::Savings, Type::Nro)),
        ("", "RFC", "SAVINGS", (Kind::Savings, Type::Rfc)),
        ("", "SAVINGS", "FCNR", (Kind::Savings, Type::Fcnr)),
        ("SAVINGS-NRE", "SAVINGS", "", (Kind::Savings, Type::Nre)),
        ("Savings", "", "", (Kind::Savings, Type::Unspecified)),
        ("NONE", "-", "NOT AVAILABLE", (Kind::Unspecified, Type::Unspecified)),
    ] {
        let text = SummaryText {
            account_type: Scalar::Text(account_type),
            kind: Scalar::Text(kind),
            sub_kind: Scalar::Text(sub_kind),
            ..SummaryText::default()
        };
        let (found, flags) = summary(&text);
        assert_eq!((found.kind(), found.account_type()), wanted, "{account_type} {kind} {sub_kind}");
        assert_eq!((found.account_type_text.as_str(), flags), ("", vec![]), "{account_type} {kind} {sub_kind}");
    }
}

#[test]
fn an_account_type_that_is_not_known_keeps_its_word() {
    let text = SummaryText { account_type: Scalar::Text("ESCROW"), kind: Scalar::Text("CURRENT"), ..SummaryText::default() };
    let (found, flags) = summary(&text);
    assert_eq!((found.kind(), found.account_type()), (DepositKind::Current, DepositAccountType::Other));
    assert_eq!(found.account_type_text, "ESCROW");
    assert_eq!(flags, [("summary.account_type".to_owned(), QualityCode::UnknownWord, "ESCROW".to_owned())]);
}

#[test]
fn an_exchange_rate_is_a_decimal_text() {
    for (written, wanted) in [("83.10", "83.10"), (" ", ""), ("NA", ""), ("-", ""), ("1", "1"), ("0", "0")] {
        let (found, flags) = summary(&SummaryText { exchange_rate: Scalar::Text(written), ..SummaryText::default() });
        assert_eq!((found.exchange_rate.as_str(), flags), (wanted, vec![]), "{written}");
    }
    let (found, flags) = summary(&SummaryText { exchange_rate: Scalar::Text("83/1"), ..SummaryText::default() });
    assert_eq!(found.exchange_rate, "");
    assert_eq!(flags, [("summary.exchange_rate".to_owned(), QualityCode::Unparsable, "83/1".to_owned())]);
}

#[test]
fn what_is_not_known_of_pending_rows_names_the_row() {
    let row = |kind, amount| PendingText { kind: Scalar::Text(kind), amount: Scalar::Text(amount), ..PendingText::default() };
    let pending = vec![row("CREDIT", "1.00"), row("LIEN", "2.00"), row("NA", "3.001")];
    let (found, flags) = summary(&SummaryText { pending, ..SummaryText::default() });
    let kinds: Vec<_> = found.pending.iter().map(PendingTransaction::r#type).collect();
    assert_eq!(kinds, [TransactionType::Credit, TransactionType::Unspecified, TransactionType::Unspecified]);
    assert_eq!(found.pending[1].amount, Some(Money { minor_units: 200, currency_code: "INR".to_owned() }));
    let wanted = [
        ("summary.pending[1].type".to_owned(), QualityCode::UnknownWord, "LIEN".to_owned()),
        ("summary.pending[2].amount".to_owned(), QualityCode::ExtraDecimals, "3.001".to_owned()),
    ];
    assert_eq!(flags, wanted);
}

#[test]
fn words_for_nothing_are_no_words_of_an_account() {
    for word in ["NIL", "-", "0", "NA", "NOT AVAILABLE", "<NULL>"] {
        let text = SummaryText {
            facility: Scalar::Text(word),
            status: Scalar::Text(word),
            opening_date: Scalar::Text(word),
            balance_time: Scalar::Text(word),
            ..SummaryText::default()
        };
        let (found, flags) = summary(&text);
        assert_eq!((found, flags), (DepositSummary::default(), vec![]), "{word}");
    }
    // NONE is a word of the list of facilities.
    let (found, _) = summary(&SummaryText { facility: Scalar::Text("NONE"), ..SummaryText::default() });
    assert_eq!(found.facility(), DepositFacility::None);
}
