//! What is written when, and what becomes of what cannot be.

use super::*;

#[tokio::test]
async fn many_at_once_share_a_write_and_make_one_chain() {
    let log = Log::new().await;
    let writer = log.writer();
    log.faulty.turns.forget_permits(10_000);
    let mut calls = JoinSet::new();
    for call in 0..100 {
        let (writer, tenant) = (writer.clone(), if call % 2 == 0 { "lender" } else { "bank" });
        calls.spawn(async move { writer.write(record(tenant, Act::FetchData)).await });
    }
    // The first write waits for its turn until all others wait behind it.
    while log.faulty.appends.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    for _ in 0..200 {
        tokio::task::yield_now().await;
    }
    log.faulty.turns.add_permits(10_000);
    assert_eq!(calls.join_all().await, vec![Ok(()); 100]);
    writer.close().await;
    let report = log.verified().await;
    assert_eq!((report.rows, report.chains, report.uncovered, report.fault), (100, 2, 0, None));
    assert!(log.faulty.appends.load(Ordering::SeqCst) <= 10, "{:?} writes", log.faulty.appends);
}

#[tokio::test]
async fn a_lost_answer_is_read_back_and_leaves_the_chain_whole() {
    let log = Log::new().await;
    let writer = log.writer();
    writer.write(record("lender", Act::FetchData)).await.unwrap();
    log.faulty.answers_lost.store(1, Ordering::SeqCst);
    writer.write(record("lender", Act::StreamData)).await.expect("it is written, and that can be read");
    writer.write(record("lender", Act::FetchData)).await.unwrap();
    writer.close().await;
    let report = log.verified().await;
    assert_eq!((report.rows, report.fault), (3, None));
}

#[tokio::test]
async fn without_a_store_who_waits_is_refused_and_what_nobody_waits_for_is_written_later() {
    let log = Log::new().await;
    let writer = log.writer();
    writer.write(record("lender", Act::FetchData)).await.unwrap();
    log.faulty.gone.store(true, Ordering::SeqCst);
    assert_eq!(writer.write(record("lender", Act::StreamData)).await, Err(NotWritten));
    writer.note(record("lender", Act::ConsentActive));
    assert_eq!(writer.write(record("lender", Act::StreamData)).await, Err(NotWritten));
    log.faulty.gone.store(false, Ordering::SeqCst);
    writer.write(record("lender", Act::FetchReport)).await.unwrap();
    writer.close().await;
    let rows = log.rows().await;
    let acts: Vec<_> = rows.iter().map(|row| row.text("act")).collect();
    assert_eq!(acts, ["FETCH_DATA", "CONSENT_ACTIVE", "FETCH_REPORT"]);
    assert_eq!(log.verified().await.fault, None);
    assert_eq!(writer.write(record("lender", Act::FetchData)).await, Err(NotWritten), "it is closed");
}

#[tokio::test]
async fn a_clock_that_is_set_back_makes_no_older_row_of_a_newer_one() {
    let log = Log::new().await;
    let writer = log.writer();
    for hour in [5, 3, 6] {
        writer.write(Record { at: at(hour), ..record("lender", Act::FetchData) }).await.unwrap();
    }
    writer.close().await;
    let times: Vec<_> = log.rows().await.iter().map(|row| row.at).collect();
    assert_eq!(times, [at(5), at(5), at(6)].map(Timestamp::as_millisecond));
}

#[tokio::test]
async fn what_waits_and_what_is_lost_is_counted_and_a_loss_is_on_record() {
    const NOTES: u64 = 11_000;
    let log = Log::new().await;
    let writer = log.writer();
    assert_eq!((writer.waiting(), writer.lost()), (0, 0));
    log.faulty.gone.store(true, Ordering::SeqCst);
    for note in 0..NOTES {
        writer.note(record("lender", Act::ConsentActive));
        if note % 500 == 499 {
            // The task has taken all that came before.
            assert_eq!(writer.write(record("lender", Act::StreamData)).await, Err(NotWritten));
        }
    }
    let lost = writer.lost();
    assert!((1..=1_000).contains(&lost), "{lost}");
    log.faulty.gone.store(false, Ordering::SeqCst);
    while writer.waiting() > 0 {
        // Each one has more of what waits written.
        writer.write(record("lender", Act::FetchData)).await.unwrap();
    }
    writer.note(record("lender", Act::ConsentActive));
    writer.close().await;
    assert_eq!((writer.waiting(), writer.lost()), (0, lost));
    let report = log.verified().await;
    assert_eq!(report.fault, None);
    let (writer_name, mut acts, mut after) = (log.rows().await[0].writer.clone(), Vec::new(), 0);
    loop {
        let rows = log.faulty.audit_rows(None, (&writer_name, "lender", after), 10_000).await.unwrap();
        let Some(last) = rows.last() else { break };
        after = last.seq;
        acts.extend(rows.iter().map(|row| row.text("act").to_owned()));
    }
    let count = |act: &str| acts.iter().filter(|known| *known == act).count() as u64;
    assert_eq!((count("CONSENT_ACTIVE"), count("RECORDS_LOST")), (NOTES - lost + 1, 1));
}

#[tokio::test]
async fn the_end_writes_all_that_waits_and_counts_what_it_cannot() {
    for (gone, lost) in [(false, 0), (true, 3_000)] {
        let log = Log::new().await;
        let writer = log.writer();
        log.faulty.gone.store(true, Ordering::SeqCst);
        for _ in 0..3_000 {
            writer.note(record("lender", Act::ConsentActive));
        }
        assert_eq!(writer.write(record("lender", Act::StreamData)).await, Err(NotWritten));
        log.faulty.gone.store(gone, Ordering::SeqCst);
        writer.close().await;
        assert_eq!((writer.waiting(), writer.lost(), log.rows().await.len()), (0, lost, 3_000 - lost as usize));
    }
}
