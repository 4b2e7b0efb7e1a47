//! Every column that holds sealed values, as data: how its rows are found one after the other, and for which place each value is sealed. What
//! seals anew and what counts reads this list, and a test holds it to the schema.

use crate::seal::SealedUnder;

/// How a column's values are written as text, and read back from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum As {
    /// It is text.
    Text,
    /// A whole number or a truth.
    Number,
    /// Bytes, as hexadecimal digits.
    Hex,
}

/// One column of sealed values.
pub(super) struct SealedColumn {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    /// What names a row, in the order of an index.
    pub(super) keys: &'static [(&'static str, As)],
    /// What else is authenticated with the value.
    pub(super) facts: &'static [(&'static str, As)],
    /// The place of the seal, from the texts of keys and facts; `None` where a row does not tell it.
    place: fn(&[&str], SealedUnder) -> Option<Vec<String>>,
}

impl SealedColumn {
    /// The place for which a row's value is sealed.
    pub(super) fn place(&self, told: &[String], under: SealedUnder) -> Option<Vec<String>> {
        let told: Vec<&str> = told.iter().map(String::as_str).collect();
        (self.place)(&told, under)
    }
}

const TENANT: (&str, As) = ("tenant", As::Text);
const FETCH: (&str, As) = ("fetch_id", As::Text);
const EVENT: &[(&str, As)] = &[TENANT, ("journey_id", As::Text), ("sequence", As::Number)];
const ONLY: &[(&str, As)] = &[("id", As::Number)];

fn named(kind: &str, told: &[&str]) -> Option<Vec<String>> {
    Some(std::iter::once(kind).chain(told.iter().copied()).map(str::to_owned).collect())
}

/// See the module.
pub(super) const SEALED: &[SealedColumn] = &[
    SealedColumn { table: "key_check", column: "sealed", keys: ONLY, facts: &[], place: |_, _| named("key check", &[]) },
    SealedColumn { table: "hash_key", column: "sealed", keys: ONLY, facts: &[], place: |_, _| named("hash key", &[]) },
    SealedColumn {
        table: "journeys",
        column: "sealed",
        keys: &[TENANT, ("id", As::Text)],
        facts: &[],
        place: |told, _| named("journey", told),
    },
    SealedColumn { table: "events", column: "note", keys: EVENT, facts: &[], place: |told, _| named("event note", told) },
    SealedColumn { table: "events", column: "tree", keys: EVENT, facts: &[], place: |told, _| named("event tree", told) },
    SealedColumn {
        table: "requests",
        column: "sealed",
        keys: &[("hash", As::Hex)],
        facts: &[TENANT],
        // Before keys had ids the request id itself was authenticated, which is not kept. Such answers are gone within three days.
        place: |told, under| match (told, under) {
            (&[hash, tenant], SealedUnder::Key(_)) => named("request", &[tenant, hash]),
            _ => None,
        },
    },
    SealedColumn {
        table: "item_keys",
        column: "wrapped",
        keys: &[TENANT, FETCH, ("kind", As::Text), ("part", As::Text)],
        facts: &[],
        place: |told, _| match *told {
            [tenant, fetch_id, kind, part] => named("item key", &[kind, tenant, fetch_id, part]),
            _ => None,
        },
    },
    SealedColumn {
        table: "inbox",
        column: "sealed",
        keys: &[TENANT, ("id", As::Text)],
        facts: &[("verified", As::Number)],
        place: |told, _| match *told {
            [tenant, id, verified] => {
                named("message", &[tenant, id, if matches!(verified, "1" | "true") { "verified" } else { "hint" }])
            }
            _ => None,
        },
    },
    // Of these only what was written before items had keys of their own is under the store's.
    SealedColumn {
        table: "snapshots",
        column: "sealed",
        keys: &[TENANT, FETCH],
        facts: &[],
        place: |told, _| named("snapshot", told),
    },
    SealedColumn {
        table: "evidence",
        column: "sealed",
        keys: &[TENANT, FETCH],
        facts: &[("media_type", As::Text), ("endpoint", As::Text), ("received_at", As::Number), ("sha256", As::Hex)],
        place: |told, _| named("evidence", told),
    },
    SealedColumn {
        table: "documents",
        column: "sealed",
        keys: &[TENANT, FETCH, ("format", As::Text)],
        facts: &[],
        place: |told, _| named("document", told),
    },
    // Their request ids are authenticated and not kept, so the few that have no keys of their own wait for their date.
    SealedColumn { table: "increments", column: "sealed", keys: &[("hash", As::Hex)], facts: &[], place: |_, _| None },
];

