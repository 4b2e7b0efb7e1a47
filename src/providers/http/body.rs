//! Reads an answer whole, within its bound.

use bytes::{Bytes, BytesMut};

use super::{OutboundRequest, OutboundResponse, transport_error};
use crate::providers::error::{ErrorKind, ProviderError};

/// The answer with its body, of at most so many bytes.
pub(in crate::providers) async fn read_whole(
    request: &OutboundRequest,
    mut answer: reqwest::Response,
    max_bytes: usize,
) -> Result<OutboundResponse, ProviderError> {
    let status = answer.status();
    let headers = answer.headers().clone();
    let effect = request.kind.effect_when_lost();
    let too_large = || {
        ProviderError::new(ErrorKind::ResponseTooLarge, request.provider, request.stage)
            .with_effect(effect)
            .with_detail(format!("the body passes {max_bytes} bytes"))
    };
    // A stated length is only believed when it already passes the bound.
    if answer.content_length().is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large());
    }
    let mut body = Gathered::of(answer.content_length());
    while let Some(chunk) = answer.chunk().await.map_err(|error| transport_error(request, &error))? {
        if body.len() + chunk.len() > max_bytes {
            return Err(too_large());
        }
        body.add(chunk);
    }
    Ok(OutboundResponse::new(status, headers, body.whole()))
}

/// A body on its way in. A buffer that doubles as it grows would hold three times a large body for a moment, and keep up to half of its
/// room empty.
enum Gathered {
    /// Its length is stated. Room that no byte reaches is never touched, so a lie within the bound costs nothing.
    Sized(BytesMut),
    /// It is not: pieces are put together at the end.
    Pieces(Vec<Bytes>, usize),
}

impl Gathered {
    fn of(length: Option<u64>) -> Self {
        match length.and_then(|length| usize::try_from(length).ok()) {
            Some(length) => Self::Sized(BytesMut::with_capacity(length)),
            None => Self::Pieces(Vec::new(), 0),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Sized(body) => body.len(),
            Self::Pieces(_, len) => *len,
        }
    }

    fn add(&mut self, chunk: Bytes) {
        match self {
            Self::Sized(body) => body.extend_from_slice(&chunk),
            Self::Pieces(pieces, len) => {
                *len += chunk.len();
                pieces.push(chunk);
            }
        }
    }

    fn whole(self) -> Bytes {
        match self {
            Self::Sized(body) => body.freeze(),
            Self::Pieces(pieces, _) => pieces.concat().into(),
        }
    }
}
