use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use tokio::time::advance;
use tower::{BoxError, ServiceExt, service_fn, util::BoxCloneSyncService};

use super::*;
use crate::{
    clock::ManualClock,
    providers::{error::Effect, http::CallKind},
};

const NOW: &str = "2026-01-01T00:00:00Z";
const LONGEST: Duration = Duration::from_secs(900);

type Provider = BoxCloneSyncService<OutboundRequest, OutboundResponse, ProviderError>;

type Headers = &'static [(&'static str, &'static str)];

/// A provider that answers each call with the next of these, and then with 200; and how often it was called.
fn provider(per_second: Option<u32>, answers: &[(u16, Headers)]) -> (Provider, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let (counter, answers) = (calls.clone(), answers.to_vec());
    let inner = service_fn(move |_: OutboundRequest| {
        let place = counter.fetch_add(1, Ordering::SeqCst) as usize;
        let (status, headers) = answers.get(place).copied().unwrap_or((200, &[]));
        let named = headers.iter().map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()));
        let (status, headers) = (StatusCode::from_u16(status).unwrap(), named.collect());
        async move { Ok::<_, ProviderError>(OutboundResponse::new(status, headers, Bytes::new())) }
    });
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    (BoxCloneSyncService::new(RateLayer::new(per_second, LONGEST, clock).layer(inner)), calls)
}

