//! What labels may hold: words of closed sets, as types. A text from outside cannot become a label.

use std::sync::atomic::{AtomicU64, Ordering};

use tonic::Code;

use crate::providers;

/// A word of a closed set.
pub trait Word: Copy + Send + Sync + 'static {
    /// The whole set, each word at its own place.
    const ALL: &'static [Self];
    /// The word as it stands in a label.
    fn word(self) -> &'static str;
    /// Where it stands in the set.
    fn place(self) -> usize;
}

/// Declares a closed set: each variant with its word.
macro_rules! words {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $($(#[$inner])* $variant,)+ }

        impl $crate::telemetry::metrics::words::Word for $name {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
            fn word(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
            fn place(self) -> usize {
                self as usize
            }
        }
    };
}

pub(crate) use words;

words! {
    /// How a call to a provider, or one attempt of it, ended as far as HTTP tells. What the answer means is the adapter's business.
    CallOutcome {
        /// Answered with 2xx or 3xx.
        Answered = "answered",
        /// Answered with 4xx, 429 apart: often a state, not a fault.
        Refused = "refused",
        /// 429.
        RateLimited = "rate_limited",
        /// Answered with 5xx.
        ServerError = "server_error",
        /// No answer in time.
        Timeout = "timeout",
        /// Not reached, or the connection broke.
        Unavailable = "unavailable",
        /// Not sent: the breaker is open.
        BreakerOpen = "breaker_open",
        /// The answer could not be taken: too large, or damaged.
        Invalid = "invalid",
        /// Answered, but the gateway had no memory for the body in time.
        NoRoom = "no_room",
    }
}

words! {
    /// The caches.
    CacheName {
        /// Status trees.
        Status = "status",
        /// Encoded rows of fetches.
        Rows = "rows",
        /// Pages as compressed frames.
        Frames = "frames",
    }
}

words! {
    /// What a cache had.
    CacheResult {
        /// It was there.
        Hit = "hit",
        /// It was loaded, or waited for with others.
        Miss = "miss",
    }
}

words! {
    /// What became of a webhook's request.
    Received {
        /// Kept.
        Kept = "kept",
        /// It came before.
        Known = "known",
        /// More than the listener takes.
        RateLimited = "rate_limited",
        /// To an address that nobody has.
        UnknownAddress = "unknown_address",
        /// Without the signature that the address asks for.
        Unsigned = "unsigned",
        /// With a wrong or outdated proof.
        Unproved = "unproved",
        /// Its body was too large or broke off.
        Unreadable = "unreadable",
        /// The store could not take it.
        Unavailable = "unavailable",
    }
}

words! {
    /// What became of a kept message.
    Applied {
        /// Its journeys were woken.
        Applied = "applied",
        /// It waits for something that is not known yet.
        Parked = "parked",
        /// Put aside.
        Quarantined = "quarantined",
        /// To be tried again.
        Again = "again",
    }
}

words! {
    /// What a provider is told of a withdrawal.
    DeliveryWord {
        /// The consent is revoked.
        Revoke = "revoke",
        /// The data is to be deleted.
        DeleteData = "delete_data",
    }
}

words! {
    /// Whether it was heard.
    Heard {
        /// It was.
        Done = "done",
        /// Not this time.
        Failed = "failed",
    }
}

words! {
    /// Whether a connection to the store is at work.
    ConnectionState {
        /// It waits for work.
        Idle = "idle",
        /// It is at work.
        Used = "used",
    }
}

words! {
    /// Where messages of providers wait.
    Waiting {
        /// To be applied.
        New = "new",
        /// For what is not known yet.
        Parked = "parked",
    }
}

/// A provider: one of those that this program knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProviderWord(usize);

impl ProviderWord {
    /// By its id; whatever is none of ours is one word together.
    pub fn of(id: &str) -> Self {
        Self(providers::ALL.iter().position(|known| known.id == id).unwrap_or(providers::ALL.len()))
    }
}

impl Word for ProviderWord {
    const ALL: &'static [Self] = &[Self(0), Self(1), Self(2)];
    fn word(self) -> &'static str {
        providers::ALL.get(self.0).map_or("unknown", |known| known.id)
    }
    fn place(self) -> usize {
        self.0
    }
}

/// The codes of gRPC as the convention writes them, each at the place of its number.
pub const CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// Where a code stands in [`CODES`].
pub fn code_place(code: Code) -> usize {
    // The library reads whatever is no code as UNKNOWN, so this is always within.
    usize::try_from(i32::from(code)).unwrap_or(2)
}

/// Counts by one word.
#[derive(Debug)]
pub struct Tally<W>(Box<[AtomicU64]>, std::marker::PhantomData<W>);

impl<W: Word> Default for Tally<W> {
    fn default() -> Self {
        Self(W::ALL.iter().map(|_| AtomicU64::new(0)).collect(), std::marker::PhantomData)
    }
}

impl<W: Word> Tally<W> {
    /// Counts some.
    pub fn add(&self, word: W, count: u64) {
        if let Some(counter) = self.0.get(word.place()) {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Replaces the number of a word, for what can fall again.
    pub fn set(&self, word: W, number: u64) {
        if let Some(counter) = self.0.get(word.place()) {
            counter.store(number, Ordering::Relaxed);
        }
    }

    /// Every word with its count.
    pub fn iter(&self) -> impl Iterator<Item = (W, u64)> {
        W::ALL.iter().zip(&self.0).map(|(word, counter)| (*word, counter.load(Ordering::Relaxed)))
    }
}

/// Counts by two words.
#[derive(Debug)]
pub struct Pairs<A, B>(Box<[Tally<B>]>, std::marker::PhantomData<A>);

impl<A: Word, B: Word> Default for Pairs<A, B> {
    fn default() -> Self {
        Self(A::ALL.iter().map(|_| Tally::default()).collect(), std::marker::PhantomData)
    }
}

impl<A: Word, B: Word> Pairs<A, B> {
    /// Counts one.
    pub fn count(&self, one: A, other: B) {
        if let Some(tally) = self.0.get(one.place()) {
            tally.add(other, 1);
        }
    }

    /// Every pair with its count.
    pub fn iter(&self) -> impl Iterator<Item = (A, B, u64)> {
        A::ALL.iter().zip(&self.0).flat_map(|(one, tally)| tally.iter().map(|(other, count)| (*one, other, count)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_provider_has_its_own_word_and_strangers_share_one() {
        assert_eq!(ProviderWord::ALL.len(), providers::ALL.len() + 1);
        for known in providers::ALL {
            assert_eq!(ProviderWord::of(known.id).word(), known.id);
        }
        assert_eq!(ProviderWord::of("9000000001").word(), "unknown");
    }

    #[test]
    fn codes_stand_at_their_numbers() {
        for number in 0..17 {
            let code = Code::from_i32(number);
            assert_eq!(code_place(code), usize::try_from(number).unwrap());
            assert_eq!(CODES[code_place(code)].replace('_', "").to_lowercase(), format!("{code:?}").to_lowercase());
        }
        assert_eq!(CODES[code_place(Code::from_i32(99))], "UNKNOWN");
    }

    #[test]
    fn what_is_counted_comes_out_under_its_words() {
        let pairs: Pairs<ProviderWord, Received> = Pairs::default();
        pairs.count(ProviderWord::of(providers::ALL[0].id), Received::Known);
        let counted: Vec<_> = pairs.iter().filter(|(_, _, count)| *count > 0).collect();
        assert_eq!(counted, [(ProviderWord::of(providers::ALL[0].id), Received::Known, 1)]);
        for (place, word) in Received::ALL.iter().enumerate() {
            assert_eq!(word.place(), place);
        }
    }
}
