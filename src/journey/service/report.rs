//! FetchReport: one document of the analysis, asked for once and kept as long as the data.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{
    FetchChoice, Service,
    analytics::{Subject, target},
};
use crate::{
    cache::Cached,
    data::Provenance,
    journey::{
        error::{Failure, JourneyError},
        model::Journey,
        sharing::may_bring,
    },
    pb::ReportFormat,
    providers::provider::Call,
    store::{KeptDocument, LargeValue},
};

/// A document.
#[derive(Debug, Clone)]
pub struct ReportAnswer {
    /// Its format.
    pub format: ReportFormat,
    /// The media type.
    pub media_type: String,
    /// The bytes.
    pub bytes: Bytes,
    /// The fetch that was analysed.
    pub fetch_id: String,
    /// Which call brought it, and when.
    pub provenance: Provenance,
}

impl Cached for ReportAnswer {
    fn weight(&self) -> usize {
        self.bytes.len() + 256
    }
    fn until(&self) -> Timestamp {
        let at = self.provenance.received_at;
        at.checked_add(SignedDuration::from_mins(5)).unwrap_or(at)
    }
}

/// The id of a document: its format and fetch.
pub fn report_id(fetch_id: &str, format: ReportFormat) -> String {
    let word = format.as_str_name().trim_start_matches("REPORT_FORMAT_").to_ascii_lowercase();
    format!("rep_{word}_{fetch_id}")
}

fn parse_report_id(report_id: &str) -> Option<(String, ReportFormat)> {
    let (word, fetch_id) = report_id.strip_prefix("rep_")?.split_once('_')?;
    let format = ReportFormat::from_str_name(&format!("REPORT_FORMAT_{}", word.to_ascii_uppercase()))?;
    Some((fetch_id.to_owned(), format))
}

/// Which document is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportChoice {
    /// One that an analysis has listed, by its id.
    Listed(String),
    /// One of a fetch, by its format.
    Format(ReportFormat, FetchChoice),
}

impl Service {
    /// A document of the accounts `account_ids`; none means all.
    pub async fn report(
        &self,
        call: Call,
        journey: &Journey,
        choice: &ReportChoice,
        account_ids: &[String],
    ) -> Result<ReportAnswer, Failure> {
        self.report_of(call, journey, choice, account_ids).await.map_err(|error| Failure::from(error).of(&journey.id))
    }

    async fn report_of(
        &self,
        call: Call,
        journey: &Journey,
        choice: &ReportChoice,
        account_ids: &[String],
    ) -> Result<ReportAnswer, JourneyError> {
        let (choice, format, listed) = match choice {
            ReportChoice::Listed(report_id) => {
                let (fetch_id, format) = parse_report_id(report_id).ok_or(JourneyError::ReportNotFound)?;
                (FetchChoice { fetch_id, ..FetchChoice::default() }, format, true)
            }
            ReportChoice::Format(format, choice) => (choice.clone(), *format, false),
        };
        if !self.product_of(journey)?.is_some_and(|product| product.report_formats.contains(&format)) {
            return Err(JourneyError::ReportNotFound);
        }
        let subject = self.subject(journey, &choice, account_ids).map_err(|error| match error {
            JourneyError::FetchNotFound if listed => JourneyError::ReportNotFound,
            other => other,
        })?;
        if format == ReportFormat::Json {
            // The same document that FetchAnalytics answers: one question serves both.
            let (analysis, _) = self.analysis(call, journey, &subject).await?;
            return Ok(ReportAnswer {
                format,
                media_type: "application/json".to_owned(),
                bytes: analysis.document,
                fetch_id: subject.fetch.id.clone(),
                provenance: analysis.provenance,
            });
        }
        self.document(call, journey, &subject, format).await
    }

    async fn document(
        &self,
        call: Call,
        journey: &Journey,
        subject: &Subject<'_>,
        format: ReportFormat,
    ) -> Result<ReportAnswer, JourneyError> {
        let name = subject.kept_name(format.as_str_name());
        let store = &self.parts.store;
        let room = self.room_for_stored(call, LargeValue::Document(&subject.kept_under, &name)).await?;
        let mut kept = store.document(&journey.tenant, &subject.kept_under, &name).await?;
        // An older version kept it under the fetch.
        if kept.is_none() && subject.kept_under != subject.fetch.id {
            kept = store.document(&journey.tenant, &subject.fetch.id, &name).await?;
        }
        let fetch_id = subject.fetch.id.clone();
        if let Some(KeptDocument { bytes, media_type, provenance }) = kept {
            room.shrink_to(bytes.len() as u64);
            let bytes = room.bind(bytes.into());
            return Ok(ReportAnswer { format, media_type, bytes, fetch_id, provenance });
        }
        let this = self.clone();
        let key = (self.parts.tenant.id.clone(), subject.kept_name(&subject.kept_under), format);
        let links = subject.links.clone();
        let (under, purge_at) = (subject.kept_under.clone(), subject.purge_at);
        let (journey, consent, fetch) = (journey.clone(), subject.consent.clone(), subject.fetch.clone());
        let work = move || async move {
            may_bring(&journey, &consent, Some(&fetch), this.parts.clock.now())?;
            let provider = this.provider_of(&journey.routing)?;
            let document = provider.document(call, target(&journey, &consent, &fetch, &links)?, format).await;
            let document = this.heeded(&journey, &consent.id, document.map_err(JourneyError::from)).await?;
            let media_type = document.media_type.to_owned();
            let kept = KeptDocument { bytes: document.bytes.to_vec(), media_type, provenance: document.provenance };
            this.keep_document(&journey, (&under, purge_at), &name, &kept).await?;
            let KeptDocument { media_type, provenance, .. } = kept;
            Ok(ReportAnswer { format, media_type, bytes: document.bytes, fetch_id, provenance })
        };
        Ok(self.parts.reports.get(key, self.parts.clock.now(), |_| true, work).await?.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_id_reads_back() {
        for format in [ReportFormat::Json, ReportFormat::Xml, ReportFormat::Excel, ReportFormat::Pdf] {
            let id = report_id("fch_0123", format);
            assert_eq!(parse_report_id(&id), Some(("fch_0123".to_owned(), format)), "{id}");
        }
        for text in ["", "rep_", "rep_json", "rep_word_fch_1", "json_fch_1"] {
            assert_eq!(parse_report_id(text), None, "{text}");
        }
    }
}
