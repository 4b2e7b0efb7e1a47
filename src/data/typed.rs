//! Accounts that are no deposits: read from a tree by a provider's tables of keys, one table a message. A table takes out what it knows;
//! what is left becomes the message's `extensions`, so that nothing is lost.

use prost_types::Struct;

use super::{
    absence,
    convert::{Reader, date},
    holder::HolderText,
    ids::{self, RowIdentity},
    json::{Node, Object},
    money,
    quality::Flags,
    row::{Currency, Row},
    scalar::Scalar,
    time::{Day, Received, When},
    words,
};
use crate::pb::{self, Answer, QualityCode, account::Details};

/// The sections of an account as they came, not read yet.
#[derive(Debug, Default, Clone)]
pub struct Sections<'a> {
    /// Holders and what belongs to them.
    pub profile: Option<&'a str>,
    /// Summary and holdings.
    pub summary: Option<&'a str>,
    /// Rows.
    pub transactions: Option<&'a str>,
}

impl Sections<'_> {
    /// Whether nothing stands in them.
    pub fn is_empty(&self) -> bool {
        [self.profile, self.summary, self.transactions].iter().all(Option::is_none)
    }
}

/// What a provider's tables made of the sections.
#[derive(Debug, Default)]
pub struct Typed {
    /// Holders, as a deposit's.
    pub holders: Vec<HolderText<'static>>,
    /// Single or joint.
    pub holding: Scalar<'static>,
    /// Summary and holdings.
    pub details: Option<Details>,
    /// First day of the range that the provider states.
    pub from: Scalar<'static>,
    /// Last day.
    pub to: Scalar<'static>,
    /// Rows in the provider's order.
    pub rows: Vec<TypedRow>,
    /// Whether there was a section for rows, empty or not.
    pub rows_found: bool,
    /// What no table knows.
    pub extensions: Option<Struct>,
}

/// A row that is read, but for its ids.
#[derive(Debug, Default)]
pub struct TypedRow {
    /// The row.
    pub message: pb::Transaction,
    /// Flags on it.
    pub flags: Flags,
    /// All it says, for its id.
    pub content: String,
}

impl TypedRow {
    /// The row as ids are made from it.
    pub(super) fn as_its_id_sees_it(&self) -> Row<'_> {
        Row { id: Scalar::Text(&self.message.bank_transaction_id), narration: Scalar::Text(&self.content), ..Row::default() }
    }

    /// The whole row.
    pub(super) fn into_message(
        self,
        account_id: &str,
        identity: &RowIdentity,
        ordinal: usize,
        (from, to): (Option<Day>, Option<Day>),
        received: Received,
    ) -> pb::Transaction {
        let mut flags = self.flags;
        let mut row = self.message;
        if row == pb::Transaction::default() {
            flags.add("", QualityCode::Unparsable);
        }
        if row.transaction_date.is_none() {
            row.transaction_date = stand_in_date(&row);
            if row.transaction_date.is_some() {
                flags.add("transaction_date", QualityCode::DateFromValueDate);
            }
        }
        if let Some(day) = day_of(&row) {
            if from.is_some_and(|from| day < from) || to.is_some_and(|to| day > to) {
                flags.add("transaction_date", QualityCode::OutOfRange);
            }
            let time = row.transaction_time.as_ref().map(|time| time.seconds);
            if received.is_before_time_or_day(time, day) {
                let path = if time.is_some() { "transaction_time" } else { "transaction_date" };
                flags.add(path, QualityCode::LaterThanFetch);
            }
        }
        if identity.duplicate_row {
            flags.add("", QualityCode::DuplicateRow);
        }
        if identity.duplicate_id {
            flags.add("bank_transaction_id", QualityCode::DuplicateId);
        }
        row.transaction_id = String::from_utf8_lossy(&ids::text(*b"txn_", &identity.key)).into_owned();
        row.account_id = account_id.to_owned();
        row.ordinal = i32::try_from(ordinal).unwrap_or(i32::MAX);
        row.quality_flags = flags.into_messages();
        row
    }
}

