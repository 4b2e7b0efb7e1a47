//! Every adapter against its simulator, over real HTTP, from opening to data and analysis. The gateway's own machines are left out: a
//! few lines here carry the facts from one look to the next.
#![allow(clippy::indexing_slicing, clippy::panic)]

use std::time::Duration;

use secrecy::ExposeSecret;
use tokio::time::Instant;

use super::{
    provider::{Call, ConsentFact, Observation, Opening, Provider, Target},
    *,
};
use crate::{
    clock::{Clock, SystemClock},
    config::Config,
    data::ReadContext,
    journey::model::{
        Ask, Attempt, AttemptState, Certainty, Consent, ConsentAsk, ConsentMode, ConsentState, Customer, DayRange, Evidence,
        FactSource, Fetch, FetchState, FetchTrigger, Journey, JourneyState, Product, Purpose, Routing, RoutingCause, StepState,
    },
    pb,
    sandbox::{Sandbox, SandboxConfig, customer, gateway_config::gateway_toml, scratch::Scratch},
    seal::KeyedHash,
    telemetry::metrics::CallMeter,
};

fn call() -> Call {
    Call { deadline: Instant::now() + Duration::from_secs(20) }
}

fn evidence() -> Evidence {
    Evidence { as_of: SystemClock.now(), source: FactSource::Poll, text: String::new() }
}

fn ask(mobile: &str, products: &[Product], purpose: Purpose) -> Ask {
    Ask {
        customer: Customer { mobile: Some(mobile.into()), ..Customer::default() },
        consents: vec![ConsentAsk { purpose, template: None, data_range: None }],
        products: products.to_vec(),
        institutions: Vec::new(),
        redirect_url: None,
        client_reference: None,
    }
}

