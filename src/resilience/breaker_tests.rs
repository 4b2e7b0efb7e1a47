use std::sync::atomic::{AtomicBool, AtomicU32};

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::{advance, sleep};
use tower::{ServiceExt, service_fn};

use super::*;
use crate::providers::{error::Effect, http::CallKind};

/// A provider that is down or up, and how often it was called.
#[derive(Clone, Default)]
struct Far {
    up: Arc<AtomicBool>,
    calls: Arc<AtomicU32>,
    slow: Option<Duration>,
}

impl Far {
    async fn answer(self, request: OutboundRequest) -> Result<OutboundResponse, ProviderError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        if let Some(time) = self.slow {
            sleep(time).await;
        }
        match self.up.load(Ordering::SeqCst) {
            true => Ok(OutboundResponse::new(StatusCode::OK, HeaderMap::new(), Bytes::new())),
            false => Err(ProviderError::new(ErrorKind::Unavailable, request.provider, request.stage)),
        }
    }
}

async fn call(far: &Far, breaker: &Arc<Breaker>) -> Result<OutboundResponse, ProviderError> {
    let far = far.clone();
    let layer = BreakerLayer { breaker: breaker.clone(), refused: |_: &OutboundRequest| () };
    let service = layer.layer(service_fn(move |request| far.clone().answer(request)));
    service.oneshot(OutboundRequest::for_test(CallKind::Write)).await
}

