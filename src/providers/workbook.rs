//! Whether bytes are an Excel workbook: a ZIP archive whose central directory names what every workbook has. Nothing is unpacked, so
//! no archive can be a bomb; every offset is looked up within the bytes, and the walk ends with them.
//!
//! Layout after PKWARE's APPNOTE 6.3: the end record is the last thing but for a comment of at most 64 KiB; a large archive keeps the
//! directory's place in a ZIP64 record in front of it. All numbers are little-endian.

const LOCAL: &[u8] = b"PK\x03\x04";
const ENTRY: &[u8] = b"PK\x01\x02";
const END: &[u8] = b"PK\x05\x06";
const END64: &[u8] = b"PK\x06\x06";
const LOCATOR64: &[u8] = b"PK\x06\x07";

const END_BYTES: usize = 22;
const LOCATOR64_BYTES: usize = 20;
const ENTRY_BYTES: usize = 46;
/// More entries than this has no report.
const MOST_ENTRIES: usize = 65_535;

/// The parts that make an archive a workbook, by ECMA-376: names are compared without case.
const PARTS: [&[u8]; 2] = [b"[Content_Types].xml", b"xl/workbook.xml"];

/// Whether `bytes` are a workbook.
pub fn is_workbook(bytes: &[u8]) -> bool {
    bytes.starts_with(LOCAL) && directory(bytes).is_some_and(|directory| has_parts(bytes, directory))
}

/// The central directory.
fn directory(bytes: &[u8]) -> Option<&[u8]> {
    let end = end_record(bytes)?;
    let (mut size, mut start) = (u64::from(u32_at(bytes, end + 12)?), u64::from(u32_at(bytes, end + 16)?));
    let mut limit = end;
    if size == u64::from(u32::MAX) || start == u64::from(u32::MAX) {
        let locator = end.checked_sub(LOCATOR64_BYTES)?;
        let record = usize::try_from(u64_at(bytes, at(bytes, locator, LOCATOR64)? + 8)?).ok()?;
        at(bytes, record, END64)?;
        (size, start) = (u64_at(bytes, record.checked_add(40)?)?, u64_at(bytes, record.checked_add(48)?)?);
        limit = record;
    }
    let start = usize::try_from(start).ok()?;
    let stop = start.checked_add(usize::try_from(size).ok()?)?;
    if stop > limit {
        return None;
    }
    bytes.get(start..stop)
}

/// Where the end record begins: the last place from which its comment reaches exactly to the end of the bytes.
fn end_record(bytes: &[u8]) -> Option<usize> {
    let last = bytes.len().checked_sub(END_BYTES)?;
    (last.saturating_sub(usize::from(u16::MAX))..=last).rev().find(|start| {
        let comment = || u16_at(bytes, start + 20).map(usize::from);
        at(bytes, *start, END).is_some() && comment() == Some(last - start)
    })
}

/// Whether the directory names every part, once each, and each where it says.
fn has_parts(bytes: &[u8], mut directory: &[u8]) -> bool {
    let mut found = [0_u32; PARTS.len()];
    for _ in 0..MOST_ENTRIES {
        if directory.is_empty() {
            break;
        }
        let Some((entry, rest)) = entry(directory) else { return false };
        for (part, found) in PARTS.iter().zip(&mut found) {
            if entry.name.eq_ignore_ascii_case(part) {
                // A large archive has its offsets elsewhere.
                let there = entry.offset == u32::MAX
                    || usize::try_from(entry.offset).is_ok_and(|offset| at(bytes, offset, LOCAL).is_some());
                *found += if there { 1 } else { 2 };
            }
        }
        directory = rest;
    }
    directory.is_empty() && found.iter().all(|found| *found == 1)
}

struct Entry<'a> {
    name: &'a [u8],
    offset: u32,
}

/// The first entry of a directory, and what follows it.
fn entry(directory: &[u8]) -> Option<(Entry<'_>, &[u8])> {
    at(directory, 0, ENTRY)?;
    let length = |offset| u16_at(directory, offset).map(usize::from);
    let (name, extra, comment) = (length(28)?, length(30)?, length(32)?);
    let offset = u32_at(directory, 42)?;
    let entry = Entry { name: directory.get(ENTRY_BYTES..ENTRY_BYTES + name)?, offset };
    Some((entry, directory.get(ENTRY_BYTES + name + extra + comment..)?))
}