/// Reads the fields of one object by their keys.
pub struct Fields<'o, 'a, 'f> {
    /// What is left of the object.
    pub object: &'o mut Object<'a>,
    /// Currency, zone and flags.
    pub reader: Reader<'f>,
}

/// Reads one object of a list by a table; flags on it carry `path` in front.
pub fn read_object<'a, T>(
    object: &mut Object<'a>,
    path: &str,
    reader: &mut Reader<'_>,
    table: impl FnOnce(&mut Fields<'_, 'a, '_>) -> T,
) -> T {
    let before = reader.flags.0.len();
    let inner = Reader { currency: reader.currency, zoneless: reader.zoneless, flags: &mut *reader.flags };
    let value = table(&mut Fields { object, reader: inner });
    if !path.is_empty() {
        for flag in reader.flags.0.iter_mut().skip(before) {
            flag.path = format!("{path}.{}", flag.path).into();
        }
    }
    value
}

/// Reads the objects at a path of keys, a list or one, by a table each.
pub fn read_list<'a, T>(
    object: &mut Object<'a>,
    key: &str,
    path: &str,
    reader: &mut Reader<'_>,
    mut table: impl FnMut(&mut Fields<'_, 'a, '_>) -> T,
) -> Vec<T> {
    let mut items = object.take_path(key);
    let count = items.len();
    items.retain(|item| !item.fields.is_empty());
    // Providers write one empty object for an empty list; any other empty entry is lost.
    for _ in items.len()..if count > 1 { count } else { 0 } {
        reader.flags.add(path.to_owned(), QualityCode::Unparsable);
    }
    items
        .into_iter()
        .enumerate()
        .map(|(at, mut item)| read_object(&mut item, &format!("{path}[{at}]"), reader, &mut table))
        .collect()
}

impl<'a> Fields<'_, 'a, '_> {
    /// Takes the first of several keys that says something; keys that say nothing, or the same, go with it. A list or an object is no
    /// scalar and stays where it is.
    fn take(&mut self, keys: &[&'static str]) -> Option<(&'static str, Node<'a>)> {
        let mut found: Option<(&'static str, Node<'a>)> = None;
        for key in keys {
            let Some(node) = self.object.get(key) else { continue };
            match node.scalar() {
                None => {}
                Some(scalar) if scalar.is_missing() => drop(self.object.take(key)),
                Some(_) if found.as_ref().is_some_and(|(_, first)| first != node) => {}
                Some(_) => {
                    let node = self.object.take(key);
                    found = found.or(node.map(|node| (*key, node)));
                }
            }
        }
        found
    }

    /// A scalar by its keys, without reading it.
    pub fn scalar(&mut self, keys: &[&'static str]) -> Scalar<'static> {
        let found = self.take(keys);
        match found.as_ref().and_then(|(_, node)| node.scalar()) {
            Some(Scalar::Bool(truth)) => Scalar::Bool(truth),
            Some(scalar) => scalar.text().map_or(Scalar::Missing, |text| Scalar::Owned(text.into_owned().into())),
            None => Scalar::Missing,
        }
    }

    /// Reads a scalar; one that cannot be read is put back, so that its text is not lost, unless it says that there is nothing.
    fn read<T>(&mut self, keys: &[&'static str], read: impl FnOnce(&mut Reader<'_>, &Scalar<'_>) -> Option<T>) -> Option<T> {
        let (key, node) = self.take(keys)?;
        let scalar = node.scalar().unwrap_or_default();
        let value = read(&mut self.reader, &scalar);
        if value.is_none() && !says_nothing(&scalar) {
            self.object.put(key, node);
        }
        value
    }

    /// A code, which may be all zeros; empty where a word says that there is none.
    pub fn code(&mut self, _: &'static str, keys: &[&'static str]) -> String {
        let text = self.scalar(keys).string();
        if absence::is_absent_code(&text) { String::new() } else { text }
    }

    /// An identifier; empty where a word such as "-" or "0" says that there is none.
    pub fn id(&mut self, _: &'static str, keys: &[&'static str]) -> String {
        let text = self.scalar(keys).string();
        if absence::is_absent_id(&text) { String::new() } else { text }
    }

    /// A text, without blanks at its ends.
    pub fn text(&mut self, _: &'static str, keys: &[&'static str]) -> String {
        self.scalar(keys).string()
    }

    /// A name, or what else is a person's; empty where a word says that there is none.
    pub fn name(&mut self, _: &'static str, keys: &[&'static str]) -> String {
        let text = self.scalar(keys).string();
        if absence::is_absent(&text) { String::new() } else { text }
    }

