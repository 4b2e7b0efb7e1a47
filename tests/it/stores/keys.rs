//! Sealing keys: how what is kept gets from one to the next, and what a process does that lacks one.

use bytes::Bytes;
use sangam::{
    config::Seal,
    data::Provenance,
    journey::model::Journey,
    seal::{KeyId, Keys, Ring},
    store::{
        self, Begun, KeptDocument, KeptEvidence, KeptIncrement, KeptSnapshot, NewMessage, ResealCursor, Store, StoreError,
        rotation,
    },
};
use tokio_util::sync::CancellationToken;

use super::{Kit, at, on_every_store, testing};

on_every_store!(
    after_a_rotation_everything_is_read_under_the_new_key_alone,
    a_rotation_goes_on_after_a_restart_in_the_middle,
    a_rotation_under_load_loses_no_write,
    a_key_that_is_needed_cannot_be_left_out,
    hashes_and_ids_outlive_every_key,
    other_keys_in_the_files_are_taken_without_a_restart,
);

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];
/// More journeys than one step takes.
const MANY: u16 = 210;

fn provenance() -> Provenance {
    Provenance::read_now("call", at(7))
}

fn snapshot() -> KeptSnapshot {
    KeptSnapshot { rows: b"rows".to_vec(), provenance: provenance() }
}

fn evidence() -> KeptEvidence {
    KeptEvidence {
        bytes: Bytes::from_static(b"{}"),
        media_type: "application/json".to_owned(),
        endpoint: "call".to_owned(),
        received_at: at(7),
    }
}

fn document() -> KeptDocument {
    KeptDocument { bytes: b"document".to_vec(), media_type: "application/pdf".to_owned(), provenance: provenance() }
}

fn increment() -> KeptIncrement {
    KeptIncrement {
        journey_id: "jrn_1".to_owned(),
        consent_id: "cns_1".to_owned(),
        body: Some(Bytes::from_static(b"[]")),
        endpoint: "call".to_owned(),
        received_at: at(7),
        purge_at: at(9_000),
    }
}

fn message(id: &str, verified: bool) -> NewMessage {
    NewMessage {
        id: id.to_owned(),
        tenant: "default".to_owned(),
        provider: "test".to_owned(),
        credential: "main".to_owned(),
        attempt: None,
        verified,
        token: "the-token".to_owned(),
        body: Bytes::copy_from_slice(id.as_bytes()),
        received_at: at(5),
        purge_at: at(9_000),
    }
}

fn tree(id: &str) -> Journey {
    Journey { id: id.to_owned(), ..testing::journey() }
}

/// Something of every kind, and more journeys than one step takes.
async fn fill(store: &Store) {
    for number in 0..MANY {
        store.insert_journey(&tree(&format!("jrn_{number}")), None, at(5)).await.unwrap();
    }
    assert_eq!(store.begin_request("t", "r1", b"a", "jrn_1", at(1_000)).await.unwrap(), Begun::New);
    store.finish_request("t", "r1", b"answer").await.unwrap();
    assert!(store.put_snapshot("t", "fch_1", "jrn_1", at(9_000), &snapshot(), Some(&evidence())).await.unwrap());
    store.put_document("t", "fch_1", "PDF", at(9_000), &document()).await.unwrap();
    store.put_increment("t", "r1", &increment()).await.unwrap();
    for (id, verified) in [("msg_1", true), ("msg_2", false)] {
        assert!(store.keep_message(message(id, verified)).await.unwrap());
    }
}

async fn assert_whole(store: &Store) {
    for number in 0..MANY {
        let id = format!("jrn_{number}");
        assert_eq!(store.journey("default", &id).await.unwrap().unwrap().journey, tree(&id));
        assert_eq!(store.events_of("default", &id, 0, 10).await.unwrap().len(), 1);
    }
    let end = store.feed("default", sangam::store::FeedPosition::default(), 1_000).await.unwrap();
    assert_eq!(end.events.len(), usize::from(MANY));
    let begun = store.begin_request("t", "r1", b"a", "jrn_1", at(1_000)).await.unwrap();
    assert_eq!(begun, Begun::Answered(b"answer".to_vec()));
    assert_eq!(store.snapshot("t", "fch_1").await.unwrap(), Some(snapshot()));
    assert_eq!(store.evidence("t", "fch_1").await.unwrap().unwrap().evidence, evidence());
    assert_eq!(store.document("t", "fch_1", "PDF").await.unwrap(), Some(document()));
    assert_eq!(store.increment("t", "r1").await.unwrap(), Some(increment()));
    let messages = store.messages("default", None, 10).await.unwrap();
    assert_eq!(messages.len(), 2);
    for kept in messages {
        assert_eq!(store.message_body(&kept).await.unwrap().unwrap(), kept.id);
    }
}

