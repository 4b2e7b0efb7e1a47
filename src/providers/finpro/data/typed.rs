//! Accounts that are no deposits. Each family of FI types has a file of tables; here is what they share: sections, holders, rows, and
//! what becomes of keys that no table knows.

use super::{card, funds, gst, insurance, retirement};
use crate::{
    data::{
        account::AccountText,
        convert::Reader,
        holder::HolderText,
        json::{Node, Object},
        quality::Flags,
        scalar::Scalar,
        typed::{Fields, Typed, TypedRow, read_object},
        words_markets,
    },
    pb::{FiType, Transaction, TransactionType, account::Details, transaction},
};

/// How the accounts of one FI type are read.
pub(super) struct Family {
    /// Makes the details of summary, profile and holders; it may take anything out of them.
    pub details: ReadDetails,
    /// Lists of rows in the section of rows, and what reads a row of each.
    pub rows: &'static [(&'static str, ReadRow)],
    /// Reads rows that stand in no plain list; the word is the provider's for the FI type.
    pub other_rows: OtherRows,
    /// Whether there are no details without a summary.
    pub needs_summary: bool,
}

/// Makes the details.
type ReadDetails = fn(&mut Parts<'_>, &mut Reader<'_>) -> Details;

/// Reads rows that stand in no plain list.
type OtherRows = fn(&mut Parts<'_>, &str, &mut Reader<'_>) -> Vec<TypedRow>;

impl Family {
    /// A family without rows, whose details come from a summary.
    pub const fn of(details: ReadDetails) -> Self {
        Self { details, rows: &[], other_rows: |_, _, _| Vec::new(), needs_summary: true }
    }
}

/// Reads a row.
pub(super) type ReadRow = fn(&mut Fields<'_, '_, '_>) -> Transaction;

/// An account taken apart.
#[derive(Default)]
pub(super) struct Parts<'a> {
    /// The summary.
    pub summary: Object<'a>,
    /// The profiles without their holders: BONDS and DEBENTURES have a list of them, all others one.
    pub profiles: Vec<Object<'a>>,
    /// The holders of all profiles.
    pub holders: Vec<Object<'a>>,
    /// The section of rows: one, as a rule.
    pub transactions: Vec<Object<'a>>,
    /// All that is left, in its own place.
    pub rest: Object<'a>,
    holding: Scalar<'static>,
}

fn family(fi_type: FiType) -> Option<Family> {
    Some(match fi_type {
        FiType::MutualFunds => funds::MUTUAL_FUND,
        FiType::InsurancePolicies | FiType::LifeInsurance | FiType::GeneralInsurance => insurance::POLICY,
        FiType::Ulip => insurance::ULIP,
        FiType::Nps => retirement::NPS,
        FiType::Epf => retirement::EPF,
        FiType::Ppf => retirement::PPF,
        FiType::CreditCard => card::CREDIT_CARD,
        FiType::Gst => gst::GST,
        _ => return None,
    })
}

/// Reads an account that is no deposit.
pub(super) fn read(fi_type: FiType, account: &AccountText<'_>, reader: &mut Reader<'_>) -> Typed {
    let parts = Parts::of(account);
    let mut typed = Typed::default();
    match family(fi_type) {
        Some(family) => parts.read(&family, &account.fi_type.string(), &mut typed, reader),
        None => parts.keep_whole(account, &mut typed),
    }
    typed.rows_found = !typed.rows.is_empty() || account.sections.transactions.is_some_and(|text| text != "{}");
    typed
}

/// The object or the objects of a section; what is neither goes to `rest`.
fn section<'a>(text: Option<&'a str>, key: &'static str, rest: &mut Object<'a>) -> Vec<Object<'a>> {
    if let Some(node) = text.and_then(Node::parse) {
        rest.put(key, node);
    }
    rest.take_objects(key)
}

impl<'a> Parts<'a> {
    fn of(account: &AccountText<'a>) -> Self {
        let mut rest = Object::of(&account.unknown);
        let mut summaries = section(account.sections.summary, "Summary", &mut rest).into_iter();
        let summary = summaries.next().unwrap_or_default();
        put_back(&mut rest, "Summary", summaries.collect());
        let mut profiles = section(account.sections.profile, "Profile", &mut rest);
        let transactions = section(account.sections.transactions, "Transactions", &mut rest);
        let mut parts = Self { summary, transactions, rest, ..Self::default() };
        for profile in &mut profiles {
            parts.take_holders(profile);
        }
        parts.profiles = profiles;
        parts
    }

    fn take_holders(&mut self, profile: &mut Object<'a>) {
        let mut groups = profile.take_objects("Holders");
        for group in &mut groups {
            self.holders.extend(group.take_objects("Holder"));
            if let Some(Scalar::Text(word)) = group.get("type").and_then(Node::scalar) {
                self.holding.take(Scalar::Owned(word.into()));
                group.take("type");
            }
        }
        put_back(profile, "Holders", groups);
    }

    fn read(mut self, family: &Family, fi_type: &str, typed: &mut Typed, reader: &mut Reader<'_>) {
        if !self.summary.fields.is_empty() || !family.needs_summary {
            typed.details = Some((family.details)(&mut self, reader));
        }
        for mut holder in std::mem::take(&mut self.holders) {
            let text = read_object(&mut holder, "", reader, read_holder);
            if text != HolderText::default() || !holder.fields.is_empty() {
                typed.holders.push(text);
                typed.holder_extensions.push(holder.into_extensions());
            }
        }
        typed.holding = std::mem::take(&mut self.holding);
        for section in &mut self.transactions {
            read_object(section, "", reader, |fields| {
                typed.from.take(fields.scalar(&["startDate", "strdt"]));
                typed.to.take(fields.scalar(&["endDate", "endt"]));
            });
            for (path, table) in family.rows {
                let rows = section.take_path(path);
                typed.rows.extend(rows.into_iter().map(|row| read_row(row, *table, reader)));
            }
        }
        typed.rows.extend((family.other_rows)(&mut self, fi_type, reader));
        typed.extensions = self.into_rest().into_extensions();
    }

