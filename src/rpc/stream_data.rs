//! StreamData: manifest, payloads, trailer.

use aws_lc_rs::digest::{Context, SHA256};
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::{Request, Response, Status};

use super::{Asked, audited::Audited, call_of, convert, status, validate, with_origin};
use crate::{
    journey::{model::Journey, service::DataStream},
    pb::{DataManifest, DataTrailer, StreamDataRequest, StreamDataResponse, View, stream_data_response::Part},
};

const CHUNK: usize = 1024 * 1024;

pub(super) type DataParts = BoxStream<'static, Result<StreamDataResponse, Status>>;

pub(super) async fn handle(
    asked: &Asked,
    audit: &Audited,
    request: Request<StreamDataRequest>,
) -> Result<Response<DataParts>, Status> {
    let call = call_of(&request);
    let request = request.into_inner();
    audit.journey(&request.journey_id);
    asked.concerns(&request.journey_id);
    validate::journey_id(&request.journey_id).map_err(status::of_failure)?;
    let journey_id = request.journey_id.clone();
    let query = validate::stream(request).map_err(status::of_failure)?;
    let view = query.view;
    audit.view(view);
    let (tree, _) = asked.service.status(&journey_id, convert::status_bytes).await.map_err(status::of_failure)?;
    asked.shows(view)?;
    let data = asked.service.stream(call, &tree.journey, query).await.map_err(status::of_failure)?;
    audit.of_fetches(&tree.journey, &data.fetches).served().await?;
    let origin = data.origin;
    Ok(with_origin(Response::new(stream::iter(parts(&tree.journey, view, data)).boxed()), origin))
}

/// Each part is made when the connection has room for it.
fn parts(
    journey: &Journey,
    view: View,
    data: DataStream,
) -> impl Iterator<Item = Result<StreamDataResponse, Status>> + Send + 'static + use<> {
    let manifest = DataManifest {
        journey_id: journey.id.clone(),
        fetch: Some(convert::fetch(&data.fetch, &data.consent_id)),
        view: view.into(),
        account_count: number(data.accounts),
        transaction_count: number(data.transactions),
        payload_bytes: number(data.bytes),
        provenance: Some(convert::provenance(journey, &data.fetch.id, &data.provenance)),
    };
    let mut trailer = Some(DataTrailer {
        account_count: manifest.account_count,
        transaction_count: manifest.transaction_count,
        ..Default::default()
    });
    let (mut hash, mut sent) = (Context::new(&SHA256), 0);
    let mut chunks = data.into_chunks(CHUNK);
    let rest = std::iter::from_fn(move || match chunks.next() {
        Some(chunk) => {
            hash.update(&chunk);
            sent += chunk.len();
            Some(Part::Payload(chunk))
        }
        None => trailer.take().map(|trailer| {
            let sha256 = Bytes::copy_from_slice(hash.clone().finish().as_ref());
            Part::Trailer(DataTrailer { payload_bytes: number(sent), sha256, ..trailer })
        }),
    });
    std::iter::once(Part::Manifest(manifest)).chain(rest).map(|part| Ok(StreamDataResponse { part: Some(part) }))
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
