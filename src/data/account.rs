//! One account: what a provider wrote becomes a head and its rows, one after another in one buffer.

mod text;

use std::borrow::Cow;

use prost::Message;

use super::{
    ReadContext, absence,
    completeness::{self, Fact},
    convert::{Reader, date, range},
    deposit, holder,
    holder::HolderText,
    holder_match,
    ids::{self, Identity},
    json::{Node, Object},
    mask, money,
    quality::Flags,
    repaired,
    row::{Currency, Row, RowReading, RowWriter},
    rows::{EntryKind, Rows, RowsBuilder},
    scalar::Scalar,
    term_deposit,
    time::{Day, Received, Zoneless},
    typed::{self, Typed, TypedRow},
    wire, words,
};
use crate::pb::{self, DataSource, FiType, QualityCode, account::Details};

pub use self::text::AccountText;

/// Reads the sections of an account that is no deposit.
pub type ReadTyped = fn(FiType, &AccountText<'_>, &mut Reader<'_>) -> Typed;

/// What one provider's product leaves unsaid.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// The zone of times that name none.
    pub zoneless: Zoneless,
    /// The kind of an account that names none.
    pub fi_type: Option<FiType>,
    /// Whether an account's data came, by the provider's word for it.
    pub delivered: fn(&str) -> bool,
    /// Reads an account that is no deposit.
    pub typed: ReadTyped,
    /// What the sections of an account are called: under these names stands in `extensions` what is left of them.
    pub sections: SectionNames,
}

/// The provider's names of an account's sections.
#[derive(Debug, Clone, Copy)]
pub struct SectionNames {
    /// Of holders.
    pub profile: &'static str,
    /// Of the summary.
    pub summary: &'static str,
    /// Of rows.
    pub transactions: &'static str,
}

