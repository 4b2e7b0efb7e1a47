//! Turns requests into commands, naming every wrong field at once. A value never stands in a violation.

mod changing;
mod finding;
mod reading;
mod watching;

use std::collections::HashSet;

use jiff::civil::Date;
use url::Url;

pub(super) use changing::{cancel, purge, refresh, revoke};
pub(super) use finding::{journeys, query};
pub(crate) use reading::data;
pub(super) use reading::{Changes, account_ids, changes, stream};
pub(super) use watching::{watch_journeys, watch_status};

use crate::{
    data::personal::Personal,
    journey::{
        error::{Failure, JourneyError, Violation},
        model::{Ask, ConsentAsk, Customer, DayRange, Product, Purpose},
        service::{OnOpen, StartCommand},
    },
    pb,
    providers::provider::References,
    random::is_id,
};

const MAX_CONSENTS: usize = 5;
const MAX_INSTITUTIONS: usize = 50;

/// Collects violations.
#[derive(Default)]
pub(super) struct Check(Vec<Violation>);

impl Check {
    fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Violation::new(field, description));
    }

    fn require(&mut self, holds: bool, field: &str, description: &str) {
        if !holds {
            self.add(field, description);
        }
    }

    /// The value, if nothing is wrong.
    fn finish<T>(self, value: T) -> Result<T, Failure> {
        if self.0.is_empty() { Ok(value) } else { Err(JourneyError::InvalidFields(self.0).into()) }
    }

    /// An optional text that must fit `fits` where it is set.
    fn text(&mut self, field: &str, value: &str, fits: impl Fn(&str) -> bool, description: &str) -> Option<String> {
        if value.is_empty() {
            return None;
        }
        self.require(fits(value), field, description);
        Some(value.to_owned())
    }

    /// The same for what is personal.
    fn personal(&mut self, field: &str, value: &str, fits: impl Fn(&str) -> bool, description: &str) -> Option<Personal<String>> {
        self.text(field, value, fits, description).map(Personal::new)
    }

    fn request_id(&mut self, value: &str) {
        let uuid = uuid::Uuid::try_parse(value).is_ok_and(|id| !id.is_nil()) && value.len() == 36;
        self.require(
            uuid,
            "request_id",
            "is required: a UUID such as 5f0c6b3a-2f9f-4b6e-9d0e-3a54c1f0a7b1, new for each request",
        );
    }

    fn redirect_url(&mut self, value: &str) -> Option<Personal<String>> {
        self.personal(
            "redirect_url",
            value,
            is_redirect,
            "must be an https URL of at most 2,000 characters without user or fragment (http for loopback)",
        )
    }

    fn customer(&mut self, customer: Option<pb::Customer>) -> Customer {
        let given = customer.unwrap_or_default();
        let named = [&given.mobile, &given.pan, &given.email, &given.vua].iter().any(|value| !value.is_empty());
        self.require(named, "customer", "must have at least one of mobile, pan, email and vua");
        Customer {
            mobile: self.personal(
                "customer.mobile",
                &given.mobile,
                is_mobile,
                "must be ten digits beginning with 6 to 9, without country code",
            ),
            pan: self.personal(
                "customer.pan",
                &given.pan,
                is_pan,
                "must be five capital letters, four digits and a capital letter",
            ),
            email: self.personal("customer.email", &given.email, is_email, "must be an email address of at most 254 characters"),
            vua: self.personal("customer.vua", &given.vua, is_vua, "must be letters, digits, _ - . with exactly one @ inside"),
            name: self.personal(
                "customer.name",
                &given.name,
                |name| name.chars().count() <= 200 && !name.chars().any(char::is_control),
                "must be at most 200 characters",
            ),
            customer_reference: self.reference("customer.customer_reference", &given.customer_reference),
        }
    }

    fn on_open(&mut self, number: i32) -> OnOpen {
        match pb::OpenJourneyRule::try_from(number) {
            Ok(pb::OpenJourneyRule::Unspecified | pb::OpenJourneyRule::Reject) => OnOpen::Reject,
            Ok(pb::OpenJourneyRule::Reuse) => OnOpen::Reuse,
            Ok(pb::OpenJourneyRule::New) => OnOpen::New,
            Err(_) => {
                self.add("on_open_journey", "must be a known rule");
                OnOpen::Reject
            }
        }
    }

    fn reference(&mut self, field: &str, value: &str) -> Option<String> {
        self.text(field, value, is_reference, "must be at most 64 characters of A-Z a-z 0-9 _ . -")
    }

    fn consents(&mut self, asks: Vec<pb::ConsentAsk>) -> Vec<ConsentAsk> {
        self.require((1..=MAX_CONSENTS).contains(&asks.len()), "consents", "must be one to five");
        let mut seen = HashSet::new();
        asks.into_iter()
            .enumerate()
            .take(MAX_CONSENTS)
            .map(|(number, ask)| {
                let purpose = Purpose::try_from(ask.purpose).unwrap_or_default();
                let field = format!("consents[{number}].purpose");
                self.require(purpose != Purpose::Unspecified, &field, "is required and must be a known purpose");
                self.require(seen.insert((purpose, ask.template.clone())), &field, "each purpose and template must occur once");
                let template = self.text(
                    &format!("consents[{number}].template"),
                    &ask.template,
                    is_reference,
                    "must be at most 64 characters of A-Z a-z 0-9 _ . -",
                );
                let data_range = ask.data_range.and_then(|range| self.range(&format!("consents[{number}].data_range"), range));
                ConsentAsk { purpose, template, data_range }
            })
            .collect()
    }

    fn range(&mut self, field: &str, range: pb::DateRange) -> Option<DayRange> {
        let from = range.from.and_then(|day| self.day(&format!("{field}.from"), day));
        let to = range.to.and_then(|day| self.day(&format!("{field}.to"), day));
        self.require(from.is_some() && to.is_some(), field, "must have both a valid first and a valid last day");
        if let (Some(from), Some(to)) = (from, to) {
            self.require(from <= to, field, "must not end before it begins");
        }
        Some(DayRange { from, to })
    }

    fn day(&mut self, field: &str, day: pb::Date) -> Option<Date> {
        let parts = (i16::try_from(day.year), i8::try_from(day.month), i8::try_from(day.day));
        let date = match parts {
            (Ok(year), Ok(month), Ok(day)) if year >= 1 => Date::new(year, month, day).ok(),
            _ => None,
        };
        self.require(date.is_some(), field, "must be a day of the calendar");
        date
    }

    fn products(&mut self, numbers: &[i32]) -> Vec<Product> {
        let mut products = Vec::new();
        for (place, number) in numbers.iter().enumerate() {
            match Product::try_from(*number) {
                Ok(Product::Unspecified) | Err(_) => self.add(format!("products[{place}]"), "must be DATA or ANALYTICS"),
                Ok(product) if products.contains(&product) => self.add(format!("products[{place}]"), "must occur once"),
                Ok(product) => products.push(product),
            }
        }
        if numbers.is_empty() { vec![Product::Data] } else { products }
    }
}

