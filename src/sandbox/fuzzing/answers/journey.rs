//! A journey in the middle of everything, with the ids that the documented answers carry.

use jiff::Timestamp;

use crate::journey::model::{
    Ask, Attempt, AttemptState, Certainty, Consent, ConsentAsk, ConsentMode, ConsentState, Customer, DayRange, Evidence,
    FactSource, Fetch, FetchState, FetchTrigger, Journey, JourneyState, Product, Purpose, Routing, RoutingCause, StepState,
};

/// The documented template.
pub(super) const TEMPLATE: &str = "PROD01";

/// The documented customer.
pub(super) fn customer() -> Customer {
    Customer {
        mobile: Some("9000000001".into()),
        pan: Some("AAAPA0000A".into()),
        name: Some("A Sample".into()),
        ..Customer::default()
    }
}

fn now() -> Timestamp {
    Timestamp::from_second(super::NOW).unwrap_or_default()
}

fn evidence() -> Evidence {
    Evidence { as_of: now(), source: FactSource::Poll, text: String::new() }
}

/// A journey whose consent was given and whose data was asked for.
pub(crate) fn journey(provider: &str, products: &[Product]) -> Journey {
    let finpass = provider == crate::providers::finpass::ID;
    let reference = match (finpass, products.contains(&Product::Analytics)) {
        (true, true) => "bsa_clnt_0a1b2c3d4e5f",
        (true, false) => "aa_698a0000_0123456789abcdef01234567",
        (false, _) => "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa",
    };
    Journey {
        id: "jrn_1".to_owned(),
        tenant: "demo".to_owned(),
        ask: Ask {
            customer: customer(),
            consents: vec![ConsentAsk { purpose: Purpose::Underwriting, template: None, data_range: None }],
            products: products.to_vec(),
            institutions: Vec::new(),
            redirect_url: None,
            client_reference: None,
        },
        routing: Routing { provider: provider.to_owned(), credential: "fuzzed".to_owned(), cause: RoutingCause::Named },
        provider_product: String::new(),
        ignored_inputs: Vec::new(),
        notes: Vec::new(),
        attempts: vec![attempt(reference)],
        consents: vec![consent(if finpass { "UNDERWRITING" } else { TEMPLATE })],
        state: JourneyState::Fetching,
        state_at: now(),
        created_at: now(),
        sequence: 1,
        looks: 0,
        superseded_by: None,
        purge_at: None,
    }
}

/// Its id is the place that the documented answers leave for it.
fn attempt(reference: &str) -> Attempt {
    Attempt {
        id: "{{accountID}}".to_owned(),
        state: AttemptState::AwaitingCustomer,
        evidence: evidence(),
        created_at: now(),
        account_ref: None,
        provider_ref: Some(reference.to_owned()),
        webhook_token: String::new().into(),
        url_expires_at: None,
        institutions: Vec::new(),
        aa: StepState::Unspecified,
        pdf: None,
        skipped: false,
        failure_reason: None,
        statements: Vec::new(),
        calls: Vec::new(),
        unknown_since: None,
        steps: Vec::new(),
        route: None,
    }
}

/// Still pending for us, so that a fresh URL is asked for too.
fn consent(template: &str) -> Consent {
    Consent {
        id: "cns_1".to_owned(),
        attempt_id: "{{accountID}}".to_owned(),
        purpose: Purpose::Underwriting,
        template: template.to_owned(),
        asked_range: None,
        template_range: None,
        state: ConsentState::Pending,
        evidence: evidence(),
        mode: ConsentMode::Unspecified,
        periodic: false,
        trigger: FetchTrigger::Provider,
        later: Default::default(),
        data_life: None,
        expires_at: None,
        expires_certainty: Certainty::Unspecified,
        handle: Some("11111111-1111-4111-8111-111111111111".to_owned()),
        provider_ref: Some("22222222-2222-4222-8222-222222222222".to_owned()),
        uploaded: false,
        frequency: None,
        deliveries: Vec::new(),
        active_since: None,
        mode_untold: false,
        fetch_overdue: false,
        fetches: vec![fetch()],
    }
}

fn fetch() -> Fetch {
    Fetch {
        id: "fch_1".to_owned(),
        provider_ref: Some("55555555-5555-4555-8555-555555555555".to_owned()),
        state: FetchState::Requested,
        settled: false,
        evidence: evidence(),
        requested_at: now(),
        requested_range: DayRange::default(),
        range_certainty: Certainty::Unspecified,
        fetched_at: None,
        data_expires_at: None,
        data_expires_certainty: Certainty::Unspecified,
        accounts: Vec::new(),
        picked_up_at: None,
        account_count: 0,
        transaction_count: 0,
        pick_up_failure: None,
        asked: Default::default(),
        request_id: None,
        failure_reason: None,
        purge: None,
        pushed_by: None,
        rows_with: None,
        postponed: false,
    }
}