fn turned() -> Ring {
    Ring::new(&NEW, [&OLD])
}

async fn turn(store: &Store) -> store::Resealed {
    rotation::turn(store, &CancellationToken::new()).await.unwrap()
}

async fn needed(store: &Store) -> Vec<KeyId> {
    store.needed_keys().await.unwrap().iter().map(|key| key.id).collect()
}

async fn after_a_rotation_everything_is_read_under_the_new_key_alone(kit: &Kit) {
    fill(&kit.store).await;
    let before = kit.store.key_uses().await.unwrap();
    assert!(before.len() >= 7 && before.iter().all(|used| used.key == Some(KeyId::of(&OLD))), "{before:?}");
    kit.store.take_keys(turned()).await.unwrap();
    assert_whole(&kit.store).await;
    let done = turn(&kit.store).await;
    assert!(done.changed > 3 * u64::from(MANY) && done.left == 0, "{done:?}");
    let after = kit.store.key_uses().await.unwrap();
    assert!(after.iter().all(|used| used.key == Some(KeyId::of(&NEW))), "{after:?}");
    let counts = |uses: &[store::KeyUse]| uses.iter().map(|used| (used.column.clone(), used.values)).collect::<Vec<_>>();
    assert_eq!(counts(&after), counts(&before), "a value was lost");
    assert_eq!(needed(&kit.store).await, [KeyId::of(&NEW)]);
    assert_eq!(turn(&kit.store).await, store::Resealed::default(), "there is nothing more to do");
    let alone = kit.open(2).await.unwrap();
    assert_whole(&alone).await;
    alone.close().await;
    // The key before is worth nothing any more.
    assert_eq!(kit.open(1).await.err(), Some(StoreError::MissingKey(KeyId::of(&NEW))));
}

async fn a_rotation_goes_on_after_a_restart_in_the_middle(kit: &Kit) {
    fill(&kit.store).await;
    kit.store.take_keys(turned()).await.unwrap();
    let (mut cursor, mut changed) = (ResealCursor::default(), 0);
    while changed < 100 {
        let (step, next) = kit.store.reseal(cursor).await.unwrap();
        changed += step.changed;
        cursor = next.unwrap();
    }
    let under = kit.store.key_uses().await.unwrap();
    for key in [OLD, NEW] {
        assert!(under.iter().any(|used| used.key == Some(KeyId::of(&key))), "it is not in the middle: {under:?}");
    }
    kit.store.close().await;
    let again = kit.open_under(turned()).await.unwrap();
    assert_whole(&again).await;
    turn(&again).await;
    assert_eq!(needed(&again).await, [KeyId::of(&NEW)]);
    assert_whole(&again).await;
}

async fn a_rotation_under_load_loses_no_write(kit: &Kit) {
    fill(&kit.store).await;
    let mut writers = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = kit.store.clone();
        writers.spawn(async move {
            for round in 2..40 {
                let id = format!("jrn_{number}");
                let read = store.journey("default", &id).await.unwrap().unwrap();
                let mut journey = read.journey;
                (journey.sequence, journey.looks) = (round, u32::try_from(round).unwrap());
                assert!(store.save_journey(&journey, read.version, None, at(6)).await.unwrap(), "nobody else writes this tree");
                let id = format!("msg_{number}_{round}");
                assert!(store.keep_message(message(&id, true)).await.unwrap());
            }
        });
    }
    kit.store.take_keys(turned()).await.unwrap();
    turn(&kit.store).await;
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    // What was sealed under the old key while the first turn had passed it already.
    turn(&kit.store).await;
    assert_eq!(needed(&kit.store).await, [KeyId::of(&NEW)]);
    let alone = kit.open(2).await.unwrap();
    for number in 0..8 {
        let journey = alone.journey("default", &format!("jrn_{number}")).await.unwrap().unwrap().journey;
        assert_eq!((journey.sequence, journey.looks), (39, 39));
        assert_eq!(alone.events_of("default", &journey.id, 0, 100).await.unwrap().len(), 39);
    }
    for kept in alone.messages("default", None, 1_000).await.unwrap() {
        assert_eq!(alone.message_body(&kept).await.unwrap().unwrap(), kept.id);
    }
}

