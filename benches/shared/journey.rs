//! A journey that FinPro has data for.

use jiff::Timestamp;
use sangam::{journey::model::*, random::encode_id};

pub fn journey_id() -> String {
    encode_id("jrn", [7; 16])
}

fn evidence() -> Evidence {
    Evidence { as_of: Timestamp::now(), source: FactSource::Poll, text: "READY".to_owned() }
}

/// One attempt at three institutions, one consent, one fetch of three accounts.
pub fn journey(tenant: &str, picked_up_at: Option<Timestamp>) -> Journey {
    let attempt_id = encode_id("att", [8; 16]);
    Journey {
        id: journey_id(),
        tenant: tenant.to_owned(),
        ask: Ask {
            customer: Customer { mobile: Some("9000000001".into()), ..Customer::default() },
            consents: vec![ConsentAsk { purpose: Purpose::Underwriting, template: None, data_range: None }],
            products: vec![Product::Data],
            institutions: Vec::new(),
            redirect_url: None,
            client_reference: Some("loan-1".to_owned()),
        },
        routing: Routing { provider: "finpro".to_owned(), credential: "main".to_owned(), cause: RoutingCause::Named },
        provider_product: "consent".to_owned(),
        ignored_inputs: Vec::new(),
        notes: Vec::new(),
        attempts: vec![attempt(&attempt_id)],
        consents: vec![consent(&attempt_id, picked_up_at)],
        state: JourneyState::Ready,
        state_at: Timestamp::now(),
        created_at: Timestamp::now(),
        sequence: 9,
        looks: 0,
        superseded_by: None,
        purge_at: None,
    }
}

fn attempt(id: &str) -> Attempt {
    let institution = |number| Institution {
        fip: format!("BANK{number}-FIP"),
        health: InstitutionHealth::Healthy,
        aa: StepState::Successful,
        pdf: StepState::Unspecified,
    };
    Attempt {
        id: id.to_owned(),
        state: AttemptState::Done,
        evidence: evidence(),
        created_at: Timestamp::now(),
        account_ref: None,
        provider_ref: None,
        webhook_token: "token".into(),
        url_expires_at: None,
        institutions: (1..=3).map(institution).collect(),
        aa: StepState::Successful,
        pdf: None,
        skipped: false,
        failure_reason: None,
        calls: Vec::new(),
        unknown_since: None,
        steps: Vec::new(),
        route: None,
        statements: Vec::new(),
    }
}

fn consent(attempt_id: &str, picked_up_at: Option<Timestamp>) -> Consent {
    Consent {
        id: encode_id("cns", [9; 16]),
        attempt_id: attempt_id.to_owned(),
        purpose: Purpose::Underwriting,
        template: "UW-ONETIME".to_owned(),
        asked_range: None,
        template_range: None,
        state: ConsentState::Active,
        evidence: evidence(),
        mode: ConsentMode::Store,
        periodic: false,
        trigger: FetchTrigger::Provider,
        expires_at: None,
        expires_certainty: Certainty::Unspecified,
        handle: Some("handle-1".to_owned()),
        provider_ref: Some("consent-1".to_owned()),
        uploaded: false,
        frequency: None,
        deliveries: Vec::new(),
        active_since: None,
        mode_untold: false,
        fetch_overdue: false,
        data_life: None,
        later: Default::default(),
        fetches: vec![fetch(picked_up_at)],
    }
}

fn fetch(picked_up_at: Option<Timestamp>) -> Fetch {
    let account = |number| FetchedAccount {
        fip: format!("BANK{number}-FIP"),
        masked_number: format!("XXXX000{number}"),
        link_ref: format!("link-{number}"),
        state: FetchState::Ready,
        source: FactSource::Unspecified,
    };
    Fetch {
        id: encode_id("fch", [10; 16]),
        provider_ref: None,
        state: FetchState::Ready,
        settled: true,
        evidence: evidence(),
        requested_at: Timestamp::now(),
        requested_range: DayRange::default(),
        range_certainty: Certainty::Unspecified,
        data_expires_at: None,
        data_expires_certainty: Certainty::Unspecified,
        accounts: (1..=3).map(account).collect(),
        picked_up_at,
        account_count: 3,
        transaction_count: 8_000,
        pick_up_failure: None,
        asked: Default::default(),
        request_id: None,
        failure_reason: None,
        purge: None,
        rows_with: None,
        postponed: false,
        pushed_by: None,
        fetched_at: None,
    }
}
