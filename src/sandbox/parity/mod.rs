//! Parity, shown: one customer through every product of every provider, and the differences on the fields that both of two products
//! declare. A test keeps the table empty for every story that is meant to bring equal data.

mod compare;
mod table;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use tonic::transport::{Channel, Endpoint};

pub use compare::{Ambiguous, Difference, Pair, Place, Reading, compare};

use super::{
    demo::{
        self, DemoFailure,
        drive::{Plan, drive, plans},
        progress::Progress,
    },
    scratch::Scratch,
};
use crate::{
    clock::{Clock, ManualClock, SystemClock},
    pb::{self, provider_service_client::ProviderServiceClient},
};

/// The stories through which every product is meant to bring equal data: an ordinary customer, uploaded statements, what each provider
/// writes in its own way, and accounts of every kind. The last two digits of the mobile number, as in [`super::scenario::TABLE`]. Not among them are the stories where
/// one provider keeps something back: it sends one of two holders (15), or a missing value where the other has one (21).
pub const EQUAL: &[&str] = &["01", "06", "13", "14", "16", "18", "24", "25", "44"];

/// All journeys of one story together may take this long.
const LIMIT: Duration = Duration::from_secs(60);

/// Why there is no parity.
#[derive(Debug, thiserror::Error)]
pub enum ParityFailure {
    /// The journeys did not come to data.
    #[error(transparent)]
    Journey(#[from] DemoFailure),
    /// The products cannot be listed.
    #[error("ListProviders answered {0}")]
    Listing(tonic::Code),
    /// The accounts of a product cannot be compared.
    #[error("{product}: {error}")]
    Ambiguous {
        /// The product.
        product: String,
        /// Why.
        error: Ambiguous,
    },
    /// The digits are no two digits.
    #[error("`{0}` are no two digits of a story")]
    NoScenario(String),
    /// It took too long.
    #[error("the journeys of one story did not end within {} seconds", LIMIT.as_secs())]
    TooSlow,
    /// Some values differ, or too little could be compared.
    #[error("{0}")]
    Unequal(String),
}

/// Which stories are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stories {
    /// The one of these two digits.
    One(String),
    /// Every story of [`EQUAL`].
    Equal,
}

/// Starts sandbox and gateway in this process, drives the stories through every product, and prints the differences.
///
/// # Errors
/// As [`ParityFailure`] says; the tables have been printed by then.
pub async fn run(stories: Stories) -> Result<(), ParityFailure> {
    let digits: Vec<String> = match stories {
        Stories::One(digits) if digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit()) => vec![digits],
        Stories::One(digits) => return Err(ParityFailure::NoScenario(digits)),
        Stories::Equal => EQUAL.iter().map(|digits| (*digits).to_owned()).collect(),
    };
    // The sandbox's clock stands still, so that the bank writes no row between two journeys.
    let clock = Arc::new(ManualClock::new(SystemClock.now()));
    let dir = Scratch::new("sangam-parity").map_err(DemoFailure::from)?;
    let (sandbox, gateway) = demo::start(clock, &dir).await?;
    let outcome = told(&format!("http://{}", gateway.grpc), &digits).await;
    gateway.stop().await;
    sandbox.stop().await;
    outcome
}

async fn told(gateway: &str, digits: &[String]) -> Result<(), ParityFailure> {
    let endpoint = Endpoint::from_shared(gateway.to_owned()).map_err(DemoFailure::from)?;
    let channel = endpoint.connect().await.map_err(DemoFailure::from)?;
    let declared = declared(channel.clone()).await?;
    let (mut differences, mut weak) = (0, 0);
    for digits in digits {
        let read = read(&channel, &declared, digits);
        let readings = tokio::time::timeout(LIMIT, read).await.map_err(|_| ParityFailure::TooSlow)??;
        let pairs = compare(&readings);
        differences += pairs.iter().map(|pair| pair.differences.len()).sum::<usize>();
        weak += pairs.iter().filter(|pair| pair.proves_nothing()).count();
        print(digits, &pairs);
    }
    match (differences, weak) {
        (0, 0) => Ok(()),
        (0, weak) => Err(ParityFailure::Unequal(format!("{weak} pairs of products have too little in common to compare"))),
        (differences, _) => Err(ParityFailure::Unequal(format!("{differences} differences"))),
    }
}

fn print(digits: &str, pairs: &[Pair]) {
    let differences: usize = pairs.iter().map(|pair| pair.differences.len()).sum();
    crate::say!("story {digits}: {} pairs of products, {differences} differences", pairs.len());
    for pair in pairs {
        crate::say!("  {} and {}: {} fields of {} accounts", pair.one, pair.other, pair.fields, pair.accounts);
    }
    if differences > 0 {
        crate::say!("\n{}", table::render(pairs));
    }
}

/// What each product of each credential declares.
type Declared = Vec<(String, String, pb::ProviderProduct)>;

async fn declared(channel: Channel) -> Result<Declared, ParityFailure> {
    let listed = ProviderServiceClient::new(channel).list_providers(pb::ListProvidersRequest {}).await;
    let listed = listed.map_err(|status| ParityFailure::Listing(status.code()))?.into_inner();
    let mut all = Vec::new();
    for provider in listed.providers {
        for credential in provider.credentials {
            let name = &credential.credential;
            all.extend(credential.products.into_iter().map(|product| (provider.provider.clone(), name.clone(), product)));
        }
    }
    Ok(all)
}

async fn read(channel: &Channel, declared: &Declared, digits: &str) -> Result<Vec<Reading>, ParityFailure> {
    let customer = demo::customer(&format!("90000000{digits}"));
    let progress = Progress::silent();
    let plans: Vec<_> = plans().into_iter().map(|plan| Plan { view: pb::View::Full, excel: false, ..plan }).collect();
    let driven = join_all(plans.iter().map(|plan| drive(channel.clone(), plan, &customer, &progress))).await;
    let mut readings = Vec::new();
    for (plan, seen) in plans.iter().zip(driven) {
        let seen = seen?;
        let product = &seen.journey.provider_product;
        let name = format!("{}/{}/{product}", plan.provider, plan.credential);
        let fields = declared
            .iter()
            .find(|(provider, credential, offered)| {
                provider == plan.provider && credential == plan.credential && offered.provider_product == *product
            })
            .map(|(.., offered)| offered.declared_fields.clone())
            .unwrap_or_default();
        let reading = Reading::new(name.clone(), fields, seen.accounts, &seen.transactions);
        readings.push(reading.map_err(|error| ParityFailure::Ambiguous { product: name, error })?);
    }
    Ok(readings)
}
