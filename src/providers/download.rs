//! Fetches a provider's pre-signed link for the caller. The link comes from outside: it is followed only to hosts that the operator
//! named, at addresses of the public Internet, over TLS, without redirects and without any credential, and it never shows in an error or a log.

use std::{sync::Arc, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, timeout_at};
use url::{Host, Url};

#[cfg(test)]
use super::http::OutboundRequest;
use super::{
    error::{ErrorKind, ProviderError},
    hosts::{HostRules, Unfit},
    http::{Limits, OutboundResponse, ReadCall, builder, read_whole, transport_error},
    provider::Call,
    resolve::{Lookup, PublicOnly, System},
    settings::is_loopback,
};
use crate::memory::BodyShare;

/// The longest link that is followed.
const LONGEST: usize = 8192;

/// Fetches links of one credential.
#[derive(Clone)]
pub struct Downloader {
    client: reqwest::Client,
    hosts: HostRules,
    loopback: bool,
    total: Duration,
    max_bytes: usize,
    #[cfg(test)]
    answer: Option<Arc<AnswerInTest>>,
    bodies: BodyShare,
}

/// Answers a request in place of the file host.
#[cfg(test)]
pub(crate) type AnswerInTest = dyn Fn(&OutboundRequest) -> OutboundResponse + Send + Sync;

impl Downloader {
    /// A downloader for these hosts. With `loopback` (the provider itself is a simulator on this machine) links to this
    /// machine pass too, also without TLS.
    pub fn new(hosts: HostRules, loopback: bool, limits: Limits, bodies: BodyShare) -> Result<Self, reqwest::Error> {
        Self::looking_up(hosts, loopback, limits, bodies, Arc::new(System))
    }

