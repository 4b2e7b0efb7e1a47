//! One row of a statement: what a provider wrote, and how it goes over the wire.

use std::borrow::Cow;

use prost::Message;

use super::{
    absence,
    completeness::Fact,
    ids::{self, ID_LEN, RowIdentity},
    quality::Flags,
    repaired::{self, is_repaired},
    scalar::Scalar,
    spelling::Side,
    time::{Day, Received, When, Zoneless},
    unknown::Unknown,
    wire, words,
};
use crate::pb::{QualityCode, TransactionMode, TransactionType};

mod content;

/// A row as it came.
#[derive(Debug, Default, PartialEq)]
pub struct Row<'a> {
    /// Credit, debit or an event.
    pub kind: Scalar<'a>,
    /// How the money moved.
    pub mode: Scalar<'a>,
    /// How much.
    pub amount: Scalar<'a>,
    /// Balance after it.
    pub balance: Scalar<'a>,
    /// When.
    pub time: Scalar<'a>,
    /// From when it counts.
    pub value_date: Scalar<'a>,
    /// The bank's id.
    pub id: Scalar<'a>,
    /// Text.
    pub narration: Scalar<'a>,
    /// Reference.
    pub reference: Scalar<'a>,
    /// Keys that are not known, with their values.
    pub unknown: Unknown<'a>,
}

impl Row<'_> {
    fn parts(&self) -> [&Scalar<'_>; 9] {
        [
            &self.kind,
            &self.mode,
            &self.amount,
            &self.balance,
            &self.time,
            &self.value_date,
            &self.id,
            &self.narration,
            &self.reference,
        ]
    }

    /// Everything that the row says in its fields, as values: a provider that spells `100.0` today and `100.00` tomorrow says the same. Each
    /// part has its form and its length, so that different rows never write the same. Unknown keys are left out: a key that a provider adds
    /// one day must not give all rows another id.
    pub fn write_content(&self, reading: RowReading, out: &mut Vec<u8>) {
        content::word(out, &self.kind, words::transaction_type, TransactionType::Other);
        content::word(out, &self.mode, words::transaction_mode, TransactionMode::Other);
        content::amount(out, &self.amount, reading.currency);
        content::amount(out, &self.balance, reading.currency);
        content::time(out, &self.time, reading.zoneless);
        content::day(out, &self.value_date, reading.zoneless);
        content::text(out, &self.bank_id().unwrap_or_default());
        content::text(out, &self.narration.text().unwrap_or_default());
        content::text(out, &told(&self.reference).unwrap_or_default());
    }

    /// Whether no field of it was found.
    #[inline]
    fn says_nothing(&self) -> bool {
        matches!(self.kind, Scalar::Missing) && self.parts().iter().all(|part| matches!(part, Scalar::Missing))
    }

    /// The bank's id as text; a number's digits are its text. `None` for a placeholder such as "-" or "0": rows with the same placeholder are
    /// not the same row.
    pub fn bank_id(&self) -> Option<Cow<'_, str>> {
        told(&self.id)
    }
}

/// What an identifier says, unless it says that there is none.
fn told<'s>(scalar: &'s Scalar<'_>) -> Option<Cow<'s, str>> {
    scalar.text().filter(|text| !absence::is_absent_id(text))
}

/// The currency of an account's amounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Currency {
    /// ISO 4217 code.
    pub code: [u8; 3],
    /// Decimals.
    pub decimals: u32,
}

/// How the rows of an account are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowReading {
    /// `None` if it is not known: amounts stay unset.
    pub currency: Option<Currency>,
    /// The zone of times that name none.
    pub zoneless: Zoneless,
}

/// What all rows of an account share.
pub struct RowWriter<'w> {
    /// The account's id.
    pub account_id: [u8; ID_LEN],
    /// `None` if it is not known: amounts stay unset.
    pub currency: Option<Currency>,
    /// The zone of times that name none.
    pub zoneless: Zoneless,
    /// The range that the account states.
    pub stated: (Option<Day>, Option<Day>),
    /// When the rows came.
    pub received: Received,
    /// Whether the body was damaged: repaired texts are flagged.
    pub damaged: bool,
    /// Reused from row to row.
    pub flags: &'w mut Flags,
}

