//! Cuts pages out of encoded entries. Nothing is encoded anew and nothing copied: a page is slices of the kept bytes.

use bytes::Bytes;

use crate::data::{Rows, filter::Filter};

/// A page.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// Its entries, one run after another.
    pub entries: Vec<Bytes>,
    /// The entry with which the next page begins; none on the last.
    pub next: Option<usize>,
}

/// The chosen entries from `begin` that fit `page_bytes`, at least one; `None` where `begin` lies beyond the end.
pub(super) fn cut(rows: &Rows, filter: &Filter, begin: usize, page_bytes: usize) -> Option<Page> {
    if begin > 0 && begin >= rows.entries.len() {
        return None;
    }
    if filter.is_empty() {
        return Some(whole(rows, begin, page_bytes));
    }
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let (mut used, mut next) = (0, None);
    let picked = |place: usize| Some((place, *rows.entries.get(place)?));
    for (place, entry) in filter.picks(rows, begin).filter_map(picked) {
        let (start, len) = (entry.offset as usize, entry.len as usize);
        if used > 0 && used + len > page_bytes {
            next = Some(place);
            break;
        }
        used += len;
        match runs.last_mut() {
            Some((_, stop)) if *stop == start => *stop = start + len,
            _ => runs.push((start, start + len)),
        }
    }
    Some(Page { entries: runs.into_iter().map(|(start, stop)| rows.bytes.slice(start..stop)).collect(), next })
}

/// The same without a filter: one run.
fn whole(rows: &Rows, begin: usize, page_bytes: usize) -> Page {
    let rest = rows.entries.get(begin..).unwrap_or_default();
    let Some(first) = rest.first() else { return Page { entries: Vec::new(), next: None } };
    let start = first.offset as usize;
    // Entries lie one behind the other, so where they end rises.
    let fits = |entry: &crate::data::Entry| (entry.offset as usize + entry.len as usize) - start <= page_bytes;
    let end = begin + rest.partition_point(fits).max(1);
    let stop = rows.entries.get(end).map_or(rows.bytes.len(), |entry| entry.offset as usize);
    Page { entries: vec![rows.bytes.slice(start..stop)], next: (end < rows.entries.len()).then_some(end) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        data::{Entry, EntryKind, RowsBuilder, time::Day},
        pb,
    };

    fn rows(lens: &[u32]) -> Rows {
        let mut offset = 0;
        let entries = lens
            .iter()
            .map(|len| {
                let entry = Entry { kind: EntryKind::Transaction, offset, len: *len };
                offset += len;
                entry
            })
            .collect();
        Rows { bytes: Bytes::from(vec![0; offset as usize]), entries, accounts: 0, transactions: lens.len() as u64 }
    }

    /// The sizes of all pages.
    fn sizes(rows: &Rows, filter: &Filter, page_bytes: usize) -> Vec<usize> {
        let mut sizes = Vec::new();
        let mut begin = 0;
        loop {
            let page = cut(rows, filter, begin, page_bytes).unwrap();
            sizes.push(page.entries.iter().map(Bytes::len).sum());
            match page.next {
                Some(next) => begin = next,
                None => return sizes,
            }
        }
    }

    #[test]
    fn pages_cover_every_entry_once_and_keep_their_bound() {
        let rows = rows(&[10, 20, 5, 50, 1, 1]);
        // The entry that is larger than a page gets one of its own.
        assert_eq!(sizes(&rows, &Filter::default(), 30), [30, 5, 50, 2]);
        assert_eq!(cut(&rows, &Filter::default(), 6, 30), None);
    }

    #[test]
    fn a_fetch_without_rows_is_one_empty_page() {
        let empty = Some(Page { entries: Vec::new(), next: None });
        assert_eq!(cut(&rows(&[]), &Filter::default(), 0, 30), empty);
        let filter = Filter { fi_types: vec![pb::FiType::Other], ..Filter::default() };
        assert_eq!(cut(&rows(&[]), &filter, 0, 30), empty);
        assert_eq!(cut(&rows(&[]), &filter, 1, 30), None);
    }

    #[test]
    fn filtered_pages_hold_the_chosen_rows_and_no_page_is_left_over() {
        let mut builder = RowsBuilder::with_capacity(0);
        let head = pb::Account { account_id: "acc_1".to_owned(), ..Default::default() };
        builder.framed(EntryKind::Account, &pb::FetchDataResponse { accounts: vec![head], ..Default::default() });
        for at in 0..100_000 {
            let date = pb::Date { year: 2025, month: 1 + at % 12, day: 1 };
            let row = pb::Transaction { ordinal: at, transaction_date: Some(date), ..Default::default() };
            builder.framed(EntryKind::Transaction, &pb::FetchDataResponse { transactions: vec![row], ..Default::default() });
        }
        let rows = builder.finish().unwrap();
        let days = (Day::new(2025, 3, 1).unwrap(), Day::new(2025, 4, 30).unwrap());
        let filter = Filter { days: Some(days), ..Filter::default() };
        let mut found = pb::FetchDataResponse::default();
        let (mut begin, mut pages) = (0, 0);
        loop {
            let page = cut(&rows, &filter, begin, 16 * 1024).unwrap();
            let bytes = page.entries.concat();
            assert!(!bytes.is_empty() && bytes.len() <= 16 * 1024);
            prost::Message::merge(&mut found, &bytes[..]).unwrap();
            pages += 1;
            match page.next {
                Some(next) => begin = next,
                None => break,
            }
        }
        assert!(pages > 10);
        assert_eq!(found.accounts.len(), 1);
        let wanted = (0..100_000).filter(|at| matches!(at % 12, 2 | 3));
        assert!(found.transactions.iter().map(|row| row.ordinal).eq(wanted));
        assert_eq!(sizes(&rows, &Filter::default(), 16 * 1024).iter().sum::<usize>(), rows.bytes.len());
    }
}