/// StartJourney as a command for the journey `journey_id`.
pub(crate) fn start(request: pb::StartJourneyRequest, journey_id: String) -> Result<StartCommand, Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    command(check, request, journey_id)
}

/// ExplainConsent as the command of the StartJourney that it explains. Inputs that cannot be honoured are told, not refused.
pub(super) fn explain(request: pb::ExplainConsentRequest) -> Result<StartCommand, Failure> {
    let pb::ExplainConsentRequest { provider, credential, customer, consents, products, institutions, redirect_url } = request;
    let allow_ignored = true;
    let start = pb::StartJourneyRequest {
        provider,
        credential,
        customer,
        consents,
        products,
        institutions,
        redirect_url,
        allow_ignored,
        ..pb::StartJourneyRequest::default()
    };
    command(Check::default(), start, String::new())
}

/// AdoptConsent as the command of the StartJourney that would have opened it, with the provider's names.
pub(super) fn adopt(request: pb::AdoptConsentRequest, journey_id: String) -> Result<(StartCommand, References), Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    let given = request.references.unwrap_or_default();
    let name = |check: &mut Check, field: &str, value: &str| {
        let plain = |text: &str| text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
        check.text(&format!("references.{field}"), value, plain, "must be at most 128 visible characters")
    };
    let references = References {
        handle: name(&mut check, "handle", &given.handle),
        consent: name(&mut check, "consent", &given.consent),
        orchestration: name(&mut check, "orchestration", &given.orchestration),
    };
    check.require(
        references != References::default(),
        "references",
        "must have at least one of handle, consent and orchestration",
    );
    let start = pb::StartJourneyRequest {
        provider: request.provider,
        credential: request.credential,
        customer: request.customer,
        consents: request.consent.into_iter().collect(),
        products: request.products,
        client_reference: request.client_reference,
        request_id: request.request_id,
        allow_ignored: true,
        ..pb::StartJourneyRequest::default()
    };
    Ok((command(check, start, journey_id)?, references))
}

