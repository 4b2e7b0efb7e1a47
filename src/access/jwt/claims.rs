//! What a signed token claims, and the caller that it makes.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use super::token::Members;
use crate::access::{Caller, Refused, Scope, Scopes};

/// Longest name of a caller.
const MAX_SUBJECT: usize = 128;

/// What is expected of an issuer's tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The name of the issuer in the configuration: it stands before the subject in the caller's name.
    pub name: String,
    /// `iss`.
    pub issuer: String,
    /// What `aud` must be or hold.
    pub audience: String,
    /// Whose the tokens are.
    pub tenant: TenantRule,
    /// The claim with the scopes; `scope`, then `scp`, where none is named.
    pub scope_claim: Option<String>,
}

/// Which tenant a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TenantRule {
    /// Always this one.
    Fixed(String),
    /// The one that this claim names.
    Claim(String),
}

/// What a token says, as far as it is of use here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who calls.
    pub caller: Arc<Caller>,
    /// From which second on the token is worth nothing, the leeway included.
    pub until: i64,
}

impl Expected {
    /// Judges the claims of a token whose signature is good. `leeway` is in seconds: clocks differ.
    pub fn accept(&self, claims: &Members, now: Timestamp, leeway: i64) -> Result<Accepted, Refused> {
        let now = now.as_second();
        if claims.text("iss") != Some(self.issuer.as_str()) {
            return Err(Refused::TokenIssuer);
        }
        self.check_audience(claims)?;
        let until = second(claims, "exp")?.ok_or(Refused::TokenClaims)?.saturating_add(leeway);
        if now >= until {
            return Err(Refused::TokenExpired);
        }
        for begins in ["nbf", "iat"] {
            if second(claims, begins)?.is_some_and(|from| from.saturating_sub(leeway) > now) {
                return Err(Refused::TokenEarly);
            }
        }
        let subject = claims.text("sub").filter(|text| is_name(text)).ok_or(Refused::TokenClaims)?;
        let tenant = match &self.tenant {
            TenantRule::Fixed(tenant) => tenant.as_str(),
            TenantRule::Claim(claim) => claims.text(claim).ok_or(Refused::TokenClaims)?,
        };
        let caller =
            Caller { tenant: tenant.into(), name: format!("jwt:{}:{subject}", self.name).into(), scopes: self.scopes(claims)? };
        Ok(Accepted { caller: Arc::new(caller), until })
    }

    fn check_audience(&self, claims: &Members) -> Result<(), Refused> {
        let named = match claims.0.get("aud") {
            Some(Value::String(one)) => one == &self.audience,
            Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
                all.iter().any(|one| one.as_str() == Some(self.audience.as_str()))
            }
            _ => return Err(Refused::TokenClaims),
        };
        if named { Ok(()) } else { Err(Refused::TokenAudience) }
    }

    /// The scopes that are known here; an issuer has others for other services.
    fn scopes(&self, claims: &Members) -> Result<Scopes, Refused> {
        let claim = match &self.scope_claim {
            Some(name) => claims.0.get(name),
            None => claims.0.get("scope").or_else(|| claims.0.get("scp")),
        };
        match claim {
            None => Ok(Scopes::default()),
            Some(Value::String(text)) => Ok(text.split(' ').filter_map(Scope::named).collect()),
            Some(Value::Array(all)) if all.iter().all(Value::is_string) => {
                Ok(all.iter().filter_map(Value::as_str).filter_map(Scope::named).collect())
            }
            Some(_) => Err(Refused::TokenClaims),
        }
    }
}

/// An instant as a number of seconds. A text is none, whatever stands in it.
fn second(claims: &Members, name: &str) -> Result<Option<i64>, Refused> {
    match claims.0.get(name) {
        None => Ok(None),
        Some(Value::Number(number)) => {
            // Parts of a second are allowed (RFC 7519) and do not matter.
            let second =
                number.as_i64().or_else(|| number.as_f64().filter(|number| number.abs() < 1e15).map(|number| number as i64));
            second.map(Some).ok_or(Refused::TokenClaims)
        }
        Some(_) => Err(Refused::TokenClaims),
    }
}

