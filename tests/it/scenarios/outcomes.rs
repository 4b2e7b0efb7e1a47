//! The table: how each story ends through each product.

use futures_util::future::join_all;
use sangam::{
    pb::{self, DataSource, FetchState as F, JourneyState as J, Product, QualityCode as Q, View},
    sandbox::customer,
};

use super::{opened, roomy};
use crate::harness::{World, data_request, reason, start_request};

/// A way to open: provider, credential, with analytics.
type Way = (&'static str, &'static str, bool);
const CONSENT: Way = ("finpro", "consent", true);
const ORCHESTRATION: Way = ("finpro", "orchestration", true);
const PLAIN: Way = ("finpass", "main", false);
const ANALYSED: Way = ("finpass", "main", true);

/// What FetchData brings.
enum Data {
    /// So many accounts, and among all flags of accounts and rows at least these codes.
    Accounts(usize, &'static [Q]),
    /// A refusal with this reason.
    Refused(&'static str),
}
use Data::{Accounts, Refused};

/// Story, way, state of the journey, state of its newest fetch, data.
type Row = (&'static str, Way, J, Option<F>, Data);

const TABLE: &[Row] = &[
    ("02", CONSENT, J::Failed, Some(F::Timeout), Refused("JOURNEY_ENDED")),
    ("03", CONSENT, J::PartiallyReady, Some(F::Partial), Accounts(4, &[])),
    ("04", CONSENT, J::Failed, Some(F::Empty), Refused("NO_ACCOUNTS")),
    ("05", CONSENT, J::Failed, Some(F::Failed), Refused("DATA_EXPIRED")),
    ("09", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("13", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("14", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[Q::FloatNoise])),
    ("15", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("16", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("17", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("18", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[Q::DuplicateRow, Q::DuplicateId])),
    ("19", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("20", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[Q::SectionMissing])),
    ("21", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[Q::Assumed])),
    ("22", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[Q::SectionMissing])),
    ("23", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[Q::DatesDisagree])),
    ("24", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("25", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("28", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("33", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("34", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("38", CONSENT, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("39", CONSENT, J::Failed, Some(F::Denied), Refused("JOURNEY_ENDED")),
    ("02", ORCHESTRATION, J::Failed, Some(F::Failed), Refused("JOURNEY_ENDED")),
    ("04", ORCHESTRATION, J::Failed, Some(F::Empty), Refused("NO_ACCOUNTS")),
    ("06", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(2, &[Q::Unmasked])),
    ("07", ORCHESTRATION, J::PartiallyReady, Some(F::Partial), Accounts(1, &[Q::Unmasked])),
    ("08", ORCHESTRATION, J::Skipped, None, Refused("JOURNEY_ENDED")),
    ("09", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("13", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("14", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[Q::FloatNoise])),
    ("18", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[Q::DuplicateRow, Q::DuplicateId])),
    ("20", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[Q::SectionMissing])),
    ("23", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[Q::DatesDisagree])),
    ("25", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("28", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("29", ORCHESTRATION, J::Ready, Some(F::Ready), Accounts(2, &[Q::Unmasked])),
    ("39", ORCHESTRATION, J::Failed, Some(F::Failed), Refused("JOURNEY_ENDED")),
    ("02", PLAIN, J::Failed, Some(F::Timeout), Refused("JOURNEY_ENDED")),
    ("03", PLAIN, J::PartiallyReady, Some(F::Partial), Accounts(4, &[])),
    ("04", PLAIN, J::Failed, Some(F::Empty), Refused("NO_ACCOUNTS")),
    ("10", PLAIN, J::Failed, Some(F::Failed), Refused("JOURNEY_ENDED")),
    ("14", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[Q::FloatNoise])),
    ("16", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("18", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[Q::DuplicateRow, Q::DuplicateId])),
    ("20", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[Q::SectionMissing])),
    ("21", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("22", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[Q::SectionMissing])),
    ("28", PLAIN, J::Ready, Some(F::Ready), Accounts(5, &[])),
    ("39", PLAIN, J::Failed, Some(F::Empty), Refused("NO_ACCOUNTS")),
    ("02", ANALYSED, J::Expired, None, Refused("JOURNEY_ENDED")),
    ("04", ANALYSED, J::Failed, None, Refused("JOURNEY_ENDED")),
    ("18", ANALYSED, J::Ready, Some(F::Ready), Accounts(3, &[Q::DuplicateRow])),
    ("28", ANALYSED, J::Ready, Some(F::Ready), Accounts(3, &[])),
    ("38", ANALYSED, J::Ready, Some(F::Ready), Accounts(3, &[])),
];

fn request((provider, credential, analytics): Way, digits: &str) -> pb::StartJourneyRequest {
    let products = [Product::Data, Product::Analytics];
    start_request(provider, credential, digits, &products[..if analytics { 2 } else { 1 }])
}

/// What is wrong with a row, if anything.
async fn judged(world: &World, (digits, way, state, fetch, data): &Row) -> Option<String> {
    let journey_id = world.approved(request(*way, digits)).await;
    let journey = world.until_settled(&journey_id).await;
    let answer = world.data(data_request(&journey_id, View::Masked)).await;
    // A read can bring news of its own: that the data is gone, for example.
    let journey = if journey.state() == *state { journey } else { world.status(&journey_id).await };
    let newest = journey.consents.iter().flat_map(|consent| &consent.fetches).last().map(pb::Fetch::state);
    let seen = match &answer {
        Ok((accounts, _)) => format!("{} accounts", accounts.len()),
        Err(status) => reason(status),
    };
    let fault = |what: &str| Some(format!("{digits} through {way:?}: {what}; {:?}, {newest:?}, {seen}", journey.state()));
    if journey.state() != *state || newest != *fetch {
        return fault(&format!("not {state:?}, {fetch:?}"));
    }
    match (data, answer) {
        (Refused(expected), Err(status)) => (reason(&status) != **expected).then(|| fault(&format!("not {expected}")))?,
        (Accounts(count, codes), Ok((accounts, rows))) => {
            let delivered = accounts.iter().filter(|account| account.delivered).count();
            if delivered != *count {
                return fault(&format!("{delivered} delivered, not {count}"));
            }
            let flags =
                accounts.iter().flat_map(|account| &account.quality_flags).chain(rows.iter().flat_map(|row| &row.quality_flags));
            let codes_seen: std::collections::BTreeSet<_> = flags.map(|flag| flag.code().as_str_name()).collect();
            let missing: Vec<_> = codes.iter().filter(|code| !codes_seen.contains(code.as_str_name())).collect();
            (!missing.is_empty()).then(|| fault(&format!("flags {missing:?} are missing among {codes_seen:?}")))?
        }
        _ => fault("another kind of answer"),
    }
}

#[tokio::test]
async fn every_story_ends_as_it_should() {
    let world = roomy().await;
    let faults: Vec<_> = join_all(TABLE.iter().map(|row| judged(&world, row))).await.into_iter().flatten().collect();
    assert!(faults.is_empty(), "{faults:#?}");
    world.stop().await;
}

#[tokio::test]
async fn a_read_that_fails_once_is_made_again() {
    let world = roomy().await;
    for way in [CONSENT, ORCHESTRATION, PLAIN] {
        for digits in ["27", "31", "32"] {
            let journey_id = world.approved(request(way, digits)).await;
            let journey = world.until_picked_up(&journey_id).await;
            assert_eq!(journey.state(), J::Ready, "{digits} through {way:?}");
            assert!(
                world.data(data_request(&journey_id, View::Masked)).await.unwrap().1.len() >= 2_000,
                "{digits} through {way:?}"
            );
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_customer_whom_nobody_knows_is_refused_at_the_start() {
    let world = roomy().await;
    for way in [CONSENT, ORCHESTRATION, PLAIN, ANALYSED] {
        let refused = world.client.clone().start_journey(request(way, "30")).await.unwrap_err();
        let seen = (refused.code(), reason(&refused));
        assert_eq!(seen, (tonic::Code::FailedPrecondition, "PROVIDER_REFUSED".to_owned()), "{way:?}: {refused:?}");
        assert_eq!(crate::harness::metadata(&refused, "effect").as_deref(), Some("NONE"), "{way:?}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_statement_replaces_what_the_aggregator_failed_to_bring() {
    let world = roomy().await;
    for (digits, state, tampered) in [("06", J::Ready, false), ("07", J::PartiallyReady, false), ("29", J::Ready, true)] {
        let journey_id = world.approved(request(ORCHESTRATION, digits)).await;
        let journey = world.until_settled(&journey_id).await;
        assert_eq!(journey.state(), state, "{digits}: {journey:?}");
        let attempt = &journey.attempts[0];
        assert_eq!(attempt.aa(), pb::StepState::Failed, "{digits}");
        let pdf = attempt.pdf.unwrap();
        assert_eq!((pdf.expected, pdf.uploaded), (2, if digits == "07" { 1 } else { 2 }), "{digits}");
        let failed: Vec<_> = attempt.institutions.iter().filter(|one| one.aa() == pb::StepState::Failed).collect();
        assert!(!failed.is_empty(), "{digits}: a bank that failed has no row");
        if digits == "06" {
            let rescued = failed.iter().filter(|one| one.pdf() == pb::StepState::Successful).count();
            assert_eq!(rescued, 2, "{:?}", attempt.institutions);
        }
        let (accounts, _) = world.data(data_request(&journey_id, View::Masked)).await.unwrap();
        for account in accounts {
            assert_eq!((account.source(), account.tampered), (DataSource::Pdf, Some(tampered)), "{digits}");
            assert!(account.masked_number.starts_with("XXXX") && account.masked_number.len() == 8, "{}", account.masked_number);
        }
        assert!(
            reason_of_complete(&world, &journey_id).await
                == if state == J::Ready { None } else { Some("DATA_INCOMPLETE".to_owned()) }
        );
    }
    world.stop().await;
}

/// Why a complete fetch is refused, if it is.
async fn reason_of_complete(world: &World, journey_id: &str) -> Option<String> {
    let complete = pb::CompletenessDemand::RequireComplete.into();
    // Nobody tells which days an uploaded statement was to cover: that range is configured.
    let request =
        pb::FetchDataRequest { completeness: complete, accept_assumed_range: true, ..data_request(journey_id, View::Summary) };
    world.data(request).await.err().map(|status| reason(&status))
}

#[tokio::test]
async fn customers_who_upload_or_skip_by_themselves_are_told_apart() {
    let world = roomy().await;
    let uploading = opened(&world, request(ORCHESTRATION, "01")).await;
    customer::upload(&uploading.customer_url, 2).await.unwrap();
    assert_eq!(world.until_settled(&uploading.journey_id).await.state(), J::Ready);
    let partly = opened(&world, request(ORCHESTRATION, "01")).await;
    customer::upload(&partly.customer_url, 1).await.unwrap();
    assert_eq!(world.until_settled(&partly.journey_id).await.state(), J::PartiallyReady);
    let skipping = opened(&world, request(ORCHESTRATION, "01")).await;
    customer::skip(&skipping.customer_url).await.unwrap();
    let skipped = world.until_settled(&skipping.journey_id).await;
    assert!(skipped.state() == J::Skipped && skipped.attempts[0].skipped, "{skipped:?}");
    world.stop().await;
}

#[tokio::test]
async fn an_approval_without_any_account_leaves_the_journey_open() {
    let world = roomy().await;
    for (way, look) in [
        (CONSENT, "finpro:received:/v2/getconsentslist"),
        (PLAIN, "finpass:/api/v1/services/account-aggregator/fetch-json-report"),
        (ANALYSED, "finpass:/api/v1/aa-bsa-journey/status"),
    ] {
        let before = world.sandbox.calls().count(look);
        let journey_id = world.approved(request(way, "35")).await;
        let journey = world.until_called(&journey_id, look, before + 3).await;
        assert_eq!((journey.state(), journey.settled), (J::AwaitingCustomer, false), "{way:?}");
        let refused = world.data(data_request(&journey_id, View::Masked)).await.unwrap_err();
        assert_eq!(reason(&refused), "DATA_NOT_READY", "{way:?}");
    }
    world.stop().await;
}
