//! A client that reads pages and looks at no byte of them but the frame's head: decoding a page costs a client more than a server that
//! has it ready, and would be all that is measured.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use bytes::{BufMut, Bytes, BytesMut};
use http::{Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use sangam::pb;
use tokio::net::TcpStream;

use crate::{journey::journey_id, load::Round, server::Server};

const CONNECTIONS: usize = 2;
const STREAMS: usize = 2;
const WINDOW: u32 = 16 * 1024 * 1024;

pub struct RawClient {
    address: SocketAddr,
    connections: Vec<SendRequest<Full<Bytes>>>,
    /// What it accepts beside plain answers.
    accepts: Option<&'static str>,
}

impl RawClient {
    pub async fn connect(address: SocketAddr, accepts: Option<&'static str>) -> Self {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            let stream = TcpStream::connect(address).await.expect("a connection");
            stream.set_nodelay(true).expect("an option");
            let (sender, connection) = Builder::new(TokioExecutor::new())
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_frame_size(64 * 1024)
                .handshake(TokioIo::new(stream))
                .await
                .expect("a handshake");
            tokio::spawn(connection);
            connections.push(sender);
        }
        Self { address, connections, accepts }
    }

    /// Makes `calls` calls and tells what the server used for them.
    pub async fn round(&self, server: &Server, calls: usize) -> Round {
        let (cpu, begin) = (server.cpu(), Instant::now());
        let mut running = Vec::new();
        for sender in &self.connections {
            for _ in 0..STREAMS {
                let (sender, address, accepts) = (sender.clone(), self.address, self.accepts);
                running.push(tokio::spawn(async move {
                    for _ in 0..calls / (CONNECTIONS * STREAMS) {
                        page(sender.clone(), address, accepts).await;
                    }
                }));
            }
        }
        for task in running {
            task.await.expect("all calls are answered");
        }
        Round { cpu: server.cpu() - cpu, wall: begin.elapsed().max(Duration::from_nanos(1)) }
    }
}

async fn page(mut sender: SendRequest<Full<Bytes>>, address: SocketAddr, accepts: Option<&'static str>) {
    let message = pb::FetchDataRequest { journey_id: journey_id(), ..Default::default() };
    let mut frame = BytesMut::new();
    frame.put_u8(0);
    frame.put_u32(message.encoded_len() as u32);
    message.encode(&mut frame).expect("room");
    let mut request = Request::post(format!("http://{address}/sangam.v1.JourneyService/FetchData"))
        .header(header::CONTENT_TYPE, "application/grpc")
        .header(header::TE, "trailers");
    if let Some(accepts) = accepts {
        request = request.header("grpc-accept-encoding", accepts);
    }
    let request = request.body(Full::new(frame.freeze())).expect("a request");
    let mut body = sender.send_request(request).await.expect("an answer").into_body();
    let (mut flag, mut ended) = (None, false);
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("a whole answer");
        match frame.into_data() {
            Ok(data) => flag = flag.or(data.first().copied()),
            Err(frame) => {
                let trailers = frame.into_trailers().expect("trailers");
                ended = trailers.get("grpc-status").is_some_and(|status| status == "0");
            }
        }
    }
    assert!(ended && flag == Some(u8::from(accepts.is_some())), "a page in the form that was agreed on");
}
