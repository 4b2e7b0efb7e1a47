//! An account before it is read: what a provider wrote, field by field.

use std::borrow::Cow;

use crate::{
    data::{
        account::SectionNames,
        holder::HolderText,
        json::{Node, Object},
        record::ODD,
        row::Row,
        scalar::Scalar,
        summary::SummaryText,
        typed::Sections,
    },
    pb::FiType,
};

/// An account as it came.
#[derive(Debug, Default)]
pub struct AccountText<'a> {
    /// Under which the account is linked at the provider.
    pub link: Scalar<'a>,
    /// The account number, masked or not.
    pub number: Scalar<'a>,
    /// Kind of financial information.
    pub fi_type: Scalar<'a>,
    /// The kind where none is told and the shape gives it away.
    pub assumed_fi_type: Option<FiType>,
    /// FIP id.
    pub fip_id: Scalar<'a>,
    /// Bank's name.
    pub fip_name: Scalar<'a>,
    /// Signs of tampering.
    pub tampered: Scalar<'a>,
    /// Words for the source.
    pub source: Scalar<'a>,
    /// The same under another name.
    pub data_source: Scalar<'a>,
    /// The provider's word for whether the data came.
    pub delivery: Scalar<'a>,
    /// Single or joint.
    pub holding: Scalar<'a>,
    /// Holders.
    pub holders: Vec<HolderText<'a>>,
    /// Summary.
    pub summary: SummaryText<'a>,
    /// Rows in the provider's order.
    pub rows: Vec<Row<'a>>,
    /// First day of the range that the provider states.
    pub from: Scalar<'a>,
    /// Last day.
    pub to: Scalar<'a>,
    /// What is not read yet, because the account is no deposit.
    pub sections: Sections<'a>,
    /// Keys that are not known, with their values.
    pub unknown: Vec<(String, Cow<'a, str>)>,
    /// The same of the section of holders.
    pub profile_unknown: Vec<(String, Cow<'a, str>)>,
    /// The same of the section of rows.
    pub transactions_unknown: Vec<(String, Cow<'a, str>)>,
}

impl AccountText<'_> {
    /// Whether it says nothing: a null or a text in a list of accounts.
    pub(super) fn is_empty(&self) -> bool {
        let scalars = [&self.link, &self.number, &self.fi_type];
        scalars.iter().all(|scalar| scalar.is_missing())
            && self.holders.is_empty()
            && self.summary.is_empty()
            && self.rows.is_empty()
            && self.sections.is_empty()
            && self.unknown.iter().all(|(key, _)| key == ODD)
    }

    /// What no field of a deposit holds.
    pub(super) fn extensions(&self, names: SectionNames) -> Option<prost_types::Struct> {
        let mut object = Object::of(&self.unknown);
        let sections = [
            (names.summary, &self.summary.unknown),
            (names.profile, &self.profile_unknown),
            (names.transactions, &self.transactions_unknown),
        ];
        for (key, unknown) in sections {
            let mut section = Object::of(unknown);
            section.fields.retain(|(_, node)| !node.says_nothing());
            object.put(key, Node::Object(section));
        }
        object.into_extensions()
    }
}
