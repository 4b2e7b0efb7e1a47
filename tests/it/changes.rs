//! What a second fetch of a periodic consent brings: a month later, by both providers' clocks.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use sangam::{
    clock::Clock,
    journey::model::DayRange,
    pb::{self, ChangeKind, FetchChangesRequest, FetchChangesResponse, Product, Purpose, View},
    providers::provider::{Call, Target},
    sandbox::SandboxConfig,
};
use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::harness::{World, data_request, reason, start_request};

/// The machine's clock and as much as a test adds.
#[derive(Default)]
pub struct Forward(pub Mutex<SignedDuration>);

impl Clock for Forward {
    fn now(&self) -> Timestamp {
        Timestamp::now() + *self.0.lock().unwrap()
    }
}

/// A monitoring and an underwriting consent, both fetched; a month later the first one again.
struct Month {
    world: World,
    journey_id: String,
    earlier: String,
    newer: String,
    of_other_consent: String,
}

async fn a_month_later() -> Month {
    let clock = Arc::new(Forward::default());
    let world = World::both_at(clock.clone(), SandboxConfig::default(), |_| ()).await;
    let mut start = start_request("finpro", "consent", "01", &[Product::Data]);
    start.consents.insert(0, pb::ConsentAsk { purpose: Purpose::Monitoring.into(), ..Default::default() });
    let journey_id = world.approved(start).await;
    let kept = |consent: &pb::Consent| consent.fetches.first().is_some_and(|fetch| fetch.pick_up_time.is_some());
    let journey = world.until(&journey_id, |journey| journey.consents.len() == 2 && journey.consents.iter().all(kept)).await;
    let fetches = |journey: &pb::Journey, purpose: Purpose| -> Vec<pb::Fetch> {
        journey.consents.iter().find(|consent| consent.purpose() == purpose).unwrap().fetches.clone()
    };
    let earlier = fetches(&journey, Purpose::Monitoring)[0].fetch_id.clone();
    let of_other_consent = fetches(&journey, Purpose::Underwriting)[0].fetch_id.clone();

    *clock.0.lock().unwrap() = SignedDuration::from_hours(28 * 24);
    fetch_again(&world, &journey_id, clock.now()).await;
    let picked_up = |journey: &pb::Journey| {
        let fetches = fetches(journey, Purpose::Monitoring);
        fetches.len() == 2 && fetches[1].pick_up_time.is_some()
    };
    // A nudge that falls into a running look can be lost, so it is given again until the fetch is seen.
    let journey = loop {
        world.gateway.service().nudge(&journey_id).await.unwrap();
        if let Ok(journey) = tokio::time::timeout(Duration::from_secs(1), world.until(&journey_id, picked_up)).await {
            break journey;
        }
    };
    let newer = fetches(&journey, Purpose::Monitoring)[1].fetch_id.clone();
    Month { world, journey_id, earlier, newer, of_other_consent }
}

/// Asks the provider for a second data session, as an operator can in its portal; the gateway finds it by itself.
pub async fn fetch_again(world: &World, journey_id: &str, now: Timestamp) {
    let service = world.gateway.service();
    let journey = service.store().journey(&service.tenant().id, journey_id).await.unwrap().unwrap().journey;
    let consent = journey.consents.iter().find(|consent| consent.purpose == Purpose::Monitoring).unwrap();
    let attempt = &journey.attempts[0];
    let provider = service.providers().iter().find(|provider| provider.credential() == "consent").unwrap();
    let call = Call { deadline: tokio::time::Instant::now() + Duration::from_secs(20) };
    let target = Target { journey: &journey, attempt, consent, fetch: None, accounts: &[] };
    let to = now.to_zoned(TimeZone::get("Asia/Kolkata").unwrap()).date();
    let range = DayRange { from: consent.fetches[0].requested_range.from, to: Some(to) };
    assert!(range.from.is_some());
    provider.request_data(call, target, Some(range)).await.unwrap();
}

impl Month {
    fn request(&self, view: View) -> FetchChangesRequest {
        let (journey_id, since_fetch_id) = (self.journey_id.clone(), self.earlier.clone());
        FetchChangesRequest { journey_id, since_fetch_id, view: view.into(), ..Default::default() }
    }

    async fn page(&self, request: &FetchChangesRequest) -> Result<FetchChangesResponse, Status> {
        self.world.client.clone().fetch_changes(request.clone()).await.map(tonic::Response::into_inner)
    }

    /// All pages as one answer, and how many they were.
    async fn changes(&self, mut request: FetchChangesRequest) -> (FetchChangesResponse, usize) {
        let mut all = self.page(&request).await.unwrap();
        let mut pages = 1;
        while !all.next_page_token.is_empty() {
            request.page_token = std::mem::take(&mut all.next_page_token);
            let page = self.page(&request).await.unwrap();
            // The background may look at the consent between two pages; which fetch it is stays the same.
            let fetch = |answer: &FetchChangesResponse| answer.fetch.as_ref().map(|fetch| fetch.fetch_id.clone());
            assert_eq!((&page.counts, fetch(&page)), (&all.counts, fetch(&all)));
            all.accounts.extend(page.accounts);
            all.transactions.extend(page.transactions);
            all.next_page_token = page.next_page_token;
            pages += 1;
        }
        (all, pages)
    }

