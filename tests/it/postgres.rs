//! A PostgreSQL for the tests: a cluster in a directory of its own, on a free loopback port, run by a user without privileges. A shell
//! watches over it and takes it away as soon as this process ends, however it ends.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::sync::OnceCell;
use uuid::Uuid;

/// The oldest version that the store is written for.
const OLDEST: u32 = 15;

/// One cluster for every test that does not stop it.
static SHARED: OnceCell<Cluster> = OnceCell::const_new();

/// Runs as the unprivileged user: reads "start PORT" and "stop", answers each with a line. The end of its input is the end of everything.
const WATCH: &str = r#"
bin=$1; password=$2
trap '' INT HUP TERM
dir=$(mktemp -d "${TMPDIR:-/tmp}/sangam-postgres.XXXXXX") || exit 1
control() { "$bin/pg_ctl" -D "$dir/data" -w -t 60 "$@" >>"$dir/control.log" 2>&1; }
trap 'control -m immediate stop; rm -rf "$dir"' EXIT
printf %s "$password" >"$dir/password"
"$bin/initdb" -D "$dir/data" -U sangam --pwfile="$dir/password" -A scram-sha-256 -E UTF8 --locale=C --no-sync >"$dir/init.log" 2>&1 ||
    { cat "$dir/init.log" >&2; exit 1; }
echo made
while read -r command port; do
    case $command in
    start) control -l "$dir/server.log" -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$dir \
        -c fsync=on -c max_connections=400" start && echo done || { cat "$dir/server.log" >&2; echo failed; } ;;
    stop) control -m immediate stop && echo done || echo failed ;;
    esac
done
"#;

/// A running cluster; it ends with the value or with the process.
pub struct Cluster {
    watch: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    password: String,
    port: u16,
}

/// A database in a cluster.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its address, with the password.
    pub url: String,
}

impl Database {
    /// A new database in the cluster that the tests share.
    pub async fn new() -> Self {
        let cluster = SHARED.get_or_init(|| async { tokio::task::spawn_blocking(Cluster::start).await.unwrap() }).await;
        cluster.database().await
    }

    /// A connection of the test's own.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Runs a statement.
    pub async fn execute(&self, statement: &str) {
        self.connect().await.execute(AssertSqlSafe(statement.to_owned())).await.unwrap();
    }
}

impl Cluster {
    /// Makes and starts a cluster. Takes a second or two; blocks.
    pub fn start() -> Self {
        let password = Uuid::new_v4().simple().to_string();
        let mut watch = as_anybody(&binaries(), &password)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell that watches over PostgreSQL");
        let orders = watch.stdin.take();
        let answers = BufReader::new(watch.stdout.take().unwrap());
        let mut cluster = Self { watch, orders, answers, password, port: 0 };
        assert_eq!(cluster.answer(), "made", "initdb failed");
        // Between the choice of a port and its use somebody else may take it.
        for _ in 0..5 {
            cluster.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            if cluster.order(&format!("start {}", cluster.port)) {
                return cluster;
            }
        }
        panic!("PostgreSQL does not start");
    }

    /// Stops the server as a crash would; the data stay.
    pub fn stop(&mut self) {
        assert!(self.order("stop"), "PostgreSQL does not stop");
    }

    /// Starts it again on its port.
    pub fn start_again(&mut self) {
        let port = self.port;
        assert!(self.order(&format!("start {port}")), "PostgreSQL does not start again");
    }

    /// A new database.
    pub async fn database(&self) -> Database {
        let name = format!("test_{}", Uuid::new_v4().simple());
        Database { url: self.url("postgres") }.execute(&format!("CREATE DATABASE {name}")).await;
        Database { url: self.url(&name) }
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://sangam:{}@127.0.0.1:{}/{database}?sslmode=disable", self.password, self.port)
    }

    fn order(&mut self, order: &str) -> bool {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
        self.answer() == "done"
    }

    fn answer(&mut self) -> String {
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.orders.take());
        let _ = self.watch.wait();
    }
}

/// The shell, as a user without privileges: PostgreSQL refuses to be run by root.
fn as_anybody(binaries: &Path, password: &str) -> Command {
    let shell = ["sh", "-c", WATCH, "sh", binaries.to_str().unwrap(), password];
    if output("id", &["-u"]) != "0" {
        let mut command = Command::new("sh");
        command.args(&shell[1..]);
        return command;
    }
    let user = ["postgres", "nobody"].into_iter().find(|user| !output("id", &["-u", user]).is_empty()).expect("a user");
    if !output("setpriv", &["--version"]).is_empty() {
        let (user, group) = (output("id", &["-u", user]), output("id", &["-g", user]));
        let mut command = Command::new("setpriv");
        command.args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".to_owned()]).args(shell);
        return command;
    }
    let mut command = Command::new("runuser");
    command.args(["-u", user, "--"]).args(shell);
    command
}

/// Where PostgreSQL's programs are.
fn binaries() -> PathBuf {
    let mut places = vec![PathBuf::from(output("pg_config", &["--bindir"]))];
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    places.extend(debian.filter_map(|entry| Some(entry.ok()?.path().join("bin"))));
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()));
    let found = places.into_iter().find(|place| {
        let has = |name: &str| place.join(name).is_file();
        has("initdb") && has("pg_ctl") && version(&place.join("postgres")).is_some_and(|version| version >= OLDEST)
    });
    found.unwrap_or_else(|| panic!("PostgreSQL {OLDEST} or later is needed: make postgres"))
}

/// One of PostgreSQL's programs.
pub fn program(name: &str) -> PathBuf {
    binaries().join(name)
}

/// The first number of "postgres (PostgreSQL) 15.18 (Debian ...)".
fn version(postgres: &Path) -> Option<u32> {
    let text = output(postgres.to_str()?, &["--version"]);
    text.split(") ").nth(1)?.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

/// What a command prints; nothing if there is no such command or it fails.
fn output(command: &str, arguments: &[&str]) -> String {
    let output = Command::new(command).args(arguments).stderr(Stdio::null()).output();
    let output = output.ok().filter(|output| output.status.success());
    output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
}
