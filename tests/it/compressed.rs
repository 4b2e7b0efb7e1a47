//! Pages as callers take them: plain, or in a compression that they accept.

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use sangam::{
    pb::{FetchDataRequest, FetchDataResponse, FiType, JourneyState, Product, View},
    sandbox::customer,
};
use tokio::net::TcpStream;
use tonic::{Code, Status, codec::CompressionEncoding};

use crate::harness::{World, connect, data_request, reason, start_request};

const COMPRESSIONS: [CompressionEncoding; 2] = [CompressionEncoding::Gzip, CompressionEncoding::Zstd];

async fn page(
    world: &World,
    accepts: Option<CompressionEncoding>,
    request: FetchDataRequest,
) -> Result<FetchDataResponse, Status> {
    let mut client = connect(&world.gateway).await;
    if let Some(compression) = accepts {
        client = client.accept_compressed(compression).send_compressed(compression);
    }
    Ok(client.fetch_data(request).await?.into_inner())
}

/// What stands on the wire: head, body, trailers.
async fn raw(world: &World, accepts: &'static str, request: &FetchDataRequest) -> (HeaderMap, Bytes, HeaderMap) {
    let stream = TcpStream::connect(world.gateway.grpc).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(request.encoded_len() as u32);
    request.encode(&mut frame).unwrap();
    let request = Request::post(format!("http://{}/sangam.v1.JourneyService/FetchData", world.gateway.grpc))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers")
        .header("grpc-accept-encoding", accepts)
        .body(Full::new(frame.freeze()))
        .unwrap();
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().unwrap().clone();
    (head.headers, body.to_bytes(), trailers)
}

#[tokio::test]
async fn a_page_is_the_same_in_every_compression_and_in_every_view() {
    let world = World::start().await;
    let journey_id = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    world.until_picked_up(&journey_id).await;
    for view in [View::Masked, View::Full, View::Summary] {
        let mut request = data_request(&journey_id, view);
        request.page_bytes = 16 * 1024;
        loop {
            let plain = page(&world, None, request.clone()).await.unwrap();
            for compression in COMPRESSIONS {
                // Made by the first and found by the second.
                for _ in 0..2 {
                    assert_eq!(page(&world, Some(compression), request.clone()).await.unwrap(), plain, "{view:?} {compression}");
                }
            }
            request.page_token = plain.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_compressed_page_says_so_and_ends_like_any_other() {
    let world = World::start().await;
    let journey_id = world.approved(start_request("finpro", "consent", "01", &[Product::Data])).await;
    world.until_picked_up(&journey_id).await;
    let request = data_request(&journey_id, View::Masked);
    let (_, plain, _) = raw(&world, "identity", &request).await;
    assert_eq!(plain[0], 0);
    for (accepts, word) in [("gzip", "gzip"), ("zstd,gzip", "zstd"), ("br, gzip", "gzip")] {
        let (head, body, trailers) = raw(&world, accepts, &request).await;
        assert_eq!(head["grpc-encoding"], word);
        assert_eq!(head["content-type"], "application/grpc");
        assert_eq!((body[0], &body[1..5]), (1, &u32::try_from(body.len() - 5).unwrap().to_be_bytes()[..]), "one whole frame");
        assert!(body.len() < plain.len() / 2);
        assert_eq!(trailers["grpc-status"], "0");
        assert_eq!(raw(&world, accepts, &request).await.1, body);
    }
    // What a filter chooses is hardly asked for twice: it goes out plain, which a frame may always do.
    let filtered = FetchDataRequest { fi_types: vec![FiType::Deposit.into()], ..request };
    let (head, body, trailers) = raw(&world, "gzip", &filtered).await;
    assert_eq!(body[0], 0);
    assert_eq!(head["grpc-encoding"], "gzip");
    assert_eq!(trailers["grpc-status"], "0");
    let plain = page(&world, None, filtered.clone()).await.unwrap();
    assert_eq!(page(&world, Some(CompressionEncoding::Gzip), filtered).await.unwrap(), plain);
    world.stop().await;
}

#[tokio::test]
async fn a_withdrawn_consent_has_no_compressed_page_left() {
    let world = World::start().await;
    let request = start_request("finpro", "consent", "01", &[Product::Data]);
    let opened = world.client.clone().start_journey(request).await.unwrap().into_inner();
    customer::approve(&opened.customer_url).await.unwrap();
    world.until_picked_up(&opened.journey_id).await;
    let request = data_request(&opened.journey_id, View::Masked);
    for compression in COMPRESSIONS {
        page(&world, Some(compression), request.clone()).await.unwrap();
    }
    customer::revoke(&opened.customer_url).await.unwrap();
    world.gateway.service().nudge(&opened.journey_id).await.unwrap();
    world.until_state(&opened.journey_id, JourneyState::Revoked).await;
    for compression in COMPRESSIONS {
        let refused = page(&world, Some(compression), request.clone()).await.unwrap_err();
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "CONSENT_REVOKED"));
    }
    world.stop().await;
}
