//! One suite over every provider and every product, as ListProviders states them: whoever adds a product adds it here by itself.

use std::collections::HashSet;

use prost::Message;
use sangam::{
    data::fields,
    pb::{self, JourneyState, Product, View},
    sandbox::{
        SandboxConfig,
        bank::{Bank, Kind, Truth},
        customer,
    },
};
use tonic::Code;

use crate::{
    harness::{World, data_request, metadata, reason, start_request},
    offers::{Offer, analytics, offers, ready, report},
};

const SMALL: i32 = 16 * 1024;

type Rows = (Vec<pb::Account>, Vec<pb::Transaction>);

async fn read(world: &World, journey_id: &str, view: View) -> Rows {
    world.data(data_request(journey_id, view)).await.unwrap()
}

#[tokio::test]
async fn every_product_ends_as_the_customer_decides() {
    let world = World::start().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let journey = ready(&world, &offer, "01").await;
        let routing = journey.routing.unwrap();
        assert_eq!((routing.provider, routing.credential), (offer.provider.clone(), offer.credential.clone()));
        assert_eq!(routing.cause, i32::from(pb::RoutingCause::Named));

        let opened = world.client.clone().start_journey(offer.request("02")).await.unwrap().into_inner();
        assert_eq!(opened.state(), JourneyState::AwaitingCustomer, "{name}");
        customer::reject(&opened.customer_url).await.unwrap();
        let rejected = world.until_settled(&opened.journey_id).await;
        assert_eq!(rejected.state(), JourneyState::Rejected, "{name}: {rejected:?}");
        let refused = world.data(data_request(&opened.journey_id, View::Masked)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "JOURNEY_ENDED"), "{name}");
    }
    world.stop().await;
}