    /// The same, with the resolver that finds the hosts' addresses.
    fn looking_up(
        hosts: HostRules,
        loopback: bool,
        limits: Limits,
        bodies: BodyShare,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, reqwest::Error> {
        // Links are few and their hosts many, and nothing sends a link again: no fetch may meet a connection that is being closed.
        let client = builder(limits).pool_max_idle_per_host(0).dns_resolver(PublicOnly::new(lookup, loopback)).build()?;
        Ok(Self {
            client,
            hosts,
            loopback,
            total: limits.total,
            max_bytes: limits.max_response_bytes,
            bodies,
            #[cfg(test)]
            answer: None,
        })
    }

    /// A downloader that opens no connection: the link is judged as ever, and every answer is that of `answer`.
    #[cfg(test)]
    pub(crate) fn answering_each(hosts: HostRules, bodies: BodyShare, answer: Arc<AnswerInTest>) -> Result<Self, reqwest::Error> {
        Ok(Self { answer: Some(answer), ..Self::new(hosts, false, Limits::default(), bodies)? })
    }

    /// Fetches a link, whole.
    pub async fn fetch(&self, call: Call, read: ReadCall, link: &SecretString) -> Result<OutboundResponse, ProviderError> {
        let ReadCall { provider, stage, .. } = read;
        let url = check(link.expose_secret(), &self.hosts, self.loopback).map_err(|unfit| {
            let error = ProviderError::new(ErrorKind::Configuration, provider, stage).with_detail(unfit.detail());
            error.with_refused_host(unfit.host)
        })?;
        let mut request = read.get();
        request.deadline = call.deadline.min(Instant::now() + self.total);
        let exchange = async {
            #[cfg(test)]
            if let Some(answer) = &self.answer {
                return Ok(answer(&request));
            }
            let answer = self.client.get(url).send().await.map_err(|error| transport_error(&request, &error))?;
            read_whole(&request, answer, self.max_bytes, &self.bodies).await
        };
        let timed_out = || ProviderError::new(ErrorKind::Timeout, provider, stage).with_detail("the link's time is over");
        let response = timeout_at(request.deadline, exchange).await.map_err(|_| timed_out())??;
        match response.status.as_u16() {
            200 => Ok(response),
            // What a file host refuses says nothing of the provider's answer: the signature has expired (S3 answers 400 or 403, others 401,
            // 404 or 410), or the host has an outage. The next call for the report brings a fresh link.
            400..=599 => Err(ProviderError::new(ErrorKind::Unavailable, provider, stage).with_detail(format!(
                "the file host answered HTTP {} with {} bytes",
                response.status.as_u16(),
                response.body.len()
            ))),
            status => Err(ProviderError::new(ErrorKind::ResponseInvalid, provider, stage)
                .with_detail(format!("the file host answered HTTP {status}"))),
        }
    }
}

/// Judges a link. A fault names its host at most: the rest is signed.
pub(crate) fn check(link: &str, hosts: &HostRules, loopback: bool) -> Result<Url, Unfit> {
    // A parser forgives these, and what it makes of them is not what a reader sees.
    if link.len() > LONGEST || link.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'\\') {
        return Err("the link holds characters that no link has".into());
    }
    let url = Url::parse(link).map_err(|_| "the link is no URL")?;
    // The text between `//` and the path must be the host and nothing else: no user name, nothing encoded, nothing that the parser
    // had to mend.
    let authority = link.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    let plain =
        |authority: &str| authority.eq_ignore_ascii_case(host) || authority.eq_ignore_ascii_case(&format!("{host}:{port}"));
    if host.is_empty() || !authority.is_some_and(plain) {
        return Err("the link's host is not written plainly".into());
    }
    if loopback && is_loopback(&url) && matches!(url.scheme(), "http" | "https") {
        return Ok(url);
    }
    if url.scheme() != "https" {
        return Err("the link is no https URL".into());
    }
    if url.port().is_some() {
        return Err("the link names a port".into());
    }
    match url.host() {
        Some(Host::Domain(domain)) if hosts.allow(domain) => Ok(url),
        Some(Host::Domain(domain)) => Err(Unfit::host("the link's host is not in `report_hosts`", domain)),
        _ => Err("the link's host is an address".into()),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use futures_util::future::BoxFuture;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;
    use crate::{config::Faults, providers::http::CallKind};

    const LINK: ReadCall = ReadCall::listed("p", CallKind::Read, "s", "");

    fn hosts() -> HostRules {
        HostRules::check(&["s3.ap-south-1.amazonaws.com".to_owned()], "report_hosts", &mut Faults::default())
    }

    fn bodies() -> BodyShare {
        crate::memory::BodyBudget::new(1 << 30).share()
    }

    fn call() -> Call {
        Call { deadline: Instant::now() + Duration::from_secs(5) }
    }

    #[test]
    fn only_named_hosts_pass() {
        for link in [
            "https://s3.ap-south-1.amazonaws.com/bucket/x.xlsx?X-Amz-Signature=ab%2Fcd&X-Amz-Expires=3600",
            "https://s3.ap-south-1.amazonaws.com:443/x",
            "https://S3.AP-SOUTH-1.amazonaws.com/x",
        ] {
            assert!(check(link, &hosts(), false).is_ok(), "{link}");
        }
    }

    #[tokio::test]
    async fn no_evil_link_opens_a_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let downloader = Downloader::new(hosts(), false, Limits::default(), bodies()).unwrap();
        let host = "s3.ap-south-1.amazonaws.com";
        // What is not `https://` with exactly the host.
        let at_port = [
            "http://127.0.0.1:{}/",
            "https://127.0.0.1:{}/",
            "https://localhost:{}/",
            "https://LOCALHOST.:{}/",
            "https://2130706433:{}/",
            "https://017700000001:{}/",
            "https://0x7f000001:{}/",
            "https://0x7f.1:{}/",
            "https://0177.0.0.1:{}/",
            "https://127.1:{}/",
            "https://127.0.1:{}/",
            "https://127.0.0.1.:{}/",
            "https://127.000.000.001:{}/",
            "https://0:{}/",
            "https://0.0.0.0:{}/",
            "https://[::1]:{}/",
            "https://[::]:{}/",
            "https://[0:0:0:0:0:0:0:1]:{}/",
            "https://[::ffff:127.0.0.1]:{}/",
            "https://[::ffff:7f00:1]:{}/",
            "https://[::127.0.0.1]:{}/",
            "https://[64:ff9b::127.0.0.1]:{}/",
            "https://[64:ff9b::7f00:1]:{}/",
            "https://[2002:7f00:1::]:{}/",
            "https://[fe80::1%25lo]:{}/",
            "https://[::1%25lo]:{}/",
            "https://HOST@127.0.0.1:{}/",
            "https://HOST:443@127.0.0.1:{}/",
            "https://user:pw@HOST:{}/",
            "https://127.0.0.1:{}#@HOST/",
            "https://127.0.0.1:{}?@HOST/",
            "https://127.0.0.1:{}\\@HOST/",
            "https://127.0.0.1:{}/\\@HOST",
            "https:\\\\127.0.0.1:{}/",
            "https://HOST:{}/",
            "https://HOST:{}@HOST/",
            "https://HOST%00.127.0.0.1:{}/",
            "https://HOST%2f@127.0.0.1:{}/",
            "https://127.0.0.1%09:{}/",
            "https://\u{ff11}27.0.0.1:{}/",
            "https://127\u{3002}0.0.1:{}/",
            "https://\u{2460}27.0.0.1:{}/",
            "https://127.0.0.1:{}\t/",
            "https://127.0.0.1\n:{}/",
            "HTTP://127.0.0.1:{}/",
            "ws://127.0.0.1:{}/",
            "gopher://127.0.0.1:{}/_GET",
            "ftp://127.0.0.1:{}/",
        ];
        let of_host = [
            "https://HOST./x",
            "https://HOST.evil.example/x",
            "https://evil-HOST/x",
            "https://xHOST/x",
            "https://@HOST/x",
            "https://:@HOST/x",
            "http://HOST/x",
            "//HOST/x",
            "https:HOST/x",
            "https:/HOST/x",
            "https:///HOST/x",
            "https://%733.ap-south-1.amazonaws.com/x",
            "https://HOST\t/x",
            " https://HOST/x",
            "https://HOST/x ",
            "https://HOST/\r\nHost: evil.example",
            "https://HOST/\0",
            "https://\u{455}3.ap-south-1.amazonaws.com/x",
            "https://xn--3-htb.ap-south-1.amazonaws.com/x",
            "https://s3\u{3002}ap-south-1.amazonaws.com/x",
            "https://s3.ap\u{ad}-south-1.amazonaws.com/x",
            "https://HOST:80/x",
            "https://HOST:0/x",
            "https://HOST:99999/x",
            "https://HOST:+443/x",
            "https://HOST:/x",
            "https://HOST&@evil.example/x",
            "https://evil.example#HOST",
            "https://evil.example?HOST",
            "https://evil.example/HOST",
            "https://s3.ap-south-1.amazonaws.co/x",
            "https://amazonaws.com/x",
            "ftp://HOST/x",
        ];
        let elsewhere = [
            "https://169.254.169.254/latest/meta-data/",
            "http://169.254.169.254/latest/meta-data/",
            "https://[fd00:ec2::254]/latest/",
            "https://metadata.google.internal/computeMetadata/v1/",
            "https://0xa9fea9fe/",
            "https://2852039166/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://10.0.0.1/",
            "https://192.168.1.1/",
            "file:///etc/passwd",
            "file://localhost/etc/passwd",
            "data:text/plain,x",
            "javascript:alert(1)",
            "about:blank",
            "https://",
            "",
        ];
        let fill = |link: &&str| link.replace("HOST", host).replace("{}", &port.to_string());
        let mut links: Vec<String> = at_port.iter().chain(&of_host).chain(&elsewhere).map(fill).collect();
        links.push(format!("https://{host}/{}", "x".repeat(LONGEST)));
        assert!(links.len() > 90, "{}", links.len());
        for link in links {
            let secret = SecretString::from(link.clone());
            let error = downloader.fetch(call(), LINK, &secret).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Configuration, "{link}");
            assert!(link.is_empty() || !format!("{error} {error:?}").contains(&link), "{link}");
        }
        let accepted = tokio::select! {
            biased;
            _ = listener.accept() => true,
            () = std::future::ready(()) => false,
        };
        assert!(!accepted);
    }

    #[tokio::test]
    async fn a_refused_host_is_named_without_the_link() {
        let downloader = Downloader::new(hosts(), false, Limits::default(), bodies()).unwrap();
        let link = SecretString::from("https://reports.files.example/9000000001.xlsx?sig=SECRET");
        let error = downloader.fetch(call(), LINK, &link).await.unwrap_err();
        assert_eq!(error.refused_host.as_ref().map(|host| host.0.as_str()), Some("reports.files.example"));
        assert!(error.detail.contains("reports.files.example"), "{error}");
        assert!(!format!("{error} {error:?}").contains("SECRET") && !error.detail.contains("9000000001"), "{error}");
    }

    /// Every name means this machine, at a port where somebody listens.
    struct Inside(u16);

    impl Lookup for Inside {
        fn addresses(&self, _host: String) -> BoxFuture<'static, std::io::Result<Vec<SocketAddr>>> {
            let port = self.0;
            Box::pin(async move { Ok(vec![SocketAddr::from(([8, 8, 8, 8], port)), SocketAddr::from(([127, 0, 0, 1], port))]) })
        }
    }

    #[tokio::test]
    async fn a_named_host_that_lies_inside_gets_no_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let lookup = Arc::new(Inside(listener.local_addr().unwrap().port()));
        let downloader = Downloader::looking_up(hosts(), false, Limits::default(), bodies(), lookup).unwrap();
        let link = SecretString::from("https://s3.ap-south-1.amazonaws.com/x?sig=SECRET");
        let error = downloader.fetch(call(), LINK, &link).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable);
        assert!(!format!("{error} {error:?}").contains("SECRET"));
        let accepted = tokio::select! {
            biased;
            _ = listener.accept() => true,
            () = std::future::ready(()) => false,
        };
        assert!(!accepted);
    }

    /// Answers one request with `head` and hands back what was asked.
    async fn serve(head: String) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let link = format!("http://{}/file?sig=SECRET", listener.local_addr().unwrap());
        let asked = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let read = socket.read(&mut asked).await.unwrap();
            socket.write_all(head.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        (link, asked)
    }

    #[tokio::test]
    async fn a_simulators_link_is_fetched_without_credentials() {
        let (link, asked) = serve("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nPK\x03\x04".to_owned()).await;
        let downloader = Downloader::new(HostRules::default(), true, Limits::default(), bodies()).unwrap();
        let response = downloader.fetch(call(), LINK, &SecretString::from(link)).await.unwrap();
        assert_eq!(&response.body[..], b"PK\x03\x04");
        let asked = asked.await.unwrap().to_lowercase();
        assert!(
            !asked.contains("client_")
                && !asked.contains("authorization")
                && !asked.contains("cookie")
                && !asked.contains("referer")
        );
    }

    #[tokio::test]
    async fn redirects_and_refusals_are_errors_that_tell_no_link() {
        for (head, kind) in [
            ("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n", ErrorKind::ResponseInvalid),
            ("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable),
            ("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable),
            ("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable),
            ("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n", ErrorKind::Unavailable),
            ("HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n", ErrorKind::ResponseTooLarge),
        ] {
            let (link, asked) = serve(head.to_owned()).await;
            let limits = Limits { max_response_bytes: 1024, ..Limits::default() };
            let downloader = Downloader::new(HostRules::default(), true, limits, bodies()).unwrap();
            let error = downloader.fetch(call(), LINK, &SecretString::from(link)).await.unwrap_err();
            assert_eq!(error.kind, kind);
            assert!(!format!("{error} {error:?}").contains("SECRET"));
            asked.await.unwrap();
        }
    }
}
