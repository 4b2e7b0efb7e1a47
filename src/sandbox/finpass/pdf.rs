//! Statements as PDF: a list of links that work for a while, one an account.

use std::sync::Arc;

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::{
    envelope::{look_response, older_success, older_unauthorized},
    ids,
    input::Input,
    look::Look,
    paths,
    plain::{invalid, unknown_client},
    server::Finpass,
    world::Product,
};
use crate::sandbox::bank::{BankAccount, masked};

/// Seconds that a link works. Finpass states none; the product behind it hints at ten minutes.
const LINK_SECONDS: i64 = 600;

/// A statement behind a link.
#[derive(Debug, Clone)]
pub struct File {
    title: String,
    expires_at: Timestamp,
}

#[derive(Serialize)]
struct Reports<'a> {
    client_id: &'a str,
    reports: Vec<Report>,
}

#[derive(Serialize)]
struct Report {
    fip_id: String,
    /// Masked; the JSON report calls it `masked_account_number`.
    account_number: String,
    status: &'static str,
    statement_report_link: String,
}

/// Answers a link for each account.
pub async fn fetch_statement_pdf(State(finpass): State<Arc<Finpass>>, headers: HeaderMap, body: Bytes) -> Response {
    let Some(owner) = finpass.caller(&headers) else { return older_unauthorized() };
    let Some(input) = Input::read(&headers, &body) else { return invalid("Validation failed") };
    let Some(client_id) = input.text(&["client_id"]) else { return invalid("Validation failed: client_id is required") };
    finpass.record(paths::AA_PDF, client_id);
    let look = finpass.with_session(&owner, Product::Plain, client_id, |session| session.look(input.text(&["request_id"])));
    match look {
        None => unknown_client(),
        Some(Look::Ready(accounts)) => {
            let reports = accounts.iter().map(|account| finpass.report(account)).collect();
            older_success(Reports { client_id, reports })
        }
        Some(look) => look_response(&look),
    }
}

impl Finpass {
    fn report(&self, account: &BankAccount) -> Report {
        let token = ids::token();
        let file = File {
            title: format!("{} {}, {} rows", account.fip_name, masked(&account.number), account.rows.len()),
            expires_at: self.now() + LINK_SECONDS.seconds(),
        };
        let link = self.world.url(&format!("finpass/statements/{token}?sig=x"));
        self.sessions().files.insert(token, file);
        Report {
            fip_id: account.fip_id.clone(),
            account_number: masked(&account.number),
            status: "READY",
            statement_report_link: link,
        }
    }
}

/// A statement behind a link; no credentials are asked for.
pub async fn file(State(finpass): State<Arc<Finpass>>, Path(token): Path<String>) -> Response {
    let file = finpass.sessions().files.get(&token).cloned();
    match file {
        Some(file) if finpass.now() < file.expires_at => {
            ([(header::CONTENT_TYPE, "application/pdf")], one_page(&file.title)).into_response()
        }
        _ => (StatusCode::FORBIDDEN, "Request has expired").into_response(),
    }
}

/// A PDF of one page with one line on it.
fn one_page(title: &str) -> Vec<u8> {
    let text = format!("BT /F1 12 Tf 72 720 Td ({}) Tj ET", title.replace(['(', ')', '\\'], " "));
    let objects = [
        "<</Type/Catalog/Pages 2 0 R>>".to_owned(),
        "<</Type/Pages/Kids[3 0 R]/Count 1>>".to_owned(),
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>".to_owned(),
        format!("<</Length {}>>stream\n{text}\nendstream", text.len()),
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned(),
    ];
    let mut out = String::from("%PDF-1.4\n");
    let mut places = Vec::new();
    for (at, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.push_str(&format!("{} 0 obj{object}endobj\n", at + 1));
    }
    let table = out.len();
    out.push_str(&format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1));
    for place in places {
        out.push_str(&format!("{place:010} 00000 n \n"));
    }
    out.push_str(&format!("trailer<</Size {}/Root 1 0 R>>\nstartxref\n{table}\n%%EOF\n", objects.len() + 1));
    out.into_bytes()
}
