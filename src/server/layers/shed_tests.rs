use std::{convert::Infallible, future::pending};

use http_body_util::BodyExt;
use tonic::Code;
use tonic_types::StatusExt;
use tower::service_fn;

use super::*;

const METHOD: &str = "/sangam.v1.JourneyService/GetStatus";

fn request(path: &str) -> Request<()> {
    Request::builder().uri(path).body(()).unwrap()
}

#[tokio::test]
async fn calls_beyond_the_most_in_progress_are_refused_at_once_and_health_and_watches_are_not() {
    let hanging = service_fn(|_: Request<()>| pending::<Result<Response<Body>, Infallible>>());
    let mut shed = ShedLayer::new(2).layer(hanging);
    let under_way = [shed.call(request(METHOD)), shed.call(request(METHOD))];
    let refused = shed.call(request(METHOD)).await.unwrap();
    let status = tonic::Status::from_header_map(refused.headers()).unwrap();
    let details = status.get_error_details();
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(details.error_info().unwrap().reason, "OVERLOADED");
    assert_eq!(details.error_info().unwrap().metadata["effect"], "NONE");
    assert!(details.retry_info().unwrap().retry_delay.is_some());
    let passes = async |shed: &mut Shed<_>, path| futures_util::poll!(shed.call(request(path))).is_pending();
    assert!(passes(&mut shed, "/grpc.health.v1.Health/Check").await);
    for path in paths::WATCHES {
        assert!(passes(&mut shed, path).await);
    }
    // A caller who leaves makes room.
    drop(under_way);
    assert!(passes(&mut shed, METHOD).await);
}

#[tokio::test]
async fn a_call_is_in_progress_until_its_answer_is_gone() {
    let answering = service_fn(|_: Request<()>| async {
        let body = http_body_util::Full::new(bytes::Bytes::from_static(b"answer")).map_err(|never| match never {});
        Ok::<_, Infallible>(Response::new(Body::new(body)))
    });
    let mut shed = ShedLayer::new(1).layer(answering);
    let first = shed.call(request(METHOD)).await.unwrap();
    assert!(!first.headers().contains_key("grpc-status"));
    assert_eq!(shed.call(request(METHOD)).await.unwrap().headers()["grpc-status"], "14");
    assert_eq!(first.into_body().collect().await.unwrap().to_bytes(), "answer");
    assert!(!shed.call(request(METHOD)).await.unwrap().headers().contains_key("grpc-status"));
}
