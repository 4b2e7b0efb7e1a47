//! Returns of the goods and services tax. No recording of FinPro has them. Two shapes are documented: ReBIT's ("Gstr3bDetails" inside
//! "Transactions") and OneMoney's older one ("responses" beside the link reference), which writes GSTN's own snake case. Case and
//! underscores of section names therefore do not count. Of GSTR-1 both document the invoices between taxpayers (B2B) only: its other
//! sections stay as they came.

use super::{
    gst_invoice, gst_payment,
    typed::{Family, Parts, put_back},
    wrapped::inside,
};
use crate::{
    data::{
        absence,
        convert::Reader,
        json::{Node, Object},
        typed::{Fields, TypedRow, read_object, table},
        words_other as words,
    },
    pb::{
        GstForm, GstLine, GstLineKind, GstRegistration, GstReturn, GstReturnPeriod, QualityCode, Transaction, account::Details,
        transaction,
    },
};

pub(super) const GST: Family = Family { details: registration, rows: &[] };

/// The rows of an account: they are no plain list.
pub(super) fn sections(parts: &mut Parts<'_>, fi_type: &str, reader: &mut Reader<'_>) -> Vec<TypedRow> {
    let form = words::gst_form(fi_type);
    let mut found = rows(&mut parts.rest, form, reader);
    for section in &mut parts.transactions {
        found.extend(rows(section, form, reader));
    }
    found
}

table! {
    business_fields -> GstRegistration {
        gstin: code "gstin",
        legal_name: name "lgnm",
        trade_name: name "trdnm",
        status_text: name "sts",
        taxpayer_type_text: name "dty",
        composition: answer "iscmp",
        approval_date: day "apprvdt",
    }
}

fn registration(parts: &mut Parts<'_>, reader: &mut Reader<'_>) -> Details {
    let mut registration = GstRegistration::default();
    for profile in &mut parts.profiles {
        read_object(profile, "details", reader, |fields| read_profile(fields, &mut registration));
    }
    read_object(&mut parts.rest, "", reader, |fields| {
        registration.page_number = count(fields, "details.page_number", "pageNumber");
        registration.page_count = count(fields, "details.page_count", "pageCount");
        if registration.page_count > 1 {
            fields.reader.flags.add("transactions", QualityCode::SectionMissing);
        }
    });
    Details::Gst(registration)
}

/// A whole number; what is none is flagged and stays.
fn count(fields: &mut Fields<'_, '_, '_>, path: &'static str, key: &'static str) -> i32 {
    let text = fields.id(path, &[key]);
    let read = text.parse().ok().filter(|number: &i32| *number >= 0);
    if read.is_none() && !text.is_empty() {
        fields.reader.flags.quote(path, QualityCode::Unparsable, &text);
        fields.object.put(key, Node::Text(text.into()));
    }
    read.unwrap_or_default()
}

fn read_profile(fields: &mut Fields<'_, '_, '_>, registration: &mut GstRegistration) {
    inside(fields, "BusinessDetails", |business| {
        *registration = business_fields(business);
        inside(business, "CategoryList", |list| registration.categories.extend(texts(list.object, "cat")));
    });
    inside(fields, "PlaceofBusiness", |business| {
        inside(business, "Address", |address| {
            registration.state_code = address.code("state_code", &["stcd"]);
            let parts = ["flno", "bno", "bnm", "st", "loc", "dst", "pncd"].map(|key| address.code("address", &[key]));
            registration.address = parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ");
        });
        inside(business, "NatureOfBusinessList", |list| registration.natures_of_business.extend(texts(list.object, "ntr")));
    });
}

/// The texts at a key, a list or one; what is no text stays.
fn texts(object: &mut Object<'_>, key: &str) -> Vec<String> {
    let text = |node: &Node<'_>| node.scalar().map(|scalar| scalar.string());
    match object.take(key) {
        Some(Node::List(items)) => {
            let read: Option<Vec<String>> = items.iter().map(text).collect();
            if read.is_none() {
                object.put(key.to_owned(), Node::List(items));
            }
            read.unwrap_or_default()
        }
        Some(node) => match text(&node) {
            Some(text) => vec![text],
            None => {
                object.put(key.to_owned(), node);
                Vec::new()
            }
        },
        None => Vec::new(),
    }
    .into_iter()
    .filter(|text| !absence::is_absent(text))
    .collect()
}

