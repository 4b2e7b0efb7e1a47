//! A registration for the goods and services tax with two returns a month: one of invoices, and the summary with the tax paid.

use serde_json::{Value, json};

use super::Held;
use crate::sandbox::{
    bank::{BankRow, masked, rupees, stated_range},
    finpro::render::pdf_day,
};

pub(super) fn account(held: &Held<'_>) -> Value {
    let holder = held.account.holders.first();
    let name = holder.map_or("", |person| &person.name);
    let (from, to) = stated_range(held.account);
    let rows = &held.account.rows;
    json!({
        "linkReferenceNumber": held.account.link_ref,
        "maskedGstinNumber": masked(&held.account.number),
        "fiType": held.portfolio.asset.word(),
        "bank": held.account.fip_name,
        "Profile": {
            "BusinessDetails": {
                "lgnm": name, "trdnm": format!("{name} Traders"), "dty": "Regular", "sts": "Active", "iscmp": "N",
                "apprvdt": pdf_day(held.account.opening_date), "CategoryList": {"cat": ["Proprietorship"]},
            },
            "PlaceofBusiness": {
                "Address": {
                    "flno": "1", "bno": "2", "bnm": "Sample House", "st": holder.map_or("", |person| &person.address), "loc": "Sample Nagar",
                    "dst": "Bengaluru", "stcd": "29", "pncd": "560001",
                },
                "NatureOfBusinessList": {"ntr": ["Retail Business"]},
            },
        },
        "Transactions": {
            "strdt": pdf_day(from),
            "endt": pdf_day(to),
            "Gstr1Details": {"gstr1": rows.iter().map(invoices).collect::<Vec<_>>()},
            "Gstr3bDetails": {"gstr3b": rows.iter().map(summary).collect::<Vec<_>>()},
        },
    })
}

fn head(row: &BankRow) -> Value {
    json!({
        "retPrd": row.value_date.strftime("%m%Y").to_string(), "dof": pdf_day(row.value_date.last_of_month()), "status": "Filed",
        "filingFrequency": "M",
    })
}

/// Half of the tax is central, half the state's.
fn tax(row: &BankRow) -> i64 {
    row.amount * 9 / 100
}

/// The invoice whose value is the row's amount.
fn invoices(row: &BankRow) -> Value {
    let mut value = head(row);
    value["b2bDtls"] = json!({"b2b": [{"ctin": "29AAAPB0001A1Z5", "cfs": "Y", "inv": [{
        "flag": "U", "chksum": format!("SUM{}", row.reference), "updby": "S", "inum": row.id, "idt": pdf_day(row.value_date),
        "val": rupees(row.amount), "pos": "29", "rchrg": "N", "inv_typ": "R", "cflag": "N", "diff_percent": "0.65",
        "itms": [{"num": "1", "itm_det": {
            "rt": "18", "txval": rupees(row.amount - 2 * tax(row)), "iamt": "0.00", "camt": rupees(tax(row)), "samt": rupees(tax(row)),
            "csamt": "0.00",
        }}],
    }]}]});
    value
}

fn summary(row: &BankRow) -> Value {
    let half = rupees(tax(row));
    let mut value = head(row);
    value["supDetails"] = json!({"osupDet": {
        "txval": rupees(row.amount - 2 * tax(row)), "iamt": "0.00", "camt": half, "samt": half, "csamt": "0.00",
    }});
    value["pdcashDtls"] = json!({
        "pdcashList": [{"pdcash": {"transDesc": "Other than reverse charge", "ipd": "0.00", "cpd": half, "spd": half, "cspd": "0.00"}}],
        "pditc": {"transDesc": "Other than reverse charge", "iPdi": "0.00", "cPdc": "0.00", "sPds": "0.00", "csPdcs": "0.00"},
    });
    value
}
