//! The documents hold together: no dead link, every page linked, and every call, state, code and error reason of the contract explained.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Component, Path, PathBuf},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every document by its path from the root: the pages at the root and all below `docs/` and `helm/`.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut pages = BTreeMap::new();
    let mut folders = vec![root().join("docs"), root().join("helm")];
    let mut files: Vec<PathBuf> =
        fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_file()).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    for file in files.into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "md")) {
        pages.insert(file.strip_prefix(root()).unwrap().to_owned(), fs::read_to_string(file).unwrap());
    }
    pages
}

/// The lines outside of code blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        !code && !fence
    })
}

/// The targets of the links and images of a page: `[text](target)`.
fn targets(text: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(text) {
        // Text between backquotes shows a link and is none.
        let shown: String = line.split('`').step_by(2).collect();
        for rest in shown.split("](").skip(1) {
            targets.push(rest.split([')', ' ']).next().unwrap().to_owned());
        }
    }
    targets
}

/// The anchor that a Git host gives to a heading.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase();
    text.chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            '-' | '_' => Some(c),
            _ => c.is_alphanumeric().then_some(c),
        })
        .collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    prose(text).filter(|line| line.starts_with('#')).map(anchor).collect()
}

/// A link's path from the root, without `..`.
fn resolved(page: &Path, target: &str) -> PathBuf {
    let mut path = PathBuf::new();
    for part in page.parent().unwrap().join(target).components() {
        match part {
            Component::ParentDir => assert!(path.pop(), "{}: {target} leaves the repository", page.display()),
            Component::CurDir => {}
            part => path.push(part),
        }
    }
    path
}

/// The page that a link leads to, if it leads to a page: a folder stands for its README.
fn page_of(path: &Path, pages: &BTreeMap<PathBuf, String>) -> Option<PathBuf> {
    [path.to_owned(), path.join("README.md")].into_iter().find(|path| pages.contains_key(path))
}

fn links(page: &Path, text: &str) -> Vec<(PathBuf, Option<String>)> {
    let own = page.file_name().unwrap().to_str().unwrap();
    targets(text)
        .into_iter()
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| match target.split_once('#') {
            Some(("", anchor)) => (resolved(page, own), Some(anchor.to_owned())),
            Some((file, anchor)) => (resolved(page, file), Some(anchor.to_owned())),
            None => (resolved(page, &target), None),
        })
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let pages = pages();
    let (mut dead, mut count) = (Vec::new(), 0);
    for (page, text) in &pages {
        for (path, anchor) in links(page, text) {
            count += 1;
            let heading = match (&anchor, page_of(&path, &pages)) {
                (Some(anchor), Some(target)) => anchors(&pages[&target]).contains(anchor),
                (Some(_), None) => false,
                (None, _) => true,
            };
            if !root().join(&path).exists() || !heading {
                dead.push(format!("{}: {}#{}", page.display(), path.display(), anchor.unwrap_or_default()));
            }
        }
    }
    assert!(count > 40, "only {count} links were found");
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}

#[test]
fn every_page_is_reachable_from_the_readme() {
    let pages = pages();
    let mut reached = BTreeSet::new();
    let mut open = vec![PathBuf::from("README.md")];
    while let Some(page) = open.pop() {
        if !reached.insert(page.clone()) {
            continue;
        }
        for (path, _) in links(&page, &pages[&page]) {
            // A link to a folder without a README shows the folder's list of files.
            let listed = pages.keys().filter(|page| page.parent() == Some(&path)).cloned();
            open.extend(match page_of(&path, &pages) {
                Some(page) => vec![page],
                None => listed.collect(),
            });
        }
    }
    let orphans: Vec<_> = pages.keys().filter(|page| page.starts_with("docs") && !reached.contains(*page)).collect();
    assert!(reached.len() > 10);
    assert!(orphans.is_empty(), "no link leads to {orphans:?}");
}

#[test]
fn every_error_reason_has_a_row_with_its_code() {
    let proto = fs::read_to_string(root().join("proto/sangam/v1/error_reason.proto")).unwrap();
    let page = fs::read_to_string(root().join("docs/calling/errors.md")).unwrap();
    let mut comment = String::new();
    let mut contract = BTreeMap::new();
    for line in proto.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("// ") {
            comment = format!("{comment}{text} ");
        } else {
            if let Some((name, _)) = line.strip_prefix("ERROR_REASON_").and_then(|rest| rest.split_once(" = ")) {
                let code = comment.split(|c: char| c != '_' && !c.is_ascii_uppercase()).next().unwrap();
                contract.insert(name.to_owned(), code.to_owned());
            }
            comment.clear();
        }
    }
    contract.remove("UNSPECIFIED");
    let rows: BTreeMap<String, String> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| "))
        .map(|line| line.split(" | ").map(str::to_owned).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 4 && cells[0] != "reason")
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    assert!(contract.len() > 60, "{contract:?}");
    assert_eq!(contract, rows);
}

/// The words of a page, such as `MONTH_GAP`.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).collect()
}

#[test]
fn every_value_that_callers_read_is_explained() {
    let prefixes = [
        ("journey.proto", "JOURNEY_STATE_", "concepts.md", 15),
        ("journey.proto", "ATTEMPT_STATE_", "concepts.md", 7),
        ("journey.proto", "CONSENT_STATE_", "concepts.md", 8),
        ("journey.proto", "FETCH_STATE_", "concepts.md", 7),
        ("financial.proto", "QUALITY_CODE_", "data.md", 18),
        ("completeness.proto", "COMPLETENESS_CODE_", "data.md", 13),
    ];
    for (proto, prefix, page, least) in prefixes {
        let proto = fs::read_to_string(root().join("proto/sangam/v1").join(proto)).unwrap();
        let text = fs::read_to_string(root().join("docs/calling").join(page)).unwrap();
        let values = proto.lines().filter_map(|line| line.trim().strip_prefix(prefix)?.split_once(" = "));
        let values: BTreeSet<&str> = values.map(|(name, _)| name).filter(|name| *name != "UNSPECIFIED").collect();
        let missing: Vec<_> = values.difference(&words(&text)).copied().collect();
        assert!(values.len() >= least, "{prefix}: {values:?}");
        assert!(missing.is_empty(), "docs/calling/{page} lacks {prefix} {missing:?}");
    }
}

#[test]
fn every_call_is_listed_for_callers() {
    let page = fs::read_to_string(root().join("docs/calling/README.md")).unwrap();
    let mut count = 0;
    for entry in fs::read_dir(root().join("proto/sangam/v1")).unwrap() {
        let proto = fs::read_to_string(entry.unwrap().path()).unwrap();
        for call in proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next()) {
            assert!(words(&page).contains(call), "docs/calling/README.md lacks {call}");
            count += 1;
        }
    }
    assert!(count > 20);
}
