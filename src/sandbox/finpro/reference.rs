//! Reference data: templates, banks, account aggregators.

use serde_json::{Value, json};

use super::{
    desk::Desk,
    envelope::{Answer, Reply, VER},
    products,
    validate::{Check, Rule},
};
use crate::sandbox::bank::institutions;

impl Desk<'_> {
    /// POST /productslist: always an array.
    pub(super) fn products(&self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let wanted = check.optional("productId", Rule::Name);
        check.done()?;
        let rows = products::ALL.iter().filter(|product| wanted.is_none_or(|code| product.code == code));
        Ok(Reply::success(json!(rows.map(|product| product.listed(self.now)).collect::<Vec<_>>())))
    }

    /// GET /list/fips, with the disorder of the real list: types misspelt, joined in one element, or none at all.
    pub(super) fn fips(&self) -> Answer {
        let mut rows: Vec<Value> = institutions::ALL
            .iter()
            .map(|bank| {
                json!({
                    "fipId": bank.id,
                    "fipName": bank.name,
                    "logoURL": "",
                    "FiTypes": ["DEPOSIT", "TERM-DEPOSIT", "TERM_DEPOSIT", "RECURRING_DEPOSIT"],
                })
            })
            .collect();
        rows.push(
            json!({"fipId": "FUNDS & CO%20FIP", "fipName": "Sample Funds", "FiTypes": ["SIP,MUTUAL_FUNDS", "null", " ", ""]}),
        );
        rows.push(json!({"fipId": "gst-fip", "fipName": "Sample Tax Network", "FiTypes": ["gstr1_3b"]}));
        rows.push(json!({"fipId": "empty#fip", "fipName": "", "FiTypes": []}));
        Ok(Reply::Json(json!({
            "ver": VER,
            "status": "success",
            "data": {"fip_newlist": rows},
            "message": "Read Operation Successfull",
        })))
    }

    /// POST /accountaggregatorlist. The ids are without the "-aa" of the consent lists.
    pub(super) fn aggregators(&self) -> Answer {
        let row = |name: &str, id: &str, status: &str| {
            json!({
                "name": name, "aaId": id, "webUrl": format!("https://{id}.example"), "apkUrl": "", "logoUrl": "",
                "baseUrl": format!("https://api.{id}.example"), "status": status,
            })
        };
        Ok(Reply::success(json!([
            row("OneMoney", "onemoney", "Active"),
            row("Finvu", "finvu", "Active"),
            row("Anumati", "anumati", "Inactive"),
        ])))
    }
}
