//! Opening journeys, and ending consents.

use http::StatusCode;
use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::{
    desk::Desk,
    envelope::{Answer, Failure, Reply, VER},
    products::{Product, moved},
    state::{Consent, Orchestration, Status, Step},
    validate::{Check, Rule, is_mobile},
};
use crate::sandbox::scenario::Scenario;

const IDENTIFIERS: [&str; 6] = ["MOBILE", "PAN", "AADHAR", "EMAIL", "GSTIN", "DOB"];
/// The account aggregators that the organisations have switched on.
const ENABLED: [&str; 2] = ["onemoney", "finvu"];
/// Known to the registry, but not switched on.
const KNOWN: [&str; 2] = ["anumati", "setu"];

struct Ask<'a> {
    products: Vec<&'a str>,
    vua: &'a str,
    mobile: String,
    /// The value of the party's identifier.
    party: &'a str,
    account_id: &'a str,
    fips: Vec<String>,
    redirect: Option<String>,
    range: Option<(Timestamp, Timestamp)>,
}

impl Desk<'_> {
    /// POST /v2/requestconsent: a handle, no URL.
    pub(super) fn request_consent_v2(&mut self, body: &Value) -> Answer {
        let ask = read(body, false)?;
        let products = self.checked(&ask)?;
        let handles = self.create(&ask, &products, None);
        self.count("/v2/requestconsent", &[ask.account_id, &ask.mobile]);
        self.lost(&ask.mobile)?;
        Ok(Reply::plain(json!({"status": "PENDING", "consent_handle": handles.first()})))
    }

    /// POST /v3/requestconsent: one of three kinds of answer, by what was asked and by the organisation's style.
    pub(super) fn request_consent_v3(&mut self, body: &Value) -> Answer {
        let ask = read(body, true)?;
        let products = self.checked(&ask)?;
        let transaction = self.credential.orchestration.then(|| self.orchestrate(&ask));
        let handles = self.create(&ask, &products, transaction.clone());
        self.count("/v3/requestconsent", &[ask.account_id, &ask.mobile]);
        let url = self.page_url(handles.clone(), transaction.clone(), ask.redirect.clone());
        self.lost(&ask.mobile)?;
        let mut data = json!({"webRedirectionUrl": url});
        if let Some(id) = transaction {
            data["transaction_id"] = json!(id);
        } else {
            data["status"] = json!("PENDING");
            if body.get("productIDList").is_some() {
                data["consent_handles"] = json!(handles);
            } else {
                data["consent_handle"] = json!(handles.first());
            }
        }
        Ok(Reply::success(data))
    }

    fn checked(&mut self, ask: &Ask<'_>) -> Result<Vec<&'static Product>, Failure> {
        let scenario = Scenario::of(&ask.mobile);
        self.check_customer(ask, scenario).map_err(|failure| failure.for_customer(scenario))?;
        let products = ask.products.iter().map(|code| match Product::of(code) {
            None => Err(Failure::coded("FP0001", "InvalidRequest", format!("Request has Invalid ProductID  {code}"))),
            Some(product) if !product.active => {
                let text = format!("Request has productID with NON ACTIVE status {code}");
                Err(Failure::coded("FP0002", "InvalidRequest", text))
            }
            Some(product) => Ok(product),
        });
        products.collect::<Result<Vec<_>, _>>().map_err(|failure| failure.for_customer(scenario))
    }

    fn check_customer(&self, ask: &Ask<'_>, scenario: Scenario) -> Result<(), Failure> {
        let handle = ask.vua.rsplit('@').next().unwrap_or_default();
        if KNOWN.contains(&handle) {
            return Err(Failure::coded("FP0013", "AANotInActive", "The respected AA is not enabled in FIU"));
        }
        if !ENABLED.contains(&handle) {
            return Err(Failure::coded("FP0012", "Invalidvua", "Entity Handle not present in Central Registry"));
        }
        if scenario == Scenario::CustomerUnknownToAa {
            return Err(Failure::coded("FP0008", "InternalErrorFromAA", "Customer vua validation error"));
        }
        Ok(())
    }

    fn create(&mut self, ask: &Ask<'_>, products: &[&'static Product], transaction: Option<String>) -> Vec<String> {
        let now = self.now;
        let consents = products.iter().map(|product| Consent {
            handle: uuid::Uuid::new_v4().to_string(),
            id: None,
            status: Status::Pending,
            product,
            account_id: ask.account_id.to_owned(),
            vua: ask.vua.to_owned(),
            mobile: ask.mobile.clone(),
            party: ask.party.to_owned(),
            fips: ask.fips.clone(),
            range: ask.range,
            created: now,
            expires: moved(now, product.validity_days.days()),
            sessions: Vec::new(),
            deleted: false,
            given: None,
            linked: Vec::new(),
            transaction: transaction.clone(),
        });
        let consents: Vec<_> = consents.collect();
        let handles = consents.iter().map(|consent| consent.handle.clone()).collect();
        self.state.consents.extend(consents);
        handles
    }

    fn orchestrate(&mut self, ask: &Ask<'_>) -> String {
        let id = uuid::Uuid::new_v4().to_string();
        let orchestration = Orchestration {
            id: id.clone(),
            account_id: ask.account_id.to_owned(),
            mobile: ask.mobile.clone(),
            expected: Vec::new(),
            uploaded: 0,
            aa: Step::Pending,
            pdf: Step::Pending,
            statements: Default::default(),
            decided: None,
            announced: false,
        };
        self.state.orchestrations.insert(id.clone(), orchestration);
        id
    }

    /// The effect has happened; for some customers its answer never arrives.
    fn lost(&mut self, mobile: &str) -> Result<(), Failure> {
        let lost = Scenario::of(mobile) == Scenario::ConsentAnswerLost && self.state.first(mobile, "consent", 1);
        if lost { Err(Failure::Proxy(StatusCode::GATEWAY_TIMEOUT)) } else { Ok(()) }
    }

    /// POST /revokeconsent.
    pub(super) fn revoke_consent(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let id = check.required("consentID", Rule::Name);
        check.done()?;
        let now = self.now;
        let consent = self.state.by_id(id).ok_or_else(unknown_consent)?;
        let scenario = consent.scenario();
        match consent.status(now) {
            Status::Active | Status::Paused => consent.status = Status::Revoked,
            Status::Revoked => return Err(Failure::rule("InvalidStatus", "Consent ID is already in REVOKED state")),
            other => {
                let text = format!("Consent ID is in {} state", other.word());
                return Err(Failure::rule("InvalidStatus", text).for_customer(scenario));
            }
        }
        let (account_id, mobile) = (consent.account_id.clone(), consent.mobile.clone());
        self.count("/revokeconsent", &[id, &account_id, &mobile]);
        Ok(Reply::Json(json!({"ver": VER, "status": "success", "message": "Successfully revoked."})))
    }
}

