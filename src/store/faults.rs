//! What a database's error means here. Its message can quote values; its code and kind cannot.

use sqlx::sqlite::SqliteError;

use super::StoreError;

/// Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that mean more than a number to an operator.
const SQLITE: [(i32, &str); 6] = [
    (SQLITE_BUSY, "another process holds the file"),
    (8, "the file may not be written"),
    (10, "the disk failed"),
    (14, "the file cannot be opened"),
    (17, "the schema was changed by another process"),
    (21, "wrong use"),
];
/// Another connection holds a lock on the file.
pub(super) const SQLITE_BUSY: i32 = 5;
const SQLITE_CORRUPT: i32 = 11;
const SQLITE_FULL: i32 = 13;
const SQLITE_CONSTRAINT: i32 = 19;
const SQLITE_NOTADB: i32 = 26;

impl StoreError {
    /// What an error means.
    pub(super) fn of(error: &sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                match Self::sqlite_code(error) {
                    Some(primary) => of_sqlite(primary, &code),
                    None => of_postgres(&code),
                }
            }
            sqlx::Error::Io(io) => Self::Unreachable(format!("io {}", io.kind())),
            sqlx::Error::PoolTimedOut => Self::Unreachable("no connection in time".to_owned()),
            sqlx::Error::PoolClosed => Self::Database("closed".to_owned()),
            _ => Self::Database("unexpected answer".to_owned()),
        }
    }

    /// The primary result code, if the error is SQLite's.
    pub(super) fn sqlite_code(error: &sqlx::Error) -> Option<i32> {
        let error = error.as_database_error()?.try_downcast_ref::<SqliteError>()?;
        let code: i32 = sqlx::error::DatabaseError::code(error)?.parse().ok()?;
        Some(code & 0xff)
    }

    /// Whether an error is about the database, and not about what it was asked for.
    pub(super) fn concerns_database(error: &sqlx::Error) -> bool {
        match error {
            sqlx::Error::Database(database) => {
                let code = database.code().unwrap_or_default();
                // Class 22 and 23 of SQL: wrong values and constraints. Class 40: two writers at once.
                let asked = Self::sqlite_code(error).map_or_else(
                    || ["22", "23", "40"].iter().any(|class| code.starts_with(class)),
                    |primary| primary == SQLITE_CONSTRAINT,
                );
                !asked
            }
            sqlx::Error::RowNotFound => false,
            _ => true,
        }
    }
}

fn of_sqlite(primary: i32, code: &str) -> StoreError {
    match primary {
        SQLITE_FULL => StoreError::Full(format!("code {code}")),
        SQLITE_CORRUPT | SQLITE_NOTADB => StoreError::Damaged(format!("code {code}")),
        _ => match SQLITE.iter().find(|(known, _)| *known == primary) {
            Some((_, meaning)) => StoreError::Database(format!("code {code}, {meaning}")),
            None => StoreError::Database(format!("code {code}")),
        },
    }
}

fn of_postgres(code: &str) -> StoreError {
    let text = format!("code {code}");
    // Class 08 of SQL: no connection. 53300 and 57P0x of PostgreSQL: too many connections; stopping, or starting still.
    if code.starts_with("08") || code.starts_with("57P0") || code == "53300" {
        return StoreError::Unreachable(text);
    }
    match code {
        "53100" => StoreError::Full(text),
        "XX001" | "XX002" => StoreError::Damaged(text),
        "55P03" => StoreError::Database(format!("{text}, another session holds a lock for too long")),
        "57014" => StoreError::Database(format!("{text}, a statement took too long")),
        "25006" => StoreError::Database(format!("{text}, the server takes no writes")),
        _ => StoreError::Database(text),
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        Self::of(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named_in_both_databases() {
        assert_eq!(of_sqlite(SQLITE_FULL, "13"), StoreError::Full("code 13".to_owned()));
        assert_eq!(of_postgres("53100"), StoreError::Full("code 53100".to_owned()));
    }

    #[test]
    fn damage_says_what_to_do() {
        for error in [of_sqlite(11, "267"), of_sqlite(26, "26"), of_postgres("XX001")] {
            assert!(error.to_string().contains("restore the latest backup"), "{error}");
        }
    }
}
