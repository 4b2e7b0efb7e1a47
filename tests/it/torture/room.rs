//! A disk that becomes full under a running gateway and has room again: nothing is asked for that is not written down first, and what is
//! acknowledged afterwards outlives a kill.

use std::process::Command;

use sangam::{
    pb::{self, ConsentState, Purpose, View},
    sandbox::{credentials::FINPRO_CONSENT, customer},
};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;

use super::{
    REQUEST_CONSENT,
    fleet::{Fleet, Place},
    mobile, opening, size,
};
use crate::{
    harness::{data_request, metadata},
    webhooks::{SIGNATURE, event, sign},
    writes::{REVOKE, purge, revoke},
};

/// How the disk becomes full.
enum Disk {
    /// No file of the process may grow or be written any more, as the system says it. Nothing can be written at all.
    Limit,
    /// A file system of its own, filled to the last byte. What fits into space that the files have already can still be written.
    Tmpfs(TempDir),
}

impl Disk {
    fn tmpfs() -> Result<Self, String> {
        let directory = TempDir::new().unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=16m", "tmpfs"];
        let tried = Command::new("mount").args(mount).arg(directory.path()).output().map_err(|error| error.to_string())?;
        if tried.status.success() { Ok(Self::Tmpfs(directory)) } else { Err("a file system cannot be mounted here".to_owned()) }
    }

    fn place(&self, text: String) -> String {
        let Self::Tmpfs(directory) = self else { return text };
        let (before, rest) = text.split_once("[store]\npath = ").unwrap();
        let (_, after) = rest.split_once('\n').unwrap();
        format!("{before}[store]\npath = {:?}\n{after}", directory.path().join("sangam.db"))
    }

    fn fill(&self, fleet: &Fleet) {
        match self {
            Self::Limit => fleet.limit_files(0, "0:unlimited"),
            Self::Tmpfs(directory) => {
                let filler = directory.path().join("filler");
                assert!(
                    !Command::new("dd")
                        .args(["if=/dev/zero", "bs=4096"])
                        .arg(format!("of={}", filler.display()))
                        .output()
                        .unwrap()
                        .status
                        .success()
                );
            }
        }
    }

    fn free(&self, fleet: &Fleet) {
        match self {
            Self::Limit => fleet.limit_files(0, "unlimited:unlimited"),
            Self::Tmpfs(directory) => std::fs::remove_file(directory.path().join("filler")).unwrap(),
        }
    }

    fn file(&self, fleet: &Fleet) -> std::path::PathBuf {
        match self {
            Self::Limit => fleet.file(),
            Self::Tmpfs(directory) => directory.path().join("sangam.db"),
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if let Self::Tmpfs(directory) = self {
            let _ = Command::new("umount").args(["-l"]).arg(directory.path()).status();
        }
    }
}

/// FinPro's call that gives each row once.
const LATEST: &str = "finpro:/getalllatestfidata";
const DELETE: &str = "finpro:/fidata";

fn latest(journey_id: &str) -> pb::FetchChangesRequest {
    pb::FetchChangesRequest {
        journey_id: journey_id.to_owned(),
        mode: pb::ChangesMode::Provider.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        view: View::Masked.into(),
        ..Default::default()
    }
}

async fn consent_of(fleet: &Fleet, journey_id: &str) -> String {
    fleet.status(0, journey_id).await.unwrap().consents[0].consent_id.clone()
}

async fn count(disk: &Disk, fleet: &Fleet, query: &'static str) -> usize {
    let url = format!("sqlite://{}?mode=ro", disk.file(fleet).display());
    let mut connection = SqliteConnection::connect(&url).await.unwrap();
    let count: i64 = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    usize::try_from(count).unwrap()
}

/// A monitoring journey whose data is kept.
async fn ready(fleet: &Fleet, mobile: &str) -> String {
    let mut request = opening(mobile);
    request.consents[0].purpose = Purpose::Monitoring.into();
    let opened = fleet.client(0).start_journey(request).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    let kept = |journey: &pb::Journey| {
        let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches).peekable();
        fetches.peek().is_some() && fetches.all(|fetch| fetch.pick_up_time.is_some())
    };
    fleet.until(0, &opened.journey_id, 2, kept).await;
    opened.journey_id
}

async fn post(webhook: &str, body: &str) -> u16 {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = client.post(format!("http://{webhook}/webhooks/finpro/{}", FINPRO_CONSENT.webhook_token));
    let signed = post.header(SIGNATURE, sign(FINPRO_CONSENT.webhook_secret, body.as_bytes()));
    signed.body(body.to_owned()).send().await.unwrap().status().as_u16()
}

/// A port that is free now, for a listener whose address must be known.
fn free_address() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

