//! What callers may: every method with every single scope, and what a method shows by further scopes.

use std::collections::BTreeMap;

use sangam::{
    access::Scope,
    contract::CONTRACT,
    pb::{self, Product},
    sandbox::{SandboxConfig, customer},
};
use tonic::{Code, Request, Status, metadata::MetadataValue};

use super::{call, config, key_caller};
use crate::harness::{World, channel, metadata, reason, start_request, until};

/// Callers with keys: one for each scope, and one that may do everything.
struct Callers(BTreeMap<&'static str, String>);

impl Callers {
    async fn before_the_sandbox(change: impl FnOnce(&mut sangam::config::Config)) -> (World, Self) {
        let mut keys = BTreeMap::new();
        let mut access = config().access;
        let alone = Scope::ALL.map(|scope| (scope.name(), vec![scope]));
        let some = [
            ("all", Scope::ALL.to_vec()),
            ("reader", vec![Scope::JourneysRead, Scope::DataRead]),
            ("full", vec![Scope::JourneysRead, Scope::DataRead, Scope::PiiRead]),
        ];
        for (name, scopes) in alone.into_iter().chain(some) {
            let (key, caller) = key_caller(&scopes);
            access.api_keys.insert(name.replace('.', "-"), caller);
            keys.insert(name, key);
        }
        let world = World::with(SandboxConfig::default(), |config| {
            (config.access, config.tenant.full_view) = (access, false);
            change(config);
        })
        .await;
        (world, Self(keys))
    }

    fn of<T>(&self, name: &str, message: T) -> Request<T> {
        let mut request = Request::new(message);
        request.metadata_mut().insert("x-api-key", MetadataValue::try_from(self.0[name].as_str()).unwrap());
        request
    }
}

#[tokio::test]
async fn every_method_is_open_to_exactly_the_scope_that_the_contract_names() {
    let (world, callers) = Callers::before_the_sandbox(|_| ()).await;
    let channel = channel(&world.gateway).await;
    assert!(CONTRACT.methods.len() > 20);
    for method in &CONTRACT.methods {
        let nobody = call(&channel, &method.path, &[]).await.unwrap_err();
        assert_eq!((nobody.code(), reason(&nobody).as_str()), (Code::Unauthenticated, "UNAUTHENTICATED"), "{}", method.path);
        for scope in Scope::ALL {
            let answer = call(&channel, &method.path, &[("x-api-key", &callers.0[scope.name()])]).await;
            let missing = answer.as_ref().err().filter(|status| reason(status) == "SCOPE_MISSING");
            assert_eq!(missing.is_none(), scope.name() == method.required_scope, "{} with {}", method.path, scope.name());
            if let Some(status) = missing {
                assert_eq!(status.code(), Code::PermissionDenied);
                assert_eq!(metadata(status, "scope").as_deref(), Some(method.required_scope.as_str()));
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn what_the_contract_does_not_name_exists_for_nobody_but_health_does_for_all() {
    let (world, callers) = Callers::before_the_sandbox(|_| ()).await;
    let channel = channel(&world.gateway).await;
    let key = [("x-api-key", callers.0["all"].as_str())];
    let reflection = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    for path in ["/sangam.v1.JourneyService/Nothing", "/sangam.v2.JourneyService/GetStatus", "/x", reflection] {
        assert_eq!(call(&channel, path, &[]).await.unwrap_err().code(), Code::Unauthenticated, "{path}");
        assert_eq!(call(&channel, path, &key).await.unwrap_err().code(), Code::Unimplemented, "{path}");
    }
    assert!(call(&channel, "/grpc.health.v1.Health/Check", &[]).await.is_ok());
    world.stop().await;
}

#[tokio::test]
async fn descriptors_are_told_to_callers_where_the_operator_says_so() {
    let (world, callers) = Callers::before_the_sandbox(|config| config.listen.reflection = Some(true)).await;
    let channel = channel(&world.gateway).await;
    for path in ["v1", "v1alpha"].map(|version| format!("/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo")) {
        assert_eq!(call(&channel, &path, &[]).await.unwrap_err().code(), Code::Unauthenticated);
        assert!(call(&channel, &path, &[("x-api-key", &callers.0["providers.read"])]).await.is_ok());
    }
    world.stop().await;
}

fn refused<T>(answer: Result<T, Status>) -> (String, Option<String>) {
    let status = answer.err().expect("a refusal");
    assert_eq!(status.code(), Code::PermissionDenied);
    (reason(&status), metadata(&status, "scope"))
}

#[tokio::test]
async fn what_shows_a_person_or_asks_a_provider_or_is_an_operators_needs_its_scope_beside_the_methods() {
    let (world, callers) = Callers::before_the_sandbox(|_| ()).await;
    let mut client = world.client.clone();
    let started = start_request("finpro", "consent", "01", &[Product::Data, Product::Analytics]);
    let opened = client.start_journey(callers.of("all", started)).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    let journey_id = opened.journey_id;
    let mut changes = world.gateway.service().changes();
    let status = |journey_id: &str| pb::GetStatusRequest { journey_id: journey_id.to_owned() };
    let journey = loop {
        let answer = client.get_status(callers.of("all", status(&journey_id))).await.unwrap().into_inner();
        let journey = answer.journey.unwrap();
        let mut fetches = journey.consents.iter().flat_map(|consent| &consent.fetches).peekable();
        if fetches.peek().is_some() && fetches.all(|fetch| fetch.pick_up_time.is_some()) {
            break journey;
        }
        // One that was missed was followed by others.
        let _ = tokio::time::timeout(crate::harness::PATIENCE, changes.recv()).await.expect("changes");
    };

    // The provider's own ids, from a cache that both share.
    assert!(
        journey.consents.iter().all(|consent| consent.provider_references.as_ref().is_some_and(|ids| !ids.handle.is_empty()))
    );
    for name in ["reader", "all", "reader", "all"] {
        let answer = client.get_status(callers.of(name, status(&journey_id))).await.unwrap().into_inner();
        let journey = answer.journey.unwrap();
        let told = journey.consents.iter().any(|consent| consent.provider_references.is_some());
        assert_eq!(told, name == "all", "{name}");
        // So are the ids that were sent with the calls.
        let calls = &journey.attempts[0].provider_calls;
        assert_eq!(!calls.is_empty(), name == "all", "{name}");
        assert!(calls.iter().all(|call| !call.stage.is_empty() && call.x_request_id.parse::<uuid::Uuid>().is_ok()), "{calls:?}");
    }

    let view_not_allowed = ("VIEW_NOT_ALLOWED".to_owned(), Some("pii.read".to_owned()));
    let full = || crate::harness::data_request(&journey_id, pb::View::Full);
    assert_eq!(refused(client.fetch_data(callers.of("reader", full())).await), view_not_allowed);
    assert!(client.fetch_data(callers.of("full", full())).await.is_ok());

    let analysis = || pb::FetchAnalyticsRequest { journey_id: journey_id.clone(), ..Default::default() };
    let masked = client.fetch_analytics(callers.of("reader", analysis())).await.unwrap().into_inner();
    let whole = client.fetch_analytics(callers.of("full", analysis())).await.unwrap().into_inner();
    assert!(masked.document.is_none() && masked.document_omitted && masked.core.is_some());
    assert_eq!((whole.document.is_some(), whole.document_omitted, &whole.core), (true, false, &masked.core));
    let report = || pb::FetchReportRequest {
        journey_id: journey_id.clone(),
        report_id: whole.reports[0].report_id.clone(),
        ..Default::default()
    };
    assert_eq!(refused(client.fetch_report(callers.of("reader", report())).await.map(|_| ())), view_not_allowed);
    assert!(client.fetch_report(callers.of("full", report())).await.is_ok());
    let evidence = pb::GetEvidenceRequest { journey_id: journey_id.clone(), ..Default::default() };
    assert_eq!(refused(client.get_evidence(callers.of("evidence.read", evidence)).await.map(|_| ())), view_not_allowed);

    let latest = pb::FetchChangesRequest {
        journey_id: journey_id.clone(),
        mode: pb::ChangesMode::Provider.into(),
        request_id: uuid::Uuid::new_v4().to_string(),
        ..Default::default()
    };
    let asked = client.fetch_changes(callers.of("reader", latest)).await;
    assert_eq!(refused(asked), ("SCOPE_MISSING".to_owned(), Some("journeys.write".to_owned())));
    world.stop().await;
}

#[tokio::test]
async fn whoever_is_asked_nothing_sees_a_person_only_by_the_tenants_setting() {
    let world = World::with(SandboxConfig::default(), |config| config.tenant.full_view = false).await;
    let id = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    let client = world.client.clone();
    until(&world.gateway, &client, &id, |journey| journey.state() == pb::JourneyState::Ready).await;
    let full = crate::harness::data_request(&id, pb::View::Full);
    let refusal = client.clone().fetch_data(full).await.unwrap_err();
    assert_eq!(reason(&refusal), "VIEW_NOT_ALLOWED");
    assert!(client.clone().list_overdue(pb::ListOverdueRequest::default()).await.is_ok());
    world.stop().await;
}
