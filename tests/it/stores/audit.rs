//! The audit log.

use sangam::{
    access::audit::{AuditRow, Head, NOTHING, Report, TEXTS, checkpoint_key, verify_store},
    clock::SystemClock,
    random::SystemRandom,
    store::{Chains, KeptCheckpoint, StoreError, Trim},
};

use super::{Kit, at, on_every_store};

on_every_store!(
    rows_are_read_in_the_order_of_their_chains,
    rows_are_written_together_or_not_at_all,
    the_newest_and_the_aged_of_each_chain_are_told,
    a_number_is_one_checkpoint_and_what_it_removes_goes_with_it,
    a_change_of_any_column_is_found,
);

fn row(tenant: &str, writer: &str, seq: i64, second: i64) -> AuditRow {
    let mut row = AuditRow {
        tenant: tenant.to_owned(),
        writer: writer.to_owned(),
        seq,
        at: at(second).as_millisecond(),
        texts: TEXTS.map(|name| format!("{name} {seq}")),
        previous: NOTHING,
        hash: NOTHING,
    };
    row.hash = row.content_hash();
    row
}

fn checkpoint(number: i64, second: i64) -> KeptCheckpoint {
    KeptCheckpoint { number, at: at(second).as_millisecond(), line: format!("line {number}") }
}

async fn rows_are_read_in_the_order_of_their_chains(kit: &Kit) {
    let store = &kit.store;
    let rows = [row("t", "one", 1, 1), row("u", "one", 1, 1), row("u", "one", 2, 2), row("t", "two", 1, 3)];
    store.append_audit(&[rows[3].clone(), rows[2].clone()]).await.unwrap();
    store.append_audit(&[rows[1].clone(), rows[0].clone()]).await.unwrap();
    store.append_audit(&[]).await.unwrap();
    assert_eq!(store.audit_rows(None, ("", "", 0), 10).await.unwrap(), rows);
    assert_eq!(store.audit_rows(None, ("one", "t", 1), 2).await.unwrap(), rows[1..3]);
    assert_eq!(store.audit_rows(Some("u"), ("", "", 0), 10).await.unwrap(), rows[1..3]);
    assert_eq!(store.audit_rows(None, ("two", "t", 1), 2).await.unwrap(), []);
}

async fn rows_are_written_together_or_not_at_all(kit: &Kit) {
    let store = &kit.store;
    let many: Vec<_> = (1..=1_000).map(|seq| row("t", "one", seq, 1)).collect();
    store.append_audit(&many).await.unwrap();
    let forked = [row("t", "two", 1, 1), row("t", "one", 1_000, 2)];
    assert!(matches!(store.append_audit(&forked).await, Err(StoreError::Database(_))));
    assert_eq!(store.audit_rows(None, ("", "", 0), 2_000).await.unwrap(), many);
}

async fn the_newest_and_the_aged_of_each_chain_are_told(kit: &Kit) {
    let store = &kit.store;
    let rows = [row("t", "one", 1, 1), row("t", "one", 2, 5), row("u", "one", 1, 9), row("t", "two", 1, 2)];
    store.append_audit(&rows).await.unwrap();
    let heads = |chosen: &[usize]| -> Vec<(Head, i64)> { chosen.iter().map(|at| (rows[*at].head(), rows[*at].at)).collect() };
    assert_eq!(store.audit_heads(Chains::Of("one")).await.unwrap(), heads(&[1, 2]));
    assert_eq!(store.audit_heads(Chains::Of("none")).await.unwrap(), []);
    assert_eq!(store.audit_heads(Chains::Since(at(5))).await.unwrap(), heads(&[1, 2]));
    let aged = store.aged_audit(at(9)).await.unwrap();
    let told: Vec<_> = aged.iter().map(|aged| (aged.last.clone(), aged.first, aged.count)).collect();
    assert_eq!(told, [(rows[1].head(), 1, 2), (rows[3].head(), 1, 1)]);
}

