//! Small trees for unit tests.

use jiff::Timestamp;

use super::model::*;

pub(crate) fn evidence() -> Evidence {
    Evidence { as_of: Timestamp::UNIX_EPOCH, source: FactSource::Poll, text: String::new() }
}

pub(crate) fn attempt() -> Attempt {
    Attempt {
        id: "att_1".to_owned(),
        state: AttemptState::AwaitingCustomer,
        evidence: evidence(),
        created_at: Timestamp::UNIX_EPOCH,
        account_ref: None,
        provider_ref: None,
        webhook_token: "token".into(),
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

pub(crate) fn consent(state: ConsentState) -> Consent {
    Consent {
        id: "cns_1".to_owned(),
        attempt_id: "att_1".to_owned(),
        purpose: Purpose::Underwriting,
        template: "TEMPLATE".to_owned(),
        asked_range: None,
        template_range: None,
        state,
        evidence: evidence(),
        mode: ConsentMode::Store,
        periodic: false,
        trigger: FetchTrigger::Provider,
        later: Default::default(),
        data_life: None,
        expires_at: None,
        expires_certainty: Certainty::Unspecified,
        handle: Some("handle-1".to_owned()),
        provider_ref: None,
        uploaded: false,
        frequency: None,
        deliveries: Vec::new(),
        active_since: None,
        mode_untold: false,
        fetch_overdue: false,
        fetches: Vec::new(),
    }
}

pub(crate) fn fetch(state: FetchState, settled: bool) -> Fetch {
    Fetch {
        id: "fch_1".to_owned(),
        provider_ref: None,
        state,
        settled,
        evidence: evidence(),
        requested_at: Timestamp::UNIX_EPOCH,
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
        asked: Asking::ByProvider,
        request_id: None,
        failure_reason: None,
        purge: None,
        pushed_by: None,
        rows_with: None,
        postponed: false,
    }
}

pub(crate) fn journey() -> Journey {
    Journey {
        id: "jrn_1".to_owned(),
        tenant: "default".to_owned(),
        ask: Ask {
            customer: Customer { mobile: Some("9000000001".into()), ..Customer::default() },
            consents: vec![ConsentAsk { purpose: Purpose::Underwriting, template: None, data_range: None }],
            products: vec![Product::Data],
            institutions: Vec::new(),
            redirect_url: None,
            client_reference: None,
        },
        routing: Routing { provider: "test".to_owned(), credential: "main".to_owned(), cause: RoutingCause::Named },
        provider_product: "product".to_owned(),
        ignored_inputs: Vec::new(),
        notes: Vec::new(),
        attempts: vec![attempt()],
        consents: vec![consent(ConsentState::Pending)],
        state: JourneyState::AwaitingCustomer,
        state_at: Timestamp::UNIX_EPOCH,
        created_at: Timestamp::UNIX_EPOCH,
        sequence: 1,
        looks: 0,
        superseded_by: None,
        purge_at: None,
    }
}
