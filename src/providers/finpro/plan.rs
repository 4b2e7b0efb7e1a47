//! How an ask becomes FinPro's templates, or why it cannot.

use std::borrow::Cow;

use super::config::{Settings, Style};
use crate::{
    data::personal::exposed,
    journey::model::{Ask, ConsentAsk, Customer, DayRange, Product, Purpose},
    pb,
    providers::provider::{Plan, PlanFault, PlannedConsent},
};

/// The name of the tenant's style in the contract.
pub(super) fn provider_product(style: Style) -> &'static str {
    match style {
        Style::Consent => "consent",
        Style::Orchestration => "orchestration",
    }
}

/// A purpose's name in configuration.
pub(super) fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Unspecified => "",
        Purpose::Underwriting => "underwriting",
        Purpose::Monitoring => "monitoring",
        Purpose::Collection => "collection",
        Purpose::Wealth => "wealth",
        Purpose::Budgeting => "budgeting",
        Purpose::OneTime => "one_time",
    }
}

/// FinPro's type and value of the identifier that it finds a customer by. An Aadhaar number, GSTIN or date of birth is only given to be used
/// for this, so it comes first. Then the mobile number, which every recorded call uses; PAN and email address only where there is none.
/// `AADHAR` is FinPro's spelling. It documents no form of a date of birth: `YYYY-MM-DD` is assumed, its form of all other days.
pub(super) fn party(customer: &Customer) -> Option<(&'static str, Cow<'_, str>)> {
    let born = customer.date_of_birth.as_ref().map(|day| Cow::from(day.expose().to_string()));
    let mobile = exposed(&customer.mobile).or_else(|| mobile_of(exposed(&customer.vua)?));
    let by = [
        ("AADHAR", exposed(&customer.aadhaar).map(Cow::from)),
        ("GSTIN", exposed(&customer.gstin).map(Cow::from)),
        ("DOB", born),
        ("MOBILE", mobile.map(Cow::from)),
        ("PAN", exposed(&customer.pan).map(Cow::from)),
        ("EMAIL", exposed(&customer.email).map(Cow::from)),
    ];
    by.into_iter().find_map(|(name, value)| Some((name, value?)))
}

/// The mobile number that an address such as "9000000001@onemoney" is made of.
fn mobile_of(vua: &str) -> Option<&str> {
    let (local, _) = vua.split_once('@')?;
    (local.len() == 10 && local.bytes().all(|byte| byte.is_ascii_digit())).then_some(local)
}

/// The customer's address at the aggregator: the given one, or the mobile number at the tenant's aggregator.
pub(super) fn vua(settings: &Settings, customer: &Customer) -> Option<String> {
    let made = || exposed(&customer.mobile).map(|mobile| format!("{mobile}@{}", settings.aa_handle));
    exposed(&customer.vua).map(str::to_owned).or_else(made)
}

/// Plans an ask.
pub(super) fn plan(settings: &Settings, ask: &Ask) -> Result<Plan, PlanFault> {
    let mut fields = Vec::new();
    let mut unsupported = Vec::new();
    check_customer(settings, &ask.customer, &mut fields);
    let mut consents: Vec<PlannedConsent> = Vec::new();
    for (index, consent) in ask.consents.iter().enumerate() {
        let Some(template) = template(settings, index, consent, &mut fields, &mut unsupported) else { continue };
        if consents.iter().any(|planned| planned.template == template) {
            fields.push((format!("consents[{index}]"), "names a template that another consent names already".to_owned()));
        }
        consents.push(PlannedConsent { purpose: consent.purpose, template, data_range: consent.data_range });
    }
    check_ranges(&ask.consents, &mut fields);
    if ask.products.contains(&Product::Analytics) && settings.style == Style::Consent {
        let formats = [pb::ReportFormat::Json, pb::ReportFormat::Xml, pb::ReportFormat::Excel];
        let without =
            |consent: &PlannedConsent| formats.iter().all(|format| journey_id(settings, &consent.template, *format).is_none());
        if consents.iter().any(without) {
            unsupported.push(("products".to_owned(), "no analysis is configured for the consent template".to_owned()));
        }
    }
    match (fields.is_empty(), unsupported.is_empty()) {
        (true, true) => {
            Ok(Plan { provider_product: provider_product(settings.style), consents, ignored: Vec::new(), notes: Vec::new() })
        }
        (true, false) => Err(PlanFault::Unsupported(unsupported)),
        // Everything at once: what is wrong and what is not to be had.
        (false, _) => Err(PlanFault::Fields(fields.into_iter().chain(unsupported).collect())),
    }
}

