//! Looking for journeys.

use sangam::{
    journey::model::{Journey, JourneyState},
    store::{Behind, Guard, Wanted},
};

use super::{Kit, at, on_every_store, testing};

on_every_store!(
    of_two_open_ones_with_one_reference_the_second_is_not_written,
    of_many_at_once_one_is_written,
    journeys_come_newest_first_and_by_every_filter,
);

fn journey(id: &str, reference: &str, second: i64) -> Journey {
    let mut journey = testing::journey();
    journey.id = id.to_owned();
    journey.ask.client_reference = Some(reference.to_owned());
    journey.created_at = at(second);
    journey.state = JourneyState::AwaitingCustomer;
    journey
}

async fn of_two_open_ones_with_one_reference_the_second_is_not_written(kit: &Kit) {
    let insert = |journey: Journey, except: Option<&'static str>| async move {
        kit.store.insert_intent(None, &journey, Guard::UnlessOpen { except }, None, at(9)).await.unwrap()
    };
    assert_eq!(insert(journey("jrn_a", "loan-1", 1), None).await, None);
    assert_eq!(insert(journey("jrn_b", "loan-1", 2), None).await.as_deref(), Some("jrn_a"));
    assert!(kit.store.journey("default", "jrn_b").await.unwrap().is_none());
    assert_eq!(insert(journey("jrn_c", "loan-2", 2), None).await, None);
    let mut elsewhere = journey("jrn_d", "loan-1", 2);
    elsewhere.tenant = "other".to_owned();
    assert_eq!(insert(elsewhere, None).await, None);
    assert_eq!(insert(journey("jrn_e", "loan-1", 3), Some("jrn_a")).await, None);
    // Over, it stands in nobody's way.
    for id in ["jrn_a", "jrn_e"] {
        let kept = kit.store.journey("default", id).await.unwrap().unwrap();
        let over = Journey { state: JourneyState::Rejected, ..kept.journey };
        assert!(kit.store.save_journey(&over, kept.version, None, at(9)).await.unwrap());
    }
    assert_eq!(insert(journey("jrn_f", "loan-1", 4), None).await, None);
}

async fn of_many_at_once_one_is_written(kit: &Kit) {
    let inserts = (0..20).map(|number| {
        let store = kit.store.clone();
        tokio::spawn(async move {
            let journey = journey(&format!("jrn_{number}"), "loan-1", number);
            store.insert_intent(None, &journey, Guard::UnlessOpen { except: None }, None, at(9)).await.unwrap()
        })
    });
    let mut written = 0;
    for insert in inserts.collect::<Vec<_>>() {
        written += usize::from(insert.await.unwrap().is_none());
    }
    assert_eq!(written, 1);
    assert_eq!(kit.store.find_journeys("default", &Wanted::default(), None, 50).await.unwrap().len(), 1);
}

async fn journeys_come_newest_first_and_by_every_filter(kit: &Kit) {
    for (number, id) in (1..).zip(["jrn_a", "jrn_b", "jrn_c"]) {
        let mut journey = journey(id, &format!("loan-{number}"), number);
        journey.ask.customer.customer_reference = Some("customer-1".to_owned());
        kit.store.insert_journey(&journey, None, at(9)).await.unwrap();
    }
    let find = |wanted: Wanted, behind: Option<Behind>, limit| async move {
        let found = kit.store.find_journeys("default", &wanted, behind.as_ref(), limit).await.unwrap();
        found.into_iter().map(|journey| journey.id).collect::<Vec<_>>()
    };
    let all = Wanted::default;
    assert_eq!(find(all(), None, 2).await, ["jrn_c", "jrn_b"]);
    let behind = Behind { created_at: at(2), journey_id: "jrn_b".to_owned() };
    assert_eq!(find(all(), Some(behind), 2).await, ["jrn_a"]);
    assert_eq!(find(Wanted { client_reference: Some("loan-2".to_owned()), ..all() }, None, 9).await, ["jrn_b"]);
    assert_eq!(find(Wanted { customer_reference: Some("customer-1".to_owned()), ..all() }, None, 9).await.len(), 3);
    assert!(find(Wanted { states: vec![JourneyState::Ready], ..all() }, None, 9).await.is_empty());
    let open = vec![JourneyState::Ready, JourneyState::AwaitingCustomer];
    assert_eq!(find(Wanted { states: open, ..all() }, None, 9).await.len(), 3);
    assert!(find(Wanted { provider: Some("nobody".to_owned()), ..all() }, None, 9).await.is_empty());
    assert!(kit.store.find_journeys("other", &all(), None, 9).await.unwrap().is_empty());
}
