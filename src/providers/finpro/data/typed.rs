//! Accounts that are no deposits. Each family of FI types has a file of tables; here is what they share: sections, holders, rows, and
//! what becomes of keys that no table knows.

use super::{card, debt, equities, funds, gst, insurance, pooled, retirement, sip, traded_units};
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
    pb::{FiType, QualityCode, Transaction, TransactionType, account::Details, transaction},
};

/// How the accounts of one FI type are read.
pub(super) struct Family {
    /// Makes the details of summary, profile and holders; it may take anything out of them.
    pub details: fn(&mut Parts<'_>, &mut Reader<'_>) -> Details,
    /// Lists of rows in the section of rows, and what reads a row of each.
    pub rows: &'static [(&'static str, ReadRow)],
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
    /// Entries of lists of holders that say nothing.
    empty_holders: usize,
}

fn family(fi_type: FiType) -> Option<Family> {
    Some(match fi_type {
        FiType::MutualFunds => funds::MUTUAL_FUND,
        FiType::Sip => sip::SIP,
        FiType::Equities => equities::EQUITY,
        FiType::Idr => equities::DEPOSITORY_RECEIPT,
        FiType::Bonds => debt::BOND,
        FiType::GovtSecurities => debt::GOVERNMENT_SECURITY,
        FiType::Debentures => debt::DEBENTURE,
        FiType::Cp => debt::COMMERCIAL_PAPER,
        FiType::Cd => debt::CERTIFICATE_OF_DEPOSIT,
        FiType::Etf => traded_units::ETF,
        FiType::Invit => traded_units::INVIT,
        FiType::Reit => traded_units::REIT,
        FiType::Aif => pooled::AIF,
        FiType::Cis => pooled::CIS,
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
        Some(family) => parts.read(&family, (fi_type, &account.fi_type.string()), &mut typed, reader),
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
    let mut objects = rest.take_objects(key);
    objects.retain(|object| !object.fields.is_empty());
    objects
}

impl<'a> Parts<'a> {
    fn of(account: &'a AccountText<'_>) -> Self {
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
            // One of whom nothing is known by name stays where it is, so that holders and what is left of them go side by side.
            let mut all = group.take_objects("Holder");
            let count = all.len();
            all.retain(|holder| !holder.fields.is_empty());
            if count > 1 {
                self.empty_holders += count - all.len();
            }
            let (holders, others) = all.into_iter().partition(is_holder);
            self.holders.extend::<Vec<_>>(holders);
            put_back(group, "Holder", others);
            if let Some(Scalar::Text(word)) = group.get("type").and_then(Node::scalar) {
                self.holding.take(Scalar::Owned(word.into()));
                group.take("type");
            }
        }
        put_back(profile, "Holders", groups);
    }

    fn read(mut self, family: &Family, (fi_type, word): (FiType, &str), typed: &mut Typed, reader: &mut Reader<'_>) {
        // Cards stand with the holders, and a registration has no summary.
        let needs_summary = !matches!(fi_type, FiType::CreditCard | FiType::Gst);
        if !self.summary.fields.is_empty() || !needs_summary {
            typed.details = Some((family.details)(&mut self, reader));
        }
        for _ in 0..self.empty_holders {
            reader.flags.add("holders", QualityCode::Unparsable);
        }
        for mut holder in std::mem::take(&mut self.holders) {
            let text = read_object(&mut holder, "", reader, read_holder);
            typed.holders.push(HolderText { extensions: holder.into_extensions(), ..text });
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
        if fi_type == FiType::Gst {
            typed.rows.extend(gst::sections(&mut self, word, reader));
        }
        typed.extensions = self.into_rest().into_extensions();
    }

    fn into_rest(mut self) -> Object<'a> {
        put_back(&mut self.rest, "Summary", vec![self.summary]);
        put_back(&mut self.rest, "Profile", self.profiles);
        put_back(&mut self.rest, "Transactions", self.transactions);
        self.rest
    }

    /// An account of a kind that no table knows: holders are read where they look like holders, and everything stays as it came.
    fn keep_whole(self, account: &AccountText<'_>, typed: &mut Typed) {
        let mut flags = Flags::default();
        let mut reader = Reader { currency: None, zoneless: super::MANNER.zoneless, flags: &mut flags };
        for mut holder in self.holders {
            typed.holders.push(read_object(&mut holder, "", &mut reader, read_holder));
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

/// Whether any field of a holder is told.
fn is_holder(object: &Object<'_>) -> bool {
    let mut flags = Flags::default();
    let mut reader = Reader { currency: None, zoneless: super::MANNER.zoneless, flags: &mut flags };
    read_object(&mut object.clone(), "", &mut reader, read_holder) != HolderText::default()
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
        ..HolderText::default()
    }
}

/// One row. An empty one is kept, because something stood there: a list's null, for example.
fn read_row(mut row: Object<'_>, table: ReadRow, reader: &mut Reader<'_>) -> TypedRow {
    if row.fields.is_empty() {
        return TypedRow::default();
    }
    let mut content = String::new();
    let node = Node::Object(row);
    node.write_canonical("", reader.zoneless, &mut content);
    let mut flags = Flags::default();
    row = match node {
        Node::Object(row) => row,
        _ => Object::default(),
    };
    let mut own = Reader { currency: reader.currency, zoneless: reader.zoneless, flags: &mut flags };
    let keys = row.fields.len();
    let mut message = read_object(&mut row, "", &mut own, table);
    if row.fields.len() == keys {
        flags.add("", QualityCode::Unparsable);
    }
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
        bank_transaction_id: fields.id("bank_transaction_id", &["txnId"]),
        ..Transaction::default()
    };
    // A fund's row names a day only, a security's an instant.
    let keys = ["transactionDateTime", "transactionDate", "txnDate", "transactionTimestamp", "investmentDateTime"];
    (row.transaction_time, row.transaction_date) = fields.moment("transaction_time", &keys);
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
        reference: fields.id("reference", &["reference"]),
        bank_transaction_id: fields.id("bank_transaction_id", &["txnId"]),
        ..Transaction::default()
    };
    let keys = ["txnDate", "transactionDateTime", "transactionDate"];
    (row.transaction_time, row.transaction_date) = fields.moment("transaction_time", &keys);
    row.details = Some(details(fields));
    row
}
