//! The page on which the customer decides, the same for every provider.

use std::sync::Arc;

use axum::{
    Form, Router,
    extract::{Path, Query, State},
    response::{Html, IntoResponse, Response},
    routing::{get, post},
};
use http::{StatusCode, header::LOCATION};
use serde::Deserialize;

/// What the customer can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Approve the consent and share the accounts.
    Approve,
    /// Refuse.
    Reject,
    /// Upload this many statements as PDF instead.
    Upload(usize),
    /// Leave without sharing anything.
    Skip,
    /// Later, in the account aggregator's own app: withdraw the consent.
    Revoke,
    /// Later: pause it.
    Pause,
    /// Later: take the pause back.
    Resume,
}

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The page's heading, such as the account aggregator's name.
    pub title: String,
    /// What is asked, line by line.
    pub lines: Vec<String>,
    /// What can be done now; empty when the journey is over.
    pub choices: Vec<Decision>,
}

/// What became of a decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The browser goes here, with the provider's query.
    Redirect(String),
    /// Done, and no address was given to go to.
    Done,
    /// Not possible in the journey's state.
    NotNow,
}

/// The journeys of one provider's simulator, by the token in the customer's URL.
pub trait Journeys: Send + Sync {
    /// What the page shows; `None` if the token is not one of this simulator's.
    fn view(&self, token: &str) -> Option<View>;
    /// The customer decides; `None` if the token is not one of this simulator's.
    fn decide(&self, token: &str, decision: Decision) -> Option<Outcome>;
    /// The tokens of a customer's URLs, whoever was told of them.
    fn pages(&self, mobile: &str) -> Vec<String>;
}

type All = Arc<Vec<Arc<dyn Journeys>>>;

/// The routes under `/journey`. A page is found by its path (`/journey/TOKEN`) or, in FinPro's way, by its query (`/journey/?ecreq=TOKEN`).
pub(super) fn router(journeys: Vec<Arc<dyn Journeys>>) -> Router {
    Router::new()
        .route("/journey/", get(page_by_query))
        .route("/journey/{token}", get(page_by_path))
        .route("/journey/{token}/decision", post(decide))
        .with_state(Arc::new(journeys))
}

#[derive(Deserialize)]
struct PageQuery {
    ecreq: String,
}

#[derive(Deserialize)]
struct DecisionForm {
    decision: String,
    statements: Option<usize>,
}

async fn page_by_query(State(all): State<All>, Query(query): Query<PageQuery>) -> Response {
    page(&all, &query.ecreq)
}

async fn page_by_path(State(all): State<All>, Path(token): Path<String>) -> Response {
    page(&all, &token)
}

async fn decide(State(all): State<All>, Path(token): Path<String>, Form(form): Form<DecisionForm>) -> Response {
    let decision = match form.decision.as_str() {
        "approve" => Decision::Approve,
        "reject" => Decision::Reject,
        "upload" => Decision::Upload(form.statements.unwrap_or(1)),
        "skip" => Decision::Skip,
        "revoke" => Decision::Revoke,
        "pause" => Decision::Pause,
        "resume" => Decision::Resume,
        _ => return message(StatusCode::BAD_REQUEST, "There is no such choice."),
    };
    match all.iter().find_map(|journeys| journeys.decide(&token, decision)) {
        Some(Outcome::Redirect(to)) => (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response(),
        Some(Outcome::Done) => message(StatusCode::OK, "Thank you. You can close this page."),
        Some(Outcome::NotNow) => message(StatusCode::CONFLICT, "This is not possible any more."),
        None => message(StatusCode::NOT_FOUND, "There is no such journey."),
    }
}

fn page(all: &All, token: &str) -> Response {
    match all.iter().find_map(|journeys| journeys.view(token)) {
        Some(view) => Html(render(&view, token)).into_response(),
        None => message(StatusCode::NOT_FOUND, "There is no such journey."),
    }
}

fn message(status: StatusCode, text: &str) -> Response {
    (status, Html(frame("Sandbox", &format!("<p>{text}</p>")))).into_response()
}

fn render(view: &View, token: &str) -> String {
    let lines: String = view.lines.iter().map(|line| format!("<li>{}</li>", escape(line))).collect();
    let forms: String = view.choices.iter().map(|choice| form(*choice, token)).collect();
    let choices = if forms.is_empty() { "<p>There is nothing to decide any more.</p>".to_owned() } else { forms };
    frame(&view.title, &format!("<ul>{lines}</ul>{choices}"))
}

fn form(choice: Decision, token: &str) -> String {
    let (value, label, extra) = match choice {
        Decision::Approve => ("approve", "Approve and share", ""),
        Decision::Reject => ("reject", "Reject", ""),
        Decision::Upload(_) => (
            "upload",
            "Upload statements as PDF instead",
            r#"<label>How many: <input type="number" name="statements" value="1" min="0" max="9"></label> "#,
        ),
        Decision::Skip => ("skip", "Skip", ""),
        Decision::Revoke => ("revoke", "Withdraw this consent", ""),
        Decision::Pause => ("pause", "Pause this consent", ""),
        Decision::Resume => ("resume", "Resume this consent", ""),
    };
    format!(
        r#"<form method="post" action="/journey/{}/decision">{extra}<button name="decision" value="{value}">{label}</button></form>"#,
        escape(token)
    )
}

fn frame(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
         <style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem;color:#1b2733}}\
         form{{margin:.75rem 0}}button{{font:inherit;padding:.5rem 1rem;border:1px solid #1f5fbf;border-radius:.4rem;background:#fff;color:#1f5fbf}}\
         input{{font:inherit;width:4rem}}.note{{color:#667}}</style></head><body><h1>{title}</h1>{body}\
         <p class=\"note\">This is the Sangam sandbox. No bank, no customer and no money here is real.</p></body></html>"
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_offers_exactly_the_choices_and_escapes_what_it_shows() {
        let view =
            View { title: "A & B".into(), lines: vec!["<b>".into()], choices: vec![Decision::Approve, Decision::Upload(2)] };
        let html = render(&view, "tok");
        assert!(html.contains("A &amp; B") && html.contains("&lt;b&gt;"));
        assert!(html.contains("value=\"approve\"") && html.contains("value=\"upload\"") && !html.contains("value=\"reject\""));
        assert!(html.contains("action=\"/journey/tok/decision\""));
    }
}
