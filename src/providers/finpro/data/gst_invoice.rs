//! Invoices between taxpayers: section B2B of a GST return, in GSTN's keys.

use super::gst::period;
use crate::{
    data::{
        absence,
        convert::Reader,
        json::{Node, Object},
        typed::{Fields, TypedRow, read_object, table},
    },
    pb::{GstInvoice, GstInvoiceItem, GstReturn, QualityCode, transaction},
};

/// What the invoices of one counterparty share.
struct Shared<'s> {
    of: &'s GstReturn,
    gstin: String,
    filed: String,
}

/// Reads the invoices of one counterparty. What else is told of it stays, with its GSTIN to say of whom.
pub(super) fn of_counterparty<'a>(object: &mut Object<'a>, of: &GstReturn, reader: &Reader<'_>, rows: &mut Vec<TypedRow>) {
    let told = |key: &str| object.get(key).and_then(Node::scalar).map(|scalar| scalar.string());
    let text = |key: &str| told(key).filter(|text| !absence::is_absent(text)).unwrap_or_default();
    let shared = Shared { of, gstin: text("ctin"), filed: text("cfs") };
    let invoices = object.take_objects("inv");
    if invoices.is_empty() {
        return;
    }
    rows.extend(invoices.into_iter().map(|invoice| one(invoice, &shared, reader)));
    let known = ["ctin", "cfs"];
    if object.fields.iter().all(|(key, node)| known.contains(&key.as_ref()) && node.scalar().is_some()) {
        object.fields.clear();
    }
}

table! {
    invoice_fields -> GstInvoice {
        invoice_number: id "inum",
        place_of_supply: code "pos",
        reverse_charge: answer "rchrg",
        ecommerce_gstin: id "etin",
        invoice_type_text: name "inv_typ" | "invTyp",
        flag_text: name "flag",
        counterparty_flag_text: name "cflag",
        uploaded_by_text: name "updby",
        differential_rate: decimal "diff_percent" | "diffPercent",
        checksum: id "chksum",
    }
}

table! {
    item_fields -> GstInvoiceItem {
        rate: decimal "rt",
        taxable_value: money "txval",
        integrated_tax: money "iamt",
        central_tax: money "camt",
        state_tax: money "samt",
        cess: money "csamt",
    }
}

fn one(mut invoice: Object<'_>, shared: &Shared<'_>, reader: &Reader<'_>) -> TypedRow {
    let mut row = TypedRow::default();
    if invoice.fields.is_empty() {
        return row;
    }
    // The same number may come from two counterparties and in two months.
    for part in [&shared.gstin, &format!("{:?}", shared.of.period)] {
        Node::Text(part.as_str().into()).write_canonical("", reader.zoneless, &mut row.content);
    }
    let whole = Node::Object(std::mem::take(&mut invoice));
    whole.write_canonical("", reader.zoneless, &mut row.content);
    let Node::Object(mut whole) = whole else { return row };
    let mut inner = Reader { currency: reader.currency, zoneless: reader.zoneless, flags: &mut row.flags };
    let message = &mut row.message;
    read_object(&mut whole, "", &mut inner, |fields| {
        let mut details = GstInvoice {
            form: shared.of.form,
            form_text: shared.of.form_text.clone(),
            period: shared.of.period,
            counterparty_gstin: shared.gstin.clone(),
            counterparty_filed_text: shared.filed.clone(),
            ..invoice_fields(fields)
        };
        details.original_period = period(fields, "original_period", &["opd"]);
        message.amount = fields.money("amount", &["val"]);
        (message.transaction_time, message.transaction_date) = fields.moment("transaction_time", &["idt"]);
        details.items = fields.list("items", &["itms"], item);
        message.details = Some(transaction::Details::GstInvoice(details));
        message.extensions = fields.rest();
    });
    row
}

/// An item: its number, and beside it an object of its figures.
fn item(fields: &mut Fields<'_, '_, '_>) -> GstInvoiceItem {
    let mut item = GstInvoiceItem::default();
    for key in ["itm_det", "itmDet"] {
        for mut figures in fields.object.take_objects(key).into_iter().filter(|figures| !figures.fields.is_empty()) {
            item = read_object(&mut figures, "", &mut fields.reader, item_fields);
            if !figures.fields.is_empty() {
                fields.object.put(key, Node::Object(figures));
            }
        }
    }
    let number = fields.id("number", &["num"]);
    item.number = number.parse().unwrap_or_default();
    if item.number == 0 && !number.is_empty() {
        fields.reader.flags.quote("number", QualityCode::Unparsable, &number);
    }
    item.extensions = fields.rest();
    item
}
