//! Holders of an account.

use std::borrow::Cow;

use prost_types::Struct;

use super::{
    absence,
    convert::date,
    hidden,
    json::Object,
    quality::Flags,
    scalar::Scalar,
    time::{self, Zoneless},
    words, words_markets,
};
use crate::pb::{Answer, Date, Holder, QualityCode};

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
    pub unknown: Vec<(String, Cow<'a, str>)>,
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
    let mut reader = HolderReader { at, flags };
    let (date_of_birth, date_of_birth_text) = reader.born(&holder.date_of_birth);
    let (nominee_registered, nominee_name) = reader.nominee(&holder.nominee);
    Holder {
        name: reader.text("name", &holder.name, hidden::is_hidden),
        date_of_birth,
        date_of_birth_text,
        mobile: reader.text("mobile", &holder.mobile, hidden::is_hidden_number),
        landline: reader.text("landline", &holder.landline, hidden::is_hidden_number),
        email: reader.text("email", &holder.email, hidden::is_hidden),
        address: reader.text("address", &holder.address, hidden::is_hidden),
        pan: reader.text("pan", &holder.pan, hidden::is_hidden_pan),
        nominee_registered: nominee_registered.into(),
        nominee_name,
        ckyc_registered: reader.answer("ckyc_registered", &holder.ckyc, words::answer).into(),
        demat_id: reader.text("demat_id", &holder.demat_id, hidden::is_hidden),
        folio_number: reader.text("folio_number", &holder.folio, hidden::is_hidden),
        kyc_verified: reader.answer("kyc_verified", &holder.kyc, words_markets::verified).into(),
        holding_type_text: words::shown(&reader.text("holding_type_text", &holder.holding_type, |_| false)),
        pran: reader.text("pran", &holder.pran, hidden::is_hidden),
        uan: reader.text("uan", &holder.uan, hidden::is_hidden),
        rank_text: words::shown(&reader.text("rank_text", &holder.rank, |_| false)),
        extensions: holder.extensions.clone().or_else(|| Object::of(&holder.unknown).into_extensions()),
    }
}

/// Reads the fields of one holder; what is said of them carries its place in the list.
struct HolderReader<'f> {
    at: usize,
    flags: &'f mut Flags,
}

impl HolderReader<'_> {
    fn path(&self, field: &str) -> String {
        format!("holders[{}].{field}", self.at)
    }

    fn add(&mut self, field: &str, code: QualityCode) {
        self.flags.add(self.path(field), code);
    }

    /// What a field says, if it says anything.
    fn told<'s>(&mut self, field: &str, scalar: &'s Scalar<'_>) -> Option<Cow<'s, str>> {
        self.flags.wrong(self.path(field), scalar);
        scalar.text().filter(|text| !absence::is_absent(text))
    }

    /// A text as it came, flagged where a part of it is hidden.
    fn text(&mut self, field: &str, scalar: &Scalar<'_>, is_hidden: fn(&str) -> bool) -> String {
        let text = self.told(field, scalar).unwrap_or_default();
        if is_hidden(&text) {
            self.add(field, QualityCode::Masked);
        }
        text.into_owned()
    }

    /// The date of birth, or the text of what is no whole date. The flag does not quote it: a birthday is personal even where it is half
    /// hidden.
    fn born(&mut self, scalar: &Scalar<'_>) -> (Option<Date>, String) {
        let field = "date_of_birth";
        let Some(text) = self.told(field, scalar) else {
            return (None, String::new());
        };
        if let Some(when) = time::parse(&text, Zoneless::IstOrUtcMidnight) {
            return (Some(date(when.day())), String::new());
        }
        self.add(field, if hidden::is_hidden_number(&text) { QualityCode::Masked } else { QualityCode::Unparsable });
        (None, text.into_owned())
    }

    /// Whether there is a nominee, and who. Some banks write the name in place of the answer: then there is one.
    fn nominee(&mut self, scalar: &Scalar<'_>) -> (Answer, String) {
        let field = "nominee_registered";
        // "UNREGISTERED" is an answer here and nothing anywhere else.
        if let Some(answer) = scalar.text().and_then(|text| words::answer(&text)) {
            return (answer, String::new());
        }
        let Some(text) = self.told(field, scalar) else {
            return (Answer::Unspecified, String::new());
        };
        if hidden::is_hidden(&text) {
            self.add("nominee_name", QualityCode::Masked);
            return (Answer::Unspecified, text.into_owned());
        }
        if !text.contains(char::is_alphabetic) {
            self.flags.quote(self.path(field), QualityCode::UnknownWord, &text);
            return (Answer::Unspecified, String::new());
        }
        self.add(field, QualityCode::Assumed);
        (Answer::Yes, text.into_owned())
    }

    /// Yes or no by a table; a word that is not in it is quoted.
    fn answer(&mut self, field: &str, scalar: &Scalar<'_>, table: fn(&str) -> Option<Answer>) -> Answer {
        if let Some(answer) = scalar.text().and_then(|text| table(&text)) {
            return answer;
        }
        if let Some(text) = self.told(field, scalar) {
            self.flags.quote(self.path(field), QualityCode::UnknownWord, &text);
        }
        Answer::Unspecified
    }
}

#[cfg(test)]
mod tests;
