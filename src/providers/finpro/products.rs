//! What can be had with a FinPro credential, as data.

use super::{
    config::{Settings, Style},
    fields,
    plan::{journey_id, provider_product, purpose_name},
};
use crate::{
    pb::{DataSource, FiType, Product, Purpose, ReportFormat},
    providers::capability::{BY_ACCOUNT, ProviderProduct},
};

const FI_TYPES: &[FiType] = &[
    FiType::Deposit,
    FiType::TermDeposit,
    FiType::RecurringDeposit,
    FiType::MutualFunds,
    FiType::Sip,
    FiType::Equities,
    FiType::Etf,
    FiType::Bonds,
    FiType::Debentures,
    FiType::GovtSecurities,
    FiType::Cp,
    FiType::Cd,
    FiType::Aif,
    FiType::Cis,
    FiType::Idr,
    FiType::Invit,
    FiType::Reit,
    FiType::InsurancePolicies,
    FiType::LifeInsurance,
    FiType::GeneralInsurance,
    FiType::Ulip,
    FiType::Nps,
    FiType::Epf,
    FiType::Ppf,
    FiType::CreditCard,
    FiType::Gst,
];
const INPUTS: &[&str] = &[
    "customer.mobile",
    "customer.pan",
    "customer.email",
    "customer.vua",
    "customer.aadhaar",
    "customer.gstin",
    "customer.date_of_birth",
    "consents.template",
    "consents.data_range",
    "institutions",
    "redirect_url",
    "client_reference",
];
/// By consent, chosen accounts can be analysed; a transaction is analysed as a whole.
const INPUTS_BY_CONSENT: &[&str] = &[
    "customer.mobile",
    "customer.pan",
    "customer.email",
    "customer.vua",
    "customer.aadhaar",
    "customer.gstin",
    "customer.date_of_birth",
    "consents.template",
    "consents.data_range",
    "institutions",
    "redirect_url",
    "client_reference",
    BY_ACCOUNT,
];
const PURPOSES: [Purpose; 6] =
    [Purpose::Underwriting, Purpose::Monitoring, Purpose::Collection, Purpose::Wealth, Purpose::Budgeting, Purpose::OneTime];
const EVERY_FORMAT: &[ReportFormat] = &[ReportFormat::Json, ReportFormat::Xml, ReportFormat::Excel];

/// The one product of a credential: FinPro serves a tenant in one style.
pub(super) fn products(settings: &Settings) -> Vec<ProviderProduct> {
    let sources: &'static [DataSource] = match settings.style {
        Style::Consent => &[DataSource::Aa],
        Style::Orchestration => &[DataSource::Aa, DataSource::Pdf],
    };
    let formats = report_formats(settings);
    let mut products = vec![Product::Data];
    if !formats.is_empty() {
        products.push(Product::Analytics);
    }
    vec![ProviderProduct {
        name: provider_product(settings.style),
        products,
        purposes: PURPOSES.into_iter().filter(|purpose| settings.products.contains_key(purpose_name(*purpose))).collect(),
        fi_types: FI_TYPES,
        sources,
        declared_fields: fields::declared(settings.style),
        assumed_fields: fields::assumed(),
        report_formats: formats,
        inputs: if settings.style == Style::Consent { INPUTS_BY_CONSENT } else { INPUTS },
        // FinPro mints a fresh URL for a handle; a transaction has none.
        resumes_attempt: settings.style == Style::Consent,
        several_consents: true,
        // These calls take a consent id, which a transaction's consents have too.
        latest_changes: true,
        refreshes: true,
        // By the status of the consent's newest session.
        finds_lost_fetches: true,
        revokes: true,
        deletes_data: true,
        // FinPro itself fetches a transaction the first time; that a consent of it can be fetched again by `/fi/request` is not documented.
        assumed_capabilities: if settings.style == Style::Orchestration { &["refreshes"] } else { &[] },
    }]
}

/// Every choice of formats, so that a list of them needs no allocation.
const FORMATS: [&[ReportFormat]; 8] = [
    &[],
    &[ReportFormat::Json],
    &[ReportFormat::Xml],
    &[ReportFormat::Json, ReportFormat::Xml],
    &[ReportFormat::Excel],
    &[ReportFormat::Json, ReportFormat::Excel],
    &[ReportFormat::Xml, ReportFormat::Excel],
    EVERY_FORMAT,
];

/// A transaction knows its own analyses; by consent, each format is a product of its own with its own analysis id.
fn report_formats(settings: &Settings) -> &'static [ReportFormat] {
    if settings.style == Style::Orchestration {
        return EVERY_FORMAT;
    }
    let templates = settings.products.values().chain(settings.templates.keys());
    let has = |format| templates.clone().any(|template| journey_id(settings, template, format).is_some());
    let place = EVERY_FORMAT.iter().enumerate().map(|(bit, format)| usize::from(has(*format)) << bit).sum::<usize>();
    FORMATS.get(place).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::finpro::testing;

    #[test]
    fn the_style_is_the_product() {
        let consent = products(&testing::settings(Style::Consent));
        assert_eq!((consent[0].name, consent[0].resumes_attempt), ("consent", true));
        assert!(consent[0].latest_changes);
        assert_eq!(consent[0].report_formats, [ReportFormat::Json, ReportFormat::Excel]);
        assert_eq!(consent[0].purposes, [Purpose::Underwriting, Purpose::Monitoring]);
        let orchestration = products(&testing::settings(Style::Orchestration));
        assert_eq!((orchestration[0].name, orchestration[0].resumes_attempt), ("orchestration", false));
        assert!(orchestration[0].latest_changes && orchestration[0].refreshes);
        assert_eq!(orchestration[0].assumed_capabilities, ["refreshes"]);
        assert!(consent[0].assumed_capabilities.is_empty());
        assert_eq!(orchestration[0].sources, [DataSource::Aa, DataSource::Pdf]);
    }

    #[test]
    fn each_format_stands_alone() {
        let of = |json, xml, excel| {
            let mut settings = testing::settings(Style::Consent);
            let id = |set: bool| set.then(|| "id".to_owned());
            settings.analytics = super::super::AnalyticsJourneys { json: id(json), xml: id(xml), excel: id(excel) };
            products(&settings)[0].report_formats
        };
        use ReportFormat::{Excel, Json, Xml};
        assert_eq!(of(false, false, true), [Excel]);
        assert_eq!(of(false, true, false), [Xml]);
        assert_eq!(of(true, false, false), [Json]);
        assert_eq!(of(true, true, false), [Json, Xml]);
        assert_eq!(of(false, true, true), [Xml, Excel]);
        assert_eq!(of(true, true, true), [Json, Xml, Excel]);
    }

    #[test]
    fn without_an_analysis_there_is_data_only() {
        let mut settings = testing::settings(Style::Consent);
        settings.analytics = super::super::AnalyticsJourneys::default();
        assert_eq!(products(&settings)[0].products, [Product::Data]);
    }
}