/// No consent of this organisation has the id.
pub(super) fn unknown_consent() -> Failure {
    Failure::coded("FP0034", "InvalidConsentId", "Consent ID does not exist.")
}

fn read(body: &Value, version_3: bool) -> Result<Ask<'_>, Failure> {
    let mut check = Check::new(body);
    let several = version_3 && body.get("productIDList").is_some();
    let products = if several {
        let list = check.list("productIDList", Rule::Filled, false);
        if list.as_ref().is_some_and(Vec::is_empty) && body["productIDList"].as_array().is_some_and(Vec::is_empty) {
            check.fault("productIDListAt least one product ID is required".to_owned());
        }
        list.unwrap_or_default()
    } else {
        vec![check.required("productID", Rule::Name)]
    };
    let kind = check.required("partyIdentifierType", Rule::Capitals);
    let value = check.required("partyIdentifierValue", Rule::Filled);
    if kind == "MOBILE" && !value.is_empty() && !is_mobile(value) {
        check.fault("partyIdentifierValue must be valid Mobile number".to_owned());
    }
    let account_id = check.required("accountID", Rule::Name);
    let vua = check.required("vua", Rule::Vua);
    check.optional("transactionID", Rule::Name);
    let mut fips = Vec::new();
    let (mut redirect, mut range) = (None, None);
    if version_3 {
        fips = check.list("fipID", Rule::Filled, false).unwrap_or_default().into_iter().map(str::to_owned).collect();
        redirect = check.optional("redirectUrl", Rule::Filled).map(str::to_owned);
        check.optional("pan", Rule::Pan);
        if let Some(asked) = body.pointer("/config/fiDataRange") {
            let mut inner = Check::new(asked);
            let from = inner.required("from", Rule::Instant).parse();
            let to = inner.required("to", Rule::Instant).parse();
            inner.done()?;
            range = from.ok().zip(to.ok());
        }
    }
    check.done()?;
    if !IDENTIFIERS.contains(&kind) {
        return Err(Failure::coded("FP0003", "InvalidRequest", "Invalid Party Identifier Type"));
    }
    let mobile = if kind == "MOBILE" { value } else { vua.split('@').next().unwrap_or_default() };
    Ok(Ask { products, vua, mobile: mobile.to_owned(), party: value, account_id, fips, redirect, range })
}
