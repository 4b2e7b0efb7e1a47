//! FetchChanges: encoded changes, then a freshly encoded tail.

use prost::Message;
use tonic::{Request, Response, Status};

use super::{
    Asked,
    audited::Audited,
    call_of, convert, encoded,
    idempotent::Write,
    status,
    validate::{self, Changes},
    with_origin,
};
use crate::{
    access::{Scope, audit::Act},
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
        service::{ChangesQuery, LatestQuery},
    },
    pb::{ChangesMode, FetchChangesRequest, FetchChangesResponse},
    providers::provider::Call,
};

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<FetchChangesRequest>,
) -> Result<Response<FetchChangesResponse>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    let journey_id = request.journey_id.clone();
    let query = validate::changes(request).map_err(status::of_failure)?;
    let (tree, _) = asked.service.status(&journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    match query {
        Changes::Between(query) => between(asked, audit, call, &tree.journey, query).await,
        Changes::Latest(query) => latest(asked, audit, call, &tree.journey, query).await,
    }
}

async fn between(
    asked: &Asked,
    audit: &Audited,
    call: Call,
    journey: &Journey,
    query: ChangesQuery,
) -> Result<Response<FetchChangesResponse>, Status> {
    let view = query.view;
    audit.view(view);
    asked.shows(view)?;
    let page = asked.service.differences(call, journey, query).await.map_err(status::of_failure)?;
    let fetches = [page.since.id.as_str(), page.fetch.id.as_str()];
    audit.consents(journey, [page.consent_id.as_str()]).fetches(fetches).served().await?;
    let tail = FetchChangesResponse {
        next_page_token: page.next_page_token,
        journey_id: journey.id.clone(),
        since_fetch: Some(convert::fetch(&page.since, &page.consent_id)),
        fetch: Some(convert::fetch(&page.fetch, &page.consent_id)),
        view: view.into(),
        counts: Some(page.counts),
        consent_id: page.consent_id,
        ..Default::default()
    };
    Ok(with_origin(encoded::page(&page.entries, &tail, None), page.origin))
}

async fn latest(
    asked: &Asked,
    audit: &Audited,
    call: Call,
    journey: &Journey,
    query: LatestQuery,
) -> Result<Response<FetchChangesResponse>, Status> {
    audit.view(query.view);
    asked.shows(query.view)?;
    // It has the provider asked anew, which counts towards the consent's frequency as a refresh does.
    if !asked.caller.may(Scope::JourneysWrite) {
        return Err(status::of(JourneyError::ScopeMissing(Scope::JourneysWrite)));
    }
    let consent_id = asked.service.latest_consent(journey, &query).map_err(status::of_failure)?;
    audit.consents(journey, [consent_id.as_str()]);
    // Later pages are of an answer that is there.
    let replayed = !query.page_token.is_empty() || ask(asked, audit, call, journey, &consent_id, &query.request_id).await?;
    let view = query.view;
    let page = asked.service.latest(call, journey, &consent_id, query).await.map_err(status::of_failure)?;
    audit.served().await?;
    let tail = FetchChangesResponse {
        next_page_token: page.next_page_token,
        journey_id: journey.id.clone(),
        view: view.into(),
        counts: Some(page.counts),
        consent_id,
        provenance: Some(convert::provenance(journey, "", &page.provenance)),
        purge_time: Some(convert::timestamp(page.purge_at)),
        replayed,
        ..Default::default()
    };
    Ok(with_origin(encoded::page(&page.entries, &tail, None), page.origin))
}

/// Has the provider asked once for the request id; answers whether that was done before. What is kept as the write's own answer is only
/// that it was asked: what came lies apart, so a repeat may choose another view or page size.
async fn ask(
    asked: &Asked,
    audit: &Audited,
    call: Call,
    journey: &Journey,
    consent_id: &str,
    request_id: &str,
) -> Result<bool, Status> {
    let canonical = FetchChangesRequest {
        journey_id: journey.id.clone(),
        consent_id: consent_id.to_owned(),
        mode: ChangesMode::Provider.into(),
        ..Default::default()
    };
    // Another act than the reading of what comes of it.
    let audit = &audit.also(Act::AskLatest);
    let write = Write {
        service: &asked.service,
        audit,
        in_flight: &asked.in_flight,
        progress: &asked.progress,
        call,
        request_id,
        canonical: canonical.encode_to_vec(),
        journey_id: &journey.id,
        begun: |_, _| true,
    };
    let (service, consent, request) = (asked.service.clone(), consent_id.to_owned(), request_id.to_owned());
    let work = move |journey_id: String| async move { service.ask_latest(&journey_id, &consent, &request).await };
    // Begun and not ended: what came is kept, or lost for good. It is not asked again, since what was lost would not come again.
    let unfinished = |journey_id: String| async move {
        match asked.service.has_latest(&journey_id, consent_id, request_id).await {
            Ok(true) => Ok(true),
            Ok(false) => Err(Failure::from(JourneyError::OutcomeUnknown).of(&journey_id)),
            Err(failure) => Err(failure),
        }
    };
    let (kept_before, replayed) = audit.end(write.run(work, unfinished).await)?;
    Ok(kept_before || replayed)
}
