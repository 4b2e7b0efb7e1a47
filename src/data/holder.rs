//! Holders of an account.

use prost_types::Struct;

use super::{
    convert::date,
    json::Object,
    quality::Flags,
    scalar::Scalar,
    time::{self, When, Zoneless},
    words, words_markets,
};
use crate::pb::{Answer, Holder, QualityCode};

/// A holder as it came.
#[derive(Debug, Default, PartialEq)]
pub struct HolderText<'a> {
    /// Name.
    pub name: Scalar<'a>,
    /// Date of birth.
    pub date_of_birth: Scalar<'a>,
    /// Mobile number.
    pub mobile: Scalar<'a>,
    /// Landline number.
    pub landline: Scalar<'a>,
    /// Email.
    pub email: Scalar<'a>,
    /// Address.
    pub address: Scalar<'a>,
    /// PAN.
    pub pan: Scalar<'a>,
    /// Nominee.
    pub nominee: Scalar<'a>,
    /// Central KYC.
    pub ckyc: Scalar<'a>,
    /// Demat account.
    pub demat_id: Scalar<'a>,
    /// Folio.
    pub folio: Scalar<'a>,
    /// KYC at the fund house.
    pub kyc: Scalar<'a>,
    /// Sole or others.
    pub holding_type: Scalar<'a>,
    /// Pension account number.
    pub pran: Scalar<'a>,
    /// Provident fund account number.
    pub uan: Scalar<'a>,
    /// Place among the holders of a policy.
    pub rank: Scalar<'a>,
    /// Single or joint, where it stands beside the only holder.
    pub holding: Scalar<'a>,
    /// Keys that are not known, with their values.
    pub unknown: Vec<(String, &'a str)>,
    /// The same, read already.
    pub extensions: Option<Struct>,
}

/// Reads the holders; those without any field are none.
pub fn read(holders: &[HolderText<'_>], flags: &mut Flags) -> Vec<Holder> {
    let (told, empty): (Vec<_>, Vec<_>) = holders.iter().partition(|holder| **holder != HolderText::default());
    if !told.is_empty() {
        // Without any holder the section is flagged.
        empty.iter().for_each(|_| flags.add("holders", QualityCode::Unparsable));
    }
    told.into_iter().enumerate().map(|(at, holder)| one(holder, at, flags)).collect()
}

fn one(holder: &HolderText<'_>, at: usize, flags: &mut Flags) -> Holder {
    let path = |field: &str| format!("holders[{at}].{field}");
    let born = holder.date_of_birth.text().and_then(|text| time::parse(&text, Zoneless::Utc)).map(When::day);
    if born.is_none() && !holder.date_of_birth.is_missing() {
        // Without the text: a birthday is personal even where it is half masked.
        flags.add(path("date_of_birth"), QualityCode::Unparsable);
    }
    let nominee = holder.nominee.text().map(|text| {
        words::answer(&text).unwrap_or_else(|| {
            // Some banks write who the nominee is: then there is one.
            flags.add(path("nominee_registered"), QualityCode::Assumed);
            Answer::Yes
        })
    });
    let mut kyc = |scalar: &Scalar<'_>, field, table: fn(&str) -> Option<Answer>| {
        let text = scalar.text()?;
        let answer = table(&text);
        if answer.is_none() {
            flags.add(path(field), QualityCode::UnknownWord);
        }
        answer
    };
    let ckyc = kyc(&holder.ckyc, "ckyc_registered", words::answer);
    let verified = kyc(&holder.kyc, "kyc_verified", words_markets::verified);
    let mut text = |field: &str, scalar: &Scalar<'_>| {
        if matches!(scalar, Scalar::Wrong) {
            flags.add(path(field), QualityCode::Unparsable);
        }
        scalar.string()
    };
    Holder {
        name: text("name", &holder.name),
        date_of_birth: born.map(date),
        mobile: text("mobile", &holder.mobile),
        landline: text("landline", &holder.landline),
        email: text("email", &holder.email),
        address: text("address", &holder.address),
        pan: text("pan", &holder.pan),
        nominee_registered: nominee.unwrap_or_default().into(),
        ckyc_registered: ckyc.unwrap_or_default().into(),
        demat_id: holder.demat_id.string(),
        folio_number: holder.folio.string(),
        kyc_verified: verified.unwrap_or_default().into(),
        holding_type_text: words::shown(&holder.holding_type.string()),
        pran: holder.pran.string(),
        uan: holder.uan.string(),
        rank_text: words::shown(&holder.rank.string()),
        extensions: holder.extensions.clone().or_else(|| Object::of(&holder.unknown).into_extensions()),
    }
}
