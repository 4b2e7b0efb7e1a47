//! What a consent template says, in words that every provider shares.

use super::period::{Frequency, Period};
use crate::{
    journey::model::{ConsentMode, DayRange},
    pb::FiType,
};

/// A template's terms; `None` and an empty list are not known.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct TemplateTerms {
    /// How data may be kept.
    pub mode: Option<ConsentMode>,
    /// Whether data may be fetched again.
    pub periodic: Option<bool>,
    /// The days covered by a consent that is asked for now.
    pub range: Option<DayRange>,
    /// How long fetched data may be kept.
    pub data_life: Option<Period>,
    /// How long a consent lasts.
    pub consent_life: Option<Period>,
    /// How often data may be fetched.
    pub frequency: Option<Frequency>,
    /// The kinds of account.
    pub fi_types: Vec<FiType>,
    /// The framework's template that it follows, such as "CT048", where wider limits hang on it.
    pub mark: Option<String>,
}
