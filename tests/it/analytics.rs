//! The figures of every provider's analysis beside the banks' own.

use sangam::{
    pb::{self, Product},
    sandbox::bank::{Bank, figures::Figures},
};

use crate::{
    harness::World,
    offers::{analytics, offers, ready},
};

const MOBILE: &str = "9000000001";

/// A figure by its path in the core, as text: paise, counts and decimal numbers alike.
type Figure = (String, String);

fn truth() -> Figures {
    Figures::of(&Bank::accounts_for(MOBILE, jiff::Timestamp::now())).unwrap()
}

/// Ten thousandths as the shortest decimal text.
fn myriads(number: i64) -> String {
    let text = format!("{}.{:04}", number / 10_000, number % 10_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Everything that a core states.
fn stated(core: &pb::AnalyticsCore) -> Vec<Figure> {
    let mut out = Vec::new();
    let mut text = |path: &str, text: &str| {
        if !text.is_empty() {
            out.push((path.to_owned(), text.to_owned()));
        }
    };
    let paise = |money: &Option<pb::Money>| money.as_ref().map(|money| money.minor_units.to_string()).unwrap_or_default();
    let count = |count: Option<i64>| count.map(|count| count.to_string()).unwrap_or_default();
    text("total_credits", &paise(&core.total_credits));
    text("total_debits", &paise(&core.total_debits));
    let income = core.income.clone().unwrap_or_default();
    text("income.average_monthly", &paise(&income.average_monthly));
    text("income.stability_score", &income.stability_score);
    for (number, credit) in income.salary_credits.iter().enumerate() {
        text(&format!("income.salary_credits[{number}] {}", month(&credit.month)), &paise(&credit.amount));
    }
    let obligations = core.obligations.clone().unwrap_or_default();
    text("obligations.ratio", &obligations.ratio);
    text("obligations.emi_count", &count(obligations.emi_count));
    text("obligations.emi_amount", &paise(&obligations.emi_amount));
    let balances = core.balances.clone().unwrap_or_default();
    text("balances.average", &paise(&balances.average));
    text("balances.minimum", &paise(&balances.minimum));
    text("balances.maximum", &paise(&balances.maximum));
    text("balances.average_last_three_months", &paise(&balances.average_last_three_months));
    text("balances.volatility", &balances.volatility);
    let bounces = core.bounces.clone().unwrap_or_default();
    text("bounces.bounce_count", &count(bounces.bounce_count));
    text("bounces.penalties_detected", &bounces.penalties_detected.map(|flag| flag.to_string()).unwrap_or_default());
    let movements = core.movements.clone().unwrap_or_default();
    text("movements.cash_deposits", &paise(&movements.cash_deposits));
    text("movements.upi_outward", &paise(&movements.upi_outward));
    text("movements.loan_credits", &paise(&movements.loan_credits));
    for entry in core.cash_flow.iter().flat_map(|flow| &flow.months) {
        let at = |field: &str| format!("cash_flow {} {field}", month(&entry.month));
        text(&at("credits"), &paise(&entry.credits));
        text(&at("debits"), &paise(&entry.debits));
        text(&at("opening"), &paise(&entry.opening_balance));
        text(&at("closing"), &paise(&entry.closing_balance));
        text(&at("average"), &paise(&entry.average_balance));
    }
    out
}

fn month(month: &Option<pb::CalendarMonth>) -> String {
    month.as_ref().map(|month| format!("{}-{:02}", month.year, month.month)).unwrap_or_default()
}

/// What the banks know of everything that both definitions share.
fn shared(truth: &Figures) -> Vec<Figure> {
    let mut out = vec![
        ("total_credits".to_owned(), truth.total_credits().to_string()),
        ("total_debits".to_owned(), truth.total_debits().to_string()),
        ("obligations.emi_count".to_owned(), truth.instalments.0.to_string()),
    ];
    for (first, month) in &truth.months {
        let mut add = |field: &str, paise: i64| {
            out.push((format!("cash_flow {} {field}", first.strftime("%Y-%m")), paise.to_string()));
        };
        add("credits", month.credits);
        add("debits", month.debits);
        add("opening", month.opening);
        add("closing", month.closing);
        add("average", month.average.paise());
    }
    out
}

/// Income as net credits, balances at the end of a day.
fn by_day(truth: &Figures) -> Vec<Figure> {
    let (lowest, highest) = truth.extremes();
    let figures = [
        ("income.average_monthly", truth.average_monthly_credits().paise().to_string()),
        ("balances.minimum", lowest.to_string()),
        ("balances.maximum", highest.to_string()),
        ("balances.average_last_three_months", truth.average_of_three_months().paise().to_string()),
        ("balances.volatility", myriads(truth.volatility_per_myriad())),
        ("bounces.bounce_count", truth.bounces.to_string()),
        ("bounces.penalties_detected", (truth.bounces > 0).to_string()),
        ("movements.cash_deposits", truth.cash_in.to_string()),
        ("movements.upi_outward", truth.upi_out.to_string()),
        ("movements.loan_credits", "0".to_owned()),
    ];
    figures.map(|(path, figure)| (path.to_owned(), figure)).into()
}

/// Income as salary, balances at the end of a month.
fn by_month(truth: &Figures) -> Vec<Figure> {
    let figures = [
        ("income.average_monthly", truth.average_monthly_income().paise().to_string()),
        ("income.stability_score", truth.income_stability_score().to_string()),
        ("obligations.ratio", myriads(truth.obligations_per_myriad())),
        ("obligations.emi_amount", truth.instalments.1.to_string()),
        ("balances.average", truth.average_monthly_balance().paise().to_string()),
        ("balances.minimum", truth.minimum_monthly_balance().to_string()),
    ];
    let salaries = truth.salaries.iter().enumerate();
    let salaries = salaries.map(|(number, (month, amount))| {
        (format!("income.salary_credits[{number}] {}", month.strftime("%Y-%m")), amount.to_string())
    });
    figures.map(|(path, figure)| (path.to_owned(), figure)).into_iter().chain(salaries).collect()
}

/// What the banks know, in the definition that the provider's own names stand for.
fn known(truth: &Figures, core: &pb::AnalyticsCore) -> Vec<Figure> {
    let own = match core.income.clone().unwrap_or_default().method {
        method if method.contains("monthlyAvgNetCreditAmount") => by_day(truth),
        method if method.contains("average_monthly_income") => by_month(truth),
        method => panic!("{method}: a definition that nobody knows"),
    };
    let mut all = [shared(truth), own].concat();
    all.sort();
    all
}

#[tokio::test]
async fn every_figure_is_the_banks_own() {
    let world = World::start().await;
    let mut definitions = Vec::new();
    for offer in offers(&world).await.iter().filter(|offer| offer.has(Product::Analytics)) {
        let name = offer.name();
        // The clock may pass a row while the sandbox makes its data: both ends are the truth then.
        let before = truth();
        let journey_id = ready(&world, offer, "01").await.journey_id;
        let core = analytics(&world, &journey_id).await.unwrap().core.unwrap();
        let after = truth();
        let mut figures = stated(&core);
        figures.sort();
        let known = [known(&before, &core), known(&after, &core)];
        let missing: Vec<_> = known[1].iter().filter(|figure| !figures.contains(figure)).collect();
        let foreign: Vec<_> = figures.iter().filter(|figure| !known[1].contains(figure)).collect();
        assert!(known.contains(&figures), "{name}: the banks know {missing:?}, the core says {foreign:?}");
        assert_eq!(core.provider, offer.provider);
        assert!(core.cash_flow.is_some_and(|flow| flow.months.len() >= 12), "{name}");
        definitions.push(core.income.unwrap().method);
    }
    definitions.dedup();
    assert!(definitions.len() > 1, "{definitions:?}");
    world.stop().await;
}

#[tokio::test]
async fn what_is_guessed_or_rounded_is_told_by_paths_that_are_set() {
    let world = World::start().await;
    for offer in offers(&world).await.iter().filter(|offer| offer.has(Product::Analytics)) {
        let name = offer.name();
        let journey_id = ready(&world, offer, "01").await.journey_id;
        let core = analytics(&world, &journey_id).await.unwrap().core.unwrap();
        let paths = stated(&core);
        assert!(core.assumed_fields.contains(&"cash_flow.months".to_owned()), "{name}: {:?}", core.assumed_fields);
        assert!(
            core.rounded_fields.contains(&"cash_flow.months.average_balance".to_owned()),
            "{name}: {:?}",
            core.rounded_fields
        );
        assert!(!core.assumed_fields.iter().any(|path| path.starts_with("total_")), "{name}: the sums are documented");
        for path in core.assumed_fields.iter().chain(&core.rounded_fields) {
            let begin = path.split(".months").next().unwrap();
            let set = path == "period" && core.period.is_some() || paths.iter().any(|(known, _)| known.starts_with(begin));
            assert!(set, "{name}: {path} is told and not there");
        }
    }
    world.stop().await;
}
