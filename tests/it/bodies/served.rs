//! A gateway before a provider whose every answer is damaged: what is asked comes to READY and is served, through every call that the
//! documented journeys make.

use bytes::Bytes;
use sangam::pb::{JourneyState, View};

use crate::{
    replay::{self, Answer, documented},
    stage::{AGGREGATOR_WAY, ANALYSER_WAY, CONSENT_WAY, ORCHESTRATION_WAY, PATIENT, Stage, Way},
};

type Damage = fn(&str) -> Vec<u8>;

fn with_note(text: &str, note: &[u8]) -> Vec<u8> {
    let rest = text.trim_start().strip_prefix('{').unwrap();
    [b"{\"note\":\"", note, b"\",", rest.as_bytes()].concat()
}

/// The place of the account reference is filled in by the replayed provider, which needs a text for it.
const DAMAGES: [(&str, Damage); 7] = [
    ("a mark before the body", |text| format!("\u{feff}{text}").into_bytes()),
    ("a NUL behind it", |text| format!("{text}\0").into_bytes()),
    ("a comma behind it", |text| format!("{text},").into_bytes()),
    ("a raw line end", |text| with_note(text, b"a\r\nb")),
    ("half a surrogate pair", |text| with_note(text, br"\ud83c")),
    ("another encoding", |text| if text.contains("{{") { text.as_bytes().to_vec() } else { with_note(text, b"caf\xe9") }),
    ("UTF-16", |text| match text.contains("{{") {
        true => text.as_bytes().to_vec(),
        false => format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect(),
    }),
];

async fn assert_served(stage: &Stage, way: Way, damage: &str) {
    let opened = stage.open(way).await.unwrap_or_else(|status| panic!("{damage}: {status}"));
    let journey = stage.until(&opened.journey_id, |journey| journey.state() == JourneyState::Ready).await;
    let page = stage.data(&opened.journey_id, View::Full).await.unwrap_or_else(|status| panic!("{damage}: {status}"));
    assert!(!page.transactions.is_empty(), "{damage}: {}", journey.provider_product);
    if way.products.len() > 1 {
        stage.analytics(&opened.journey_id).await.unwrap_or_else(|status| panic!("{damage}: {status}"));
    }
}

#[tokio::test]
async fn every_damaged_answer_is_read() {
    for (damage, damaged) in DAMAGES {
        let stage = Stage::start(PATIENT, 1_000).await;
        for path in replay::paths() {
            stage.replay.set(&path, Answer::json(Bytes::from(damaged(documented(&path)))));
        }
        for way in [CONSENT_WAY, ORCHESTRATION_WAY, AGGREGATOR_WAY, ANALYSER_WAY] {
            assert_served(&stage, way, damage).await;
        }
        stage.gateway.stop().await;
    }
}
