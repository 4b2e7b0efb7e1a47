use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::advance;
use tower::{BoxError, ServiceExt, service_fn, util::BoxCloneSyncService};

use super::*;
use crate::{
    clock::ManualClock,
    providers::{error::Effect, http::CallKind},
};

const NOW: &str = "2026-01-01T00:00:00Z";

type Provider = BoxCloneSyncService<OutboundRequest, OutboundResponse, ProviderError>;

/// A provider that answers each call with the next of these, and then with 200; and how often it was called.
fn provider(per_second: Option<u32>, answers: &'static [(u16, &str)]) -> (Provider, Arc<AtomicU32>) {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = calls.clone();
    let inner = service_fn(move |_: OutboundRequest| {
        let place = counter.fetch_add(1, Ordering::SeqCst) as usize;
        let (status, pause) = answers.get(place).copied().unwrap_or((200, ""));
        let mut headers = HeaderMap::new();
        headers.insert("x-ratelimit-reset", "99999999999".parse().unwrap());
        if !pause.is_empty() {
            headers.insert(http::header::RETRY_AFTER, pause.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        async move { Ok::<_, ProviderError>(OutboundResponse::new(status, headers, Bytes::new())) }
    });
    let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
    (BoxCloneSyncService::new(RateLayer::new(per_second, clock).layer(inner)), calls)
}

async fn send(provider: &Provider) -> Result<u16, ProviderError> {
    let answer = provider.clone().oneshot(OutboundRequest::for_test(CallKind::Write)).await?;
    Ok(answer.status.as_u16())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_pause_that_the_provider_asked_for_is_over() -> Result<(), BoxError> {
    for answers in [&[(429, "7")], &[(503, "7")], &[(429, "Thu, 01 Jan 2026 00:00:07 GMT")]] {
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
async fn only_a_refusal_for_load_that_names_a_time_makes_a_pause() {
    let answers = &[(429, ""), (503, ""), (500, "60"), (200, "60"), (429, "0"), (400, "60")];
    let (provider, calls) = provider(None, answers);
    for (status, _) in answers {
        assert_eq!(send(&provider).await.unwrap(), *status);
    }
    assert_eq!((send(&provider).await.unwrap(), calls.load(Ordering::SeqCst)), (200, 7));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_pause_does_not_end_a_longer_one() {
    let bounds = Bounds { bucket: None, paused_until: Mutex::new(None) };
    bounds.pause_for(Duration::from_secs(60));
    bounds.pause_for(Duration::from_secs(5));
    assert_eq!(bounds.pause(), Some(Duration::from_secs(60)));
    advance(Duration::from_secs(60)).await;
    assert_eq!(bounds.pause(), None);
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
    let (provider, calls) = provider(Some(1), &[(200, ""), (429, "30")]);
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
