//! A store as SQL text, and back.

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::Command,
};

use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqliteConnection};

use crate::postgres::{Database, program};

async fn open(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
}

/// The schema and the rows of a SQLite file, table by table.
pub async fn of_sqlite(path: &Path) -> String {
    let mut connection = open(path).await;
    let objects = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY type = 'table' DESC, rowid";
    let objects = sqlx::query(objects).fetch_all(&mut connection).await.unwrap();
    let (mut tables, mut rest) = (String::new(), String::new());
    for object in objects {
        let (kind, name, sql): (String, String, String) = (object.get(0), object.get(1), object.get(2));
        if kind != "table" {
            rest.push_str(&format!("{sql};\n"));
            continue;
        }
        tables.push_str(&format!("{sql};\n"));
        let columns = sqlx::query("SELECT name FROM pragma_table_info(?)").bind(&name).fetch_all(&mut connection).await.unwrap();
        let columns: Vec<String> = columns.iter().map(|column| column.get(0)).collect();
        let quoted: Vec<String> = columns.iter().map(|column| format!("quote(\"{column}\")")).collect();
        let select = format!("SELECT {} FROM \"{name}\"", quoted.join(" || ', ' || "));
        for row in sqlx::query(AssertSqlSafe(select)).fetch_all(&mut connection).await.unwrap() {
            let values: String = row.get(0);
            tables.push_str(&format!("INSERT INTO \"{name}\" (\"{}\") VALUES ({values});\n", columns.join("\", \"")));
        }
    }
    tables + &rest
}

/// Makes a SQLite file of a dump.
pub async fn into_sqlite(path: &Path, dump: &str) {
    let mut connection = open(path).await;
    connection.execute(AssertSqlSafe(format!("BEGIN; {dump} COMMIT;"))).await.unwrap();
    connection.close().await.unwrap();
}

/// The same for PostgreSQL, by its own program.
pub fn of_postgres(database: &Database) -> String {
    let arguments = ["--inserts", "--no-owner", "--no-privileges", "--no-comments", database.url.as_str()];
    let output = Command::new(program("pg_dump")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // Lines that begin with a backslash are orders to psql.
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('\\') && !line.starts_with("--") && !line.is_empty());
    lines.map(|line| format!("{line}\n")).collect()
}

/// Fills an empty database with a dump. The order of the feed is that of the cluster's transactions, and a history from ahead of them is removed at
/// the start: so this cluster's transactions are counted up until they are ahead of the dump's.
pub async fn into_postgres(database: &Database, dump: &str) {
    database.execute(dump).await;
    let count_up = "DO $$ DECLARE newest BIGINT := (SELECT max(transaction) FROM public.events); BEGIN
        WHILE pg_current_xact_id()::text::bigint <= newest LOOP COMMIT; END LOOP; END $$";
    database.execute(count_up).await;
}

/// Writes a text, compressed.
pub fn pack(path: &Path, text: &str) {
    let mut encoder = GzEncoder::new(fs::File::create(path).unwrap(), Compression::best());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap();
}

/// Reads it back.
pub fn unpack(path: &Path) -> String {
    let mut text = String::new();
    let file = fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text
}