/// A key without case, underscores and hyphens.
pub(super) fn normal(key: &str) -> String {
    key.chars().filter(|letter| letter.is_ascii_alphanumeric()).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// A month as `MMYYYY` or `YYYY-MM`.
pub(super) fn period(fields: &mut Fields<'_, '_, '_>, path: &'static str, keys: &[&'static str]) -> Option<GstReturnPeriod> {
    let text = fields.code(path, keys);
    if text.is_empty() {
        return None;
    }
    let parts = match text.as_bytes() {
        [_, _, _, _, b'-', _, _] => text.get(..4).zip(text.get(5..)),
        [_, _, _, _, _, _] => text.get(2..).zip(text.get(..2)),
        _ => None,
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse::<i32>().ok()).flatten();
    let read = parts
        .and_then(|(year, month)| Some(GstReturnPeriod { year: digits(year)?, month: digits(month)? }))
        .filter(|period| (1..=12).contains(&period.month) && period.year >= 1000);
    if read.is_none() {
        fields.reader.flags.quote(path, QualityCode::Unparsable, &text);
        // Back under its first name, so that its text is not lost.
        if let Some(key) = keys.first() {
            fields.object.put(*key, Node::Text(text.into()));
        }
    }
    read
}

/// The returns below the sections of an account, each followed by its invoices.
pub(super) fn rows<'a>(sections: &mut Object<'a>, account_form: Option<GstForm>, reader: &Reader<'_>) -> Vec<TypedRow> {
    let mut rows = Vec::new();
    let found = |section: &str| match section {
        "gstr1" => Some(GstForm::Gstr1),
        "gstr2a" => Some(GstForm::Gstr2a),
        "gstr3b" => Some(GstForm::Gstr3b),
        _ => None,
    };
    for key in names(sections) {
        let name = normal(&key);
        let (own, wrapped) = (found(&name), name.strip_suffix("details").and_then(found));
        let mut objects = match (own, wrapped, name.as_str()) {
            (None, None, "responses") | (Some(_), ..) | (_, Some(_), _) => sections.take_objects(&key),
            _ => continue,
        };
        for object in &mut objects {
            match wrapped {
                Some(_) => rows.extend(self::rows(object, account_form, reader)),
                None => one(object, own.or(account_form), reader, &mut rows),
            }
        }
        put_back(sections, &key, objects);
    }
    rows
}

fn names(object: &Object<'_>) -> Vec<String> {
    object.fields.iter().map(|(key, _)| key.clone().into_owned()).collect()
}

table! {
    return_fields -> GstReturn {
        filing_date: day "dof" | "filingDate",
        status_text: name "status" | "sts",
        filing_frequency_text: name "filingFrequency" | "filing_frequency",
        section_text: name "sectionType",
        large_data_set: answer "isLargeDataSet",
    } words {
        form, form_text: words::gst_form, GstForm "FIType",
    }
}

/// One return: a row for its figures, then one for each invoice.
fn one<'a>(object: &mut Object<'a>, form: Option<GstForm>, reader: &Reader<'_>, rows: &mut Vec<TypedRow>) {
    let mut row = TypedRow::default();
    if object.fields.is_empty() {
        rows.push(row);
        return;
    }
    let whole = Node::Object(std::mem::take(object));
    whole.write_canonical("", reader.zoneless, &mut row.content);
    let Node::Object(mut whole) = whole else { return };
    let mut invoices = Vec::new();
    let mut inner = Reader { currency: reader.currency, zoneless: reader.zoneless, flags: &mut row.flags };
    let (details, extensions) = read_object(&mut whole, "", &mut inner, |fields| {
        let mut details = return_fields(fields);
        if let (0, Some(form)) = (details.form, form) {
            details.form = form.into();
        }
        walk(fields, &mut Found { details: &mut details, invoices: &mut invoices });
        (details, fields.rest())
    });
    row.message = Transaction { details: Some(transaction::Details::GstReturn(details)), extensions, ..Transaction::default() };
    rows.push(row);
    rows.extend(invoices);
}

struct Found<'f> {
    details: &'f mut GstReturn,
    invoices: &'f mut Vec<TypedRow>,
}