async fn a_number_is_one_checkpoint_and_what_it_removes_goes_with_it(kit: &Kit) {
    let store = &kit.store;
    assert_eq!(store.last_checkpoint().await.unwrap(), None);
    let rows = [row("t", "one", 1, 1), row("t", "one", 2, 2), row("u", "one", 1, 3)];
    store.append_audit(&rows).await.unwrap();
    let (first, second) = (checkpoint(1, 10), checkpoint(2, 20));
    assert!(store.append_checkpoint(&first, &Trim::default()).await.unwrap());
    let all = Trim { rows: vec![rows[1].head()], checkpoint: 1 };
    let other = KeptCheckpoint { line: "another".to_owned(), ..first.clone() };
    assert!(!store.append_checkpoint(&other, &all).await.unwrap(), "the number is taken");
    assert_eq!(store.audit_rows(None, ("", "", 0), 10).await.unwrap(), rows);
    assert_eq!(store.checkpoints(0, 10).await.unwrap(), std::slice::from_ref(&first));
    let part = Trim { rows: vec![rows[0].head()], checkpoint: 0 };
    assert!(store.append_checkpoint(&second, &part).await.unwrap());
    assert_eq!(store.audit_rows(None, ("", "", 0), 10).await.unwrap(), rows[1..]);
    assert_eq!(store.checkpoints(0, 10).await.unwrap(), [first.clone(), second.clone()]);
    assert_eq!(store.checkpoints(0, 1).await.unwrap(), [first]);
    let since =
        [store.checkpoint_since(at(10)).await, store.checkpoint_since(at(11)).await, store.checkpoint_since(at(21)).await];
    assert_eq!(since, [Ok(Some(1)), Ok(Some(2)), Ok(None)]);
    let third = checkpoint(3, 30);
    assert!(store.append_checkpoint(&third, &all).await.unwrap());
    assert_eq!(store.audit_rows(None, ("", "", 0), 10).await.unwrap(), rows[2..]);
    assert_eq!(store.checkpoints(0, 10).await.unwrap(), [second, third.clone()]);
    assert_eq!(store.last_checkpoint().await.unwrap(), Some(third));
}

/// What a look at the log finds.
async fn found(kit: &Kit) -> Report {
    verify_store(kit.store.as_ref(), &checkpoint_key(&kit.store.keyed_hash())).await.unwrap()
}

async fn a_change_of_any_column_is_found(kit: &Kit) {
    use sangam::access::audit::{Act, Auditor, Record, Settings, Who};
    let key = checkpoint_key(&kit.store.keyed_hash());
    let clock = std::sync::Arc::new(SystemClock);
    let auditor = Auditor::start(kit.store.clone(), clock, &SystemRandom, key, Settings::default());
    for act in [Act::FetchData, Act::RevokeConsent, Act::FetchData] {
        let record = Record::new("t", at(1), Who::Gateway, act);
        // A busy machine may take longer than a call waits: it is written all the same.
        auditor.note(record);
    }
    auditor.close().await;
    let whole = found(kit).await;
    assert_eq!((whole.rows, whole.checkpoints, whole.fault), (3, 1, None));
    let column = |name: &str| match name {
        "seq" | "at" => format!("{name} + 10"),
        "previous" | "hash" => kit.bytes(&"ab".repeat(32)),
        _ => format!("{name} || 'x'"),
    };
    let mut columns = vec!["tenant", "writer", "seq", "at", "previous", "hash"];
    columns.extend(TEXTS);
    for name in columns {
        for seq in 1..=3 {
            kit.execute("CREATE TABLE aside AS SELECT * FROM audit_rows".to_owned()).await;
            kit.execute(format!("UPDATE audit_rows SET {name} = {} WHERE seq = {seq}", column(name))).await;
            assert!(found(kit).await.fault.is_some(), "{name} of row {seq}");
            kit.execute("DELETE FROM audit_rows".to_owned()).await;
            kit.execute("INSERT INTO audit_rows SELECT * FROM aside".to_owned()).await;
            kit.execute("DROP TABLE aside".to_owned()).await;
            assert_eq!(found(kit).await.fault, None);
        }
    }
    for change in ["line = replace(line, 'heads', 'tails')", "at = at + 1", "number = number + 1"] {
        kit.execute(format!("UPDATE audit_checkpoints SET {change}")).await;
        assert!(found(kit).await.fault.is_some(), "{change}");
    }
}
