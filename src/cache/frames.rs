//! Pages as compressed frames. Compressing a page costs a hundred times what sending it does, so it is done once for all who ask for the
//! same page in the same way.

use bytes::Bytes;
use jiff::Timestamp;
use tonic::codec::CompressionEncoding;

use super::{Cached, RowsKey};

/// How a frame is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Compression {
    /// By its word in `grpc-encoding`.
    pub fn named(word: &[u8]) -> Option<Self> {
        match word {
            b"gzip" => Some(Self::Gzip),
            b"zstd" => Some(Self::Zstd),
            _ => None,
        }
    }

    /// As the library names it.
    pub fn encoding(self) -> CompressionEncoding {
        match self {
            Self::Gzip => CompressionEncoding::Gzip,
            Self::Zstd => CompressionEncoding::Zstd,
        }
    }
}

/// Which frame. All that the message holds is in the key, so a frame can never stand for another message: a journey that has changed writes
/// another head. The rows of a fetch in a view never change but with the normaliser, whose version the head carries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FrameKey {
    /// Whose rows, in which view.
    pub rows: RowsKey,
    /// Where the page begins and ends among their bytes.
    pub range: (u32, u32),
    /// What the message says beside the rows, encoded.
    pub head: Bytes,
    /// How it is compressed.
    pub compression: Compression,
}

/// A frame as it goes over the wire: flag, length and compressed message.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The frame.
    pub bytes: Bytes,
    /// How long its key's head is: the key lies in the cache too.
    pub head: usize,
    /// Until when it may be sent: as long as the rows that it was made from.
    pub until: Timestamp,
}

impl Cached for Frame {
    fn weight(&self) -> usize {
        self.bytes.len() + self.head + 256
    }
    fn until(&self) -> Timestamp {
        self.until
    }
}