    /// A fetch's transactions by id.
    async fn rows(&self, fetch_id: &str) -> BTreeMap<String, pb::Transaction> {
        let request = pb::FetchDataRequest { fetch_id: fetch_id.to_owned(), ..data_request(&self.journey_id, View::Full) };
        let (_, rows) = self.world.data(request).await.unwrap();
        rows.into_iter().map(|row| (row.transaction_id.clone(), row)).collect()
    }
}

#[tokio::test]
async fn what_a_month_adds_is_told_once_and_nothing_else() {
    let month = a_month_later().await;
    let (earlier, newer) = (month.rows(&month.earlier).await, month.rows(&month.newer).await);
    let (answer, _) = month.changes(month.request(View::Full)).await;
    assert_eq!(answer.since_fetch.as_ref().unwrap().fetch_id, month.earlier);
    assert_eq!(answer.fetch.as_ref().unwrap().fetch_id, month.newer);

    let id = |row: &Option<pb::Transaction>| row.as_ref().map(|row| row.transaction_id.clone());
    let new: BTreeSet<String> = answer.transactions.iter().filter_map(|one| id(&one.after)).collect();
    let old: BTreeSet<String> = answer.transactions.iter().filter_map(|one| id(&one.before)).collect();
    assert_eq!(new, newer.keys().filter(|id| !earlier.contains_key(*id)).cloned().collect());
    assert_eq!(old, earlier.keys().filter(|id| !newer.contains_key(*id)).cloned().collect());
    assert!(new.len() >= 20 && new.len() * 4 < newer.len(), "{} of {} rows are told", new.len(), newer.len());
    for one in &answer.transactions {
        assert_eq!(one.after.as_ref(), id(&one.after).map(|id| &newer[&id]));
        assert_eq!(one.before.as_ref(), id(&one.before).map(|id| &earlier[&id]));
    }
    // The month lies behind the days of the first fetch: the window has moved.
    let added = answer.transactions.iter().filter(|one| one.kind() == ChangeKind::Added);
    assert!(added.filter(|one| one.outside_other_range).count() >= 20);
    let counts = answer.counts.unwrap();
    let of = |kind| answer.transactions.iter().filter(|one| one.kind() == kind).count() as i64;
    assert_eq!(counts.transactions_added, of(ChangeKind::Added));
    assert_eq!(counts.transactions_removed, of(ChangeKind::Removed));
    assert_eq!(counts.transactions_changed, of(ChangeKind::Changed));
    assert_eq!((counts.accounts_added, counts.accounts_removed), (0, 0));
    assert!(counts.accounts_changed >= 1, "an account with new rows has another head");
    month.world.stop().await;
}

#[tokio::test]
async fn pages_of_changes_are_bounded_bound_and_masked() {
    let month = a_month_later().await;
    let (whole, _) = month.changes(month.request(View::Masked)).await;
    assert!(whole.transactions.iter().all(|one| one.after.as_ref().is_none_or(|row| row.narration.is_empty())));
    let mut small = month.request(View::Masked);
    small.page_bytes = 16 * 1024;
    let (all, pages) = month.changes(small.clone()).await;
    assert!(pages > 1);
    assert_eq!((&all.accounts, &all.transactions), (&whole.accounts, &whole.transactions));
    let token = month.page(&small).await.unwrap().next_page_token;
    let other = FetchChangesRequest { page_token: token, ..month.request(View::Masked) };
    assert_eq!(reason(&month.page(&other).await.unwrap_err()), "PAGE_TOKEN_MISMATCH");

    let (summary, _) = month.changes(month.request(View::Summary)).await;
    assert_eq!((summary.accounts.len(), summary.transactions.len()), (whole.accounts.len(), 0));
    assert_eq!(summary.counts, whole.counts);
    month.world.stop().await;
}

#[tokio::test]
async fn only_kept_fetches_of_one_consent_are_compared() {
    let month = a_month_later().await;
    let with = |since: &str, fetch: &str| FetchChangesRequest {
        since_fetch_id: since.to_owned(),
        fetch_id: fetch.to_owned(),
        ..month.request(View::Masked)
    };
    let same = month.page(&with(&month.newer, "")).await.unwrap();
    assert_eq!((same.counts, same.accounts.len()), (Some(pb::ChangeCounts::default()), 0));
    assert_eq!(same.fetch.unwrap().fetch_id, month.newer);
    for (since, fetch) in [("fch_unknown", ""), (&month.earlier, "fch_unknown"), (&month.earlier, &month.of_other_consent)] {
        let status = month.page(&with(since, fetch)).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::NotFound, "FETCH_NOT_FOUND"), "{since} {fetch}");
    }
    let journey = month.world.status(&month.journey_id).await;
    let other = journey.consents.iter().find(|consent| consent.purpose() == Purpose::Underwriting).unwrap();
    let named = FetchChangesRequest { consent_id: other.consent_id.clone(), ..month.request(View::Masked) };
    assert_eq!(reason(&month.page(&named).await.unwrap_err()), "FETCH_NOT_FOUND");
    for (bad, field) in [(with("", ""), "since_fetch_id"), (with(&month.newer, &month.earlier), "fetch_id")] {
        let status = month.page(&bad).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert_eq!(status.get_error_details().bad_request().unwrap().field_violations[0].field, field);
    }
    let service = month.world.gateway.service();
    service.store().drop_fetch(&service.tenant().id, &month.earlier).await.unwrap();
    let purged = month.page(&month.request(View::Masked)).await.unwrap_err();
    assert_eq!((purged.code(), reason(&purged).as_str()), (Code::FailedPrecondition, "DATA_EXPIRED"));
    month.world.stop().await;
}
