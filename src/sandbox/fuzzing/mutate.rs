//! Mutations of a seed, the same for the same number: what a failure prints is enough to see it again.

/// What JSON and its readers are sensitive to.
const WORDS: &[&[u8]] = &[
    b"null",
    b"true",
    b"{}",
    b"[]",
    b"\"\"",
    b"\" \"",
    b"\"NA\"",
    b"\"<NULL>\"",
    b"1e400",
    b"-1e400",
    b"1e-400",
    b"-0",
    b"0.1",
    b"83760.759999999995",
    b"9223372036854775808",
    b"-9223372036854775808",
    b"99999999999999999999",
    b"\"\\u0000\"",
    b"\"\\ud800\"",
    b"\0",
    b"\xff",
    b"\xc3\x28",
    b"\xef\xbb\xbf",
    b"\"",
    b"\\",
    b",",
    b":",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{\"a\":{\"a\":",
    b"[[[[[[[[",
    b"\n",
    b"\"2024-02-30\"",
    b"\"9999-12-31T23:59:60+99:99\"",
    b"\"31/12/2024\"",
    b"\"XXXX1234\"",
    b"\"SUCCESS\"",
    b"\"FAILED\"",
    b"\"PENDING\"",
    b"\"https://a.example/\"",
];

/// A pseudorandom stream (SplitMix64), and what it does to bytes.
#[derive(Debug, Clone)]
pub struct Mutator(u64);

impl Mutator {
    /// The stream of this number.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub fn below(&mut self, end: usize) -> usize {
        // The remainder is below `end`, which is a usize.
        self.next().checked_rem(end as u64).unwrap_or_default() as usize
    }

    /// One to eight changes of `bytes`; `other` is a seed to take pieces from.
    pub fn mutate(&mut self, bytes: &[u8], other: &[u8]) -> Vec<u8> {
        let mut out = bytes.to_vec();
        for _ in 0..=self.below(8) {
            self.change(&mut out, other);
        }
        out
    }

    fn change(&mut self, out: &mut Vec<u8>, other: &[u8]) {
        let at = self.below(out.len() + 1);
        let end = (at + self.below(24)).min(out.len());
        match self.below(9) {
            0 => out.truncate(at),
            1 => drop(out.drain(at..end)),
            2 => drop(out.splice(at..end, WORDS[self.below(WORDS.len())].iter().copied())),
            3 => drop(out.splice(at..at, WORDS[self.below(WORDS.len())].iter().copied())),
            4 => {
                let piece = out[at..end].to_vec();
                drop(out.splice(at..at, piece));
            }
            5 => {
                let from = self.below(other.len() + 1);
                let to = (from + self.below(64)).min(other.len());
                drop(out.splice(at..end, other[from..to].iter().copied()));
            }
            6 => self.scalar(out, at),
            _ => {
                let bit = self.below(8);
                if let Some(byte) = out.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
        }
    }

    /// Puts another word in place of the JSON scalar behind the next colon, so that the body stays JSON.
    fn scalar(&mut self, out: &mut Vec<u8>, at: usize) {
        let Some(colon) = out[at..].iter().position(|byte| *byte == b':').map(|found| at + found + 1) else { return };
        let length = out[colon..].iter().position(|byte| matches!(byte, b',' | b'}' | b'\n')).unwrap_or_default();
        let word = WORDS[self.below(WORDS.len())];
        out.splice(colon..colon + length, word.iter().copied());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_number_makes_the_same_mutations() {
        let seed = br#"{"amount": 500, "type": "CREDIT"}"#;
        let made =
            |number| (0..50).scan(Mutator::new(number), |mutator, _| Some(mutator.mutate(seed, b"[1]"))).collect::<Vec<_>>();
        assert_eq!(made(7), made(7));
        assert_ne!(made(7), made(8));
        assert!(made(7).iter().filter(|body| body.as_slice() != seed).count() > 40);
    }
}
