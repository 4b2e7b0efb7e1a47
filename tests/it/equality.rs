//! One customer's data is equal through every product, on the fields that both declare.

use sangam::{
    pb::View,
    sandbox::parity::{self, Reading},
};

use crate::{
    harness::{World, data_request},
    offers::{Offer, offers, ready},
};

async fn compare(world: &World, offers: &[Offer], digits: &str) {
    let mut readings = Vec::new();
    for offer in offers {
        let journey = ready(world, offer, digits).await;
        let (accounts, rows) = world.data(data_request(&journey.journey_id, View::Full)).await.unwrap();
        readings.push(Reading::new(offer.name(), offer.product.declared_fields.clone(), accounts, &rows).unwrap());
    }
    for pair in parity::compare(&readings) {
        assert!(!pair.proves_nothing(), "customer {digits}: {} and {} share too little to compare", pair.one, pair.other);
        assert!(pair.differences.is_empty(), "customer {digits}: {} and {}: {:#?}", pair.one, pair.other, pair.differences);
    }
}

#[tokio::test]
async fn a_customers_data_is_equal_through_every_product() {
    let world = World::start().await;
    let offers = offers(&world).await;
    assert!(offers.len() >= 4, "too few products to compare");
    for digits in parity::EQUAL {
        compare(&world, &offers, digits).await;
    }
    world.stop().await;
}
