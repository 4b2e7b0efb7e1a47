//! What is wrong with a request, found field by field.

use std::collections::HashSet;

use jiff::civil::Date;
use url::Url;

use super::identifier;
use crate::{
    data::personal::Personal,
    journey::{
        error::{Failure, JourneyError, Violation},
        model::{ConsentAsk, Customer, DayRange, Product, Purpose},
        service::OnOpen,
    },
    pb,
};

const MAX_CONSENTS: usize = 5;

/// Collects violations.
#[derive(Default)]
pub(in crate::rpc) struct Check(Vec<Violation>);

impl Check {
    pub(super) fn add(&mut self, field: impl Into<String>, description: impl Into<String>) {
        self.0.push(Violation::new(field, description));
    }

    pub(super) fn require(&mut self, holds: bool, field: &str, description: &str) {
        if !holds {
            self.add(field, description);
        }
    }

    /// The value, if nothing is wrong.
    pub(super) fn finish<T>(self, value: T) -> Result<T, Failure> {
        if self.0.is_empty() { Ok(value) } else { Err(JourneyError::InvalidFields(self.0).into()) }
    }

    /// An optional text that must fit `fits` where it is set.
    pub(super) fn text(&mut self, field: &str, value: &str, fits: impl Fn(&str) -> bool, description: &str) -> Option<String> {
        if value.is_empty() {
            return None;
        }
        self.require(fits(value), field, description);
        Some(value.to_owned())
    }

    /// The same for what is personal.
    pub(super) fn personal(
        &mut self,
        field: &str,
        value: &str,
        fits: impl Fn(&str) -> bool,
        description: &str,
    ) -> Option<Personal<String>> {
        self.text(field, value, fits, description).map(Personal::new)
    }

    pub(super) fn request_id(&mut self, value: &str) {
        let uuid = uuid::Uuid::try_parse(value).is_ok_and(|id| !id.is_nil()) && value.len() == 36;
        self.require(
            uuid,
            "request_id",
            "is required: a UUID such as 5f0c6b3a-2f9f-4b6e-9d0e-3a54c1f0a7b1, new for each request",
        );
    }

    pub(super) fn redirect_url(&mut self, value: &str) -> Option<Personal<String>> {
        self.personal(
            "redirect_url",
            value,
            is_redirect,
            "must be an https URL of at most 2,000 characters without user or fragment (http for loopback)",
        )
    }

    pub(super) fn customer(&mut self, customer: Option<pb::Customer>) -> Customer {
        let given = customer.unwrap_or_default();
        let texts = [&given.mobile, &given.pan, &given.email, &given.vua, &given.aadhaar, &given.gstin];
        let named = texts.iter().any(|value| !value.is_empty()) || given.date_of_birth.is_some();
        self.require(named, "customer", "must have at least one of mobile, pan, email, vua, aadhaar, gstin and date_of_birth");
        let special = [!given.aadhaar.is_empty(), !given.gstin.is_empty(), given.date_of_birth.is_some()];
        let at_most_one = special.iter().filter(|set| **set).count() <= 1;
        self.require(at_most_one, "customer", "must have at most one of aadhaar, gstin and date_of_birth");
        Customer {
            mobile: self.personal(
                "customer.mobile",
                &given.mobile,
                identifier::is_mobile,
                "must be ten digits beginning with 6 to 9, without country code",
            ),
            pan: self.personal(
                "customer.pan",
                &given.pan,
                identifier::is_pan,
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
            aadhaar: self.personal(
                "customer.aadhaar",
                &given.aadhaar,
                identifier::is_aadhaar,
                "must be an Aadhaar number of 12 digits or a virtual id of 16 digits with a fitting check digit",
            ),
            gstin: self.personal(
                "customer.gstin",
                &given.gstin,
                identifier::is_gstin,
                "must be a GSTIN: 15 capital letters and digits with a fitting check character",
            ),
            date_of_birth: given.date_of_birth.and_then(|day| self.birth("customer.date_of_birth", day)).map(Personal::new),
        }
    }

    fn birth(&mut self, field: &str, day: pb::Date) -> Option<Date> {
        let date = self.day(field, day)?;
        self.require((1900..2100).contains(&date.year()), field, "must be in the years 1900 to 2099");
        Some(date)
    }

    pub(super) fn on_open(&mut self, number: i32) -> OnOpen {
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

    pub(super) fn reference(&mut self, field: &str, value: &str) -> Option<String> {
        self.text(field, value, is_reference, "must be at most 64 characters of A-Z a-z 0-9 _ . -")
    }

    pub(super) fn consents(&mut self, asks: Vec<pb::ConsentAsk>) -> Vec<ConsentAsk> {
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

    pub(super) fn range(&mut self, field: &str, range: pb::DateRange) -> Option<DayRange> {
        let from = range.from.and_then(|day| self.day(&format!("{field}.from"), day));
        let to = range.to.and_then(|day| self.day(&format!("{field}.to"), day));
        self.require(from.is_some() && to.is_some(), field, "must have both a valid first and a valid last day");
        if let (Some(from), Some(to)) = (from, to) {
            self.require(from <= to, field, "must not end before it begins");
        }
        Some(DayRange { from, to })
    }

    pub(super) fn day(&mut self, field: &str, day: pb::Date) -> Option<Date> {
        let parts = (i16::try_from(day.year), i8::try_from(day.month), i8::try_from(day.day));
        let date = match parts {
            (Ok(year), Ok(month), Ok(day)) if year >= 1 => Date::new(year, month, day).ok(),
            _ => None,
        };
        self.require(date.is_some(), field, "must be a day of the calendar");
        date
    }

    pub(super) fn products(&mut self, numbers: &[i32]) -> Vec<Product> {
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

pub(super) fn is_reference(text: &str) -> bool {
    text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

pub(super) fn is_redirect(text: &str) -> bool {
    let Ok(url) = Url::parse(text) else { return false };
    let secure = url.scheme() == "https" || (url.scheme() == "http" && crate::providers::settings::is_loopback(&url));
    secure
        && text.len() <= 2_000
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.fragment().is_none()
}