impl RowWriter<'_> {
    /// Appends a framed row; answers what completeness is judged from.
    pub fn write(&mut self, out: &mut Vec<u8>, row: &Row<'_>, identity: &RowIdentity, ordinal: usize) -> Fact {
        self.flags.0.clear();
        let start = wire::begin(out, 2);
        out.extend_from_slice(&self.ids(identity));
        let kind = self.words(out, row);
        let mut fact = Fact { repeats: identity.repeats, shares_id: identity.duplicate_id, ..Fact::default() };
        if let Some(currency) = self.currency {
            // A side beside the amount repeats the row's type, or contradicts it.
            let of_type = |side| match (side, kind) {
                (Side::Credit, TransactionType::Credit) | (Side::Debit, TransactionType::Debit) => Some(false),
                _ => None,
            };
            let amount = self.amount(out, 7, "amount", &row.amount, currency, of_type);
            fact.balance = self.amount(out, 8, "balance", &row.balance, currency, |side| Some(side == Side::Debit)).into();
            let change = match kind {
                TransactionType::Credit => amount,
                // Some write money that goes out as a negative amount.
                TransactionType::Debit => amount.and_then(|units| units.checked_abs()).map(|units| -units),
                _ => None,
            };
            fact.change = change.into();
        } else {
            for (path, text) in [("amount", &row.amount), ("balance", &row.balance)] {
                self.flags.wrong(path, text);
                if let Some(text) = text.text().filter(|text| !absence::is_absent_code(text)) {
                    self.flags.quote(path, QualityCode::UnknownCurrency, &text);
                }
            }
        }
        if let Some(when) = self.times(out, row) {
            let day = when.day();
            fact.day = Some(day);
            fact.moment = Some(match when {
                When::Day(_) => day.number() * 86_400,
                When::Instant { seconds, .. } => seconds,
            })
            .into();
        }
        for (field, path, scalar, text) in [
            (12, "narration", &row.narration, row.narration.text()),
            (13, "reference", &row.reference, told(&row.reference)),
            (14, "bank_transaction_id", &row.id, row.bank_id()),
        ] {
            match text {
                Some(text) => wire::string(out, field, &text),
                None => self.flags.wrong(path, scalar),
            }
        }
        wire::number(out, 15, ordinal as u64);
        if row.says_nothing() {
            // Kept, because something stood there: a list's null, or an object of unknown keys.
            self.flags.add("", QualityCode::Unparsable);
        }
        if identity.duplicate_row {
            self.flags.add("", QualityCode::DuplicateRow);
        }
        if identity.duplicate_id {
            self.flags.add("bank_transaction_id", QualityCode::DuplicateId);
        }
        let extensions = row.unknown.extensions();
        if self.damaged {
            self.flag_repaired(row, extensions.as_ref());
        }
        if !self.flags.0.is_empty() {
            self.write_flags(out);
        }
        if let Some(extensions) = extensions {
            // Field 17 is above those whose tag takes one byte.
            out.extend_from_slice(&[0x8a, 0x01]);
            wire::varint(out, extensions.encoded_len() as u64);
            out.extend_from_slice(&extensions.encode_to_vec());
        }
        wire::end(out, start);
        fact
    }

    /// Both ids as fields 1 and 2.
    fn ids(&self, identity: &RowIdentity) -> [u8; 2 * (ID_LEN + 2)] {
        let mut bytes = [ID_LEN as u8; 2 * (ID_LEN + 2)];
        bytes[0] = wire::tag(1);
        bytes[2..2 + ID_LEN].copy_from_slice(&ids::text(*b"txn_", &identity.key));
        bytes[2 + ID_LEN] = wire::tag(2);
        bytes[4 + ID_LEN..].copy_from_slice(&self.account_id);
        bytes
    }

    /// Answers the type.
    fn words(&mut self, out: &mut Vec<u8>, row: &Row<'_>) -> TransactionType {
        use TransactionMode as Mode;
        use TransactionType as Type;
        // The words of nearly all rows need neither a table nor a text.
        let kind = match row.kind {
            Scalar::Text("DEBIT") => {
                wire::number(out, 3, Type::Debit as u64);
                Type::Debit
            }
            Scalar::Text("CREDIT") => {
                wire::number(out, 3, Type::Credit as u64);
                Type::Credit
            }
            _ => {
                let read = self.flags.borrowed_word("type", &row.kind, words::transaction_type, Type::Other);
                let kind = read.0.unwrap_or_default();
                wire::number(out, 3, kind as u64);
                wire::string(out, 4, &read.1);
                kind
            }
        };
        match row.mode {
            Scalar::Text("UPI") => wire::number(out, 5, Mode::Upi as u64),
            _ => {
                let read = self.flags.borrowed_word("mode", &row.mode, words::transaction_mode, Mode::Other);
                wire::number(out, 5, read.0.unwrap_or_default() as u64);
                wire::string(out, 6, &read.1);
            }
        }
        kind
    }

    #[inline]
    fn amount(
        &mut self,
        out: &mut Vec<u8>,
        field: u8,
        path: &'static str,
        text: &Scalar<'_>,
        currency: Currency,
        negative: impl FnOnce(Side) -> Option<bool>,
    ) -> Option<i64> {
        let units = self.flags.amount(path, text, currency, negative)?;
        wire::money(out, field, units, currency.code);
        Some(units)
    }

    /// Writes both dates; answers the time by which the row counts. Banks that tell value dates only leave the time empty, and some write
    /// one that cannot be read: then the row counts by its value date.
    fn times(&mut self, out: &mut Vec<u8>, row: &Row<'_>) -> Option<When> {
        let told = self.flags.when("transaction_time", &row.time, self.zoneless);
        if let Some(when) = told {
            self.write_day(out, when);
        }
        let value = self.flags.day("value_date", &row.value_date, self.zoneless);
        let when = told.or_else(|| {
            let when = When::Day(value?);
            self.flags.add("transaction_date", QualityCode::DateFromValueDate);
            self.write_day(out, when);
            Some(when)
        });
        if let Some(value) = value {
            wire::date(out, 11, value);
            if let Some(day) = told.map(When::day).filter(|day| *day != value) {
                self.check_range("value_date", value);
                if (value.number() - day.number()).abs() > 3 {
                    self.flags.add("value_date", QualityCode::DatesDisagree);
                }
            }
        }
        when
    }

    /// Writes the time, and the day of it that the row counts by.
    #[inline]
    fn write_day(&mut self, out: &mut Vec<u8>, when: When) {
        let day = when.day();
        wire::timestamp(out, 9, when);
        wire::date(out, 10, day);
        self.check_range("transaction_date", day);
        if self.received.is_before(when) {
            let path = if matches!(when, When::Day(_)) { "transaction_date" } else { "transaction_time" };
            self.flags.add(path, QualityCode::LaterThanFetch);
        }
    }

    #[inline]
    fn check_range(&mut self, path: &'static str, day: Day) {
        let (from, to) = self.stated;
        if from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to) {
            self.flags.add(path, QualityCode::OutOfRange);
        }
    }

    #[cold]
    fn flag_repaired(&mut self, row: &Row<'_>, extensions: Option<&prost_types::Struct>) {
        let paths = [
            "type",
            "mode",
            "amount",
            "balance",
            "transaction_time",
            "value_date",
            "bank_transaction_id",
            "narration",
            "reference",
        ];
        for (path, part) in paths.into_iter().zip(row.parts()) {
            if part.text().is_some_and(|text| is_repaired(&text)) {
                self.flags.add(path, QualityCode::TextRepaired);
            }
        }
        if extensions.is_some_and(repaired::struct_is_repaired) {
            self.flags.add("extensions", QualityCode::TextRepaired);
        }
    }

    #[cold]
    fn write_flags(&mut self, out: &mut Vec<u8>) {
        let mut message = Vec::new();
        for flag in &self.flags.0 {
            message.clear();
            wire::string(&mut message, 1, &flag.path);
            wire::number(&mut message, 2, flag.code as u64);
            wire::string(&mut message, 3, &flag.source);
            // Field 16 is the first whose tag takes two bytes.
            out.extend_from_slice(&[0x82, 0x01]);
            wire::varint(out, message.len() as u64);
            out.extend_from_slice(&message);
        }
    }
}