async fn full_then_room(disk: Disk, calls: usize) {
    let webhook = free_address();
    let trapped = "trap '' XFSZ; exec \"$0\" \"$@\"";
    let fleet = Fleet::with_shell(Place::Sqlite, trapped, |_, text| {
        disk.place(text).replacen("webhook = \"127.0.0.1:0\"", &format!("webhook = \"{webhook}\""), 1)
    })
    .await;
    let asked = |request: &pb::StartJourneyRequest| {
        fleet.sandbox.calls().count_for(REQUEST_CONSENT, &request.customer.as_ref().unwrap().mobile)
    };
    let held = mobile(1_000_000);
    let held_id = ready(&fleet, &held).await;
    let before = count(&disk, &fleet, "SELECT COUNT(*) FROM audit_rows WHERE act = 'FETCH_DATA'").await;

    disk.fill(&fleet);
    let requests: Vec<_> = (0..calls).map(|number| opening(&mobile(number))).collect();
    let mut acknowledged = Vec::new();
    let mut taken = Vec::new();
    for (number, request) in requests.iter().enumerate() {
        match fleet.client(0).start_journey(request.clone()).await {
            Ok(opened) => acknowledged.push(opened.into_inner().journey_id),
            Err(status) if metadata(&status, "effect").as_deref() == Some("NONE") => {
                assert_eq!(asked(request), 0, "the customer was asked although nothing was done: {status:?}");
            }
            Err(_) => {}
        }
        let body = event("att_nobody", "CONSENT_APPROVED", number);
        if post(&webhook, &body).await == 200 {
            taken.push(body);
        }
    }
    if matches!(disk, Disk::Limit) {
        assert_eq!((acknowledged.len(), taken.len()), (0, 0), "something is acknowledged that cannot be written");
        assert_eq!(requests.iter().map(asked).sum::<usize>(), 0, "a customer was asked and nothing written down");
        fleet.client(0).revoke_consent(revoke(&held_id)).await.unwrap_err();
        assert_eq!(fleet.sandbox.calls().count_for(REVOKE, &held), 0);
        let whole = pb::PurgeDataRequest { consent_id: consent_of(&fleet, &held_id).await, ..purge(&held_id, "") };
        fleet.client(0).purge_data(whole).await.unwrap_err();
        assert_eq!(fleet.sandbox.calls().count_for(DELETE, &held), 0);
    }
    // What the provider gives once and bills is not asked for before the request is written down.
    let newest = latest(&held_id);
    if let Err(status) = fleet.client(0).fetch_changes(newest.clone()).await
        && metadata(&status, "effect").as_deref() == Some("NONE")
    {
        assert_eq!(fleet.sandbox.calls().count_for(LATEST, &held), 0, "{status:?}");
    }
    if matches!(disk, Disk::Limit) {
        assert_eq!(fleet.sandbox.calls().count_for(LATEST, &held), 0);
    }

    disk.free(&fleet);
    // The same calls again, without a restart.
    for (number, request) in requests.iter().enumerate() {
        for _ in 0..3 {
            if let Ok(opened) = fleet.client(0).start_journey(request.clone()).await {
                acknowledged.push(opened.into_inner().journey_id);
            }
        }
        assert!(asked(request) <= 1, "a customer is asked twice");
        if matches!(disk, Disk::Limit) {
            assert_eq!(asked(request), 1);
        }
        let body = event("att_nobody", "CONSENT_APPROVED", calls + number);
        assert_eq!(post(&webhook, &body).await, 200);
        taken.push(body);
    }
    for _ in 0..calls {
        fleet.client(0).fetch_data(data_request(&held_id, View::Masked)).await.unwrap();
    }
    for _ in 0..2 {
        let answer = fleet.client(0).fetch_changes(newest.clone()).await;
        assert!(answer.is_ok() || !matches!(disk, Disk::Limit), "{answer:?}");
    }
    assert!(fleet.sandbox.calls().count_for(LATEST, &held) <= 1, "what is given once is asked for twice");
    fleet.client(0).revoke_consent(revoke(&held_id)).await.unwrap();

    fleet.kill(0);
    let reads = count(&disk, &fleet, "SELECT COUNT(*) FROM audit_rows WHERE act = 'FETCH_DATA'").await - before;
    let messages = count(&disk, &fleet, "SELECT COUNT(*) FROM inbox").await;
    fleet.restart(0).await;
    let mut lost = 0;
    for journey_id in &acknowledged {
        lost += usize::from(fleet.status(0, journey_id).await.is_none());
    }
    println!(
        "{} openings and {} messages acknowledged, {lost} lost; {calls} reads, {reads} on record",
        acknowledged.len(),
        taken.len()
    );
    assert!(acknowledged.len() >= calls);
    assert_eq!(lost, 0);
    assert!(messages >= taken.len(), "{messages} of {} messages are known", taken.len());
    assert!(reads >= calls);
    assert_eq!(fleet.status(0, &held_id).await.unwrap().consents[0].state(), ConsentState::Revoked);
    assert!(requests.iter().all(|request| asked(request) <= 1));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_acknowledged_after_a_full_disk_outlives_a_kill() {
    if Command::new("prlimit").arg("--version").output().is_err() {
        println!("a running process cannot be limited here: left out");
        return;
    }
    full_then_room(Disk::Limit, size(40, 6)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_system_loses_nothing_that_is_acknowledged() {
    match Disk::tmpfs() {
        Ok(disk) => full_then_room(disk, size(400, 20)).await,
        Err(why) => println!("left out: {why}"),
    }
}
