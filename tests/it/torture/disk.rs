//! What a file promises: each acknowledged write is on the disk before its answer, and a disk without room stops writes and no reads.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use tonic::Code;

use super::{
    fleet::{Fleet, Place},
    full, mobile, opening, size,
};
use crate::harness::{metadata, reason};

/// Watchers by polling would be the larger part of what is written.
fn quiet(text: String) -> String {
    text.replace("first_ms = 100\nmax_ms = 5000", "first_ms = 3600000\nmax_ms = 3600000")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_without_room_refuses_writes_and_serves_reads() {
    // A file may become so large and no larger: SQLite is told that by the system at its next write, as on a full disk.
    let room = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", size(8_000, 6_000));
    let fleet = Fleet::with_shell(Place::Sqlite, &room, |_, text| quiet(text)).await;
    let (mut opened, mut refused) = (Vec::new(), 0);
    for number in 0.. {
        let answer = fleet.client(0).start_journey(opening(&mobile(number))).await;
        match answer {
            Ok(answer) => opened.push(answer.into_inner().journey_id),
            Err(status) => {
                // Either nothing was begun, or the outcome could not be written down; never anything else.
                let expected = [
                    (Code::Unavailable, "STORE_UNAVAILABLE"),
                    (Code::Unavailable, "AUDIT_UNAVAILABLE"),
                    (Code::FailedPrecondition, "OUTCOME_UNKNOWN"),
                ];
                assert!(expected.contains(&(status.code(), reason(&status).as_str())), "{status:?}");
                assert!(matches!(metadata(&status, "effect").as_deref(), Some("NONE" | "UNKNOWN")), "{status:?}");
                refused += 1;
                if refused == 20 {
                    break;
                }
            }
        }
    }
    let mut lost = 0;
    for journey_id in &opened {
        lost += usize::from(fleet.status(0, journey_id).await.is_none());
    }
    println!("a disk that became full after {} openings: {refused} more refused, {lost} lost or not read", opened.len());
    assert!(opened.len() > 10);
    assert_eq!(lost, 0);
    // With room again it goes on, on the same file.
    fleet.kill(0);
    fleet.restart(0).await;
    for journey_id in &opened {
        lost += usize::from(fleet.status(0, journey_id).await.is_none());
    }
    assert_eq!(lost, 0);
    fleet.client(0).start_journey(opening(&mobile(9_999_999))).await.unwrap();
    fleet.stop().await;
}

/// Whether a process can be looked at here.
fn may_trace() -> Result<(), String> {
    let tried =
        Command::new("strace").args(["-f", "-o", "/dev/null", "true"]).stdout(Stdio::null()).stderr(Stdio::piped()).output();
    match tried {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("it fails").to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// What the calls of a traced process say: how many syncs and how many answers with a journey there were, and how many of the answers went
/// out while something was written to the log file and not synced.
fn unsynced(trace: &Path) -> (usize, usize, usize) {
    let (mut dirty, mut syncs, mut answers, mut missing) = (false, 0, 0, 0);
    for line in std::fs::read_to_string(trace).unwrap().lines() {
        // Such as `71 pwrite64(12</tmp/x/sangam.db-wal>, ...`, and `71 fdatasync(12</tmp/x/sangam.db-wal> <unfinished ...>` with
        // `71 <... fdatasync resumed>) = 0` behind it. Only one thread writes.
        let log = line.contains("sangam.db-wal>");
        let syncing = line.contains("fdatasync") || line.contains("fsync");
        // Rows of the audit log that nobody waits for may be on their way meanwhile: their pages name who wrote them. With them the file
        // may grow, which stands on its first page.
        let beside = line.contains("wrt_") || line.contains("SQLite format 3") || !line.contains(", 4096, ");
        if log && line.contains("pwrite64(") {
            dirty |= !beside;
        } else if syncing && line.ends_with("= 0") && (log || line.contains("resumed>")) {
            (syncs, dirty) = (syncs + 1, false);
        } else if line.contains("<TCP:[") && line.contains("jrn_") {
            answers += 1;
            missing += usize::from(dirty);
        }
    }
    (syncs, answers, missing)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_acknowledged_write_is_synced_before_its_answer() {
    if !full() {
        println!("the calls of the system are not looked at in a usual run");
        return;
    }
    if let Err(why) = may_trace() {
        println!("syncs before answers: left out, a process cannot be traced here: {why}");
        return;
    }
    let trace = "exec strace -D -f -yy -s 4096 -e trace=pwrite64,write,writev,sendto,fdatasync,fsync -o trace \"$0\" \"$@\"";
    let fleet = Fleet::with_shell(Place::Sqlite, trace, |_, text| quiet(text)).await;
    // One after the other: what is written is for the answer that follows.
    let writes = 200;
    for number in 0..writes {
        fleet.client(0).start_journey(opening(&mobile(number))).await.unwrap();
    }
    let (syncs, answers, missing) = unsynced(&fleet.path("trace"));
    println!(
        "{writes} openings, one after the other, traced: {syncs} syncs, {answers} answers, {missing} of them before what was written was synced"
    );
    assert!(answers >= writes && syncs >= writes, "the calls of the system are not seen");
    assert_eq!(missing, 0);
    fleet.stop().await;
}