/// How a database writes and reads the texts of columns.
pub(super) struct Dialect {
    /// A column of bytes as hexadecimal digits; `{}` is the column.
    pub(super) to_hex: &'static str,
    /// The bytes of hexadecimal digits; `{}` is the parameter.
    pub(super) of_hex: &'static str,
}

/// The statements for one column.
impl Dialect {
    fn as_text(&self, (name, kind): (&str, As)) -> String {
        match kind {
            As::Hex => self.to_hex.replace("{}", name),
            As::Text | As::Number => format!("CAST({name} AS TEXT)"),
        }
    }

    fn parameter(&self, number: usize, kind: As) -> String {
        match kind {
            As::Text => format!("${number}"),
            As::Number => format!("CAST(${number} AS BIGINT)"),
            As::Hex => self.of_hex.replace("{}", &format!("${number}")),
        }
    }

    fn names(column: &SealedColumn) -> String {
        column.keys.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
    }

    fn parameters(&self, column: &SealedColumn, from: usize) -> String {
        let one = |(at, (_, kind)): (usize, &(&str, As))| self.parameter(from + at, *kind);
        column.keys.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }

    fn condition(&self, column: &SealedColumn, from: usize) -> String {
        let one = |(at, (name, kind)): (usize, &(&str, As))| format!("{name} = {}", self.parameter(from + at, *kind));
        column.keys.iter().enumerate().map(one).collect::<Vec<_>>().join(" AND ")
    }

    /// The next rows: the texts of keys and facts, and the beginning of the value. With a cursor its texts are the parameters.
    pub(super) fn page(&self, column: &SealedColumn, after: bool, limit: usize, head: usize) -> String {
        let texts = column.keys.iter().chain(column.facts).map(|one| self.as_text(*one)).collect::<Vec<_>>().join(", ");
        let (table, sealed, names) = (column.table, column.column, Self::names(column));
        let beyond = if after { format!("WHERE ({names}) > ({})", self.parameters(column, 1)) } else { String::new() };
        format!("SELECT {texts}, substr({sealed}, 1, {head}) FROM {table} {beyond} ORDER BY {names} LIMIT {limit}")
    }

    /// One value, by the texts of its keys.
    pub(super) fn read(&self, column: &SealedColumn) -> String {
        format!("SELECT {} FROM {} WHERE {}", column.column, column.table, self.condition(column, 1))
    }

    /// Puts a value ($1) in the place of exactly the one that was read ($2), by the texts of its keys.
    pub(super) fn swap(&self, column: &SealedColumn) -> String {
        let (table, sealed) = (column.table, column.column);
        format!("UPDATE {table} SET {sealed} = $1 WHERE {sealed} = $2 AND {}", self.condition(column, 3))
    }

    /// How many values begin alike.
    pub(super) fn heads(column: &SealedColumn, head: usize) -> String {
        let (table, sealed) = (column.table, column.column);
        format!("SELECT substr({sealed}, 1, {head}), COUNT(*) FROM {table} WHERE {sealed} IS NOT NULL GROUP BY 1")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{migrations::Step, postgres, sqlite};

    /// Columns of bytes that hold no sealed values, or such that the keys themselves are checked with.
    const OTHERS: [&str; 11] = [
        "audit_rows.hash",
        "audit_rows.previous",
        "evidence.sha256",
        "inbox.dedupe",
        "inbox_refs.hash",
        "increments.hash",
        "journey_refs.hash",
        "requests.body_hash",
        "requests.hash",
        "seal_keys.id",
        "seal_keys.sealed",
    ];

    /// Every column of bytes of a schema.
    fn columns(steps: &[Step], bytes: &str) -> Vec<String> {
        let mut found = Vec::new();
        let mut table = "";
        for line in steps.iter().flat_map(|(_, _, text)| text.lines()).map(str::trim) {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["CREATE", "TABLE", name, ..] => table = name,
                ["ALTER", "TABLE", name, "ADD", "COLUMN", column, kind, ..] if kind.starts_with(bytes) => {
                    found.push(format!("{name}.{column}"));
                }
                [column, kind, ..] if kind.trim_end_matches(',') == bytes => found.push(format!("{table}.{column}")),
                _ => {}
            }
        }
        found.sort();
        found
    }

    #[test]
    fn every_column_of_bytes_is_known() {
        let mut known: Vec<String> = SEALED.iter().map(|sealed| format!("{}.{}", sealed.table, sealed.column)).collect();
        known.extend(OTHERS.map(str::to_owned));
        known.sort();
        assert_eq!(columns(&sqlite::STEPS, "BLOB"), known, "list it in SEALED, or it hangs on old keys for ever");
        assert_eq!(columns(&postgres::STEPS, "BYTEA"), known);
    }
}
