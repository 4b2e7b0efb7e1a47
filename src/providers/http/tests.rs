use super::*;

#[test]
fn a_path_prefix_of_the_base_url_stays() {
    let base = Url::parse("https://host.example/lender_uat/").unwrap();
    let url = join(&base, "/v3/requestconsent", &[("client_id", "a b&c".to_owned())]);
    assert_eq!(url.as_str(), "https://host.example/lender_uat/v3/requestconsent?client_id=a+b%26c");
    let bare = Url::parse("https://host.example").unwrap();
    assert_eq!(join(&bare, "fi/request", &[]).as_str(), "https://host.example/fi/request");
}

/// Answers one request and returns what came.
async fn answer_once(listener: tokio::net::TcpListener, answer: &'static str) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let (mut socket, _) = listener.accept().await.unwrap();
    let mut came = vec![0; 4096];
    let read = socket.read(&mut came).await.unwrap();
    socket.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&came[..read]).into_owned()
}

#[tokio::test]
async fn a_call_is_known_by_the_id_that_was_sent() {
    let outward = || Outward {
        jitter: Arc::new(|| 0.0),
        meter: CallMeter::silent(),
        bodies: crate::memory::BodyBudget::new(1 << 30).share(),
    };
    for (answer, status) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", Some(200)),
        ("HTTP/1.1 503 Gone\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", Some(503)),
        ("no HTTP", None),
    ] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let executor = Executor::new(base, HeaderMap::new(), Limits::default(), outward(), Arc::new(crate::clock::SystemClock));
        let executor = executor.unwrap();
        let request = OutboundRequest::post_json("test", "call", CallKind::Write, "path", &serde_json::json!({}));
        let call = Call { deadline: tokio::time::Instant::now() + Duration::from_secs(20) };
        let (came, sent) = tokio::join!(answer_once(listener, answer), executor.send(call, request));
        let exchange = match sent {
            Ok((origin, _)) => origin.exchange.unwrap(),
            Err(error) => *error.exchange.unwrap(),
        };
        assert_eq!(exchange.answer.map(|shape| shape.http_status), status);
        assert!(came.contains(&format!("x-request-id: {}", exchange.x_request_id)), "{came}");
    }
}
