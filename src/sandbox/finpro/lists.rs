//! The consent lists.

use serde_json::{Value, json};

use super::{
    desk::Desk,
    envelope::{Answer, Failure, Reply},
    products::Product,
    state::Consent,
    time::{blank, iso},
    validate::{Check, Rule},
};

const STATES: [&str; 6] = ["ACTIVE", "PAUSED", "REVOKED", "EXPIRED", "PENDING", "REJECTED"];

impl Desk<'_> {
    /// POST /getconsentslist: everything of a mobile number.
    pub(super) fn consents_v1(&mut self, body: &Value) -> Answer {
        let mut check = Check::new(body);
        let mobile = check.required("mobileNumber", Rule::Mobile);
        let product = check.optional("productID", Rule::Name);
        let account = check.optional("accountID", Rule::Name);
        let states = check.list("status", Rule::Filled, false);
        let wrong = states.iter().flatten().enumerate().filter(|(_, state)| !STATES.contains(state));
        let wrong: Vec<_> = wrong.map(|(at, _)| format!("status > {at} must be one of [{}]", STATES.join(", "))).collect();
        wrong.into_iter().for_each(|fault| check.fault(fault));
        check.done()?;
        known_product(product)?;
        let rows = self.rows(|consent, state| {
            consent.mobile == mobile
                && product.is_none_or(|code| consent.product.code == code)
                && account.is_none_or(|id| consent.account_id == id)
                && states.as_ref().is_none_or(|states| states.is_empty() || states.contains(&state))
        });
        Ok(Reply::plain(json!(rows)))
    }

    /// POST /v2/getconsentslist: of one account reference under one product. No row is an error, not an empty list.
    pub(super) fn consents_v2(&mut self, body: &Value) -> Answer {
        let rows = self.party_rows(body)?;
        Ok(Reply::plain(json!(rows)))
    }

    /// POST /v3/getconsentslist: by the same fields, by handles or by ids, exactly one of the three.
    pub(super) fn consents_v3(&mut self, body: &Value) -> Answer {
        let ways = ["partyIdentifierValue", "consentHandle", "consentID"];
        if ways.iter().filter(|way| body.get(**way).is_some()).count() > 1 {
            return Err(Failure::rule("InvalidRequest", "Only one of party identifier, consentHandle and consentID is allowed"));
        }
        let mut check = Check::new(body);
        let handles = check.list("consentHandle", Rule::Guid, true);
        let ids = check.list("consentID", Rule::Guid, true);
        check.done()?;
        let rows = match (handles, ids) {
            (Some(handles), _) => {
                let rows = self.rows(|consent, _| handles.contains(&consent.handle.as_str()));
                listed(rows, || Failure::coded("FP0024", "invalid_consent_handle", "Invalid consent handle"))?
            }
            (None, Some(ids)) => {
                let rows = self.rows(|consent, _| consent.id.as_deref().is_some_and(|id| ids.contains(&id)));
                listed(rows, || Failure::coded("FP0034", "InvalidConsentId", "Consent ID does not exist."))?
            }
            (None, None) => self.party_rows(body)?,
        };
        Ok(Reply::plain(json!(rows)))
    }

    fn party_rows(&mut self, body: &Value) -> Result<Vec<Value>, Failure> {
        let mut check = Check::new(body);
        check.required("partyIdentifierType", Rule::Capitals);
        let party = check.required("partyIdentifierValue", Rule::Filled);
        let product = check.required("productID", Rule::Name);
        let account = check.required("accountID", Rule::Name);
        let handle = check.optional("consentHandle", Rule::Guid);
        let status = check.optional("status", Rule::Capitals);
        check.done()?;
        known_product(Some(product))?;
        let of_account =
            |consent: &Consent| consent.product.code == product && consent.account_id == account && consent.party == party;
        if self.rows(|consent, _| of_account(consent)).is_empty() {
            return Err(Failure::rule("InvalidaccountID", "Invalid Account ID."));
        }
        Ok(self.rows(|consent, state| {
            of_account(consent) && handle.is_none_or(|h| consent.handle == h) && status.is_none_or(|s| s == state)
        }))
    }

    /// Rows in the order of creation. An orchestration's consents exist only once its customer has decided.
    fn rows(&self, wanted: impl Fn(&Consent, &str) -> bool) -> Vec<Value> {
        let now = self.now;
        let decided = |consent: &&Consent| consent.transaction.is_none() || consent.status(now).word() != "PENDING";
        let rows = self.state.consents.iter().filter(decided);
        rows.filter(|consent| wanted(consent, consent.status(now).word()))
            .map(|consent| {
                json!({
                    "consentID": consent.id,
                    "consentHandle": consent.handle,
                    "status": consent.status(now).word(),
                    "productID": consent.product.code,
                    "accountID": consent.account_id,
                    "aaId": format!("{}-aa", consent.vua.rsplit('@').next().unwrap_or_default()),
                    "consentCreationData": iso(consent.created),
                    "consent_expiry": blank(consent.expires),
                    "accounts": consent.linked,
                    "vua": consent.vua,
                })
            })
            .collect()
    }
}

/// No empty list of names is documented: an unknown handle or id gets the error that other calls have for it.
fn listed(rows: Vec<Value>, unknown: impl FnOnce() -> Failure) -> Result<Vec<Value>, Failure> {
    if rows.is_empty() { Err(unknown()) } else { Ok(rows) }
}

fn known_product(code: Option<&str>) -> Result<(), Failure> {
    match code {
        Some(code) if Product::of(code).is_none() => Err(Failure::rule("InvalidRequest", "entered an invalid ProductID.")),
        _ => Ok(()),
    }
}
