//! Every parser of bytes from outside, over its seeds and mutations of them. `SANGAM_CASES` says how many mutations the cheapest target
//! gets; a failure prints what is needed to see it again.

use std::{env, fs, path::Path, thread};

use sangam::sandbox::fuzzing::{Mutator, TARGETS, Target};

/// Without the variable: some seconds for all targets together.
const CASES: usize = 2_000;

fn cases() -> usize {
    env::var("SANGAM_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(CASES)
}

fn files(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read(&path).unwrap())).collect()
}

/// The target's own seeds, and every documented answer.
fn seeds(target: &Target) -> Vec<(String, Vec<u8>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = files(&root.join("fuzz/corpus").join(target.name));
    assert!(own.len() >= 3, "{} has too few seeds", target.name);
    own.into_iter().chain(files(&root.join("tests/it/documented"))).collect()
}

/// Says which case it was if the test ends within it.
struct Case<'a> {
    target: &'a str,
    seed: &'a str,
    number: Option<u64>,
    bytes: &'a [u8],
}

impl Drop for Case<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let start = self.bytes[..self.bytes.len().min(2048)].escape_ascii();
            eprintln!("target {}, seed {}, mutation {:?}: b\"{start}\"", self.target, self.seed, self.number);
        }
    }
}

fn check(target: &Target, seed: &str, number: Option<u64>, bytes: &[u8]) {
    let _told = Case { target: target.name, seed, number, bytes };
    (target.run)(bytes);
}

fn mutated(target: &Target, count: usize, first: u64) {
    let seeds = seeds(target);
    for number in (first..).take(count) {
        let mut mutator = Mutator::new(number);
        let (name, seed) = &seeds[mutator.below(seeds.len())];
        let (_, other) = &seeds[mutator.below(seeds.len())];
        check(target, name, Some(number), &mutator.mutate(seed, other));
    }
}

#[test]
fn every_parser_survives_its_seeds_and_their_mutations() {
    thread::scope(|scope| {
        for half in [0, 1] {
            scope.spawn(move || {
                for target in TARGETS.iter().skip(half).step_by(2) {
                    for (name, seed) in seeds(target) {
                        check(target, &name, None, &seed);
                    }
                    mutated(target, cases() / target.cost, 1);
                }
            });
        }
    });
}

#[test]
fn every_target_is_run_by_make_fuzz() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).unwrap();
    for target in TARGETS {
        let program = fs::read_to_string(root.join(format!("fuzz/fuzz_targets/{}.rs", target.name))).unwrap();
        assert!(program.contains(&format!("run(\"{}\", ", target.name)), "{}", target.name);
        assert!(manifest.contains(&format!("name = \"{}\"\n", target.name)), "{}", target.name);
    }
    assert_eq!(files(&root.join("fuzz/fuzz_targets")).len(), TARGETS.len());
}