fn command(mut check: Check, request: pb::StartJourneyRequest, journey_id: String) -> Result<StartCommand, Failure> {
    let provider = check.text("provider", &request.provider, is_reference, "must be a provider's id as ListProviders names it");
    let credential =
        check.text("credential", &request.credential, is_reference, "must be the name of a credential as ListProviders names it");
    let customer = check.customer(request.customer);
    let consents = check.consents(request.consents);
    let products = check.products(&request.products);
    check.require(request.institutions.len() <= MAX_INSTITUTIONS, "institutions", "must be at most 50");
    for (number, fip) in request.institutions.iter().enumerate() {
        let fits = !fip.trim().is_empty() && fip.len() <= 100 && !fip.chars().any(char::is_control);
        check.require(fits, &format!("institutions[{number}]"), "must be a FIP id of at most 100 characters");
    }
    let redirect_url = check.redirect_url(&request.redirect_url);
    let client_reference = check.reference("client_reference", &request.client_reference);
    let ask = Ask { customer, consents, products, institutions: request.institutions, redirect_url, client_reference };
    let on_open = check.on_open(request.on_open_journey);
    let supersedes = check.text("supersedes", &request.supersedes, |text| is_id(text, "jrn"), "must be a journey's id");
    check.require(
        supersedes.is_none() || ask.client_reference.is_some(),
        "supersedes",
        "needs a client_reference, the same as the superseded journey's",
    );
    check.finish(StartCommand {
        journey_id,
        request_id: request.request_id,
        ask,
        provider,
        credential,
        allow_ignored: request.allow_ignored,
        on_open,
        supersedes,
    })
}

/// ResumeJourney: the redirect URL, if one is given.
pub(crate) fn resume(request: &pb::ResumeJourneyRequest) -> Result<Option<Personal<String>>, Failure> {
    let mut check = Check::default();
    check.request_id(&request.request_id);
    let redirect_url = check.redirect_url(&request.redirect_url);
    check.finish(redirect_url)
}

/// A journey id that cannot be one is no journey of anybody.
pub(super) fn journey_id(text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Err(JourneyError::InvalidFields(vec![Violation::new("journey_id", "is required")]).into());
    }
    if is_id(text, "jrn") { Ok(()) } else { Err(JourneyError::JourneyNotFound.into()) }
}

fn is_mobile(text: &str) -> bool {
    text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit()) && text.starts_with(['6', '7', '8', '9'])
}

fn is_pan(text: &str) -> bool {
    text.len() == 10
        && text.bytes().enumerate().all(|(at, byte)| match at {
            5..=8 => byte.is_ascii_digit(),
            _ => byte.is_ascii_uppercase(),
        })
}

fn is_email(text: &str) -> bool {
    let plain = text.len() <= 254 && !text.chars().any(|c| c.is_whitespace() || c.is_control());
    plain
        && text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty()
                && !domain.contains('@')
                && domain.split('.').count() > 1
                && domain.split('.').all(|label| !label.is_empty())
        })
}

fn is_vua(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    text.len() <= 100 && text.split_once('@').is_some_and(|(user, handle)| plain(user) && plain(handle))
}

