//! Every parser of bytes that come from outside, as functions over any bytes: what `make fuzz` runs under libFuzzer, and `make test` over
//! the seeds and some thousand mutations of them. A target returns if the bytes were read or refused as they should be, and panics if not.

pub(crate) mod answers;
mod edge;
mod figures;
mod kept;
mod mutate;

pub use mutate::Mutator;

/// One parser, or several that read the same bytes.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name: also that of its file under `fuzz/fuzz_targets` and of its folder under `fuzz/corpus`.
    pub name: &'static str,
    /// How many times dearer than the cheapest it is; a run of a given length makes that many times fewer cases.
    pub cost: usize,
    /// Reads the bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "finpro_data", cost: 2, run: answers::finpro_data },
    Target { name: "finpass_report", cost: 2, run: answers::finpass_report },
    Target { name: "finpass_statement", cost: 2, run: answers::finpass_statement },
    Target { name: "finpro_answers", cost: 10, run: answers::finpro },
    Target { name: "finpass_answers", cost: 10, run: answers::finpass },
    Target { name: "webhooks", cost: 1, run: answers::webhooks },
    Target { name: "page_token", cost: 1, run: kept::page_token },
    Target { name: "kept_rows", cost: 1, run: kept::rows },
    Target { name: "requests", cost: 1, run: edge::requests },
    Target { name: "urls", cost: 1, run: edge::urls },
    Target { name: "json_struct", cost: 1, run: edge::json_struct },
    Target { name: "config", cost: 4, run: edge::config },
    Target { name: "scalars", cost: 1, run: figures::scalars },
];

/// Runs the target of this name.
///
/// # Panics
/// If there is no such target, or it found a fault.
#[allow(clippy::panic)]
pub fn run(name: &str, bytes: &[u8]) {
    match TARGETS.iter().find(|target| target.name == name) {
        Some(target) => (target.run)(bytes),
        None => panic!("there is no target {name}"),
    }
}
