//! The customer's URL, and the customer's way back.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use url::Url;

use super::{
    desk::Desk,
    envelope::{Answer, Failure, Reply},
    state::{Page, Return},
    time::redirect_date,
    validate::{Check, Rule},
};

impl Desk<'_> {
    /// A fresh URL for the customer.
    pub(super) fn page_url(&mut self, handles: Vec<String>, transaction: Option<String>, redirect: Option<String>) -> String {
        let token = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let query = format!("ecreq={token}&reqdate={}&fi={}&requestorType=dHxl", redirect_date(self.now), self.fi());
        self.state.pages.insert(token, Page { handles, transaction, redirect });
        self.world.url(&format!("journey/?{query}"))
    }

    fn fi(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.credential.organisation_id)
    }

    /// POST /webRedirection/getEncryptedUrl: may be called again and again.
    pub(super) fn encrypted_url(&mut self, body: &Value) -> Answer {
        let missing = match body.get("consentHandle") {
            None => true,
            Some(value) => value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty),
        };
        if missing {
            let text = "Required parameters missing : Both consentID and consentHandle are empty";
            return Err(Failure::coded("FP0021", "missingConsentInfo", text));
        }
        let mut check = Check::new(body);
        let handles = check.list("consentHandle", Rule::Guid, true).unwrap_or_default();
        let redirect = check.optional("redirectUrl", Rule::Filled).map(str::to_owned);
        check.optional("pan", Rule::Pan);
        check.list("fipID", Rule::Filled, false);
        check.done()?;
        let mut vuas = Vec::new();
        for handle in &handles {
            match self.state.by_handle(handle) {
                None => return Err(Failure::coded("FP0024", "invalid_consent_handle", "Invalid consent handle")),
                Some(consent) => vuas.push(consent.vua.clone()),
            }
        }
        if vuas.iter().any(|vua| Some(vua) != vuas.first()) {
            return Err(Failure::coded("FP0024", "InvalidRequest", "Consent handles belongs to different vua's"));
        }
        let url = self.page_url(handles.into_iter().map(str::to_owned).collect(), None, redirect);
        Ok(Reply::success(json!({"webRedirectionUrl": url})))
    }

    /// Where the browser goes after a decision in the consent style.
    pub(super) fn return_url(&mut self, page: &Page, code: u8) -> Option<String> {
        let to = page.redirect.clone()?;
        let handle = page.handles.first().cloned().unwrap_or_default();
        let vua = self.state.by_handle(&handle).map(|consent| consent.vua.clone()).unwrap_or_default();
        let ecres = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let resdate = redirect_date(self.now);
        let url = with_query(&to, &[("ecres", &ecres), ("resdate", &resdate), ("fi", &self.fi())]);
        self.state.returns.insert(ecres, Return { handle, vua, code, redirect: to, resdate });
        Some(url)
    }

    /// POST /webRedirection/decryptUrl: opens only what came back unchanged.
    pub(super) fn decrypt_url(&mut self, body: &Value) -> Answer {
        let part = |name: &str| body.pointer(&format!("/webRedirectionURL/{name}")).and_then(Value::as_str).unwrap_or_default();
        let found = self.state.returns.get(part("ecres"));
        let found = found.filter(|back| back.resdate == part("resdate") && self.fi() == part("fi"));
        let Some(back) = found else {
            return Err(Failure::rule("invalidWebRedirectionUrl", "Invalid webRedirection Url is passed"));
        };
        let mut session = uuid::Uuid::new_v4().simple().to_string();
        session.truncate(23);
        Ok(Reply::Json(json!({
            "ver": "1.15.0",
            "status": "success",
            "data": {
                "status": if back.code == 0 { "S" } else { "F" },
                "errorcode": back.code.to_string(),
                "txnid": uuid::Uuid::new_v4().to_string(),
                "sessionid": session,
                "srcref": back.handle,
                "userid": back.vua,
                "redirect": back.redirect,
            },
            "message": "Success",
        })))
    }
}

/// The address with more in its query; addresses without a scheme are accepted, as at FinPro.
pub(super) fn with_query(to: &str, pairs: &[(&str, &str)]) -> String {
    let parsed = Url::parse(to).or_else(|_| Url::parse(&format!("https://{to}")));
    match parsed {
        Ok(mut url) => {
            url.query_pairs_mut().extend_pairs(pairs);
            url.into()
        }
        Err(_) => to.to_owned(),
    }
}