fn is_reference(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

fn is_redirect(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let secure = url.scheme() == "https" || (url.scheme() == "http" && crate::providers::settings::is_loopback(&url));
    secure
        && text.len() <= 2_000
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(super) fn fields(failure: Failure) -> Vec<String> {
        match failure.error {
            JourneyError::InvalidFields(list) => list.into_iter().map(|violation| violation.field).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_fault_is_named_at_once_and_no_value() {
        let request = pb::StartJourneyRequest {
            request_id: "5".to_owned(),
            provider: "no such/thing".to_owned(),
            customer: Some(pb::Customer {
                mobile: "900000001".to_owned(),
                pan: "aaapa0001a".to_owned(),
                email: "nobody".to_owned(),
                vua: "a@b@c".to_owned(),
                customer_reference: "a b".to_owned(),
                ..Default::default()
            }),
            consents: vec![
                pb::ConsentAsk { purpose: 99, ..Default::default() },
                pb::ConsentAsk {
                    purpose: 1,
                    data_range: Some(pb::DateRange {
                        from: Some(pb::Date { year: 2025, month: 2, day: 30 }),
                        to: Some(pb::Date { year: 2025, month: 1, day: 1 }),
                    }),
                    ..Default::default()
                },
            ],
            products: vec![0, 1, 1],
            institutions: vec![" ".to_owned()],
            redirect_url: "http://lender.example".to_owned(),
            client_reference: "x".repeat(65),
            ..Default::default()
        };
        let failure = start(request, String::new()).unwrap_err();
        assert!(!format!("{failure:?}").contains("900000001"));
        assert_eq!(
            fields(failure),
            [
                "request_id",
                "provider",
                "customer.mobile",
                "customer.pan",
                "customer.email",
                "customer.vua",
                "customer.customer_reference",
                "consents[0].purpose",
                "consents[1].data_range.from",
                "consents[1].data_range",
                "products[0]",
                "products[2]",
                "institutions[0]",
                "redirect_url",
                "client_reference",
            ]
        );
    }

    #[test]
    fn an_empty_request_names_what_is_required() {
        let failure = start(pb::StartJourneyRequest::default(), String::new()).unwrap_err();
        assert_eq!(fields(failure), ["request_id", "customer", "consents"]);
    }

    #[test]
    fn loopback_may_be_plain_http() {
        for good in ["https://lender.example/back?x=1", "http://127.0.0.1:8080/back", "http://localhost/x"] {
            assert!(is_redirect(good), "{good}");
        }
        for bad in [
            "http://lender.example",
            "javascript:alert(1)",
            "https://u:p@lender.example",
            "https://lender.example/#x",
            "/back",
            "https://",
        ] {
            assert!(!is_redirect(bad), "{bad}");
        }
    }

    /// A request in which every text and list is as large as it may be; `more` makes one of them larger by one.
    fn largest(more: &str) -> pb::StartJourneyRequest {
        let one = |name: &str| usize::from(more == name);
        let text = |name: &str, most: usize| "x".repeat(most + one(name));
        let consent = |number: usize| pb::ConsentAsk {
            purpose: pb::Purpose::Underwriting.into(),
            template: format!("{:0>width$}", number, width = 64 + one("template")),
            data_range: None,
        };
        pb::StartJourneyRequest {
            request_id: "5f0c6b3a-2f9f-4b6e-9d0e-3a54c1f0a7b1".to_owned(),
            provider: text("provider", 64),
            credential: text("credential", 64),
            customer: Some(pb::Customer {
                mobile: "9000000001".to_owned() + &"0".repeat(one("mobile")),
                pan: "AAAPA0001A".to_owned() + &"A".repeat(one("pan")),
                email: format!("{}@lender.example", text("email", 254 - 15)),
                vua: format!("{}@onemoney", text("vua", 100 - 9)),
                name: text("name", 200),
                customer_reference: text("customer_reference", 64),
            }),
            consents: (0..5 + one("consents")).map(consent).collect(),
            institutions: (0..50 + one("institutions")).map(|_| text("institution", 100)).collect(),
            redirect_url: format!("https://lender.example/{}", text("redirect_url", 2_000 - 23)),
            client_reference: text("client_reference", 64),
            ..Default::default()
        }
    }

    #[test]
    fn every_text_and_list_is_taken_up_to_its_bound_and_not_beyond() {
        assert!(start(largest(""), String::new()).is_ok(), "{:?}", start(largest(""), String::new()));
        for (more, field) in [
            ("provider", "provider"),
            ("credential", "credential"),
            ("mobile", "customer.mobile"),
            ("pan", "customer.pan"),
            ("email", "customer.email"),
            ("vua", "customer.vua"),
            ("name", "customer.name"),
            ("customer_reference", "customer.customer_reference"),
            ("consents", "consents"),
            ("template", "consents[0].template"),
            ("institutions", "institutions"),
            ("institution", "institutions[0]"),
            ("redirect_url", "redirect_url"),
            ("client_reference", "client_reference"),
        ] {
            let refused = fields(start(largest(more), String::new()).unwrap_err());
            assert!(refused.first().is_some_and(|first| first == field), "{more}: {refused:?}");
        }
    }
}
