//! The differences as a table that holds no personal value.

use super::compare::{Difference, Pair};
use crate::{pb::FiType, sandbox::columns};

const HEADS: [&str; 6] = ["products", "account", "row", "field", "the one has", "the other has"];

/// Fields whose values belong to a person: their shape is shown, not their text.
const PERSONAL: &[&str] = &[
    "account.holders",
    "account.masked_number",
    "transaction.narration",
    "transaction.reference",
    "transaction.bank_transaction_id",
];

/// Longer values are cut.
const LONGEST: usize = 60;

/// One line for each difference.
pub(super) fn render(pairs: &[Pair]) -> String {
    let lines: Vec<_> = pairs.iter().flat_map(|pair| pair.differences.iter().map(|differ| line(pair, differ))).collect();
    columns::render(HEADS, &[2], &lines)
}

fn line(pair: &Pair, differ: &Difference) -> [String; HEADS.len()] {
    let kind = FiType::try_from(differ.account.fi_type).unwrap_or_default().as_str_name();
    let kind = kind.strip_prefix("FI_TYPE_").unwrap_or(kind);
    let personal = PERSONAL.iter().any(|path| differ.field.starts_with(path));
    [
        format!("{} and {}", pair.one, pair.other),
        format!("{kind} {}", differ.account.last_four),
        differ.row.map_or_else(|| "-".to_owned(), |row| row.to_string()),
        differ.field.clone(),
        shown(differ.one.as_deref(), personal),
        shown(differ.other.as_deref(), personal),
    ]
}

fn shown(value: Option<&str>, personal: bool) -> String {
    let Some(value) = value else { return "(not set)".to_owned() };
    let text = if personal { shape(value) } else { value.to_owned() };
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text,
    }
}

/// Another letter or digit of the same kind for each; words outside of quotes are names of fields and stay.
fn shape(value: &str) -> String {
    let mut quoted = false;
    let one = |letter: char| {
        quoted ^= letter == '"';
        match letter {
            letter if letter.is_numeric() => '0',
            letter if quoted && letter.is_uppercase() => 'A',
            letter if quoted && letter.is_alphabetic() => 'a',
            other => other,
        }
    };
    value.chars().map(one).collect()
}

#[cfg(test)]
#[allow(clippy::indexing_slicing)]
mod tests {
    use super::*;
    use crate::sandbox::parity::compare::Place;

    fn pair(field: &str, one: &str) -> Pair {
        let account = Place { fi_type: FiType::Deposit.into(), last_four: "0001".to_owned() };
        let differ = Difference { account, row: Some(7), field: field.to_owned(), one: Some(one.to_owned()), other: None };
        Pair { one: "a".to_owned(), other: "b".to_owned(), fields: 9, accounts: 2, differences: vec![differ] }
    }

    #[test]
    fn a_line_says_where_and_what() {
        let table = render(&[pair("account.deposit.ifsc", "\"TEST0000001\"")]);
        let line = table.lines().nth(2).unwrap_or_default();
        let cells: Vec<_> = line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect();
        assert_eq!(cells, ["a and b", "DEPOSIT 0001", "7", "account.deposit.ifsc", "\"TEST0000001\"", "(not set)"]);
    }

    #[test]
    fn of_a_personal_value_only_the_shape_is_shown() {
        for field in PERSONAL {
            let table = render(&[pair(&format!("{field}x"), "[Some(\"Asha Rao, AAAPA0001A\"), 7]")]);
            assert!(table.contains("[Some(\"Aaaa Aaa, AAAAA0000A\"), 0]") && !table.contains("Asha"), "{table}");
        }
    }
}
