//! The commands, their exit codes and their log.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

use tempfile::TempDir;

pub fn sangam(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sangam"));
    command.args(arguments).current_dir(directory).env_clear().stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

pub fn configured(more: &str) -> TempDir {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("seal.key"), "11".repeat(32)).unwrap();
    fs::write(directory.path().join("secret"), "opensesame").unwrap();
    let text = format!(
        "{more}\n[seal]\nkey_file = \"seal.key\"\n[tenant.finpass.main]\nbase_url = \"https://finpass.example\"\n\
         api_key = {{ file = \"secret\" }}\napi_secret = {{ env = \"THE_SECRET\" }}\n"
    );
    fs::write(directory.path().join("sangam.toml"), text).unwrap();
    directory
}

fn text(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

#[test]
fn check_says_ok_or_every_fault_with_exit_64() {
    let directory = configured("");
    let arguments = ["check", "--config", "sangam.toml"];
    let good = sangam(directory.path(), &arguments).env("THE_SECRET", "x").output().unwrap();
    assert_eq!(text(&good), (Some(0), "OK\n".to_owned(), String::new()));
    let bad = sangam(directory.path(), &arguments).env("SANGAM__POLLER__CONCURENCY", "3").output().unwrap();
    let (code, _, faults) = text(&bad);
    assert_eq!(code, Some(64));
    assert!(faults.contains("poller.concurency: is no known setting; did you mean `concurrency`?"), "{faults}");
    assert!(faults.contains("tenant.finpass.main.api_secret: "), "{faults}");
}

#[test]
fn a_wrong_configuration_ends_the_start_with_64_before_a_socket_opens() {
    let directory = TempDir::new().unwrap();
    let (code, _, faults) = text(&sangam(directory.path(), &[]).output().unwrap());
    assert_eq!(code, Some(64));
    assert!(faults.contains("seal.key_file: is required"), "{faults}");
}

#[test]
fn the_default_file_is_printed_and_parses() {
    let directory = TempDir::new().unwrap();
    let (code, printed, _) = text(&sangam(directory.path(), &["defaults"]).output().unwrap());
    assert_eq!((code, printed.as_str()), (Some(0), sangam::config::DEFAULT_TOML));
}

/// Reads log lines up to one with this message.
pub fn wait_for(lines: &mut impl Iterator<Item = std::io::Result<String>>, message: &str) -> serde_json::Value {
    lines
        .map(|line| serde_json::from_str::<serde_json::Value>(&line.unwrap()).unwrap())
        .find(|line| line["message"] == message)
        .unwrap()
}

/// A gateway that ends with the test, whatever happens.
pub struct Killed(pub Child);

impl Killed {
    /// Asks it to stop and waits for its end; answers the exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        self.signal("TERM");
        self.0.wait().unwrap().code()
    }

    /// Sends it a signal.
    pub fn signal(&self, name: &str) {
        // The shell's own kill: the program of that name is not on every machine.
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.0.id())]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn serve_logs_json_warns_of_an_open_listener_and_stops_on_sigterm_with_0() {
    let directory =
        configured("[listen]\ngrpc = \"0.0.0.0:0\"\nwebhook = \"0.0.0.0:0\"\nadmin = \"127.0.0.1:0\"\ninsecure = true\n");
    let mut command = sangam(directory.path(), &["serve"]);
    command.env("THE_SECRET", "x").env("SANGAM_CONFIG", "sangam.toml");
    let mut child = Killed(command.spawn().unwrap());
    let mut lines = BufReader::new(child.0.stderr.take().unwrap()).lines();
    let serving = wait_for(&mut lines, "serving gRPC");
    let address: std::net::SocketAddr = serving["address"].as_str().unwrap().parse().unwrap();
    assert!(std::net::TcpStream::connect(("127.0.0.1", address.port())).is_ok());
    let warning = wait_for(&mut lines, "the configuration is not safe");
    assert!(warning["warning"].as_str().unwrap().starts_with("listen.grpc is 0.0.0.0:0, which others can reach, and callers"));
    assert_eq!(child.terminate(), Some(0));
    wait_for(&mut lines, "stopped");
    let mut printed = String::new();
    child.0.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
    assert_eq!(printed, "");
}