/// FinPro's id of the analysis in a format for a template.
pub(super) fn journey_id<'a>(settings: &'a Settings, template: &str, format: pb::ReportFormat) -> Option<&'a str> {
    let pick = |journeys: &'a super::AnalyticsJourneys| match format {
        pb::ReportFormat::Json => journeys.json.as_deref(),
        pb::ReportFormat::Xml => journeys.xml.as_deref(),
        pb::ReportFormat::Excel => journeys.excel.as_deref(),
        pb::ReportFormat::Pdf | pb::ReportFormat::Unspecified => None,
    };
    let own = settings.templates.get(template).and_then(|facts| pick(&facts.analytics));
    own.or_else(|| pick(&settings.analytics))
}

fn check_customer(settings: &Settings, customer: &Customer, fields: &mut Vec<(String, String)>) {
    match vua(settings, customer) {
        None => fields.push(("customer.mobile".to_owned(), "a mobile number or an aggregator address is needed".to_owned())),
        Some(vua) if !is_vua(&vua) => fields
            .push(("customer.vua".to_owned(), "must hold letters, digits, `_`, `-` and `.` with one `@` in between".to_owned())),
        Some(_) if party(customer).is_none() => fields.push((
            "customer.mobile".to_owned(),
            "a mobile number or another identifier is needed beside the aggregator address".to_owned(),
        )),
        Some(_) => {}
    }
}

/// FinPro's own rule for addresses.
fn is_vua(vua: &str) -> bool {
    vua.len() <= 128
        && vua.split_once('@').is_some_and(|(local, handle)| super::config::is_plain(local) && super::config::is_plain(handle))
}

fn template(
    settings: &Settings,
    index: usize,
    consent: &ConsentAsk,
    fields: &mut Vec<(String, String)>,
    unsupported: &mut Vec<(String, String)>,
) -> Option<String> {
    if let Some(named) = &consent.template {
        let known = settings.templates.contains_key(named) || settings.products.values().any(|template| template == named);
        if !known {
            fields.push((format!("consents[{index}].template"), "is not configured for this credential".to_owned()));
        }
        return known.then(|| named.clone());
    }
    let template = settings.products.get(purpose_name(consent.purpose)).cloned();
    if template.is_none() {
        unsupported.push((format!("consents[{index}].purpose"), "no consent template is configured for it".to_owned()));
    }
    template
}