/// Whether a text can stand in the audit as a name: visible, without spaces, not too long.
fn is_name(text: &str) -> bool {
    (1..=MAX_SUBJECT).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn expected() -> Expected {
        Expected {
            name: "corp".to_owned(),
            issuer: "https://issuer.example".to_owned(),
            audience: "sangam".to_owned(),
            tenant: TenantRule::Claim("tenant".to_owned()),
            scope_claim: None,
        }
    }

    fn accept(more: Value) -> Result<Accepted, Refused> {
        let mut claims = json!({"iss": "https://issuer.example", "aud": "sangam", "exp": 1_000, "sub": "svc", "tenant": "demo"});
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        expected().accept(&serde_json::from_value(claims).unwrap(), Timestamp::from_second(500).unwrap(), 30)
    }

    #[test]
    fn a_good_token_makes_a_caller() {
        let accepted = accept(json!({"scope": "openid data.read pii.read"})).unwrap();
        let caller = &accepted.caller;
        assert_eq!((&*caller.tenant, &*caller.name, accepted.until), ("demo", "jwt:corp:svc", 1_030));
        assert!(caller.may(Scope::DataRead) && caller.may(Scope::PiiRead) && !caller.may(Scope::OpsRead));
        let listed = accept(json!({"scp": ["data.read"], "aud": ["x", "sangam"]})).unwrap();
        assert_eq!(listed.caller.scopes, Scopes::from_iter([Scope::DataRead]));
        assert!(accept(json!({})).unwrap().caller.scopes.is_empty());
    }

    #[test]
    fn times_are_numbers_and_clocks_may_differ_by_the_leeway() {
        for good in [json!({"exp": 471}), json!({"exp": 470.9e0 + 1.0}), json!({"nbf": 530, "iat": 530}), json!({"exp": 1e12})] {
            assert!(accept(good.clone()).is_ok(), "{good}");
        }
        assert_eq!(accept(json!({"exp": 470})), Err(Refused::TokenExpired));
        assert_eq!(accept(json!({"exp": -5})), Err(Refused::TokenExpired));
        assert_eq!(accept(json!({"nbf": 531})), Err(Refused::TokenEarly));
        assert_eq!(accept(json!({"iat": 531})), Err(Refused::TokenEarly));
        for name in ["exp", "nbf", "iat"] {
            for wrong in [json!("1000"), json!(true), json!([1000]), json!({}), json!(1e300)] {
                assert_eq!(accept(json!({name: wrong})), Err(Refused::TokenClaims), "{name} {wrong}");
            }
        }
    }

    #[test]
    fn what_is_missing_or_of_another_kind_is_refused() {
        for name in ["exp", "sub", "tenant", "aud"] {
            assert_eq!(accept(json!({name: null})), Err(Refused::TokenClaims), "{name}");
            assert_eq!(accept(json!({name: {"a": 1}})), Err(Refused::TokenClaims), "{name}");
        }
        assert_eq!(accept(json!({"iss": null})), Err(Refused::TokenIssuer));
        assert_eq!(accept(json!({"iss": "https://issuer.example/"})), Err(Refused::TokenIssuer));
        assert_eq!(accept(json!({"aud": "Sangam"})), Err(Refused::TokenAudience));
        assert_eq!(accept(json!({"aud": []})), Err(Refused::TokenAudience));
        assert_eq!(accept(json!({"aud": ["sangam", 5]})), Err(Refused::TokenClaims));
        assert_eq!(accept(json!({"scope": 5})), Err(Refused::TokenClaims));
        assert_eq!(accept(json!({"scp": [["data.read"]]})), Err(Refused::TokenClaims));
        for name in ["", "a b", "a\nb", "\u{939}", &"s".repeat(129)] {
            assert_eq!(accept(json!({"sub": name})), Err(Refused::TokenClaims), "{name:?}");
        }
    }
}
