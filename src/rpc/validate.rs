//! Turns requests into commands, naming every wrong field at once. A value never stands in a violation.

mod changing;
mod check;
mod finding;
mod identifier;
mod reading;
mod watching;

use check::{Check, is_reference};

pub(super) use changing::{cancel, purge, refresh, revoke};
pub(super) use finding::{journeys, query};
pub(crate) use reading::data;
pub(super) use reading::{Changes, account_ids, changes, report, stream};
pub(super) use watching::{watch_journeys, watch_status};

use crate::{
    data::personal::Personal,
    journey::{
        error::{Failure, JourneyError, Violation},
        model::Ask,
        progress::Progress,
        service::StartCommand,
    },
    pb,
    providers::provider::References,
    random::is_id,
};

const MAX_INSTITUTIONS: usize = 50;

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
        repeats: false,
        journey_id,
        request_id: request.request_id,
        ask,
        provider,
        credential,
        allow_ignored: request.allow_ignored,
        on_open,
        supersedes,
        progress: Progress::default(),
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

#[cfg(test)]
pub(super) mod tests {
    use super::{check::is_redirect, *};

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
    fn only_one_special_identifier_of_a_customer_is_taken() {
        let day = |year| Some(pb::Date { year, month: 1, day: 19 });
        let faults = |aadhaar: &str, gstin: &str, date_of_birth| {
            let (aadhaar, gstin) = (aadhaar.to_owned(), gstin.to_owned());
            let customer = pb::Customer { aadhaar, gstin, date_of_birth, ..Default::default() };
            let request = pb::StartJourneyRequest { customer: Some(customer), ..largest("") };
            start(request, String::new()).map_err(fields).err().unwrap_or_default()
        };
        for (aadhaar, gstin, born) in [("999941057058", "", None), ("", "27AAPFU0939F1ZV", None), ("", "", day(1990))] {
            assert!(faults(aadhaar, gstin, born).is_empty());
        }
        assert_eq!(faults("999941057058", "27AAPFU0939F1ZV", None), ["customer"]);
        assert_eq!(faults("999941057058", "", day(1899)), ["customer", "customer.date_of_birth"]);
        assert_eq!(faults("999941057059", "", None), ["customer.aadhaar"]);
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
                aadhaar: "999941057058".to_owned() + &"0".repeat(one("aadhaar")),
                ..pb::Customer::default()
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
            ("aadhaar", "customer.aadhaar"),
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