    /// A provider's word without a table, if it is fit to be shown as one; otherwise it is put back.
    pub fn label(&mut self, _: &'static str, keys: &[&'static str]) -> String {
        let read = |_: &mut Reader<'_>, scalar: &Scalar<'_>| {
            Some(words::shown(&scalar.string())).filter(|word| !word.is_empty() && !says_nothing(scalar))
        };
        self.read(keys, read).unwrap_or_default()
    }

    /// A decimal number, as it was written but for groups and an exponent.
    pub fn decimal(&mut self, path: &'static str, keys: &[&'static str]) -> String {
        self.read(keys, |reader, scalar| reader.flags.decimal(path, scalar)).unwrap_or_default()
    }

    /// An amount of the account's currency.
    pub fn money(&mut self, path: &'static str, keys: &[&'static str]) -> Option<pb::Money> {
        // One of an unknown currency is put back and needs no flag of its own.
        self.read(keys, |reader, scalar| reader.currency.and_then(|_| reader.money(path, scalar)))
    }

    /// A day.
    pub fn day(&mut self, path: &'static str, keys: &[&'static str]) -> Option<pb::Date> {
        self.read(keys, |reader, scalar| reader.day(path, scalar))
    }

    /// An instant, or a day alone.
    pub fn when(&mut self, path: &'static str, keys: &[&'static str]) -> Option<When> {
        self.read(keys, |reader, scalar| reader.flags.when(path, scalar, reader.zoneless))
    }

    /// An instant; a day alone is put back.
    pub fn instant(&mut self, path: &'static str, keys: &[&'static str]) -> Option<prost_types::Timestamp> {
        self.read(keys, |reader, scalar| reader.instant(path, scalar))
    }

    /// An instant, and the day it falls on (IST); of a day alone only the day.
    pub fn moment(&mut self, path: &'static str, keys: &[&'static str]) -> (Option<prost_types::Timestamp>, Option<pb::Date>) {
        match self.when(path, keys) {
            Some(When::Instant { seconds, nanos, day, .. }) => {
                (Some(prost_types::Timestamp { seconds, nanos: nanos as i32 }), Some(date(day)))
            }
            Some(When::Day(day)) => (None, Some(date(day))),
            None => (None, None),
        }
    }

    /// An ISIN: kept whatever it is, flagged where it is none by its own check digit.
    pub fn isin(&mut self, path: &'static str, keys: &[&'static str]) -> String {
        let text = self.id(path, keys);
        if !text.is_empty() && !is_isin(&text) {
            self.reader.flags.quote(path, QualityCode::CheckDigit, &text);
        }
        text
    }

    /// Yes or no, as the number of its enum.
    pub fn answer(&mut self, path: &'static str, keys: &[&'static str]) -> i32 {
        let read = |reader: &mut Reader<'_>, scalar: &Scalar<'_>| {
            let text = scalar.string();
            let absent = absence::is_absent(&text).then_some(Answer::Unspecified);
            let answer = words::answer(&text).or(absent);
            if answer.is_none() {
                reader.flags.quote(path, QualityCode::UnknownWord, &text);
            }
            answer
        };
        self.read(keys, read).unwrap_or(Answer::Unspecified).into()
    }

    /// A word by a table, as the number of its enum, and its text where the number is that of `other`.
    pub fn word<T: Copy + PartialEq + Into<i32>>(
        &mut self,
        path: &'static str,
        keys: &[&'static str],
        table: fn(&str) -> Option<T>,
        other: T,
    ) -> (i32, String) {
        let Some((key, node)) = self.take(keys) else {
            return (0, String::new());
        };
        let scalar = node.scalar().unwrap_or_default();
        let (value, text) = self.reader.word(path, &scalar, table, other);
        if value == other.into() && text.is_empty() {
            // A word that is not fit to be shown as one.
            self.object.put(key, node);
        }
        (value, text)
    }

    /// Years, months and days of a length of time.
    pub fn tenure(&mut self, years: &[&'static str], months: &[&'static str], days: &[&'static str]) -> Option<pb::Tenure> {
        let mut part = |path: &'static str, keys: &[&'static str]| {
            self.read(keys, |reader, scalar| {
                let text = scalar.string();
                // "12.0" is a whole number too.
                let number = text.strip_suffix(".0").unwrap_or(&text).parse().ok().filter(|number: &i32| *number >= 0);
                if number.is_none() && !says_nothing(scalar) {
                    reader.flags.quote(path, QualityCode::Unparsable, &text);
                }
                number
            })
        };
        let (years, months, days) = (part("tenure.years", years), part("tenure.months", months), part("tenure.days", days));
        (years.is_some() || months.is_some() || days.is_some()).then(|| pb::Tenure {
            years: years.unwrap_or_default(),
            months: months.unwrap_or_default(),
            days: days.unwrap_or_default(),
        })
    }

    /// The objects at the first of several paths of keys that leads to any, by a table each.
    pub fn list<T>(
        &mut self,
        path: &'static str,
        keys: &[&'static str],
        mut table: impl FnMut(&mut Fields<'_, 'a, '_>) -> T,
    ) -> Vec<T> {
        let found = keys.iter().map(|key| read_list(self.object, key, path, &mut self.reader, &mut table));
        found.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
    }

    /// The object at a path of keys, if there is one, by a table whose flags carry `path`.
    pub fn inside<T: Default>(&mut self, path: &'static str, keys: &str, table: impl FnOnce(&mut Fields<'_, 'a, '_>) -> T) -> T {
        match self.object.at_mut(keys) {
            Some(object) => read_object(object, path, &mut self.reader, table),
            None => T::default(),
        }
    }

    /// The currency that this object names for its own amounts; one that is not known leaves them unset.
    pub fn own_currency(&mut self, keys: &[&'static str]) {
        let Some((key, node)) = self.take(keys) else { return };
        let text = node.scalar().unwrap_or_default().string().to_ascii_uppercase();
        if absence::is_absent(&text) {
            return;
        }
        self.reader.currency = match (money::decimals(&text), text.as_bytes().try_into()) {
            (Some(decimals), Ok(code)) => Some(Currency { code, decimals }),
            _ => {
                self.reader.flags.quote("currency_code", QualityCode::UnknownCurrency, &text);
                self.object.put(key, node);
                None
            }
        };
    }

    /// What no table took.
    pub fn rest(&mut self) -> Option<Struct> {
        std::mem::take(self.object).into_extensions()
    }
}

/// Writes a table: `field: how "key" | "other key"` for each field of a message, where `how` is a method of [`Fields`]; `words` for open
/// enums, `field, its text: table, Enum "key"`; `lists` for `field: table "path.of.keys"`;
/// `moments` for an instant and its day, `own` for a field that a function of its own reads; `rest` names the field that keeps what is left.
macro_rules! table {
    ($(#[$meta:meta])* $name:ident -> $message:ident {
        $($field:ident: $how:ident $key:literal $(| $other:literal)*),* $(,)?
    } $(words {
        $($word:ident, $text:ident: $words:path, $kind:ident $wkey:literal $(| $wother:literal)*),* $(,)?
    })? $(lists {
        $($list:ident: $table:ident $lkey:literal $(| $lother:literal)*),* $(,)?
    })? $(moments {
        $($time:ident, $date:ident: $mkey:literal),* $(,)?
    })? $(own {
        $($own:ident: $reads:path),* $(,)?
    })? $(rest $rest:ident)?) => {
        $(#[$meta])*
        pub(super) fn $name(fields: &mut $crate::data::typed::Fields<'_, '_, '_>) -> $message {
            #[allow(unused_mut)]
            let mut message = $message::default();
            $(message.$field = fields.$how(stringify!($field), &[$key $(, $other)*]);)*
            $($(
                (message.$word, message.$text) =
                    fields.word($crate::data::typed::plain(stringify!($word)), &[$wkey $(, $wother)*], $words, $kind::Other);
            )*)?
            $($(message.$list = fields.list(stringify!($list), &[$lkey $(, $lother)*], $table);)*)?
            $($((message.$time, message.$date) = fields.moment(stringify!($time), &[$mkey]);)*)?
            $($(message.$own = $reads(fields);)*)?
            $(message.$rest = fields.rest();)?
            message
        }
    };
}
pub(crate) use table;

/// Whether a value says in a word that there is none.
fn says_nothing(scalar: &Scalar<'_>) -> bool {
    scalar.text().is_some_and(|text| absence::is_absent(&text))
}

/// A field's name as the contract has it: `r#type` is only how Rust writes it.
pub fn plain(field: &'static str) -> &'static str {
    field.strip_prefix("r#").unwrap_or(field)
}

/// Whether a text is an ISIN (ISO 6166): two letters, nine letters or digits, and the Luhn check digit over their digits, letters
/// counting 10 to 35.
pub fn is_isin(text: &str) -> bool {
    let bytes = text.as_bytes();
    let [first, second, .., check] = bytes else {
        return false;
    };
    let shape = bytes.len() == 12
        && first.is_ascii_uppercase()
        && second.is_ascii_uppercase()
        && bytes.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && check.is_ascii_digit();
    if !shape {
        return false;
    }
    let digits: Vec<u8> = bytes
        .iter()
        .flat_map(|byte| match byte {
            b'A'..=b'Z' => vec![(byte - b'A' + 10) / 10, (byte - b'A' + 10) % 10],
            _ => vec![byte - b'0'],
        })
        .collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match at % 2 {
            0 => u32::from(*digit),
            _ => u32::from(digit * 2 / 10 + digit * 2 % 10),
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The day by which a row counts that tells no time: its value date; of units, the day of execution or else of the order, the only ones that
/// ReBIT's schema of funds has; of a pooled fund, the day of what happened.
fn stand_in_date(row: &pb::Transaction) -> Option<pb::Date> {
    use pb::transaction::Details::{Aif, Cis, Etf, MutualFund};
    row.value_date.or_else(|| match row.details.as_ref()? {
        MutualFund(fund) => fund.execution_date.or(fund.order_date),
        Etf(units) => units.execution_date.or(units.order_date),
        Cis(units) => units.execution_date.or(units.order_date),
        Aif(fund) => fund
            .redemption_date
            .or(fund.reinvestment_date)
            .or(fund.investor_payment_date)
            .or(fund.fund_fees_date)
            .or(fund.tax_paid_date),
        _ => None,
    })
}

/// The day of a row, for the delivered range.
pub(super) fn day_of(row: &pb::Transaction) -> Option<Day> {
    let date = row.transaction_date.as_ref()?;
    Day::new(u16::try_from(date.year).ok()?, u8::try_from(date.month).ok()?, u8::try_from(date.day).ok()?)
}

#[cfg(test)]
mod tests;
