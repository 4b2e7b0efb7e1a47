//! Protobuf written by hand, for rows: the same bytes as the generated code writes, without a message in between. Numbers of fields are
//! those of `financial.proto`; tests compare with the generated code.

use super::time::{Day, When};

/// The tag of a length-delimited field below 16.
pub const fn tag(field: u8) -> u8 {
    field << 3 | 2
}

/// Appends a base 128 varint.
#[inline]
#[expect(clippy::indexing_slicing, reason = "as many as were written")]
pub fn varint(out: &mut Vec<u8>, value: u64) {
    let (bytes, len) = varint_bytes(value);
    out.extend_from_slice(&bytes[..len]);
}

/// The bytes of a varint and how many they are.
#[inline]
#[expect(clippy::indexing_slicing, reason = "places in an array of a known size, which the longest value fits")]
fn varint_bytes(mut value: u64) -> ([u8; 10], usize) {
    let mut bytes = [0; 10];
    let mut len = 0;
    while value >= 128 && len < 9 {
        bytes[len] = value as u8 | 128;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    (bytes, len + 1)
}

/// Appends the first `len` bytes. A copy of known size is a few instructions, one of unknown size a call.
#[inline]
fn fixed<const N: usize>(out: &mut Vec<u8>, bytes: [u8; N], len: usize) {
    let end = out.len() + len;
    out.extend_from_slice(&bytes);
    out.truncate(end);
}

/// Appends a string field below 16, unless empty.
#[inline]
pub fn string(out: &mut Vec<u8>, field: u8, text: &str) {
    if text.is_empty() {
        return;
    }
    match u8::try_from(text.len()) {
        Ok(len @ 0..128) => out.extend_from_slice(&[tag(field), len]),
        _ => {
            out.push(tag(field));
            varint(out, text.len() as u64);
        }
    }
    out.extend_from_slice(text.as_bytes());
}

/// Appends an enum or number field below 16, unless zero.
#[inline]
pub fn number(out: &mut Vec<u8>, field: u8, value: u64) {
    if value < 128 {
        if value > 0 {
            out.extend_from_slice(&[field << 3, value as u8]);
        }
    } else {
        out.push(field << 3);
        varint(out, value);
    }
}

/// Appends a `Money` field. The currency is a code of three letters.
#[inline]
#[expect(clippy::indexing_slicing, reason = "places in an array of a known size, which the longest value fits")]
pub fn money(out: &mut Vec<u8>, field: u8, minor_units: i64, currency: [u8; 3]) {
    let mut bytes = [0_u8; 18];
    bytes[0] = tag(field);
    let mut at = 2;
    if minor_units != 0 {
        bytes[at] = 1 << 3;
        at += 1;
        let mut rest = minor_units as u64;
        while rest >= 128 && at < 12 {
            bytes[at] = rest as u8 | 128;
            rest >>= 7;
            at += 1;
        }
        bytes[at] = rest as u8;
        at += 1;
    }
    bytes[at] = tag(2);
    bytes[at + 1] = 3;
    bytes[at + 2..at + 5].copy_from_slice(&currency);
    bytes[1] = (at + 3) as u8;
    fixed(out, bytes, at + 5);
}

/// How long a `Date` field is: a year from 1000 takes two bytes, so every date has the same length.
pub const DATE_LEN: usize = 9;

/// The bytes of a `Date` field.
#[inline]
pub fn date_bytes(field: u8, day: Day) -> [u8; DATE_LEN] {
    [tag(field), 7, 1 << 3, day.year as u8 | 128, (day.year >> 7) as u8, 2 << 3, day.month, 3 << 3, day.day]
}

/// Appends a `Date` field.
#[inline]
pub fn date(out: &mut Vec<u8>, field: u8, day: Day) {
    out.extend_from_slice(&date_bytes(field, day));
}

/// Appends a `Timestamp` field for an instant; nothing for a day.
#[inline]
#[expect(clippy::indexing_slicing, reason = "places in an array of a known size, which the longest value fits")]
pub fn timestamp(out: &mut Vec<u8>, field: u8, when: When) {
    let When::Instant { seconds, nanos, .. } = when else {
        return;
    };
    let mut bytes = [0_u8; 20];
    bytes[0] = tag(field);
    let mut at = 2;
    for (number, value) in [(1, seconds as u64), (2, u64::from(nanos))] {
        if value != 0 {
            let (digits, len) = varint_bytes(value);
            bytes[at] = number << 3;
            bytes[at + 1..at + 1 + len].copy_from_slice(&digits[..len]);
            at += 1 + len;
        }
    }
    bytes[1] = (at - 2) as u8;
    fixed(out, bytes, at);
}

/// Appends an encoded message as a field below 16; an empty one too, since its presence says something.
pub fn message(out: &mut Vec<u8>, field: u8, message: &[u8]) {
    out.push(tag(field));
    varint(out, message.len() as u64);
    out.extend_from_slice(message);
}

/// Appends a text, bytes or a message as a field of any number, even if empty.
pub fn delimited(out: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    varint(out, u64::from(field) << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// How many bytes [`begin`] keeps free: a tag and a length of two bytes.
pub const FRAME_HEAD: usize = 3;

/// Begins a frame of a field below 16 at the end of `out`; answers where.
#[inline]
pub fn begin(out: &mut Vec<u8>, field: u8) -> usize {
    let start = out.len();
    out.extend_from_slice(&[tag(field), 0, 0]);
    start
}

/// Ends the frame that began at `start`: writes its length, moving the message only if the length does not take two bytes.
#[inline]
#[expect(clippy::indexing_slicing, reason = "`begin` has made the room")]
pub fn end(out: &mut Vec<u8>, start: usize) {
    let len = out.len() - start - FRAME_HEAD;
    if (128..16_384).contains(&len) {
        out[start + 1] = len as u8 | 128;
        out[start + 2] = (len >> 7) as u8;
    } else {
        let (bytes, count) = varint_bytes(len as u64);
        out.splice(start + 1..start + FRAME_HEAD, bytes[..count].iter().copied());
    }
}

/// The value of a field of an encoded message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field<'m> {
    /// A varint, or a number of fixed size.
    Number(u64),
    /// A text, bytes, or a message.
    Bytes(&'m [u8]),
}

/// The fields of an encoded message in the order in which they stand. It ends at the first that cannot be read.
pub fn fields(message: &[u8]) -> impl Iterator<Item = (u32, Field<'_>)> {
    let mut rest = message;
    std::iter::from_fn(move || next(&mut rest))
}

/// Takes the field that the rest of a message begins with; `None` if there is none, or it cannot be read.
pub fn next<'m>(rest: &mut &'m [u8]) -> Option<(u32, Field<'m>)> {
    let key = prost::encoding::decode_varint(rest).ok()?;
    let field = match key & 7 {
        0 => Field::Number(prost::encoding::decode_varint(rest).ok()?),
        1 => Field::Number(u64::from_le_bytes(take(rest, 8)?.try_into().ok()?)),
        2 => {
            let len = prost::encoding::decode_varint(rest).ok()?;
            Field::Bytes(take(rest, usize::try_from(len).ok()?)?)
        }
        5 => Field::Number(u32::from_le_bytes(take(rest, 4)?.try_into().ok()?).into()),
        _ => return None,
    };
    Some((u32::try_from(key >> 3).ok()?, field))
}

/// Where in an encoded message the first field that is `wanted` begins; its end, as far as it can be read, where none is.
pub fn place_of(message: &[u8], wanted: impl Fn(u32) -> bool) -> usize {
    let mut rest = message;
    loop {
        let here = message.len() - rest.len();
        match next(&mut rest) {
            Some((number, _)) if !wanted(number) => {}
            _ => return here,
        }
    }
}

fn take<'m>(rest: &mut &'m [u8], len: usize) -> Option<&'m [u8]> {
    let (head, tail) = rest.split_at_checked(len)?;
    *rest = tail;
    Some(head)
}