#[tokio::test(start_paused = true)]
async fn a_dead_provider_is_called_at_most_twenty_times_and_then_answered_for_at_once() {
    let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
    for _ in 0..100 {
        call(&far, &breaker).await.unwrap_err();
    }
    assert!(far.calls.load(Ordering::SeqCst) <= 20);
    let begin = Instant::now();
    let error = call(&far, &breaker).await.unwrap_err();
    assert_eq!((begin.elapsed(), error.effect), (Duration::ZERO, Effect::None));
    assert!(error.retry_after.is_some_and(|after| after <= PAUSES.0));
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_slow_to_fail_is_left_after_two_seconds() {
    let far = Far { slow: Some(Duration::from_secs(1)), ..Far::default() };
    let breaker = Arc::new(Breaker::new(10));
    for _ in 0..LEAST_FAILURES {
        call(&far, &breaker).await.unwrap_err();
    }
    assert_eq!(breaker.state(), BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn a_minute_of_outage_costs_ten_probes_and_ten_seconds_after_it_all_is_well() {
    let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
    while breaker.state() == BreakerState::Closed {
        call(&far, &breaker).await.unwrap_err();
    }
    let before = far.calls.load(Ordering::SeqCst);
    for _ in 0..600 {
        advance(Duration::from_millis(100)).await;
        call(&far, &breaker).await.unwrap_err();
    }
    let probes = far.calls.load(Ordering::SeqCst) - before;
    assert!((3..=10).contains(&probes), "{probes}");
    far.up.store(true, Ordering::SeqCst);
    let begin = Instant::now();
    while call(&far, &breaker).await.is_err() {
        advance(Duration::from_millis(100)).await;
    }
    assert!(begin.elapsed() <= Duration::from_secs(10), "{:?}", begin.elapsed());
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_hangs_or_whose_caller_leaves_does_not_keep_it_shut() {
    let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
    while breaker.state() == BreakerState::Closed {
        call(&far, &breaker).await.unwrap_err();
    }
    advance(PAUSES.0).await;
    let hanging = Far { slow: Some(Duration::from_secs(3_600)), ..far.clone() };
    assert!(tokio::time::timeout(Duration::from_millis(1), call(&hanging, &breaker)).await.is_err());
    assert_eq!(breaker.state(), BreakerState::Probing);
    far.up.store(true, Ordering::SeqCst);
    call(&far, &breaker).await.unwrap_err();
    advance(PAUSES.0).await;
    call(&far, &breaker).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn one_that_is_turned_off_lets_everything_through() {
    let (far, breaker) = (Far::default(), Arc::new(Breaker::new(0)));
    for _ in 0..100 {
        call(&far, &breaker).await.unwrap_err();
    }
    assert_eq!((far.calls.load(Ordering::SeqCst), breaker.state()), (100, BreakerState::Closed));
}

async fn answered(breaker: &Arc<Breaker>, status: u16, times: usize) {
    let answers = service_fn(move |_: OutboundRequest| async move {
        let status = StatusCode::from_u16(status).unwrap();
        Ok::<_, ProviderError>(OutboundResponse::new(status, HeaderMap::new(), Bytes::new()))
    });
    let layer = BreakerLayer { breaker: breaker.clone(), refused: |_: &OutboundRequest| () };
    for _ in 0..times {
        layer.layer(answers).oneshot(OutboundRequest::for_test(CallKind::Read)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_refuses_is_no_failure() {
    for status in [400, 401, 404, 422, 429, 501] {
        let breaker = Arc::new(Breaker::new(10));
        answered(&breaker, status, 100).await;
        assert_eq!(breaker.state(), BreakerState::Closed, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn failing_answers_open_it_where_no_other_comes_between() {
    let most = 10;
    for status in [500, 502, 503, 504, 520] {
        let breaker = Arc::new(Breaker::new(10));
        for _ in 0..20 {
            answered(&breaker, status, most - 1).await;
            answered(&breaker, 200, 1).await;
        }
        answered(&breaker, status, most - 1).await;
        assert_eq!(breaker.state(), BreakerState::Closed, "{status}");
        answered(&breaker, status, 1).await;
        assert_eq!(breaker.state(), BreakerState::Open, "{status}");
    }
}

/// A call to a provider that never answers, whose caller gives it so long.
async fn cut(breaker: &Arc<Breaker>, time: Duration) -> bool {
    let hanging = Far { slow: Some(Duration::from_secs(3_600)), ..Far::default() };
    let sent = hanging.calls.clone();
    let _ = tokio::time::timeout(time, call(&hanging, breaker)).await;
    sent.load(Ordering::SeqCst) > 0
}

#[tokio::test(start_paused = true)]
async fn callers_who_wait_in_vain_open_it() {
    let breaker = Arc::new(Breaker::new(10));
    let mut sent = 0;
    for _ in 0..200 {
        sent += u32::from(cut(&breaker, Duration::from_millis(950)).await);
        advance(Duration::from_millis(50)).await;
    }
    assert!(sent <= 20, "{sent}");
    // It is back: within the longest pause a probe finds out.
    let (far, begin) = (Far::default(), Instant::now());
    far.up.store(true, Ordering::SeqCst);
    while call(&far, &breaker).await.is_err() {
        advance(Duration::from_millis(100)).await;
    }
    assert!(begin.elapsed() <= Duration::from_secs(10), "{:?}", begin.elapsed());
}

#[tokio::test(start_paused = true)]
async fn callers_without_patience_do_not_open_it() {
    let breaker = Arc::new(Breaker::new(10));
    for _ in 0..200 {
        assert!(cut(&breaker, Duration::from_millis(150)).await);
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_cut_call_is_no_failure_where_another_was_answered_meanwhile() {
    let breaker = Arc::new(Breaker::new(10));
    let far = Far { slow: Some(Duration::from_millis(100)), ..Far::default() };
    far.up.store(true, Ordering::SeqCst);
    for _ in 0..50 {
        let (sent, answer) = tokio::join!(cut(&breaker, Duration::from_secs(1)), call(&far, &breaker));
        assert!(sent && answer.is_ok());
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn hanging_probes_are_few() {
    let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
    while breaker.state() == BreakerState::Closed {
        call(&far, &breaker).await.unwrap_err();
    }
    let hanging = Far { slow: Some(Duration::from_secs(3_600)), ..Far::default() };
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..600 {
        let (hanging, breaker) = (hanging.clone(), breaker.clone());
        calls.spawn(async move { call(&hanging, &breaker).await });
        advance(Duration::from_millis(100)).await;
    }
    let probes = hanging.calls.load(Ordering::SeqCst);
    assert!((3..=10).contains(&probes), "{probes}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_our_limit_refuses_says_nothing_of_the_provider() {
    let (far, breaker) = (Far::default(), Arc::new(Breaker::new(10)));
    while breaker.state() == BreakerState::Closed {
        call(&far, &breaker).await.unwrap_err();
    }
    advance(PAUSES.0).await;
    let limited = service_fn(|request: OutboundRequest| {
        let error = ProviderError::new(ErrorKind::RateLimited, request.provider, request.stage);
        std::future::ready(Err::<OutboundResponse, _>(error))
    });
    let layer = BreakerLayer { breaker: breaker.clone(), refused: |_: &OutboundRequest| () };
    layer.layer(limited).oneshot(OutboundRequest::for_test(CallKind::Read)).await.unwrap_err();
    assert_eq!(breaker.state(), BreakerState::Probing);
}

#[tokio::test(start_paused = true)]
async fn few_faults_over_a_long_time_do_not_open_it() {
    let breaker = Arc::new(Breaker::new(10));
    for _ in 0..9 {
        answered(&breaker, 500, 1).await;
        advance(Duration::from_secs(60)).await;
    }
    assert_eq!(breaker.state(), BreakerState::Closed);
}