    fn into_rest(mut self) -> Object<'a> {
        put_back(&mut self.rest, "Summary", vec![self.summary]);
        put_back(&mut self.rest, "Profile", self.profiles);
        put_back(&mut self.rest, "Transactions", self.transactions);
        self.rest
    }

    /// An account of a kind that no table knows: holders are read where they look like holders, and everything stays as it came.
    fn keep_whole(self, account: &AccountText<'a>, typed: &mut Typed) {
        let mut flags = Flags::default();
        let mut reader = Reader { currency: None, zoneless: super::MANNER.zoneless, flags: &mut flags };
        for mut holder in self.holders {
            typed.holders.push(read_object(&mut holder, "", &mut reader, read_holder));
            typed.holder_extensions.push(None);
        }
        typed.holding = self.holding;
        for mut section in self.transactions {
            read_object(&mut section, "", &mut reader, |fields| {
                typed.from.take(fields.scalar(&["startDate"]));
                typed.to.take(fields.scalar(&["endDate"]));
            });
        }
        let sections = &account.sections;
        let mut whole = Object::of(&account.unknown);
        for (key, text) in [("Profile", sections.profile), ("Summary", sections.summary), ("Transactions", sections.transactions)]
        {
            if let Some(node) = text.and_then(Node::parse) {
                whole.put(key, node);
            }
        }
        typed.extensions = (!whole.fields.is_empty()).then(|| whole.into_struct());
    }
}

/// Puts what is left of a section back to its key.
pub(super) fn put_back<'a>(object: &mut Object<'a>, key: &str, mut left: Vec<Object<'a>>) {
    left.retain(|object| !object.fields.is_empty());
    match left.len() {
        0 => {}
        1 => object.fields.extend(left.pop().map(|one| (key.to_owned().into(), Node::Object(one)))),
        _ => object.put(key.to_owned(), Node::List(left.into_iter().map(Node::Object).collect())),
    }
}

fn read_holder(fields: &mut Fields<'_, '_, '_>) -> HolderText<'static> {
    HolderText {
        name: fields.scalar(&["name"]),
        date_of_birth: fields.scalar(&["dob"]),
        mobile: fields.scalar(&["mobile"]),
        landline: fields.scalar(&["landline"]),
        email: fields.scalar(&["email"]),
        address: fields.scalar(&["address"]),
        pan: fields.scalar(&["pan"]),
        nominee: fields.scalar(&["nominee"]),
        ckyc: fields.scalar(&["ckycCompliance", "ckycRegistered"]),
        demat_id: fields.scalar(&["dematId"]),
        folio: fields.scalar(&["folioNo"]),
        kyc: fields.scalar(&["kycCompliance"]),
        holding_type: fields.scalar(&["holdingType"]),
        pran: fields.scalar(&["pranId"]),
        uan: fields.scalar(&["uan"]),
        rank: fields.scalar(&["rank"]),
        holding: Scalar::Missing,
    }
}

fn read_row(mut row: Object<'_>, table: ReadRow, reader: &mut Reader<'_>) -> TypedRow {
    let mut content = String::new();
    let node = Node::Object(row);
    node.write_canonical(&mut content);
    let mut flags = Flags::default();
    row = match node {
        Node::Object(row) => row,
        _ => Object::default(),
    };
    let mut own = Reader { currency: reader.currency, zoneless: reader.zoneless, flags: &mut flags };
    let mut message = read_object(&mut row, "", &mut own, table);
    message.extensions = row.into_extensions();
    TypedRow { message, flags, content }
}

/// What rows of securities and funds have in common; `details` reads what is their own.
pub(super) fn market_row(
    fields: &mut Fields<'_, '_, '_>,
    details: impl FnOnce(&mut Fields<'_, '_, '_>) -> transaction::Details,
) -> Transaction {
    fields.own_currency(&["currency"]);
    let (kind, type_text) = fields.word("type", &["type"], words_markets::transaction_type, TransactionType::Other);
    let mut row = Transaction {
        r#type: kind,
        type_text,
        amount: fields.money("amount", &["amount"]),
        narration: fields.text("narration", &["narration"]),
        bank_transaction_id: fields.text("bank_transaction_id", &["txnId"]),
        ..Transaction::default()
    };
    // A fund's row names a day only, a security's an instant.
    fields.row_time(&mut row, &["transactionDateTime", "transactionDate", "txnDate", "transactionTimestamp"]);
    row.details = Some(details(fields));
    row
}

/// What rows of insurance, pension, provident fund and card accounts have in common; `details` reads what is their own.
pub(super) fn other_row(
    fields: &mut Fields<'_, '_, '_>,
    details: impl FnOnce(&mut Fields<'_, '_, '_>) -> transaction::Details,
) -> Transaction {
    fields.own_currency(&["currency"]);
    let mut row = Transaction {
        amount: fields.money("amount", &["amount"]),
        balance: fields.money("balance", &["balance"]),
        value_date: fields.day("value_date", &["valueDate"]),
        narration: fields.text("narration", &["narration"]),
        reference: fields.text("reference", &["reference"]),
        bank_transaction_id: fields.text("bank_transaction_id", &["txnId"]),
        ..Transaction::default()
    };
    fields.row_time(&mut row, &["txnDate", "transactionDateTime", "transactionDate"]);
    row.details = Some(details(fields));
    row
}
