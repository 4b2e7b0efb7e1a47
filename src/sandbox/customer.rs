//! What a customer does in the browser, as a client over HTTP: for tests and the demo.

use reqwest::{Client, StatusCode, header::LOCATION, redirect::Policy};
use url::Url;

/// Why the customer could not go on.
#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    /// The page could not be reached.
    #[error("the customer's page could not be reached")]
    Unreachable(#[from] reqwest::Error),
    /// The page answered with this HTTP status: 404 for an unknown journey, 409 for one where this is not possible any more.
    #[error("the customer's page answered {0}")]
    Refused(u16),
    /// What came is no page with something to decide.
    #[error("the customer's page has nothing to decide")]
    NothingToDecide,
}

/// Opens the customer's URL and approves. Returns where the browser is sent, if anywhere.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn approve(url: &str) -> Result<Option<String>, CustomerError> {
    decide(url, "decision=approve").await
}

/// Opens the customer's URL and refuses.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn reject(url: &str) -> Result<Option<String>, CustomerError> {
    decide(url, "decision=reject").await
}

/// Opens the customer's URL and uploads this many statements as PDF, where that is offered.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn upload(url: &str, statements: usize) -> Result<Option<String>, CustomerError> {
    decide(url, &format!("decision=upload&statements={statements}")).await
}

/// Opens the customer's URL and leaves without sharing anything, where that is offered.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn skip(url: &str) -> Result<Option<String>, CustomerError> {
    decide(url, "decision=skip").await
}

/// Withdraws an approved consent, as in the account aggregator's app.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn revoke(url: &str) -> Result<Option<String>, CustomerError> {
    decide(url, "decision=revoke").await
}

/// Pauses an approved consent.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn pause(url: &str) -> Result<Option<String>, CustomerError> {
    decide(url, "decision=pause").await
}

/// Resumes a paused consent.
///
/// # Errors
/// As [`CustomerError`] says.
pub async fn resume(url: &str) -> Result<Option<String>, CustomerError> {
    decide(url, "decision=resume").await
}

async fn decide(url: &str, form: &str) -> Result<Option<String>, CustomerError> {
    let client = Client::builder().redirect(Policy::none()).no_proxy().build()?;
    let page = client.get(url).send().await?;
    if !page.status().is_success() {
        return Err(CustomerError::Refused(page.status().as_u16()));
    }
    let at = page.url().clone();
    let target = action(&at, &page.text().await?).ok_or(CustomerError::NothingToDecide)?;
    let answer =
        client.post(target).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await?;
    match answer.status() {
        StatusCode::SEE_OTHER => Ok(answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).map(str::to_owned)),
        status if status.is_success() => Ok(None),
        status => Err(CustomerError::Refused(status.as_u16())),
    }
}

/// Where the page's forms go.
fn action(page: &Url, html: &str) -> Option<Url> {
    let (_, rest) = html.split_once("action=\"")?;
    let (path, _) = rest.split_once('"')?;
    page.join(path).ok()
}
