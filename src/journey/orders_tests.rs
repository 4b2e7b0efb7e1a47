//! Whatever the order in which news of a journey comes, the tree ends up the same; and news that comes again changes nothing.

use jiff::Timestamp;
use proptest::prelude::*;

use super::{
    apply::{Merge, finish},
    derive,
    machine::{consent_may, fetch_may},
    model::*,
    policy::Assumptions,
    testing,
};
use crate::{
    providers::provider::{AttemptFact, ConsentFact, FetchFact, Observation},
    random::SystemRandom,
};

/// One event at the provider.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Step {
    Finished,
    Consent(ConsentState),
    /// A session begins, or goes on.
    Session(usize, FetchState, bool),
}

/// What is the case at the provider.
#[derive(Debug, Clone)]
struct Provider {
    finished: bool,
    consent: ConsentState,
    sessions: Vec<(FetchState, bool)>,
}

impl Provider {
    fn new() -> Self {
        Self { finished: false, consent: ConsentState::Pending, sessions: Vec::new() }
    }

    /// Everything that can happen next.
    fn possible(&self, pauses: bool) -> Vec<Step> {
        use ConsentState::{Active, Expired, Failed, Paused, Rejected, Revoked};
        use FetchState::{Denied, Empty, Partial, Ready, Requested, Timeout};
        let mut steps = Vec::new();
        if !self.finished {
            steps.push(Step::Finished);
        }
        for to in [Active, Paused, Rejected, Revoked, Expired, Failed] {
            let held = to == Paused || self.consent == Paused;
            // A consent is given before anything else can become of it.
            let begins = self.consent != ConsentState::Pending || matches!(to, Active | Rejected | Failed);
            if begins && consent_may(self.consent, to) && (pauses || !held) {
                steps.push(Step::Consent(to));
            }
        }
        if self.consent == Active {
            if self.sessions.len() < 3 {
                steps.push(Step::Session(self.sessions.len(), Requested, false));
            }
            for (at, now) in self.sessions.iter().enumerate() {
                for to in [(Ready, true), (Partial, false), (Partial, true), (Empty, true), (Denied, false), (Timeout, true)] {
                    if fetch_may(*now, to) {
                        steps.push(Step::Session(at, to.0, to.1));
                    }
                }
            }
        }
        steps
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Finished => self.finished = true,
            Step::Consent(state) => self.consent = state,
            Step::Session(at, state, settled) if at == self.sessions.len() => self.sessions.push((state, settled)),
            Step::Session(at, state, settled) => self.sessions[at] = (state, settled),
        }
    }

    /// What a look at the provider finds.
    fn look(&self) -> Observation {
        let sessions = self.sessions.iter().enumerate();
        let fetches = sessions.map(|(at, (state, settled))| fetch(Some(at), *state, *settled)).collect();
        Observation { attempt: self.finished.then(attempt), consents: vec![consent(Some(self.consent), fetches)], fault: None }
    }
}

/// What the provider's message about a step says. Every other one does not name its session.
fn message(number: usize, step: Step) -> Observation {
    match step {
        Step::Finished => Observation { attempt: Some(attempt()), ..Observation::default() },
        Step::Consent(state) => Observation { consents: vec![consent(Some(state), Vec::new())], ..Observation::default() },
        Step::Session(at, state, settled) => {
            let fetch = fetch(number.is_multiple_of(2).then_some(at), state, settled);
            Observation { consents: vec![consent(None, vec![fetch])], ..Observation::default() }
        }
    }
}

fn attempt() -> AttemptFact {
    let none = StepState::Unspecified;
    AttemptFact {
        state: AttemptState::Done,
        text: String::new(),
        institutions: Vec::new(),
        aa: none,
        pdf: None,
        skipped: false,
        steps: Vec::new(),
        route: None,
    }
}

fn consent(state: Option<ConsentState>, fetches: Vec<FetchFact>) -> ConsentFact {
    ConsentFact { handle: Some("handle-1".to_owned()), state, fetches, ..ConsentFact::default() }
}

fn fetch(session: Option<usize>, state: FetchState, settled: bool) -> FetchFact {
    FetchFact {
        session: session.map(|at| format!("session-{at}")),
        state,
        settled,
        text: String::new(),
        accounts: Vec::new(),
        fetched_at: None,
        data_expires_at: None,
        body: None,
    }
}

/// A history of six events: the steps, and what a look found after each.
#[derive(Debug, Clone)]
struct History {
    steps: Vec<Step>,
    looks: Vec<Observation>,
}