#[tokio::test]
async fn pages_are_complete_in_order_and_the_same_each_time() {
    let world = World::start().await;
    for offer in offers(&world).await {
        let name = offer.name();
        let journey_id = ready(&world, &offer, "01").await.journey_id;
        let small = pb::FetchDataRequest { page_bytes: SMALL, ..data_request(&journey_id, View::Masked) };
        let mut request = small.clone();
        let (mut accounts, mut rows, mut pages) = (Vec::<pb::Account>::new(), Vec::<pb::Transaction>::new(), 0);
        loop {
            let page = world.client.clone().fetch_data(request.clone()).await.unwrap().into_inner();
            pages += 1;
            let content =
                pb::FetchDataResponse { accounts: page.accounts, transactions: page.transactions, ..Default::default() };
            assert!(content.encoded_len() <= SMALL as usize, "{name}: a page of {} bytes", content.encoded_len());
            assert_eq!(page.journey_id, journey_id);
            accounts.extend(content.accounts);
            for row in content.transactions {
                // Rows belong to the account that came last: each account stands before its rows, and they are not mixed.
                assert!(accounts.iter().any(|account| account.account_id == row.account_id), "{name}: a row before its account");
                rows.push(row);
            }
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        assert!(pages > 3, "{name}: {pages} pages prove little");
        let mut at = 0;
        for account in &accounts {
            let count = usize::try_from(account.transaction_count).unwrap();
            let own = &rows[at..at + count];
            assert!(own.iter().all(|row| row.account_id == account.account_id), "{name}: rows of another account");
            assert!(own.iter().enumerate().all(|(place, row)| row.ordinal == i32::try_from(place).unwrap()), "{name}: ordinals");
            at += count;
        }
        assert_eq!(at, rows.len(), "{name}: rows without an account");
        let ids: HashSet<_> = rows.iter().map(|row| &row.transaction_id).collect();
        assert_eq!(ids.len(), rows.len(), "{name}: transaction ids are used twice");

        let whole = (accounts, rows);
        assert_eq!(read(&world, &journey_id, View::Masked).await, whole, "{name}: large pages hold something else");
        assert_eq!(world.data(small).await.unwrap(), whole, "{name}: a second reading differs");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_page_token_of_another_reading_is_refused() {
    let world = World::start().await;
    let mut last: Option<String> = None;
    for offer in offers(&world).await {
        let name = offer.name();
        let journey_id = ready(&world, &offer, "01").await.journey_id;
        let small = pb::FetchDataRequest { page_bytes: SMALL, ..data_request(&journey_id, View::Masked) };
        let token = world.client.clone().fetch_data(small.clone()).await.unwrap().into_inner().next_page_token;
        assert!(!token.is_empty(), "{name}");
        let mut damaged = token.clone();
        damaged.replace_range(..1, if token.starts_with('A') { "B" } else { "A" });
        let mut wrong = vec![
            ("a damaged token", pb::FetchDataRequest { page_token: damaged, ..small.clone() }),
            ("no token", pb::FetchDataRequest { page_token: "x".to_owned(), ..small.clone() }),
            ("another view", pb::FetchDataRequest { page_token: token.clone(), view: View::Full.into(), ..small.clone() }),
            ("another size", pb::FetchDataRequest { page_token: token.clone(), page_bytes: 2 * SMALL, ..small.clone() }),
        ];
        if let Some(other) = last.replace(token) {
            wrong.push(("another journey", pb::FetchDataRequest { page_token: other, ..small }));
        }
        for (what, request) in wrong {
            let refused = world.client.clone().fetch_data(request).await.unwrap_err();
            let seen = (refused.code(), reason(&refused));
            assert_eq!(seen, (Code::InvalidArgument, "PAGE_TOKEN_MISMATCH".to_owned()), "{name}: {what}");
        }
    }
    world.stop().await;
}

/// The declared fields that an account of the kind, or a row, leaves unset.
fn unset(offer: &Offer, (accounts, rows): &Rows) -> Vec<String> {
    let deposits: Vec<_> = accounts.iter().filter(|account| account.fi_type() == pb::FiType::Deposit).collect();
    let ids: HashSet<_> = deposits.iter().map(|account| account.account_id.as_str()).collect();
    let rows_of_deposits: Vec<_> = rows.iter().filter(|row| ids.contains(row.account_id.as_str())).collect();
    let mut missing = Vec::new();
    for path in &offer.product.declared_fields {
        assert!(fields::exists(path), "{}: declares {path}, which does not exist", offer.name());
        // Fields of details are declared for the kind of account that has them, all others for savings and current accounts.
        let details = fields::details_of(path);
        let (all, unset) = if path.starts_with("transaction.") {
            let own: Vec<_> = match details {
                Some(of) => rows.iter().filter(|row| fields::value_in_transaction(of, row).is_some()).collect(),
                None => rows_of_deposits.clone(),
            };
            let unset =
                |row: &&&pb::Transaction| path != "transaction.ordinal" && fields::value_in_transaction(path, row).is_none();
            (own.len(), own.iter().filter(unset).count())
        } else {
            let own: Vec<_> = match details {
                Some(of) => accounts.iter().filter(|account| fields::value_in_account(of, account).is_some()).collect(),
                None => deposits.clone(),
            };
            (own.len(), own.iter().filter(|account| fields::value_in_account(path, account).is_none()).count())
        };
        assert!(all > 0, "{}: nothing has {path}", offer.name());
        if unset > 0 {
            missing.push(format!("{}: {path} is unset {unset} times of {all}", offer.name()));
        }
    }
    missing
}

#[tokio::test]
async fn every_declared_field_is_delivered() {
    let world = World::start().await;
    let mut missing = Vec::new();
    for offer in offers(&world).await {
        let declared: HashSet<_> = offer.product.declared_fields.iter().collect();
        assert!(
            offer.product.assumed_fields.iter().all(|path| declared.contains(path)),
            "{}: assumed, not declared",
            offer.name()
        );
        assert!(declared.len() > 10, "{}: declares next to nothing", offer.name());
        // This customer has an account of every kind.
        let journey = ready(&world, &offer, "44").await;
        let data = read(&world, &journey.journey_id, View::Full).await;
        missing.extend(unset(&offer, &data));
        let stated: HashSet<_> = offer.product.fi_types.iter().copied().collect();
        let came: HashSet<_> = data.0.iter().map(|account| account.fi_type).collect();
        assert!(came.is_superset(&stated), "{}: {came:?} came of the stated kinds {stated:?}", offer.name());
        assert!(data.0.iter().all(|account| offer.product.sources.contains(&account.source)), "{}: source", offer.name());
    }
    assert!(missing.is_empty(), "{missing:#?}");
    world.stop().await;
}

/// What must not show outside the FULL view.
fn personal(mobile: &str) -> Vec<String> {
    let person = Bank::person(mobile);
    let mut words = vec![person.name, person.mobile, person.pan, person.email, person.address];
    for account in Bank::accounts_for(mobile, jiff::Timestamp::now()) {
        // A sample of the rows is enough: they all pass through the same table of fields.
        let step = account.rows.len() / 20 + 1;
        for row in account.rows.iter().step_by(step) {
            words.extend([row.narration.clone(), row.reference.clone()]);
        }
        words.push(account.number);
    }
    words.retain(|word| word.len() > 5);
    assert!(words.len() > 40, "too little to look for");
    words
}

#[tokio::test]
async fn only_the_full_view_shows_a_person() {
    let world = World::start().await;
    let words = personal("9000000001");
    for offer in offers(&world).await {
        let name = offer.name();
        let journey_id = ready(&world, &offer, "01").await.journey_id;
        let full = read(&world, &journey_id, View::Full).await;
        let masked = read(&world, &journey_id, View::Masked).await;
        let summary = read(&world, &journey_id, View::Summary).await;
        let unstated = read(&world, &journey_id, View::Unspecified).await;
        assert_eq!(unstated, masked, "{name}: no view means another one than MASKED");
        assert_eq!((&summary.0, summary.1.len()), (&masked.0, 0), "{name}: SUMMARY is not the masked accounts alone");
        let encoded = |(accounts, transactions): &Rows| {
            let page =
                pb::FetchDataResponse { accounts: accounts.clone(), transactions: transactions.clone(), ..Default::default() };
            String::from_utf8_lossy(&page.encode_to_vec()).into_owned()
        };
        let (shown, hidden) = (encoded(&full), encoded(&masked));
        let seen = words.iter().filter(|word| shown.contains(word.as_str())).count();
        assert!(seen > words.len() / 3, "{name}: the full view shows {seen} of {} words: nothing is proven", words.len());
        let leaked: Vec<_> = words.iter().filter(|word| hidden.contains(word.as_str())).collect();
        assert!(leaked.is_empty(), "{name}: {leaked:?}");
        for (open, closed) in full.1.iter().zip(&masked.1) {
            assert_eq!(
                (&open.amount, &open.balance, &open.transaction_id),
                (&closed.amount, &closed.balance, &closed.transaction_id)
            );
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn the_full_view_needs_the_tenants_leave() {
    let world = World::with(SandboxConfig::default(), |config| config.tenant.full_view = false).await;
    for offer in offers(&world).await {
        let journey_id = ready(&world, &offer, "01").await.journey_id;
        let refused = world.data(data_request(&journey_id, View::Full)).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, "VIEW_NOT_ALLOWED"), "{}", offer.name());
        assert!(!read(&world, &journey_id, View::Masked).await.1.is_empty());
    }
    world.stop().await;
}

/// What the banks know of the deposit accounts.
fn truth(mobile: &str) -> Truth {
    let accounts = Bank::accounts_for(mobile, jiff::Timestamp::now());
    Truth::of(accounts.iter().filter(|account| matches!(account.kind, Kind::Deposit { .. })).flat_map(|account| &account.rows))
}

#[tokio::test]
async fn figures_are_the_banks_own_and_every_document_is_whole() {
    let world = World::start().await;
    let mut analysed = 0;
    for offer in offers(&world).await.iter().filter(|offer| offer.has(Product::Analytics)) {
        let name = offer.name();
        // The clock may pass a row while the sandbox makes its data: both ends are the truth then.
        let before = truth("9000000001");
        let journey_id = ready(&world, offer, "01").await.journey_id;
        let after = truth("9000000001");
        let answer = analytics(&world, &journey_id).await.unwrap();
        let core = answer.core.clone().unwrap();
        let balances = core.balances.clone().unwrap();
        let paise = |money: &Option<pb::Money>| money.as_ref().map(|money| (money.minor_units, money.currency_code.clone()));
        let rupees = |amount: i64| Some((amount, "INR".to_owned()));
        let stated = (paise(&core.total_credits), paise(&core.total_debits));
        let known = [&before, &after].map(|truth| (rupees(truth.credits), rupees(truth.debits)));
        assert!(known.contains(&stated), "{name}: {stated:?} is not {known:?}");
        if let (Some(low), Some(high)) = (paise(&balances.minimum), paise(&balances.maximum)) {
            assert!(low <= high, "{name}: the lowest balance is above the highest");
        }
        assert!(answer.document.is_some() != answer.document_omitted, "{name}: a document, or the word that it is left out");
        let formats: HashSet<_> = answer.reports.iter().map(|report| report.format).collect();
        let stated: HashSet<_> = offer.product.report_formats.iter().copied().collect();
        assert_eq!(formats, stated, "{name}: the documents are not the stated ones");
        for handle in &answer.reports {
            let (head, bytes) = report(&world, &journey_id, &handle.report_id).await.unwrap();
            assert_eq!(head.format, handle.format, "{name}");
            assert!(!head.name.is_empty() && !head.name.contains('/'), "{name}: {}", head.name);
            let (media_type, begin): (&str, &[u8]) = match handle.format() {
                pb::ReportFormat::Json => ("application/json", b"{"),
                pb::ReportFormat::Xml => ("application/xml", b"<"),
                pb::ReportFormat::Excel => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
                pb::ReportFormat::Pdf => ("application/pdf", b"%PDF"),
                pb::ReportFormat::Unspecified => panic!("{name}: a document of no format"),
            };
            assert_eq!(head.media_type, media_type, "{name}");
            assert!(bytes.starts_with(begin), "{name}: {:?} begins otherwise", handle.format());
        }
        assert_eq!(analytics(&world, &journey_id).await.unwrap(), answer, "{name}: asked again, it differs");
        analysed += 1;
    }
    assert!(analysed > 0, "no provider has an analysis");
    world.stop().await;
}

#[tokio::test]
async fn what_was_not_asked_for_is_not_served() {
    let world = World::start().await;
    for offer in offers(&world).await {
        let request = start_request(&offer.provider, &offer.credential, "01", &[Product::Data]);
        let journey_id = world.approved(request).await;
        assert_eq!(world.until_settled(&journey_id).await.state(), JourneyState::Ready);
        let request = pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
        let refused = world.client.clone().fetch_analytics(request).await.unwrap_err();
        let seen = (refused.code(), reason(&refused));
        assert_eq!(seen, (Code::FailedPrecondition, "PRODUCT_NOT_REQUESTED".to_owned()), "{}", offer.name());
        assert_eq!(metadata(&refused, "journey_id").as_deref(), Some(journey_id.as_str()));
        let missing = report(&world, &journey_id, "rep_json_fch_0").await.unwrap_err();
        let seen = (missing.code(), reason(&missing));
        let not_found = (Code::NotFound, "REPORT_NOT_FOUND".to_owned());
        let not_asked = (Code::FailedPrecondition, "PRODUCT_NOT_REQUESTED".to_owned());
        assert!(seen == not_found || seen == not_asked, "{}: {seen:?}", offer.name());
    }
    world.stop().await;
}

#[tokio::test]
async fn ids_stay_the_same_over_a_restart() {
    let world = World::start().await;
    let mut before = Vec::new();
    for offer in offers(&world).await {
        let journey_id = ready(&world, &offer, "01").await.journey_id;
        let data = read(&world, &journey_id, View::Full).await;
        before.push((offer.name(), journey_id, data));
    }
    let world = world.restart().await;
    for (name, journey_id, data) in before {
        assert_eq!(read(&world, &journey_id, View::Full).await, data, "{name}");
    }
    world.stop().await;
}