/// FinPro takes one range for the whole request.
fn check_ranges(consents: &[ConsentAsk], fields: &mut Vec<(String, String)>) {
    let first: Option<DayRange> = consents.first().and_then(|consent| consent.data_range);
    for (index, consent) in consents.iter().enumerate().skip(1) {
        if consent.data_range != first {
            fields.push((
                format!("consents[{index}].data_range"),
                "must equal the first consent's: the provider takes one range".to_owned(),
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::finpro::testing;

    fn customer(mobile: Option<&str>, pan: Option<&str>, vua: Option<&str>) -> Customer {
        let owned = |text: Option<&str>| text.map(Into::into);
        Customer { mobile: owned(mobile), pan: owned(pan), vua: owned(vua), ..Customer::default() }
    }

    #[test]
    fn the_party_is_the_mobile_wherever_there_is_one() {
        for (given, expected) in [
            (customer(Some("9000000001"), Some("AAAPA0001A"), None), Some(("MOBILE", "9000000001"))),
            (customer(None, Some("AAAPA0001A"), Some("9000000002@x")), Some(("MOBILE", "9000000002"))),
            (customer(None, Some("AAAPA0001A"), Some("someone@x")), Some(("PAN", "AAAPA0001A"))),
            (customer(None, None, Some("someone@x")), None),
        ] {
            assert_eq!(party(&given), expected.map(|(name, value)| (name, value.into())));
        }
    }

    #[test]
    fn an_identifier_given_for_it_finds_the_customer() {
        let day: jiff::civil::Date = "1990-01-19".parse().unwrap();
        let with = |change: fn(&mut Customer)| {
            let mut given = customer(Some("9000000001"), Some("AAAPA0001A"), None);
            change(&mut given);
            given
        };
        let mut born = customer(Some("9000000001"), None, None);
        born.date_of_birth = Some(day.into());
        for (given, expected) in [
            (with(|given| given.aadhaar = Some("999941057058".into())), ("AADHAR", "999941057058")),
            (with(|given| given.gstin = Some("27AAPFU0939F1ZV".into())), ("GSTIN", "27AAPFU0939F1ZV")),
            (born, ("DOB", "1990-01-19")),
        ] {
            assert_eq!(party(&given), Some((expected.0, expected.1.into())));
            assert_eq!(vua(&testing::settings(Style::Consent), &given).as_deref(), Some("9000000001@onemoney"));
        }
    }

    #[test]
    fn a_good_ask_becomes_templates_in_order() {
        let settings = testing::settings(Style::Consent);
        let mut ask = testing::ask();
        ask.consents.push(ConsentAsk { purpose: Purpose::Monitoring, template: None, data_range: None });
        let plan = plan(&settings, &ask).unwrap();
        assert_eq!(plan.provider_product, "consent");
        let templates: Vec<_> = plan.consents.iter().map(|consent| consent.template.as_str()).collect();
        assert_eq!(templates, ["PROD01", "PROD02"]);
        assert!(plan.ignored.is_empty());
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let settings = testing::settings(Style::Consent);
        let mut ask = testing::ask();
        ask.customer = customer(None, None, Some("a@b@c"));
        let range = Some(DayRange { from: Some("2025-01-01".parse().unwrap()), to: None });
        ask.consents = vec![
            ConsentAsk { purpose: Purpose::Underwriting, template: Some("NOPE".to_owned()), data_range: None },
            ConsentAsk { purpose: Purpose::Wealth, template: None, data_range: range },
        ];
        let Err(PlanFault::Fields(fields)) = plan(&settings, &ask) else { panic!("no fields") };
        let paths: Vec<_> = fields.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["customer.vua", "consents[0].template", "consents[1].data_range", "consents[1].purpose"]);
        assert!(fields.iter().all(|(_, text)| !text.contains("NOPE") && !text.contains("a@b")));
    }

    #[test]
    fn what_is_not_configured_is_unsupported() {
        let mut settings = testing::settings(Style::Consent);
        let mut ask = testing::ask();
        ask.products.push(Product::Analytics);
        assert!(plan(&settings, &ask).is_ok());
        settings.analytics.json = None;
        settings.analytics.xml = None;
        settings.analytics.excel = None;
        assert!(matches!(plan(&settings, &ask), Err(PlanFault::Unsupported(faults)) if faults[0].0 == "products"));
        settings.style = Style::Orchestration;
        assert_eq!(plan(&settings, &ask).unwrap().provider_product, "orchestration");
        ask.consents[0].purpose = Purpose::Wealth;
        assert!(matches!(plan(&settings, &ask), Err(PlanFault::Unsupported(faults)) if faults[0].0 == "consents[0].purpose"));
    }

    #[test]
    fn one_template_is_asked_once() {
        let settings = testing::settings(Style::Consent);
        let mut ask = testing::ask();
        ask.consents.push(ask.consents[0].clone());
        assert!(matches!(plan(&settings, &ask), Err(PlanFault::Fields(fields)) if fields[0].0 == "consents[1]"));
    }
}
