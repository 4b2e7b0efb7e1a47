//! The content of Finpass's messages. Finpass signs no message and documents none, so none is read for its content.

use bytes::Bytes;
use jiff::Timestamp;

use crate::providers::message_content::MessageContent;

/// Returns no content, whatever came.
pub(super) fn read(_: &Bytes, _: Timestamp) -> MessageContent {
    MessageContent::default()
}