/// A field of text, bytes or a message, where it is written.
pub fn find_bytes(message: &[u8], wanted: u32) -> Option<&[u8]> {
    fields(message).find_map(|(number, field)| match field {
        Field::Bytes(bytes) if number == wanted => Some(bytes),
        _ => None,
    })
}

/// A field that is a number; 0 where it is not written.
pub fn find_number(message: &[u8], wanted: u32) -> u64 {
    let found = fields(message).find_map(|(number, field)| match field {
        Field::Number(value) if number == wanted => Some(value),
        _ => None,
    });
    found.unwrap_or_default()
}

/// A `Date` field that holds a day of the calendar.
pub fn find_day(message: &[u8], wanted: u32) -> Option<Day> {
    let date = find_bytes(message, wanted)?;
    let part = |field| u16::try_from(find_number(date, field)).ok();
    let small = |field| part(field).and_then(|value| u8::try_from(value).ok());
    Day::new(part(1)?, small(2)?, small(3)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;
    use prost::Message;

    use super::*;
    use crate::pb;

    fn date_message(day: Day) -> pb::Date {
        pb::Date { year: day.year.into(), month: day.month.into(), day: day.day.into() }
    }

    proptest! {
        #[test]
        fn a_row_is_what_the_generated_code_writes(
            narration in "\\PC{0,300}", units in any::<i64>(), small in -300_i64..300,
            seconds in -30_000_000_000_i64..250_000_000_000, nanos in 0_u32..1_000_000_000,
            day in -350_000_i64..2_900_000, kind in 0_i32..9, ordinal in 0_i32..1_000_000,
        ) {
            let day = Day::from_number(day).unwrap();
            let mut out = Vec::new();
            let start = begin(&mut out, 2);
            number(&mut out, 3, kind as u64);
            money(&mut out, 7, units, *b"INR");
            money(&mut out, 8, small, *b"USD");
            timestamp(&mut out, 9, When::Instant { seconds, nanos, day, zoned: true });
            date(&mut out, 10, day);
            string(&mut out, 12, &narration);
            number(&mut out, 15, ordinal as u64);
            end(&mut out, start);
            let page = pb::FetchDataResponse {
                transactions: vec![pb::Transaction {
                    r#type: kind,
                    amount: Some(pb::Money { minor_units: units, currency_code: "INR".into() }),
                    balance: Some(pb::Money { minor_units: small, currency_code: "USD".into() }),
                    transaction_time: Some(prost_types::Timestamp { seconds, nanos: nanos as i32 }),
                    transaction_date: Some(date_message(day)),
                    narration,
                    ordinal,
                    ..Default::default()
                }],
                ..Default::default()
            };
            prop_assert_eq!(out, page.encode_to_vec());
        }
    }

    proptest! {
        #[test]
        fn fields_of_any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(fields(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn fields_are_found_whatever_their_size() {
        let mut out = Vec::new();
        number(&mut out, 3, 300);
        string(&mut out, 12, &"x".repeat(200));
        out.extend_from_slice(&[9 << 3 | 1, 1, 0, 0, 0, 0, 0, 0, 0, 10 << 3 | 5, 2, 0, 0, 0, 0x82, 0x01, 1, 7, 0]);
        let text = "x".repeat(200);
        let read: Vec<_> = fields(&out).collect();
        let wanted = [
            (3, Field::Number(300)),
            (12, Field::Bytes(text.as_bytes())),
            (9, Field::Number(1)),
            (10, Field::Number(2)),
            (16, Field::Bytes(&[7])),
        ];
        assert_eq!(read, wanted);
        assert_eq!([3, 12, 9].map(|wanted| place_of(&out, |number| number == wanted)), [0, 3, 206]);
        assert_eq!(place_of(&[8, 1, 16, 1], |number| number > 2), 4);
    }

    #[test]
    fn frames_of_every_size_have_the_shortest_length() {
        for len in [0, 1, 127, 128, 16_383, 16_384, 3_000_000] {
            let mut out = vec![7];
            let start = begin(&mut out, 2);
            out.resize(out.len() + len, 9);
            end(&mut out, start);
            let mut wanted = vec![7, tag(2)];
            prost::encoding::encode_varint(len as u64, &mut wanted);
            wanted.resize(wanted.len() + len, 9);
            assert!(out == wanted, "{len}");
        }
    }
}