/// `offset`, if `mark` stands there.
fn at(bytes: &[u8], offset: usize, mark: &[u8]) -> Option<usize> {
    bytes.get(offset..)?.starts_with(mark).then_some(offset)
}

fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk().copied()
}

fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    array_at(bytes, offset).map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    array_at(bytes, offset).map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    array_at(bytes, offset).map(u64::from_le_bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An archive of empty, stored files.
    pub(in crate::providers) fn archive(names: &[&str], comment: &str) -> Vec<u8> {
        let (mut bytes, mut directory) = (Vec::new(), Vec::new());
        for name in names {
            let offset = u32::try_from(bytes.len()).unwrap_or_default();
            let length = u16::try_from(name.len()).unwrap_or_default().to_le_bytes();
            bytes.extend([LOCAL, &[0; 22], &length, &[0; 2], name.as_bytes()].concat());
            directory.extend([ENTRY, &[0; 24], &length, &[0; 12], &offset.to_le_bytes(), name.as_bytes()].concat());
        }
        let number = |number: usize| u32::try_from(number).unwrap_or_default().to_le_bytes();
        let count = u16::try_from(names.len()).unwrap_or_default().to_le_bytes();
        let (size, start) = (number(directory.len()), number(bytes.len()));
        let length = u16::try_from(comment.len()).unwrap_or_default().to_le_bytes();
        bytes.extend(directory);
        bytes.extend([END, &[0; 4], &count, &count, &size, &start, &length, comment.as_bytes()].concat());
        bytes
    }

    /// The smallest archive that passes for a workbook.
    pub(in crate::providers) fn smallest() -> Vec<u8> {
        archive(&["[Content_Types].xml", "xl/workbook.xml"], "")
    }

    /// The same with the directory's place in a ZIP64 record.
    fn large() -> Vec<u8> {
        let plain = smallest();
        let end = plain.len() - END_BYTES;
        let (size, start) = (u32_at(&plain, end + 12).unwrap_or_default(), u32_at(&plain, end + 16).unwrap_or_default());
        let wide = |number: u64| number.to_le_bytes();
        let mut bytes = plain[..end].to_vec();
        bytes.extend([END64, &[0; 36], &wide(size.into()), &wide(start.into())].concat());
        bytes.extend([LOCATOR64, &[0; 4], &wide(end as u64), &[1, 0, 0, 0]].concat());
        bytes.extend([END, &[0xff; 16], &[0; 2]].concat());
        bytes
    }

    #[test]
    fn workbooks_are_known() {
        assert!(is_workbook(&smallest()));
        assert!(is_workbook(&large()));
        assert!(is_workbook(&archive(&["docProps/app.xml", "[content_types].xml", "XL/workbook.xml", "xl/x"], "a comment")));
        // A comment may itself look like an end record.
        assert!(is_workbook(&archive(&["[Content_Types].xml", "xl/workbook.xml"], "PK\x05\x06 and more than twenty-two bytes")));
    }

    #[test]
    fn other_archives_and_broken_ones_are_none() {
        for names in [
            &[][..],
            &["[Content_Types].xml"],
            &["[Content_Types].xml", "word/document.xml"],
            &["[Content_Types].xml", "xl/workbook.xml", "xl/workbook.xml"],
            &["[Content_Types].xml", "xl/workbook.xml.bin"],
        ] {
            assert!(!is_workbook(&archive(names, "")), "{names:?}");
        }
        for bytes in [smallest(), large()] {
            for cut in 0..bytes.len() {
                assert!(!is_workbook(&bytes[..cut]), "cut at {cut}");
                assert!(!is_workbook(&bytes[cut + 1..]), "cut off {cut}");
            }
            let mut longer = bytes.clone();
            longer.push(b' ');
            assert!(!is_workbook(&longer));
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_are_judged_without_panic(
            changes in proptest::collection::vec((any::<proptest::sample::Index>(), prop_oneof![Just(0xff_u8), any::<u8>()]), 1..12),
            wide in any::<bool>(),
        ) {
            let mut bytes = if wide { large() } else { smallest() };
            for (index, byte) in changes {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            let _ = is_workbook(&bytes);
        }

        #[test]
        fn any_bytes_are_judged_without_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = is_workbook(&bytes);
            bytes.splice(0..0, LOCAL.iter().copied());
            prop_assert!(!is_workbook(&bytes));
        }
    }
}
