//! A server in a process of its own, and what it has used of the processor.

use std::{
    fs,
    future::Future,
    io::{BufRead, BufReader, Read, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

/// The core of the servers; the client takes the other one.
const CORE: usize = 0;

pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Runs this binary again as `kind`, pinned to one core where `taskset` is there to do so. Its log is formatted and written, but not
    /// kept.
    pub fn start(kind: &str, directory: &Path) -> Self {
        let binary = std::env::current_exe().expect("a path");
        let mut command = if can_pin() {
            let mut command = Command::new("taskset");
            command.args(["-c", &CORE.to_string()]).arg(binary);
            command
        } else {
            Command::new(binary)
        };
        command.arg(kind).arg(directory).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("a process");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("a pipe")).read_line(&mut line).expect("a line");
        let address = line.trim().parse().expect("the server says its address");
        Self { child, address }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What all its threads have used, user and kernel together.
    pub fn cpu(&self) -> Duration {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the server runs");
        let nanos = tasks.filter_map(|task| {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<u64>().ok()
        });
        Duration::from_nanos(nanos.sum())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn can_pin() -> bool {
    std::thread::available_parallelism().is_ok()
        && Command::new("taskset").arg("--version").stdout(Stdio::null()).status().is_ok()
}

/// Moves this process to a core, where that can be done.
pub fn pin_to(core: usize) {
    let _ = Command::new("taskset")
        .args(["-a", "-c", "-p", &core.to_string(), &std::process::id().to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
}

/// Runs `server`, which answers its address and goes on in the background, until the parent is gone.
pub fn serve(server: impl Future<Output = SocketAddr>) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = runtime.block_on(server);
    println!("{address}");
    std::io::stdout().flush().expect("the parent reads");
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
}
