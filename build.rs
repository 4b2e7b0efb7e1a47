//! Compiles the contract with protox, so that no protoc is needed, and keeps the descriptors for reflection.

use std::{env, fs, path::PathBuf};

#[path = "src/access/scope_names.rs"]
mod scope_names;

const FILES: &[&str] = &[
    "sangam/v1/analytics.proto",
    "sangam/v1/change.proto",
    "sangam/v1/common.proto",
    "sangam/v1/completeness.proto",
    "sangam/v1/error_reason.proto",
    "sangam/v1/explain.proto",
    "sangam/v1/fi_card.proto",
    "sangam/v1/fi_common.proto",
    "sangam/v1/fi_debt.proto",
    "sangam/v1/fi_equities.proto",
    "sangam/v1/fi_funds.proto",
    "sangam/v1/fi_gst.proto",
    "sangam/v1/fi_insurance.proto",
    "sangam/v1/fi_pooled.proto",
    "sangam/v1/fi_retirement.proto",
    "sangam/v1/fi_traded_units.proto",
    "sangam/v1/fi_ulip.proto",
    "sangam/v1/financial.proto",
    "sangam/v1/find.proto",
    "sangam/v1/journey.proto",
    "sangam/v1/journey_service.proto",
    "sangam/v1/options.proto",
    "sangam/v1/provider_service.proto",
    "sangam/v1/watch.proto",
];

const KEPT_ENUMS: [&str; 14] = [
    "Purpose",
    "Product",
    "JourneyState",
    "AttemptState",
    "ConsentState",
    "FetchState",
    "ConsentMode",
    "StepState",
    "InstitutionHealth",
    "RoutingCause",
    "FactSource",
    "Certainty",
    "ProviderDelivery",
    "PurgeReason",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=src/access/scope_names.rs");
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(FILES)?;
    check_scopes(&compiler.descriptor_pool())?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Written by the compiler itself: the short `protox::compile` would lose custom options.
    fs::write(out.join("descriptor.bin"), compiler.encode_file_descriptor_set())?;
    let mut config = tonic_prost_build::configure().bytes(".");
    for name in KEPT_ENUMS {
        // These stand inside a kept journey and are written by name.
        config = config.enum_attribute(format!("sangam.v1.{name}"), "#[derive(serde::Serialize, serde::Deserialize)]");
    }
    config.compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// A method that everybody could call, or nobody, is not built.
fn check_scopes(pool: &protox::prost_reflect::DescriptorPool) -> Result<(), String> {
    let option = pool.get_extension_by_name("sangam.v1.required_scope").ok_or("options.proto has no required_scope")?;
    let ours = pool.services().filter(|service| service.package_name() == "sangam.v1");
    let faults: Vec<String> = ours
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .filter_map(|method| {
            let options = method.options();
            scope_names::fault(method.full_name(), options.get_extension(&option).as_str().unwrap_or_default())
        })
        .collect();
    if faults.is_empty() { Ok(()) } else { Err(faults.join("; ")) }
}
