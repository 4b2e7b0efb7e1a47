//! Migrations, and who may work on which schema.
//!
//! During a rolling upgrade old and new binaries work on one database, so a change of the schema comes in two releases. The first one
//! *expands*: it adds tables, columns with defaults and indexes, all of which the binary before it need not know. A later one *contracts*:
//! it removes what no binary uses any more, and raises `compatibility.oldest` to the number of the expansion that replaced it. A
//! binary goes on where the database knows migrations that it does not know itself, unless the newest one that it knows is older than
//! `compatibility.oldest`; then it refuses to start and says so.

use sqlx::{
    SqlSafeStr,
    migrate::{MigrateError, Migration, MigrationType, Migrator},
};

use super::StoreError;

/// A migration: its number, its name, its text. A text that was released is never changed.
pub(super) type Step = (i64, &'static str, &'static str);

/// The migrator of a database. A text runs in one transaction; in PostgreSQL the migrator holds an advisory lock, so that replicas that
/// start together migrate one after the other, and the later ones find nothing to do.
pub(super) fn migrator(steps: &[Step]) -> Migrator {
    let migration =
        |(number, name, text): &Step| Migration::new(*number, (*name).into(), MigrationType::Simple, text.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(steps.iter().map(migration).collect());
    migrator.set_ignore_missing(true);
    migrator
}

/// Refuses a database that has left this binary behind; `oldest` is what it says of itself.
pub(super) fn compatible(steps: &[Step], oldest: i64) -> Result<(), StoreError> {
    let newest = steps.iter().map(|(number, ..)| *number).max().unwrap_or_default();
    if newest < oldest { Err(StoreError::Outdated) } else { Ok(()) }
}

impl From<MigrateError> for StoreError {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => error.into(),
            MigrateError::VersionMismatch(number) => Self::Database(format!("migration {number} is not what it was")),
            _ => Self::Database("migration failed".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binary_works_on_a_newer_schema_until_that_says_otherwise() {
        let known: [Step; 2] = [(1, "init", ""), (3, "more", "")];
        assert_eq!(compatible(&known, 1), Ok(()));
        assert_eq!(compatible(&known, 3), Ok(()));
        assert_eq!(compatible(&known, 4), Err(StoreError::Outdated));
    }
}
