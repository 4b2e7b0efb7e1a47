//! How an ask becomes one of Finpass's two products, or why it cannot.

use crate::{
    journey::{
        fair_use::TemplateTerms,
        model::{Ask, Product, Purpose},
    },
    providers::provider::{Plan, PlanFault, PlannedConsent},
};

/// The plain product.
pub(super) const ACCOUNT_AGGREGATOR: &str = "account_aggregator";
/// The product with an analysis.
pub(super) const AA_BSA: &str = "aa_bsa";

/// A purpose's `consent_type`; Finpass has two.
pub(super) fn consent_type(purpose: Purpose) -> Option<&'static str> {
    match purpose {
        Purpose::Underwriting => Some("loan_underwriting"),
        Purpose::Monitoring => Some("loan_monitoring"),
        _ => None,
    }
}

/// What is known of a consent type: its name says how often data is fetched, nothing says more.
pub(super) fn terms(template: &str) -> TemplateTerms {
    let periodic = consent_type(Purpose::Monitoring).map(|monitoring| template == monitoring);
    TemplateTerms { periodic, ..TemplateTerms::default() }
}

/// The product that brings what is wanted.
pub(super) fn provider_product(products: &[Product]) -> &'static str {
    if products.contains(&Product::Analytics) { AA_BSA } else { ACCOUNT_AGGREGATOR }
}

/// Plans an ask.
pub(super) fn plan(ask: &Ask) -> Result<Plan, PlanFault> {
    let mut fields = Vec::new();
    let mut unsupported = Vec::new();
    if ask.customer.mobile.is_none() {
        fields.push(("customer.mobile".to_owned(), "a mobile number is needed".to_owned()));
    }
    for (index, consent) in ask.consents.iter().enumerate() {
        if consent_type(consent.purpose).is_none() {
            unsupported
                .push((format!("consents[{index}].purpose"), "the provider has underwriting and monitoring only".to_owned()));
        }
        if index > 0 {
            unsupported.push((format!("consents[{index}]"), "the provider takes one consent a journey".to_owned()));
        }
    }
    let product = provider_product(&ask.products);
    match (fields.is_empty(), unsupported.is_empty()) {
        (true, true) => {
            Ok(Plan { provider_product: product, consents: planned(ask), ignored: ignored(ask, product), notes: notes(product) })
        }
        (true, false) => Err(PlanFault::Unsupported(unsupported)),
        (false, _) => Err(PlanFault::Fields(fields.into_iter().chain(unsupported).collect())),
    }
}

/// Finpass has no templates: the consent's type stands for one.
fn planned(ask: &Ask) -> Vec<PlannedConsent> {
    let plan = |consent: &crate::journey::model::ConsentAsk| {
        Some(PlannedConsent {
            purpose: consent.purpose,
            template: consent_type(consent.purpose)?.to_owned(),
            data_range: consent.data_range,
        })
    };
    ask.consents.iter().filter_map(plan).collect()
}

fn ignored(ask: &Ask, product: &str) -> Vec<&'static str> {
    let bsa = product == AA_BSA;
    let any = |has: fn(&crate::journey::model::ConsentAsk) -> bool| ask.consents.iter().any(has);
    [
        ("customer.vua", ask.customer.vua.is_some()),
        ("customer.aadhaar", ask.customer.aadhaar.is_some()),
        ("customer.gstin", ask.customer.gstin.is_some()),
        ("customer.date_of_birth", ask.customer.date_of_birth.is_some()),
        ("customer.pan", bsa && ask.customer.pan.is_some()),
        ("customer.email", bsa && ask.customer.email.is_some()),
        ("consents.template", any(|consent| consent.template.is_some())),
        ("consents.data_range", any(|consent| consent.data_range.is_some())),
        ("institutions", !ask.institutions.is_empty()),
    ]
    .into_iter()
    .filter_map(|(path, given)| given.then_some(path))
    .collect()
}

fn notes(product: &str) -> Vec<String> {
    let note = "The analysed product delivers poorer account data than the plain one: one holder name, no holder details, days without a \
                time. Leave ANALYTICS out to get the full data.";
    if product == AA_BSA { vec![note.to_owned()] } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{journey::model::ConsentAsk, providers::finpass::testing};

    #[test]
    fn what_is_wanted_decides_the_product() {
        let mut ask = testing::ask();
        let plain = plan(&ask).unwrap();
        assert_eq!((plain.provider_product, plain.notes.len()), (ACCOUNT_AGGREGATOR, 0));
        assert_eq!(plain.consents[0].template, "loan_underwriting");
        ask.products.push(Product::Analytics);
        ask.consents[0].purpose = Purpose::Monitoring;
        let analysed = plan(&ask).unwrap();
        assert_eq!((analysed.provider_product, analysed.notes.len()), (AA_BSA, 1));
        assert_eq!(analysed.consents[0].template, "loan_monitoring");
    }

    #[test]
    fn what_cannot_be_honoured_is_listed() {
        let mut ask = testing::ask();
        ask.customer.vua = Some("9000000001@x".into());
        ask.customer.pan = Some("AAAPA0001A".into());
        ask.customer.email = Some("a@b.example".into());
        ask.institutions = vec!["FIP".to_owned()];
        ask.consents[0].template = Some("T".to_owned());
        ask.consents[0].data_range = Some(crate::journey::model::DayRange::default());
        let always = ["customer.vua", "consents.template", "consents.data_range", "institutions"];
        assert_eq!(plan(&ask).unwrap().ignored, always);
        ask.products = vec![Product::Analytics];
        let ignored = plan(&ask).unwrap().ignored;
        assert!(ignored.contains(&"customer.pan") && ignored.contains(&"customer.email") && ignored.len() == 6);
    }

    #[test]
    fn faults_are_named_at_once() {
        let mut ask = testing::ask();
        ask.consents[0].purpose = Purpose::Wealth;
        ask.consents.push(ConsentAsk { purpose: Purpose::Monitoring, template: None, data_range: None });
        let Err(PlanFault::Unsupported(faults)) = plan(&ask) else { panic!("supported") };
        assert_eq!(faults.iter().map(|fault| fault.0.as_str()).collect::<Vec<_>>(), ["consents[0].purpose", "consents[1]"]);
        ask.customer.mobile = None;
        assert!(matches!(plan(&ask), Err(PlanFault::Fields(faults)) if faults.len() == 3 && faults[0].0 == "customer.mobile"));
    }
}
