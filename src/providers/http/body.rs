//! Reads an answer whole, within its bound and within the process's budget of bytes.

use bytes::{Bytes, BytesMut};

use super::{OutboundRequest, OutboundResponse, transport_error};
use crate::{
    memory::{BODY_FACTOR, BodyShare, Room, SMALL_BODY},
    providers::error::{ErrorKind, ProviderError},
};

/// The answer with its body, of at most `max_bytes`. A body that is not small waits for room in `bodies` before it is read: by its stated
/// length, or, where none is stated (chunks, compression), as if it were as large as it may be.
pub(in crate::providers) async fn read_whole(
    request: &OutboundRequest,
    mut answer: reqwest::Response,
    max_bytes: usize,
    bodies: &BodyShare,
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
    let mut room = None;
    if let Some(length) = answer.content_length().filter(|length| *length > SMALL_BODY) {
        room = Some(reserve(request, bodies, length).await?);
    }
    let mut body = Gathered::of(answer.content_length());
    while let Some(chunk) = answer.chunk().await.map_err(|error| transport_error(request, &error))? {
        let length = body.len() + chunk.len();
        if length > max_bytes {
            return Err(too_large());
        }
        // A reservation that grows with the body would wait while it holds what others wait for.
        if room.is_none() && length as u64 > SMALL_BODY {
            room = Some(reserve(request, bodies, max_bytes as u64).await?);
        }
        body.add(chunk);
    }
    let body = body.whole();
    let room = room.unwrap_or_default();
    room.shrink_to(body.len() as u64 * BODY_FACTOR);
    Ok(OutboundResponse::new(status, headers, body).with_room(room))
}

async fn reserve(request: &OutboundRequest, bodies: &BodyShare, bytes: u64) -> Result<Room, ProviderError> {
    let room = bodies.reserve(bytes.saturating_mul(BODY_FACTOR), request.deadline);
    request.room_wait.during(room).await.map_err(|no_room| {
        let error = ProviderError::new(ErrorKind::NoRoom, request.provider, request.stage);
        error.with_effect(request.kind.effect_when_lost()).with_detail(no_room.to_string())
    })
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
