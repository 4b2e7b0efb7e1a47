//! Documents of an analysis: Finpass has the JSON only.

use crate::providers::provider::{Analysis, Document};

/// The analysis as a document.
pub(super) fn of_analysis(analysis: Analysis) -> Document {
    Document { bytes: analysis.document, media_type: "application/json", provenance: analysis.provenance }
}