fn consent(template: &str, purpose: Purpose) -> Consent {
    Consent {
        id: format!("cns_{template}"),
        attempt_id: "att_walk".to_owned(),
        purpose,
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
        handle: None,
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

/// One customer's walk.
struct Walk {
    provider: Arc<dyn Provider>,
    journey: Journey,
    url: String,
}

impl Walk {
    async fn open(provider: &Arc<dyn Provider>, ask: Ask) -> Self {
        let plan = provider.plan(&ask).unwrap();
        let opening = Opening { ask: &ask, plan: &plan, attempt_id: "att_walk", webhook_url: None };
        let opened = provider.open(call(), opening).await.unwrap();
        let purpose = ask.consents[0].purpose;
        let mut consent = consent(&plan.consents[0].template, purpose);
        consent.handle = opened.handles.first().cloned();
        let attempt = Attempt {
            id: "att_walk".to_owned(),
            state: AttemptState::AwaitingCustomer,
            evidence: evidence(),
            created_at: SystemClock.now(),
            account_ref: None,
            provider_ref: opened.provider_ref,
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
        };
        let journey = Journey {
            id: "jrn_walk".to_owned(),
            tenant: "demo".to_owned(),
            ask,
            routing: Routing {
                provider: provider.id().to_owned(),
                credential: provider.credential().to_owned(),
                cause: RoutingCause::Named,
            },
            provider_product: plan.provider_product.to_owned(),
            ignored_inputs: Vec::new(),
            notes: Vec::new(),
            attempts: vec![attempt],
            consents: vec![consent],
            state: JourneyState::AwaitingCustomer,
            state_at: SystemClock.now(),
            created_at: SystemClock.now(),
            sequence: 0,
            looks: 0,
            superseded_by: None,
            purge_at: None,
        };
        Self { provider: provider.clone(), journey, url: opened.customer_url.unwrap().url.expose_secret().to_owned() }
    }

    async fn look(&mut self) -> Observation {
        let seen = self.provider.observe(call(), &self.journey, &self.journey.attempts[0]).await;
        assert_eq!(seen.fault, None);
        for fact in &seen.consents {
            self.learn(fact);
        }
        seen
    }

    fn learn(&mut self, fact: &ConsentFact) {
        if fact.uploaded && !self.journey.consents.iter().any(|consent| consent.uploaded) {
            self.journey.consents.push(Consent { uploaded: true, ..consent("", Purpose::Underwriting) });
        }
        let mine = |consent: &&mut Consent| {
            consent.uploaded == fact.uploaded && fact.template.as_ref().is_none_or(|t| *t == consent.template)
        };
        let Some(consent) = self.journey.consents.iter_mut().find(mine) else { return };
        consent.state = fact.state.unwrap_or(consent.state);
        consent.trigger = fact.trigger.unwrap_or(consent.trigger);
        consent.provider_ref = fact.consent_ref.clone().or(consent.provider_ref.take());
        consent.handle = fact.handle.clone().or(consent.handle.take());
        for seen in &fact.fetches {
            let (session, state) = (seen.session.clone(), seen.state);
            consent.fetches = vec![fetch(session, state, seen.settled)];
        }
    }

    /// Looks until data is there; asks for it once where that is ours to do.
    async fn until_settled(&mut self) -> (usize, FetchState) {
        for _ in 0..20 {
            self.look().await;
            let settled = |consent: &Consent| consent.fetches.iter().any(|fetch| fetch.settled);
            if let Some(index) = self.journey.consents.iter().position(settled) {
                return (index, self.journey.consents[index].fetches[0].state);
            }
            let idle = |consent: &Consent| {
                consent.state == ConsentState::Active && consent.trigger == FetchTrigger::Gateway && consent.fetches.is_empty()
            };
            if let Some(index) = self.journey.consents.iter().position(idle) {
                let session = self.provider.request_data(call(), self.target(index), None).await.unwrap();
                self.journey.consents[index].fetches = vec![fetch(session, FetchState::Requested, false)];
            }
        }
        panic!("no data after twenty looks");
    }

    fn target(&self, index: usize) -> Target<'_> {
        let consent = &self.journey.consents[index];
        Target {
            journey: &self.journey,
            attempt: &self.journey.attempts[0],
            consent,
            fetch: consent.fetches.first(),
            accounts: &[],
        }
    }

    async fn accounts(&self, index: usize) -> u32 {
        let body = self.provider.fetch(call(), self.target(index)).await.unwrap();
        let ids = KeyedHash::new(b"test");
        let context = ReadContext {
            fetch_id: "fch_walk",
            consent_id: "cns_walk",
            ids: &ids,
            applicant: &self.journey.ask.customer,
            received_at: body.received_at,
            asked: Default::default(),
        };
        self.provider.read_data(&self.journey.provider_product, &body.bytes, &context).unwrap().accounts
    }
}

fn fetch(session: Option<String>, state: FetchState, settled: bool) -> Fetch {
    Fetch {
        id: "fch_walk".to_owned(),
        provider_ref: session,
        state,
        settled,
        evidence: evidence(),
        requested_at: SystemClock.now(),
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

async fn world() -> (Sandbox, Scratch, Vec<Arc<dyn Provider>>) {
    let sandbox = Sandbox::start(SandboxConfig::default(), Arc::new(SystemClock)).await.unwrap();
    let dir = Scratch::new("sangam-walk").unwrap();
    let config = Config::from_toml_str(&gateway_toml(&sandbox, dir.path()).unwrap()).unwrap();
    let outward =
        Outward { jitter: Arc::new(|| 0.0), meter: CallMeter::silent(), bodies: crate::memory::BodyBudget::new(1 << 30).share() };
    let built = build(&config.tenant.providers, "tenant", &outward, Arc::new(SystemClock)).unwrap();
    (sandbox, dir, built)
}

fn named<'a>(providers: &'a [Arc<dyn Provider>], credential: &str) -> &'a Arc<dyn Provider> {
    providers.iter().find(|provider| provider.credential() == credential).unwrap()
}

#[tokio::test]
async fn each_provider_and_product_leads_to_data_and_analysis() {
    let (sandbox, _dir, providers) = world().await;
    for (credential, products, purpose) in [
        ("consent", &[Product::Data, Product::Analytics][..], Purpose::Underwriting),
        ("consent", &[Product::Data][..], Purpose::Monitoring),
        ("orchestration", &[Product::Data, Product::Analytics][..], Purpose::Underwriting),
        ("main", &[Product::Data][..], Purpose::Underwriting),
        ("main", &[Product::Data][..], Purpose::Monitoring),
        ("main", &[Product::Data, Product::Analytics][..], Purpose::Underwriting),
    ] {
        let label = format!("{credential} {products:?} {purpose:?}");
        let mut walk = Walk::open(named(&providers, credential), ask("9000000001", products, purpose)).await;
        let before = walk.look().await;
        assert_eq!(before.attempt.map(|fact| fact.state), Some(AttemptState::AwaitingCustomer), "{label}");
        customer::approve(&walk.url).await.unwrap();
        let (index, state) = walk.until_settled().await;
        assert_eq!(state, FetchState::Ready, "{label}");
        assert!(walk.accounts(index).await > 0, "{label}");
        if products.contains(&Product::Analytics) {
            let analysis = walk.provider.analysis(call(), walk.target(index)).await.unwrap();
            let balances = analysis.core.balances.as_ref();
            assert!(
                analysis.core.total_credits.is_some() && balances.is_some_and(|balances| balances.minimum.is_some()),
                "{label}"
            );
        }
        if credential == "consent" && products.len() == 2 {
            let workbook = walk.provider.document(call(), walk.target(index), pb::ReportFormat::Excel).await.unwrap();
            assert!(workbook.bytes.starts_with(b"PK"));
        }
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn a_refusal_is_a_state_at_every_provider() {
    let (sandbox, _dir, providers) = world().await;
    for (credential, products) in
        [("consent", &[Product::Data][..]), ("main", &[Product::Data][..]), ("main", &[Product::Data, Product::Analytics][..])]
    {
        let mut walk = Walk::open(named(&providers, credential), ask("9000000001", products, Purpose::Underwriting)).await;
        customer::reject(&walk.url).await.unwrap();
        let seen = walk.look().await;
        assert_eq!(seen.attempt.map(|fact| fact.state), Some(AttemptState::Done), "{credential}");
        assert_eq!(seen.consents[0].state, Some(ConsentState::Rejected), "{credential}");
    }
    sandbox.stop().await;
}

#[tokio::test]
async fn uploaded_statements_stand_in_for_a_failed_aggregator() {
    let (sandbox, _dir, providers) = world().await;
    let mut walk =
        Walk::open(named(&providers, "orchestration"), ask("9000000006", &[Product::Data], Purpose::Underwriting)).await;
    customer::approve(&walk.url).await.unwrap();
    let (failed, state) = walk.until_settled().await;
    assert!(!walk.journey.consents[failed].uploaded);
    assert_eq!(state, FetchState::Failed, "the aggregator's own fetch");
    let index = walk.journey.consents.iter().position(|consent| consent.uploaded).unwrap();
    let state = walk.journey.consents[index].fetches[0].state;
    assert!(matches!(state, FetchState::Ready | FetchState::Partial));
    assert!(walk.accounts(index).await > 0);
    sandbox.stop().await;
}

#[tokio::test]
async fn a_dropped_off_customer_gets_a_fresh_url_in_the_consent_style_only() {
    let (sandbox, _dir, providers) = world().await;
    for (credential, expected) in [("consent", true), ("orchestration", false), ("main", false)] {
        let walk = Walk::open(named(&providers, credential), ask("9000000001", &[Product::Data], Purpose::Underwriting)).await;
        let fresh = walk.provider.fresh_url(call(), &walk.journey, &walk.journey.attempts[0], None).await.unwrap();
        assert_eq!(fresh.is_some(), expected, "{credential}");
    }
    sandbox.stop().await;
}
