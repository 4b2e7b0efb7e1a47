//! The institutions of a transaction: a bank that failed has no account row, so the steps are where it shows.

use super::transaction::{Steps, step_state};
use crate::{
    journey::model::{Institution, InstitutionHealth, PdfProgress, StepState},
    providers::lenient::{self, Members, institution, scalar},
};

/// More institutions than any customer has; an answer with more is cut.
const MOST: usize = 200;

/// The rows, in the order in which the steps name them.
pub(super) fn read(steps: &Steps<'_>, pdf: Option<PdfProgress>) -> Vec<Institution> {
    let mut rows: Vec<Institution> = Vec::new();
    for (fip, health) in health(steps) {
        row(&mut rows, fip, |row| row.health = health);
    }
    for (fip, state) in aa(steps) {
        row(&mut rows, fip, |row| row.aa = state);
    }
    let of_each = each_upload(pdf);
    for fip in expected(steps) {
        row(&mut rows, fip, |row| row.pdf = of_each);
    }
    for raw in steps.pdf.object(&["data"]).list(&["fips"]) {
        let told = Members::within(Some(raw));
        if let Some(fip) = told.text(&["fip", "fipId"]).and_then(institution) {
            row(&mut rows, fip, |row| row.pdf = step_state(&told));
        }
    }
    rows
}

fn row(rows: &mut Vec<Institution>, fip: String, set: impl FnOnce(&mut Institution)) {
    if let Some(row) = rows.iter_mut().find(|row| row.fip == fip) {
        return set(row);
    }
    if rows.len() < MOST {
        let mut new =
            Institution { fip, health: InstitutionHealth::Unspecified, aa: StepState::Unspecified, pdf: StepState::Unspecified };
        set(&mut new);
        rows.push(new);
    }
}

/// The upload step tells counts only: they say something of each institution where all came or none.
fn each_upload(pdf: Option<PdfProgress>) -> StepState {
    match pdf {
        Some(pdf) if pdf.state == StepState::Successful && pdf.uploaded >= pdf.expected => StepState::Successful,
        Some(pdf) if matches!(pdf.state, StepState::Successful | StepState::Partial) => StepState::Unspecified,
        Some(pdf) => pdf.state,
        None => StepState::Unspecified,
    }
}

fn health(steps: &Steps<'_>) -> Vec<(String, InstitutionHealth)> {
    let data = steps.health.object(&["data"]);
    let listed = |names: &[&str], health| {
        let fips = data.list(names).into_iter().filter_map(scalar).filter_map(institution);
        fips.map(move |fip| (fip, health)).collect::<Vec<_>>()
    };
    let mut rows = listed(&["healthy_fips"], InstitutionHealth::Healthy);
    rows.extend(listed(&["unhealthy_fips"], InstitutionHealth::Unhealthy));
    for raw in data.list(&["fip_decisions"]) {
        let decision = Members::within(Some(raw));
        let health = match lenient::word(&decision.text(&["decision"]).unwrap_or_default()).as_str() {
            "FIP_HEALTHY" | "HEALTHY" => InstitutionHealth::Healthy,
            "FIP_UNHEALTHY" | "UNHEALTHY" => InstitutionHealth::Unhealthy,
            _ => continue,
        };
        rows.extend(decision.text(&["fip", "fipId"]).and_then(institution).map(|fip| (fip, health)));
    }
    rows
}

/// How each institution fared at the aggregator.
pub(super) fn aa(steps: &Steps<'_>) -> Vec<(String, StepState)> {
    let rows = steps.aa.object(&["data"]).list(&["fips"]);
    let read = |raw| {
        let row = Members::within(Some(raw));
        Some((row.text(&["fip", "fipId"]).and_then(institution)?, step_state(&row)))
    };
    rows.into_iter().filter_map(read).collect()
}

/// The institutions of which a statement is expected.
pub(super) fn expected(steps: &Steps<'_>) -> Vec<String> {
    let fips = steps.pdf.object(&["data"]).list(&["expected_fips"]);
    fips.into_iter().filter_map(scalar).filter_map(institution).collect()
}
