//! ListProviders: capabilities as data.

use crate::{
    journey::service::Service,
    pb::{ListProvidersResponse, Provider, ProviderCredential, ProviderProduct},
    providers::{self, capability},
};

pub(super) fn answer(service: &Service) -> ListProvidersResponse {
    let providers = providers::ALL.iter().map(|known| Provider {
        provider: known.id.to_owned(),
        display_name: known.display_name.to_owned(),
        credentials: service
            .providers()
            .iter()
            .filter(|provider| provider.id() == known.id)
            .map(|provider| ProviderCredential {
                credential: provider.credential().to_owned(),
                products: provider.products().iter().map(product).collect(),
            })
            .collect(),
    });
    ListProvidersResponse { providers: providers.collect() }
}

fn product(product: &capability::ProviderProduct) -> ProviderProduct {
    let words = |list: &[&str]| list.iter().map(|word| (*word).to_owned()).collect();
    ProviderProduct {
        provider_product: product.name.to_owned(),
        products: product.products.iter().map(|one| i32::from(*one)).collect(),
        purposes: product.purposes.iter().map(|one| i32::from(*one)).collect(),
        fi_types: product.fi_types.iter().map(|one| i32::from(*one)).collect(),
        sources: product.sources.iter().map(|one| i32::from(*one)).collect(),
        declared_fields: words(&product.declared_fields),
        assumed_fields: words(&product.assumed_fields),
        report_formats: product.report_formats.iter().map(|one| i32::from(*one)).collect(),
        inputs: words(product.inputs),
        resumes_attempt: product.resumes_attempt,
        several_consents: product.several_consents,
        latest_changes: product.latest_changes,
        refreshes: product.refreshes,
        revokes: product.revokes,
        deletes_data: product.deletes_data,
        assumed_capabilities: words(product.assumed_capabilities),
    }
}