async fn a_key_that_is_needed_cannot_be_left_out(kit: &Kit) {
    fill(&kit.store).await;
    let missing = StoreError::MissingKey(KeyId::of(&OLD));
    assert_eq!(kit.open(2).await.err(), Some(missing.clone()));
    // Neither at the start nor later: the keys before stay.
    assert_eq!(kit.store.take_keys(Ring::new(&NEW, [])).await, Err(missing.clone()));
    assert_whole(&kit.store).await;
    kit.store.take_keys(turned()).await.unwrap();
    assert_eq!(kit.open(2).await.err(), Some(missing.clone()), "nothing is sealed anew yet");
    // Nor can the new one: it may have sealed something already.
    assert_eq!(kit.open(1).await.err(), Some(StoreError::MissingKey(KeyId::of(&NEW))));
    let said = missing.to_string();
    assert!(said.contains(&KeyId::of(&OLD).to_string()) && said.contains("seal.previous_key_files"), "{said}");
    turn(&kit.store).await;
    assert_whole(&kit.open(2).await.unwrap()).await;
}

async fn hashes_and_ids_outlive_every_key(kit: &Kit) {
    fill(&kit.store).await;
    let digest = |store: &Store| store.keyed_hash().digest([b"account".as_slice()]);
    let before = digest(&kit.store);
    for key in 2..5_u8 {
        kit.store.take_keys(Ring::new(&[key; 32], [&[key - 1; 32]])).await.unwrap();
        turn(&kit.store).await;
    }
    let last = kit.open(4).await.unwrap();
    assert_eq!(digest(&last), before);
    assert_eq!(last.journeys_by_ref("default", "attempt", "att_1").await.unwrap().len(), usize::from(MANY));
    assert!(!last.keep_message(message("msg_1", true)).await.unwrap(), "the same message again is not known");
}

async fn other_keys_in_the_files_are_taken_without_a_restart(kit: &Kit) {
    fill(&kit.store).await;
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    let write = |name: &str, text: &str| {
        // As a volume of secrets does it: the whole file at once.
        std::fs::write(file("new"), text).unwrap();
        std::fs::rename(file("new"), file(name)).unwrap();
    };
    let hex = |key: [u8; 32]| key.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    write("current", &hex(OLD));
    write("previous", &hex(OLD));
    let config = Seal { key_file: file("current"), previous_key_files: vec![file("previous")], reload_ms: 1 };
    let stop = CancellationToken::new();
    let running = tokio::spawn(rotation::run(kit.store.clone(), config, stop.clone()));
    // A file that holds no key, and a key without the one that is needed, change nothing.
    write("current", "no key");
    write("current", &hex(OLD));
    write("previous", &hex(NEW));
    write("current", &hex(NEW));
    assert_eq!(needed(&kit.store).await, [KeyId::of(&OLD)]);
    write("previous", &hex(OLD));
    while needed(&kit.store).await != [KeyId::of(&NEW)] {
        tokio::task::yield_now().await;
    }
    stop.cancel();
    running.await.unwrap();
    assert_whole(&kit.open(2).await.unwrap()).await;
}

#[tokio::test]
async fn replicas_take_a_new_key_one_after_the_other() {
    let kit = Kit::postgres().await;
    fill(&kit.store).await;
    let other = kit.replica(60_000).await;
    // First every replica learns of the new key, then one after the other seals under it.
    for replica in [&kit.store, &other] {
        replica.take_keys(Ring::new(&OLD, [&NEW])).await.unwrap();
    }
    kit.store.take_keys(turned()).await.unwrap();
    turn(&kit.store).await;
    assert_whole(&other).await;
    other.insert_journey(&tree("jrn_late"), None, at(5)).await.unwrap();
    assert!(kit.store.journey("default", "jrn_late").await.unwrap().is_some());
    // The one that is late stands up for its key again, so that nobody takes it away too early.
    other.take_keys(Ring::new(&OLD, [&NEW])).await.unwrap();
    assert_eq!(kit.open(2).await.err(), Some(StoreError::MissingKey(KeyId::of(&OLD))));
    other.take_keys(turned()).await.unwrap();
    let (one, two) = tokio::join!(turn(&kit.store), turn(&other));
    assert!(one.changed + two.changed >= 3, "{one:?} {two:?}");
    assert_eq!(needed(&other).await, [KeyId::of(&NEW)]);
    assert!(kit.open(2).await.unwrap().journey("default", "jrn_late").await.unwrap().is_some());
}

impl Kit {
    /// Opens the same place once more, under several keys.
    async fn open_under(&self, ring: Ring) -> Result<Store, StoreError> {
        store::connect(&self.config, &Keys::of(ring)).await
    }
}