/// An object that stands around the list of accounts: its name, its unknown keys with their texts, and its documented keys.
pub type AroundAccounts<'a> = (&'a str, Vec<(String, Cow<'a, str>)>, &'a [&'a str]);

/// Writes accounts into rows.
pub struct AccountWriter<'c, I> {
    context: &'c ReadContext<'c>,
    manner: Manner,
    ids: &'c mut I,
    rows: RowsBuilder,
    row_flags: Flags,
    facts: Vec<Fact>,
    damaged: bool,
}

impl<'c, I: Identity> AccountWriter<'c, I> {
    /// For a body of so many bytes.
    pub fn new(context: &'c ReadContext<'c>, manner: Manner, ids: &'c mut I, body: usize) -> Self {
        Self {
            context,
            manner,
            ids,
            rows: RowsBuilder::for_body(body),
            row_flags: Flags::default(),
            facts: Vec::new(),
            damaged: false,
        }
    }

    /// For a body of which texts were repaired (see [`super::repair`]): they are flagged.
    #[must_use]
    pub fn of_damaged(mut self, damaged: bool) -> Self {
        self.damaged = damaged;
        self
    }

    /// All that was written; `None` if it is beyond four gigabytes.
    pub fn finish(self) -> Option<Rows> {
        self.rows.finish()
    }

    /// Adds what stands around the list of accounts to the first account: each object's name, its unknown keys, and the documented ones,
    /// whose scalars say nothing of the accounts. An object without a name is the whole answer.
    pub fn write_around(&mut self, objects: &[AroundAccounts<'_>]) {
        let mut around = Object::default();
        for (name, unknown, documented) in objects {
            let mut left = Object::of(unknown);
            left.fields.retain(|(key, node)| {
                let is_known = documented.contains(&key.as_ref()) && node.scalar().is_some();
                !node.says_nothing() && !is_known
            });
            match *name {
                "" => around.fields.extend(left.fields),
                name => around.put(name, Node::Object(left)),
            }
        }
        if let Some(kept) = around.into_extensions() {
            self.rows.extend_first_account(&kept);
        }
    }

    /// Writes an account and leaves an empty one that keeps the room of its rows.
    pub fn write_and_clear(&mut self, account: &mut AccountText<'_>) {
        self.write(account);
        let mut rows = std::mem::take(&mut account.rows);
        rows.clear();
        *account = AccountText { rows, ..AccountText::default() };
    }

    /// Writes an account and its rows.
    pub fn write(&mut self, text: &AccountText<'_>) {
        if text.is_empty() {
            return;
        }
        let mut flags = Flags::default();
        let (fi_type, fi_type_text) = self.fi_type(text, &mut flags);
        let is_deposit = words::is_deposit(fi_type);
        let number = named(&text.number);
        let number = (!number.is_empty()).then(|| mask::account_number(&number));
        let key = self.account_key(text, &fi_type_text);
        let account_id = ids::text(*b"acc_", &key);
        let mut head = pb::Account {
            account_id: account_id.iter().map(|byte| char::from(*byte)).collect(),
            fetch_id: self.context.fetch_id.to_owned(),
            consent_id: self.context.consent_id.to_owned(),
            fi_type: fi_type.into(),
            fi_type_text,
            fip_id: named(&text.fip_id),
            fip_name: named(&text.fip_name),
            source: source(text).into(),
            tampered: tampered(&text.tampered, &mut flags),
            fetch_time: Some(prost_types::Timestamp {
                seconds: self.context.received_at.as_second(),
                nanos: self.context.received_at.subsec_nanosecond(),
            }),
            delivered: text.delivery.text().is_none_or(|word| (self.manner.delivered)(&word)),
            ..pb::Account::default()
        };
        for (path, scalar) in [
            ("fip_id", &text.fip_id),
            ("fip_name", &text.fip_name),
            ("tampered", &text.tampered),
            ("source", &text.source),
            ("source", &text.data_source),
            ("delivered", &text.delivery),
            ("fi_type", &text.fi_type),
        ] {
            flags.wrong(path, scalar);
        }
        // Both may hold the whole account number.
        for (path, scalar) in [("masked_number", &text.number), ("account_id", &text.link)] {
            if let Scalar::Wrong(json) = scalar {
                flags.quote(path, QualityCode::Unparsable, &mask::account_number(json).number);
            }
        }
        if let Some(number) = number {
            head.masked_number = number.number;
            if number.was_clear {
                flags.add("masked_number", QualityCode::Unmasked);
            }
        }
        if !is_deposit {
            self.write_typed(text, fi_type, &key, head, flags);
            return;
        }
        head.extensions = text.extensions(self.manner.sections);
        self.read_holders(&text.holders, &text.holding, &mut head, &mut flags);
        let rows = &text.rows;
        let currency = self.read_summary(text, fi_type, &mut head, &mut flags);
        let zoneless = self.manner.zoneless;
        let from = flags.day("stated_range.from", &text.from, zoneless);
        let to = flags.day("stated_range.to", &text.to, zoneless);
        head.stated_range = range(from, to);
        head.transaction_count = rows.len() as i64;
        if head.delivered {
            let no_rows = text.rows.is_empty() && text.from.is_missing() && text.to.is_missing();
            check_sections(no_rows, &head, &mut flags);
        }
        head.quality_flags = flags.into_messages();
        if self.damaged {
            repaired::flag_account(&mut head);
        }

        let range_at = self.rows.begin_account(&head);
        let identities = self.ids.rows(&key, rows, RowReading { currency, zoneless });
        let received = self.received();
        let (damaged, flags) = (self.damaged, &mut self.row_flags);
        let stated = (from, to);
        let mut writer = RowWriter { account_id, currency, zoneless, stated, received, damaged, flags };
        let mut delivered: Option<(Day, Day)> = None;
        self.facts.clear();
        self.facts.reserve(rows.len());
        for (ordinal, (row, identity)) in rows.iter().zip(&identities).enumerate() {
            let fact = self.rows.row(|out| writer.write(out, row, identity, ordinal));
            self.facts.push(fact);
            if let Some(day) = fact.day {
                delivered = Some(match delivered {
                    Some((first, last)) => (first.min(day), last.max(day)),
                    None => (day, day),
                });
            }
        }
        drop(identities);
        let judged = completeness::judge(&completeness::Account {
            head: &head,
            fi_type,
            currency,
            asked: &self.context.asked,
            fetched_on: received.day(),
            stated: (from, to),
            delivered,
            facts: &self.facts,
            rows,
        });
        self.rows.end_account(range_at, delivered, &judged);
    }

    /// When the body came.
    fn received(&self) -> Received {
        Received::at(self.context.received_at)
    }

    /// Writes an account that is no deposit, and its rows.
    fn write_typed(&mut self, text: &AccountText<'_>, fi_type: FiType, key: &ids::Key, mut head: pb::Account, mut flags: Flags) {
        let zoneless = self.manner.zoneless;
        let currency = Some(Currency { code: *b"INR", decimals: 2 });
        let typed = (self.manner.typed)(fi_type, text, &mut Reader { currency, zoneless, flags: &mut flags });
        let (holders, holding) = match typed.holders.is_empty() {
            true => (&text.holders, &text.holding),
            false => (&typed.holders, &typed.holding),
        };
        self.read_holders(holders, holding, &mut head, &mut flags);
        if typed.details.is_some() || !typed.rows.is_empty() {
            flags.add("currency_code", QualityCode::Assumed);
        }
        head.details = typed.details;
        head.extensions = typed.extensions;
        let from = flags.day("stated_range.from", &typed.from, zoneless);
        let to = flags.day("stated_range.to", &typed.to, zoneless);
        head.stated_range = range(from, to);
        head.transaction_count = typed.rows.len() as i64;
        if fi_type != FiType::Other && head.delivered {
            check_sections(!typed.rows_found, &head, &mut flags);
        }
        head.quality_flags = flags.into_messages();
        if self.damaged {
            repaired::flag_account(&mut head);
        }

        let range_at = self.rows.begin_account(&head);
        let contents: Vec<Row<'_>> = typed.rows.iter().map(TypedRow::as_its_id_sees_it).collect();
        let identities = self.ids.rows(key, &contents, RowReading { currency, zoneless });
        drop(contents);
        let received = self.received();
        let mut delivered: Option<(Day, Day)> = None;
        self.facts.clear();
        for (ordinal, (row, identity)) in typed.rows.into_iter().zip(&identities).enumerate() {
            let mut row = row.into_message(&head.account_id, identity, ordinal, (from, to), received);
            if self.damaged {
                repaired::flag_row(&mut row);
            }
            let day = typed::day_of(&row);
            self.facts.push(Fact { day, repeats: identity.repeats, shares_id: identity.duplicate_id, ..Fact::default() });
            if let Some(day) = day {
                delivered = Some(delivered.map_or((day, day), |(first, last)| (first.min(day), last.max(day))));
            }
            self.rows.framed(EntryKind::Transaction, &pb::FetchDataResponse { transactions: vec![row], ..Default::default() });
        }
        let judged = completeness::judge(&completeness::Account {
            head: &head,
            fi_type,
            currency,
            asked: &self.context.asked,
            fetched_on: received.day(),
            stated: (from, to),
            delivered,
            facts: &self.facts,
            rows: &[],
        });
        self.rows.end_account(range_at, delivered, &judged);
    }

    fn fi_type(&self, text: &AccountText<'_>, flags: &mut Flags) -> (FiType, String) {
        let told = text.fi_type.text().filter(|word| !absence::is_absent(word));
        match (told, text.assumed_fi_type.or(self.manner.fi_type)) {
            (Some(word), _) => (words::fi_type(&word).unwrap_or(FiType::Other), words::shown(&word)),
            (None, Some(assumed)) => {
                flags.add("fi_type", QualityCode::Assumed);
                (assumed, String::new())
            }
            (None, None) => {
                flags.add("fi_type", QualityCode::SectionMissing);
                (FiType::Other, String::new())
            }
        }
    }

    /// The link reference names the account within a consent; without one, number and kind do.
    fn account_key(&mut self, text: &AccountText<'_>, fi_type: &str) -> ids::Key {
        match named(&text.link) {
            none if none.is_empty() => self.ids.account(&["number", &named(&text.number), fi_type]),
            link => self.ids.account(&[ids::BY_LINK, &link]),
        }
    }

    fn read_holders(&self, holders: &[HolderText<'_>], holding: &Scalar<'_>, head: &mut pb::Account, flags: &mut Flags) {
        head.holders = holder::read(holders, flags);
        let beside = holders.first().map_or(&Scalar::Missing, |holder| &holder.holding);
        let holding = if holding.is_missing() { beside } else { holding };
        flags.wrong("holding", holding);
        if let Some(word) = holding.text() {
            match words::holding(&word) {
                Some(value) => head.holding = value.into(),
                None if absence::is_absent(&word) => {}
                None => flags.quote("holding", QualityCode::UnknownWord, &word),
            }
        }
        head.holder_match = Some(holder_match::compare(&head.holders, self.context.applicant));
    }

    fn read_summary(
        &self,
        text: &AccountText<'_>,
        fi_type: FiType,
        head: &mut pb::Account,
        flags: &mut Flags,
    ) -> Option<Currency> {
        let amounts = !text.summary.is_empty() || !text.rows.is_empty();
        let currency = currency(&text.summary.currency, amounts, flags);
        let mut reader = Reader { currency, zoneless: self.manner.zoneless, flags };
        if !text.summary.is_empty() {
            head.details = Some(match fi_type {
                FiType::Deposit => Details::Deposit(deposit::read(&text.summary, self.received(), &mut reader)),
                _ => Details::TermDeposit(term_deposit::read(&text.summary, &mut reader)),
            });
        }
        currency
    }
}

/// INR is assumed where nothing is said (ReBIT makes the currency optional, and term deposits have none).
fn currency(scalar: &Scalar<'_>, amounts: bool, flags: &mut Flags) -> Option<Currency> {
    flags.wrong("currency_code", scalar);
    let Some(text) = scalar.text().filter(|text| !absence::is_absent(text)) else {
        if amounts {
            flags.add("currency_code", QualityCode::Assumed);
        }
        return Some(Currency { code: *b"INR", decimals: 2 });
    };
    let code = text.to_ascii_uppercase();
    match (money::decimals(&code), code.as_bytes().try_into()) {
        (Some(decimals), Ok(code)) => Some(Currency { code, decimals }),
        _ => {
            flags.quote("currency_code", QualityCode::UnknownCurrency, &text);
            None
        }
    }
}

/// A name or an identifier, empty where a word says that there is none.
fn named(scalar: &Scalar<'_>) -> String {
    scalar.text().filter(|text| !absence::is_absent(text)).map(Cow::into_owned).unwrap_or_default()
}

fn source(text: &AccountText<'_>) -> DataSource {
    let pdf = |scalar: &Scalar<'_>| scalar.text().is_some_and(|word| word.eq_ignore_ascii_case("PDF"));
    if pdf(&text.source) || pdf(&text.data_source) { DataSource::Pdf } else { DataSource::Aa }
}

fn tampered(scalar: &Scalar<'_>, flags: &mut Flags) -> Option<bool> {
    let text = scalar.text()?;
    match words::answer(&text) {
        Some(pb::Answer::Yes) => Some(true),
        Some(pb::Answer::No) => Some(false),
        None if !absence::is_absent(&text) => {
            flags.quote("tampered", QualityCode::UnknownWord, &text);
            None
        }
        _ => None,
    }
}

fn check_sections(no_rows: bool, head: &pb::Account, flags: &mut Flags) {
    // A registration for the goods and services tax has no holders.
    let no_holders = head.holders.is_empty() && head.fi_type() != FiType::Gst;
    for (missing, path) in [(no_holders, "holders"), (head.details.is_none(), "summary"), (no_rows, "transactions")] {
        if missing {
            flags.add(path, QualityCode::SectionMissing);
        }
    }
}

/// The encoded head, and where in it field 17 belongs, the delivered range: it is known only after the rows.
pub(super) fn encoded_head(head: &pb::Account) -> (Vec<u8>, usize) {
    let bytes = head.encode_to_vec();
    // The generated code writes what holds the kind's own details, whatever its number, before field 16.
    let place = wire::place_of(&bytes, |number| matches!(number, 18..=21 | 60..));
    (bytes, place)
}

/// Field 61 of an account.
pub(super) fn completeness_field(judged: &pb::Completeness) -> Vec<u8> {
    let mut field = Vec::with_capacity(judged.encoded_len() + 8);
    prost::encoding::message::encode(61, judged, &mut field);
    field
}

/// Field 62 of an account.
pub(super) fn answer_field(kept: &prost_types::Struct) -> Vec<u8> {
    let mut field = Vec::with_capacity(kept.encoded_len() + 8);
    prost::encoding::message::encode(62, kept, &mut field);
    field
}

/// Field 17 of an account: a range of days, always of the same length.
pub(super) fn delivered_range(first: Day, last: Day) -> Vec<u8> {
    debug_assert_eq!(date(first).encoded_len() + 2, wire::DATE_LEN);
    let mut bytes = Vec::with_capacity(3 + 2 * wire::DATE_LEN);
    bytes.extend_from_slice(&[0x8a, 0x01, 2 * wire::DATE_LEN as u8]);
    bytes.extend_from_slice(&wire::date_bytes(1, first));
    bytes.extend_from_slice(&wire::date_bytes(2, last));
    bytes
}
