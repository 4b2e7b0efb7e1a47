//! `sangam backup`: a copy of the file while somebody writes it.

use std::{fs, os::unix::fs::PermissionsExt, path::PathBuf, process::Output};

use sangam::store;

use super::{Kit, at, keys, testing};
use crate::command::{configured, sangam};

/// The command on a store of this setting, with its folder.
fn backup(store: &str, to: &[&str]) -> (tempfile::TempDir, Output) {
    let directory = configured(&format!("[store]\n{store}\n"));
    let arguments = [&["backup", "--config", "sangam.toml"], to].concat();
    let output = sangam(directory.path(), &arguments).env("THE_SECRET", "x").output().unwrap();
    (directory, output)
}

fn file_of(kit: &Kit) -> String {
    format!("path = {:?}", kit.config.path)
}

/// The version of the journey in a copy.
async fn version_in(copy: PathBuf) -> i64 {
    let store = store::open(&copy, &keys(1)).await.unwrap();
    let version = store.journey("default", "jrn_1").await.unwrap().unwrap().version;
    store.close().await;
    version
}

#[tokio::test]
async fn a_copy_made_while_somebody_writes_holds_what_was_committed_before() {
    let kit = Kit::sqlite().await;
    let mut journey = testing::journey();
    kit.store.insert_journey(&journey, None, at(1)).await.unwrap();
    let line = file_of(&kit);
    let command = tokio::task::spawn_blocking(move || backup(&line, &["copy.db"]));
    let mut version = 1;
    while !command.is_finished() {
        journey.sequence += 1;
        assert!(kit.store.save_journey(&journey, version, None, at(2)).await.unwrap());
        version += 1;
    }
    let (directory, output) = command.await.unwrap();
    assert!(output.status.success(), "{output:?}");
    let copy = directory.path().join("copy.db");
    assert_eq!(fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600);
    assert!((1..=version).contains(&version_in(copy).await));
}

#[tokio::test]
async fn a_copy_to_standard_output_is_whole_and_leaves_nothing_behind() {
    let kit = Kit::sqlite().await;
    kit.store.insert_journey(&testing::journey(), None, at(1)).await.unwrap();
    let (directory, output) = backup(&file_of(&kit), &[]);
    assert!(output.status.success(), "{output:?}");
    let copy = directory.path().join("copy.db");
    fs::write(&copy, output.stdout).unwrap();
    assert_eq!(version_in(copy).await, 1);
    let beside = fs::read_dir(kit.config.path.parent().unwrap()).unwrap();
    let strays: Vec<_> =
        beside.map(|entry| entry.unwrap().file_name().into_string().unwrap()).filter(|name| name.contains("copy")).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

#[tokio::test]
async fn a_file_that_is_there_is_not_written_over_and_one_that_is_not_there_is_not_made() {
    let kit = Kit::sqlite().await;
    let (_, output) = backup(&file_of(&kit), &["secret"]);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    let (directory, output) = backup("path = \"nowhere.db\"", &["copy.db"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!directory.path().join("nowhere.db").exists() && !directory.path().join("copy.db").exists());
}

#[test]
fn a_server_has_its_own_tools() {
    let (_, output) = backup("url = \"postgres://sangam@db.example/sangam\"", &[]);
    assert_eq!(output.status.code(), Some(64));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pg_dump"));
}
