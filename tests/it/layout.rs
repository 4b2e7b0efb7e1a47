//! What the layout promises: a provider's name stands in its own folder only, and both folders have the same files.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use sangam::providers::ALL;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn a_providers_name_stands_in_its_own_folder_only() {
    let mut all = Vec::new();
    files(&source(), &mut all);
    assert!(all.len() > 100, "the sources are not where they were");
    let open =
        ["sandbox", "config", "providers/mod.rs", "providers/walk_tests.rs", "providers/odd_answers.rs", "providers/odd_answers"]
            .map(|path| source().join(path));
    for file in all {
        let text = fs::read_to_string(&file).unwrap().to_lowercase();
        for known in ALL {
            let own = file.starts_with(source().join("providers").join(known.id));
            let test = file.ends_with("tests.rs");
            if own || test || open.iter().any(|path| file.starts_with(path)) {
                continue;
            }
            assert!(!text.contains(known.id), "{} names {}", file.display(), known.id);
        }
    }
}

#[test]
fn who_knows_one_adapter_knows_the_other() {
    // One provider has a second shape of data.
    let only = ["data_bsa.rs"];
    let names = |id: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(source().join("providers").join(id)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".rs") && !only.contains(&name.as_str()))
            .collect()
    };
    let mut folders = ALL.iter().map(|known| names(known.id));
    let first = folders.next().unwrap();
    for other in folders {
        assert_eq!(first, other);
    }
}

#[test]
fn who_knows_one_store_knows_the_other() {
    // A file has one process: it keeps others away, and need not tell anybody that it lives. A server is reached by many connections, and may
    // not answer.
    let only = ["presence.rs", "serving.rs", "opening.rs", "statements.rs"];
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = fs::read_dir(source().join("store").join(folder)).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".rs") && !name.ends_with("tests.rs") && !only.contains(&name.as_str()))
            .collect()
    };
    assert!(names("sqlite").len() > 5);
    assert_eq!(names("sqlite"), names("postgres"));
}

#[test]
fn every_write_begins_in_the_one_place_that_proves_its_commit() {
    let mut all = Vec::new();
    files(&source().join("store"), &mut all);
    assert!(all.len() > 50);
    let allowed = ["self.writer.begin()", "store.writer.begin()", "self.serving.begin()", "lock.begin()", "self.begin(tenant"];
    for file in all.iter().filter(|file| !file.ends_with("write.rs") && !file.ends_with("serving.rs")) {
        let text = fs::read_to_string(file).unwrap();
        let text = allowed.iter().fold(text, |text, allowed| text.replace(allowed, ""));
        for own in [".begin(", "begin_with(", "Transaction<", "\"BEGIN", "\"COMMIT", "SAVEPOINT"] {
            // What an awaited error leaves behind in the driver's own transaction is not known.
            assert!(!text.contains(own), "{} has a transaction of its own: {own}", file.display());
        }
    }
}

#[test]
fn no_code_is_unsafe() {
    // Who forbids it cannot be overruled further down.
    for manifest in ["Cargo.toml", "fuzz/Cargo.toml"] {
        let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(manifest)).unwrap();
        assert!(text.contains("[lints.rust]\nunsafe_code = \"forbid\"\n"), "{manifest}");
    }
}

#[test]
fn every_file_of_the_contract_is_compiled() {
    let build = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("build.rs")).unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/sangam/v1")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(build.contains(&format!("sangam/v1/{name}")), "{name} is not compiled");
    }
}

#[test]
fn every_test_that_the_pages_of_limits_and_defences_name_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut all = Vec::new();
    files(&source(), &mut all);
    files(&root.join("tests/it"), &mut all);
    let code: String = all.iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for page in ["docs/limits.md", "docs/defences.md"] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let mut named = 0;
        for row in text.lines().filter(|line| line.starts_with('|')) {
            let tests = row.trim_end_matches('|').rsplit('|').next().unwrap();
            for test in tests.split('`').skip(1).step_by(2).filter(|test| !test.starts_with("make ")) {
                assert!(code.contains(&format!("fn {test}(")) || code.contains(&format!("    {test},\n")), "{page}: {test}");
                named += 1;
            }
        }
        assert!(named > 20, "{page}");
    }
}
