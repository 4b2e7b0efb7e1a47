//! How much memory the process may use, and which parts of it are given to what can grow.

use std::path::Path;

/// What is assumed where neither a cgroup nor the system says anything: the smallest pod that the chart's defaults allow.
const UNKNOWN: u64 = 512 * 1024 * 1024;
/// The bodies' share of the memory: two fifths.
const BODIES: (u64, u64) = (2, 5);
/// The caches' share: a fifth. The rest is for the program, what the allocator keeps, and the kernel's buffers.
const CACHES: (u64, u64) = (1, 5);

/// Bytes of memory that the process may use: the limit of its cgroup (version 2 or 1), at most the memory of the machine.
pub fn available() -> u64 {
    available_at(Path::new("/"))
}

/// The shares of `memory` bytes: for bodies in flight, and for the caches together.
pub fn shares(memory: u64) -> (u64, u64) {
    let part = |(count, of): (u64, u64)| memory / of * count;
    (part(BODIES), part(CACHES))
}

/// The same below another root, for tests.
fn available_at(root: &Path) -> u64 {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).ok();
    let group = read("proc/self/cgroup").unwrap_or_default();
    let limits = directories(&group).into_iter().filter_map(|file| read(&file)?.trim().parse::<u64>().ok());
    let machine = read("proc/meminfo").and_then(|text| total(&text));
    // Version 1 writes a number near 2^63 for "no limit", which the machine's memory is below.
    limits.chain(machine).filter(|bytes| *bytes > 0).min().unwrap_or(UNKNOWN)
}

/// The files with the limits of a process with this `/proc/self/cgroup`. A limit of a group above counts too; inside a container the group's
/// path often does not exist, and the limit is at the root of the mount.
fn directories(group: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in group.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let (mount, file) = match controllers {
            "" => ("sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => continue,
        };
        let mut path = path.trim_matches('/');
        loop {
            files.push(if path.is_empty() { format!("{mount}/{file}") } else { format!("{mount}/{path}/{file}") });
            if path.is_empty() {
                break;
            }
            path = path.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }
    files
}

/// `MemTotal` of `/proc/meminfo`, in bytes.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> u64 {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        available_at(root.path())
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:       16384000 kB\nMemFree: 1 kB\n");
    const MACHINE: u64 = 16_384_000 * 1024;

    #[test]
    fn a_cgroup_of_version_2_sets_the_limit() {
        let group = ("proc/self/cgroup", "0::/kubepods/pod1/c1\n");
        assert_eq!(machine(&[MEMINFO, group, ("sys/fs/cgroup/memory.max", "536870912\n")]), 536_870_912);
        let own = ("sys/fs/cgroup/kubepods/pod1/c1/memory.max", "max\n");
        assert_eq!(machine(&[MEMINFO, group, own, ("sys/fs/cgroup/kubepods/memory.max", "1000000\n")]), 1_000_000);
        assert_eq!(machine(&[MEMINFO, group, ("sys/fs/cgroup/memory.max", "max\n")]), MACHINE);
    }

    #[test]
    fn a_cgroup_of_version_1_sets_the_limit() {
        let group = ("proc/self/cgroup", "5:cpu,cpuacct:/a\n4:memory:/docker/1\n1:name=systemd:/\n");
        let file = "sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes";
        assert_eq!(machine(&[MEMINFO, group, (file, "268435456\n")]), 268_435_456);
        assert_eq!(machine(&[MEMINFO, group, (file, "9223372036854771712\n")]), MACHINE);
    }

    #[test]
    fn without_any_limit_the_smallest_pod_is_assumed() {
        assert_eq!(machine(&[]), UNKNOWN);
        assert_eq!(machine(&[MEMINFO]), MACHINE);
        assert_eq!(machine(&[MEMINFO, ("proc/self/cgroup", "garbage\n0::\n")]), MACHINE);
    }

    #[test]
    fn the_shares_leave_two_fifths_to_the_rest() {
        assert_eq!(shares(500), (200, 100));
    }
}
