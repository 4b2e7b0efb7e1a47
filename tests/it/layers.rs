//! The order of the modules: each may use those that come before it in [`ORDER`]. The exceptions that still exist are listed in
//! [`ALLOWED`]; the list only gets shorter.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The modules of `src/`, lowest first.
const ORDER: [&str; 23] = [
    "clock",
    "console",
    "random",
    "memory",
    "pb",
    "contract",
    "seal",
    "data",
    "telemetry",
    "config",
    "store",
    "cache",
    "resilience",
    "providers",
    "journey",
    "access",
    "webhook",
    "rpc",
    "server",
    "app",
    "commands",
    "sandbox",
    "main",
];

/// Uses of a later module: the module that uses it, and the later one.
const ALLOWED: [(&str, &str); 19] = [
    ("cache", "access"),
    ("cache", "journey"),
    ("config", "access"),
    ("config", "journey"),
    ("config", "providers"),
    ("config", "server"),
    ("data", "journey"),
    ("journey", "access"),
    ("providers", "journey"),
    ("resilience", "providers"),
    ("rpc", "server"),
    ("store", "access"),
    ("store", "journey"),
    ("telemetry", "cache"),
    ("telemetry", "config"),
    ("telemetry", "journey"),
    ("telemetry", "providers"),
    ("telemetry", "resilience"),
    ("telemetry", "store"),
];

/// The modules that a source text uses by `crate::`.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let code: String = code.lines().filter_map(|line| line.split("//").next()).collect();
    let mut found = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            Some(group) => found.extend(group_heads(group)),
            None => found.extend(head(rest)),
        }
    }
    found
}

/// The first name of each item in `a::b, c::{d, e}, f}`.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            ',' if depth == 0 => {
                heads.extend(head(&group[start..at]));
                start = at + 1;
            }
            '}' if depth == 0 => {
                heads.extend(head(&group[start..at]));
                break;
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    heads
}

/// The first name of a path; none for a macro, which stands at the root of the crate wherever it is defined.
fn head(item: &str) -> Option<String> {
    let item = item.trim_start();
    let end = item.find(|letter: char| !letter.is_ascii_lowercase() && letter != '_').unwrap_or(item.len());
    (end > 0 && !item[end..].starts_with('!')).then(|| item[..end].to_owned())
}

/// Whether a file holds tests only.
fn is_test(path: &Path) -> bool {
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let in_tests = path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "odd_answers");
    in_tests || name == "tests" || name.ends_with("_tests") || name == "testing" || name == "odd_answers"
}

fn sources(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test(&path) {
            found.push(path);
        }
    }
}

/// The top module of a file.
fn module(root: &Path, file: &Path) -> String {
    let first = file.strip_prefix(root).unwrap().components().next().unwrap().as_os_str();
    Path::new(first).file_stem().unwrap().to_str().unwrap().to_owned()
}

fn place(name: &str) -> usize {
    ORDER.iter().position(|known| *known == name).unwrap_or_else(|| panic!("{name} has no place in the order"))
}

#[test]
fn no_module_uses_a_later_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 100, "the sources are not where they were");
    let mut upward = BTreeSet::new();
    let mut new = Vec::new();
    for file in files {
        let from = module(&root, &file);
        if from == "lib" {
            continue;
        }
        for to in used(&fs::read_to_string(&file).unwrap()) {
            if place(&to) <= place(&from) {
                continue;
            }
            if !ALLOWED.contains(&(&from, &to)) {
                new.push(format!("{} uses {to}", file.display()));
            }
            upward.insert((from.clone(), to));
        }
    }
    assert!(new.is_empty(), "against the order of the modules:\n{}", new.join("\n"));
    let gone: Vec<_> = ALLOWED.iter().filter(|(from, to)| !upward.contains(&((*from).to_owned(), (*to).to_owned()))).collect();
    assert!(gone.is_empty(), "no longer needed in ALLOWED: {gone:?}");
}

#[test]
fn every_way_of_naming_a_module_is_found() {
    let text = "use crate::{\n    alpha::{One, two::Three},\n    beta,\n    gamma::Four, // crate::comment\n};\nlet x = crate::delta::five();\ncrate::macro_call!(x);";
    assert_eq!(used(text), ["alpha", "beta", "delta", "gamma"].map(str::to_owned).into());
    assert_eq!(used("#[cfg(test)]\nmod tests {\nuse crate::alpha;"), BTreeSet::new());
}