async fn send(provider: &Provider) -> Result<u16, ProviderError> {
    let answer = provider.clone().oneshot(OutboundRequest::for_test(CallKind::Write)).await?;
    Ok(answer.status.as_u16())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_pause_that_the_provider_asked_for_is_over() -> Result<(), BoxError> {
    // 2026-01-01 is 1767225600 in unix seconds.
    const ANSWERS: [&[(u16, Headers)]; 6] = [
        &[(429, &[("retry-after", "7")])],
        &[(503, &[("retry-after", "7")])],
        &[(429, &[("retry-after", "Thu, 01 Jan 2026 00:00:07 GMT")])],
        &[(429, &[("x-ratelimit-reset", "1767225607")])],
        &[(429, &[("retry-after", "0"), ("x-ratelimit-reset", "1767225607")])],
        &[(200, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767225607")])],
    ];
    for answers in ANSWERS {
        let (provider, calls) = provider(None, answers);
        send(&provider).await?;
        for second in 0..7 {
            let error = send(&provider).await.unwrap_err();
            assert_eq!((error.kind, error.effect), (ErrorKind::RateLimited, Effect::None));
            assert_eq!(error.retry_after, Some(Duration::from_secs(7 - second)), "{answers:?}");
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!((send(&provider).await?, calls.load(Ordering::SeqCst)), (200, 2));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_fraction_of_a_second_is_waited_for_too() {
    let (provider, calls) = provider(None, &[(429, &[("retry-after", "1.5")])]);
    send(&provider).await.unwrap();
    advance(Duration::from_millis(1_499)).await;
    send(&provider).await.unwrap_err();
    advance(Duration::from_millis(1)).await;
    assert_eq!((send(&provider).await.unwrap(), calls.load(Ordering::SeqCst)), (200, 2));
}

#[tokio::test(start_paused = true)]
async fn an_endless_pause_ends_at_the_bound() {
    let (provider, _) = provider(None, &[(429, &[("retry-after", "999999999")])]);
    let answer = provider.clone().oneshot(OutboundRequest::for_test(CallKind::Write)).await.unwrap();
    assert_eq!(answer.headers[http::header::RETRY_AFTER], "900.000");
    assert_eq!(send(&provider).await.unwrap_err().retry_after, Some(LONGEST));
    advance(LONGEST).await;
    send(&provider).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn refusals_without_a_usable_time_make_growing_pauses() {
    const HEADERS: [Headers; 6] = [
        &[],
        &[("retry-after", "0")],
        &[("retry-after", "-3")],
        &[("retry-after", "soon")],
        &[("x-ratelimit-reset", "5")],
        &[("x-ratelimit-reset", "x"), ("x-ratelimit-remaining", "0")],
    ];
    for headers in HEADERS {
        let (provider, calls) = provider(None, &[(429, headers); 100]);
        for _ in 0..3_100 {
            // Refused by the provider, or without a call.
            let _ = send(&provider).await;
            advance(Duration::from_millis(10)).await;
        }
        // At 0, 1, 3, 7, 15 and nearly 31 s.
        assert!((5..=6).contains(&calls.load(Ordering::SeqCst)), "{headers:?}: {}", calls.load(Ordering::SeqCst));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_503_keeps_a_usable_time_only() {
    for (value, kept) in [("7", true), ("1.5", true), ("0", false), ("soon", false), ("-1", false)] {
        let headers: Headers = Box::leak(Box::new([("retry-after", value)]));
        let (provider, _) = provider(None, &[(503, headers)]);
        let answer = provider.oneshot(OutboundRequest::for_test(CallKind::Write)).await.unwrap();
        assert_eq!(answer.headers.contains_key(http::header::RETRY_AFTER), kept, "{value}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_a_refusal_for_the_number_of_calls_makes_a_pause() {
    const ANSWERS: &[(u16, Headers)] = &[
        (500, &[("retry-after", "60")]),
        (200, &[("retry-after", "60")]),
        (400, &[("retry-after", "60"), ("x-ratelimit-reset", "1767225660")]),
        (200, &[("x-ratelimit-remaining", "1"), ("x-ratelimit-reset", "1767225660")]),
        (200, &[("x-ratelimit-remaining", "0")]),
        // The breaker counts it.
        (503, &[("x-ratelimit-remaining", "9"), ("x-ratelimit-reset", "1767225660")]),
    ];
    let (provider, calls) = provider(None, ANSWERS);
    for (status, _) in ANSWERS {
        assert_eq!(send(&provider).await.unwrap(), *status);
    }
    assert_eq!((send(&provider).await.unwrap(), calls.load(Ordering::SeqCst)), (200, 7));
}

#[tokio::test(start_paused = true)]
async fn calls_beyond_the_rate_wait_for_their_turn() {
    let (provider, calls) = provider(Some(5), &[]);
    let begin = Instant::now();
    for _ in 0..15 {
        send(&provider).await.unwrap();
    }
    // Five at once, and the other ten in the two seconds after that.
    assert_eq!((calls.load(Ordering::SeqCst), begin.elapsed().as_secs()), (15, 2));
}

#[tokio::test(start_paused = true)]
async fn who_would_wait_beyond_his_time_is_told_at_once_when_to_come_back() {
    let (provider, calls) = provider(Some(1), &[]);
    send(&provider).await.unwrap();
    let mut hurried = OutboundRequest::for_test(CallKind::Write);
    hurried.deadline = Instant::now() + Duration::from_millis(300);
    let begin = Instant::now();
    let error = provider.clone().oneshot(hurried).await.unwrap_err();
    assert_eq!((error.kind, error.effect), (ErrorKind::RateLimited, Effect::None));
    assert!(error.retry_after.is_some_and(|after| after.as_millis() >= 1_000), "{:?}", error.retry_after);
    assert_eq!((begin.elapsed(), calls.load(Ordering::SeqCst)), (Duration::ZERO, 1));
}

#[tokio::test(start_paused = true)]
async fn a_pause_that_begins_while_a_call_waits_for_its_turn_holds_it_too() {
    let (provider, calls) = provider(Some(1), &[(200, &[]), (429, &[("retry-after", "30")])]);
    send(&provider).await.unwrap();
    let waiting: Vec<_> = (0..2)
        .map(|_| {
            let provider = provider.clone();
            tokio::spawn(async move { send(&provider).await })
        })
        .collect();
    let mut answers = Vec::new();
    for call in waiting {
        answers.push(call.await.unwrap().map_err(|error| error.kind));
    }
    answers.sort_by_key(Result::is_err);
    assert_eq!(answers, [Ok(429), Err(ErrorKind::RateLimited)]);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn what_would_be_refused_is_known_beforehand() {
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    let layer = RateLayer::new(Some(1), LONGEST, clock);
    let soon = || Instant::now() + Duration::from_millis(300);
    assert_eq!(layer.refusal("test", "call", soon()), None);
    layer.bounds.bucket.as_ref().unwrap().take().unwrap();
    let refusal = layer.refusal("test", "call", soon()).unwrap();
    assert_eq!((refusal.kind, refusal.effect), (ErrorKind::RateLimited, Effect::None));
    // It can wait for its turn.
    assert_eq!(layer.refusal("test", "call", Instant::now() + Duration::from_secs(2)), None);
    layer.bounds.pauses.begin(Duration::from_secs(7));
    let refusal = layer.refusal("test", "call", Instant::now() + Duration::from_secs(60)).unwrap();
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(7)));
    assert!(layer.resume());
    assert_eq!(layer.refusal("test", "call", Instant::now() + Duration::from_secs(2)), None);
}