#[test]
fn an_ordinary_start_and_stop_log_no_error() {
    let directory = configured("[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n");
    let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
    let mut gateway = Killed(command.env("THE_SECRET", "x").spawn().unwrap());
    let mut lines = BufReader::new(gateway.0.stderr.take().unwrap()).lines();
    let mut errors = Vec::new();
    let mut serving = false;
    for line in lines.by_ref() {
        let line: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        if line["message"] == "serving gRPC" {
            serving = true;
            assert_eq!(gateway.terminate(), Some(0));
        }
        if line["level"] == "ERROR" {
            errors.push(line);
        }
    }
    assert!(serving && errors.is_empty(), "{errors:?}");
}

#[test]
fn a_port_that_is_taken_ends_the_start_with_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let directory = configured(&format!("[listen]\ngrpc = \"{address}\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n"));
    let output = sangam(directory.path(), &["--config", "sangam.toml"]).env("THE_SECRET", "x").output().unwrap();
    let (code, _, log) = text(&output);
    assert_eq!(code, Some(1));
    assert!(log.contains("listen.grpc") && log.contains("cannot be bound"), "{log}");
}

#[test]
fn one_process_serves_a_file_and_the_next_one_waits_for_its_end() {
    let directory = configured("[listen]\ngrpc = \"127.0.0.1:0\"\nwebhook = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"\n");
    let serve = |patience: &str| {
        let mut command = sangam(directory.path(), &["serve", "--config", "sangam.toml"]);
        command.env("THE_SECRET", "x").env("SANGAM__STORE__START_TIMEOUT_MS", patience);
        command
    };
    let log_of = |child: &mut Killed| BufReader::new(child.0.stderr.take().unwrap()).lines();
    let mut first = Killed(serve("60000").spawn().unwrap());
    wait_for(&mut log_of(&mut first), "serving gRPC");
    let (code, _, log) = text(&serve("1").output().unwrap());
    assert_eq!(code, Some(1));
    assert!(log.contains("another process serves the file of the store"), "{log}");
    let mut next = Killed(serve("60000").spawn().unwrap());
    let mut lines = log_of(&mut next);
    wait_for(&mut lines, "the store cannot be opened yet");
    // However it ends.
    drop(first);
    wait_for(&mut lines, "serving gRPC");
    assert_eq!(next.terminate(), Some(0));
}

#[test]
fn a_reader_that_leaves_early_is_no_fault() {
    let directory = TempDir::new().unwrap();
    for command in ["defaults", "rules", "api-key"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sangam(directory.path(), &[command]).stdout(writer).output().unwrap();
        let (code, _, log) = text(&output);
        assert_eq!((code, log.as_str()), (Some(0), ""), "{command}");
    }
}

#[cfg(feature = "sandbox")]
#[test]
fn parity_ends_with_0_only_where_no_value_differs() {
    let directory = TempDir::new().unwrap();
    let (code, printed, _) = text(&sangam(directory.path(), &["parity"]).output().unwrap());
    assert_eq!(code, Some(0), "{printed}");
    assert!(printed.starts_with("story 01: 6 pairs of products, 0 differences\n"), "{printed}");
    // Of two holders one provider sends one.
    let (code, printed, why) = text(&sangam(directory.path(), &["parity", "--scenario", "15"]).output().unwrap());
    assert_eq!(code, Some(1), "{printed}");
    assert!(printed.contains("account.holders.name") && why.contains("differences"), "{printed}{why}");
    let (code, _, why) = text(&sangam(directory.path(), &["parity", "--scenario", "1"]).output().unwrap());
    assert_eq!((code, why.contains("no two digits")), (Some(1), true), "{why}");
}
