//! Reflection, v1 and v1alpha: grpcurl asks the first, Python's grpcio-reflection only the second.

use tonic::{
    codec::CompressionEncoding::{Gzip, Zstd},
    service::Routes,
};
use tonic_reflection::server::{Builder, Error};

use super::reflection_answer::{MAX_MESSAGE_BYTES, Reasoned};
use crate::pb::{DESCRIPTOR_SET, journey_service_server, provider_service_server};

fn builder() -> Builder<'static> {
    // The public services are named one by one: an internal one never shows by accident.
    Builder::configure()
        .register_encoded_file_descriptor_set(DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name(journey_service_server::SERVICE_NAME)
        .with_service_name(provider_service_server::SERVICE_NAME)
        .with_service_name("grpc.health.v1.Health")
}

/// Adds both services. Fails only if the descriptors that were compiled in cannot be read.
pub fn add(routes: Routes) -> Result<Routes, Error> {
    let v1 = builder().build_v1()?.max_decoding_message_size(MAX_MESSAGE_BYTES).accept_compressed(Gzip).accept_compressed(Zstd);
    let v1alpha =
        builder().build_v1alpha()?.max_decoding_message_size(MAX_MESSAGE_BYTES).accept_compressed(Gzip).accept_compressed(Zstd);
    Ok(routes.add_service(Reasoned(v1)).add_service(Reasoned(v1alpha)))
}