impl History {
    /// The one that these choices make.
    fn chosen(choices: &[usize], pauses: bool) -> Option<Self> {
        let mut provider = Provider::new();
        let mut history = Self { steps: Vec::new(), looks: Vec::new() };
        for choice in choices {
            let possible = provider.possible(pauses);
            let step = *possible.get(choice.checked_rem(possible.len())?)?;
            provider.take(step);
            history.steps.push(step);
            history.looks.push(provider.look());
        }
        Some(history)
    }

    fn end(&self) -> Observation {
        self.looks.last().cloned().unwrap_or_default()
    }

    fn message(&self, at: usize) -> Observation {
        message(at, self.steps[at])
    }
}

fn six(pauses: bool) -> impl Strategy<Value = History> {
    let choices = proptest::collection::vec(0..1_000usize, 6);
    choices.prop_filter_map("it ended early", move |choices| History::chosen(&choices, pauses))
}

/// The attempt's, the consents', the sessions' with their names and whether they are settled, and the journey's.
type States = (AttemptState, Vec<ConsentState>, Vec<(Option<String>, FetchState, bool)>, JourneyState);

/// The tree.
struct Tree {
    journey: Journey,
    assume: Assumptions,
}

impl Tree {
    fn new() -> Self {
        Self { journey: testing::journey(), assume: Assumptions::default() }
    }

    /// Merges; answers whether anything changed.
    fn merge(&mut self, source: FactSource, seen: Observation) -> bool {
        let now = Timestamp::from_second(1_000).unwrap();
        let before = self.journey.clone();
        Merge { now, source, random: &SystemRandom, assume: &self.assume }.observation(&mut self.journey, "att_1", seen);
        finish(&before, &mut self.journey, now)
    }

    /// Everything but ids of ours and times.
    fn states(&self) -> States {
        let journey = &self.journey;
        let fetches = journey.consents.iter().flat_map(|consent| &consent.fetches);
        assert_eq!(journey.state, derive::state(journey));
        (
            journey.attempts[0].state,
            journey.consents.iter().map(|consent| consent.state).collect(),
            fetches.map(|fetch| (fetch.provider_ref.clone(), fetch.state, fetch.settled)).collect(),
            journey.state,
        )
    }
}

/// All 720 orders of six.
fn orders() -> Vec<Vec<usize>> {
    fn longer(order: Vec<usize>, all: &mut Vec<Vec<usize>>) {
        if order.len() == 6 {
            return all.push(order);
        }
        for next in (0..6).filter(|next| !order.contains(next)) {
            longer([order.as_slice(), &[next]].concat(), all);
        }
    }
    let mut all = Vec::new();
    longer(Vec::new(), &mut all);
    assert_eq!(all.len(), 720);
    all
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn looks_that_overtake_each_other_end_in_the_same_tree(history in six(false)) {
        let mut expected = Tree::new();
        expected.merge(FactSource::Poll, history.end());
        for order in orders() {
            let mut tree = Tree::new();
            for at in &order {
                tree.merge(FactSource::Poll, history.looks[*at].clone());
            }
            prop_assert_eq!(tree.states(), expected.states(), "{:?} of {:?}", order, history.steps);
        }
    }

    #[test]
    fn messages_in_any_order_and_one_look_end_in_the_same_tree(history in six(true)) {
        let mut expected = Tree::new();
        expected.merge(FactSource::Poll, history.end());
        for (number, order) in orders().into_iter().enumerate() {
            let mut tree = Tree::new();
            // The look comes at any place among the messages: what comes after it is late.
            for (place, at) in order.iter().enumerate() {
                if place == number % 7 {
                    tree.merge(FactSource::Poll, history.end());
                }
                tree.merge(FactSource::Webhook, history.message(*at));
            }
            if number % 7 == 6 {
                tree.merge(FactSource::Poll, history.end());
            }
            prop_assert_eq!(tree.states(), expected.states(), "{:?} of {:?}", order, history.steps);
        }
    }

    #[test]
    fn one_message_a_thousand_times_among_older_ones_is_one_change(history in six(true), seed in any::<u64>()) {
        let mut tree = Tree::new();
        for look in &history.looks[..5] {
            tree.merge(FactSource::Poll, look.clone());
        }
        let sequence = tree.journey.sequence;
        let mut random = seed;
        let mut changes = 0;
        let mut left = 1_000;
        while left > 0 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let at = usize::try_from((random >> 33) % 8).unwrap_or_default().min(5);
            left -= usize::from(at == 5);
            changes += i64::from(tree.merge(FactSource::Webhook, history.message(at)));
            // Each message wakes a look.
            changes += i64::from(tree.merge(FactSource::Poll, history.end()));
        }
        prop_assert_eq!(changes, 1, "of {:?}", history.steps);
        prop_assert_eq!(tree.journey.sequence, sequence + changes);
        let mut expected = Tree::new();
        expected.merge(FactSource::Poll, history.end());
        prop_assert_eq!(tree.states(), expected.states());
    }
}