/// The sections that hold lines of figures.
fn line_kind(name: &str) -> Option<GstLineKind> {
    Some(match name {
        "osupdet" => GstLineKind::OutwardTaxable,
        "osupzero" => GstLineKind::OutwardZeroRated,
        "osupnilexmp" => GstLineKind::OutwardNilExempt,
        "isuprev" => GstLineKind::InwardReverseCharge,
        "osupnongst" => GstLineKind::OutwardNonGst,
        "ecosup" => GstLineKind::EcommerceOperatorPays,
        "ecoregsup" => GstLineKind::ThroughEcommerceOperator,
        "unregdetails" => GstLineKind::InterStateUnregistered,
        "compdetails" => GstLineKind::InterStateComposition,
        "uindetails" => GstLineKind::InterStateUin,
        "itcavl" => GstLineKind::ItcAvailable,
        "itcrev" => GstLineKind::ItcReversed,
        "itcnet" => GstLineKind::ItcNet,
        "itcinelg" => GstLineKind::ItcIneligible,
        "isupdetails" => GstLineKind::InwardExempt,
        "intrdetails" => GstLineKind::Interest,
        "ltfeedetails" => GstLineKind::LateFee,
        "txpy" => GstLineKind::TaxPayable,
        _ => return None,
    })
}

/// The sections that only hold others.
fn only_wraps(name: &str) -> bool {
    matches!(
        name,
        "data"
            | "b2bdtls"
            | "pdcashdtls"
            | "pdcashlist"
            | "supdetails"
            | "supinter"
            | "intersup"
            | "itcelg"
            | "inwardsup"
            | "intrltfee"
            | "txpmt"
            | "ecodtls"
    ) || name.strip_suffix("list").is_some_and(|name| line_kind(name).is_some())
}

/// Reads the sections of a return wherever they stand; what is known by no name stays.
fn walk<'a>(fields: &mut Fields<'_, 'a, '_>, found: &mut Found<'_>) {
    if found.details.period.is_none() {
        found.details.period = period(fields, "period", &["retPrd", "retPeriod", "ret_period", "ret_prd", "fp"]);
    }
    for key in names(fields.object) {
        let name = normal(&key);
        if name == "b2b" {
            let mut others = fields.object.take_objects(&key);
            flag_empty("b2b", &others, fields);
            for other in &mut others {
                gst_invoice::of_counterparty(other, found.details, &fields.reader, found.invoices);
            }
            put_back(fields.object, &key, others);
        } else if name == "pdcash" {
            let paid = list(fields, "paid_in_cash", &key, found.details.paid_in_cash.len(), gst_payment::in_cash);
            found.details.paid_in_cash.extend(paid);
        } else if name == "pditc" {
            let paid = list(fields, "paid_by_credit", &key, found.details.paid_by_credit.len(), gst_payment::by_credit);
            found.details.paid_by_credit.extend(paid);
        } else if only_wraps(&name) {
            inside(fields, &key, |inner| walk(inner, found));
        } else if let Some(kind) = line_kind(&name) {
            let lines = list(fields, "lines", &key, found.details.lines.len(), line);
            found.details.lines.extend(lines.into_iter().map(|line| GstLine { kind: kind.into(), ..line }));
        }
    }
}

/// The objects at a key by a table, as the entries from `first` on of the field `path`; those that say nothing are left out.
fn list<'a, T: Default + PartialEq>(
    fields: &mut Fields<'_, 'a, '_>,
    path: &'static str,
    key: &str,
    first: usize,
    table: fn(&mut Fields<'_, 'a, '_>) -> T,
) -> Vec<T> {
    let objects = fields.object.take_objects(key);
    flag_empty(path, &objects, fields);
    let mut read = Vec::new();
    for mut object in objects {
        let entry = read_object(&mut object, &format!("{path}[{}]", first + read.len()), &mut fields.reader, table);
        if entry != T::default() {
            read.push(entry);
        }
    }
    read
}

/// Flags the entries of a list that say nothing.
fn flag_empty(path: &'static str, entries: &[Object<'_>], fields: &mut Fields<'_, '_, '_>) {
    let empty = entries.iter().filter(|entry| entry.fields.is_empty());
    if entries.len() > 1 {
        empty.for_each(|_| fields.reader.flags.add(path, QualityCode::Unparsable));
    }
}

table! {
    line_fields -> GstLine {
        type_text: name "type" | "ty" | "transDesc" | "trans_desc" | "tran_desc",
        place_of_supply: code "pos",
        taxable_value: money "txval",
        integrated_tax: money "iamt",
        central_tax: money "camt",
        state_tax: money "samt",
        cess: money "csamt",
        inter_state: money "inter",
        intra_state: money "intra",
    }
}

fn line(fields: &mut Fields<'_, '_, '_>) -> GstLine {
    let line = line_fields(fields);
    GstLine { extensions: fields.rest(), ..line }
}
