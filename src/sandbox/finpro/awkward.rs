//! What differs in writing only: the same account, written the way some banks and some versions do.

use serde_json::{Map, Value, json};

use super::render::Source;
use crate::sandbox::scenario::Scenario;

/// The account as this customer's story writes it. Statements from PDF are left as they are.
pub(super) fn spoil(mut account: Value, scenario: Scenario, source: Source, place: usize) -> Value {
    if matches!(source, Source::Pdf { .. }) {
        return account;
    }
    match scenario {
        Scenario::HolderAsObject => single_holder(&mut account),
        Scenario::FloatNoise => each_row(&mut account, noisy),
        Scenario::MissingSections => drop_sections(&mut account, place),
        Scenario::NullsAndBlanks => blank_out(&mut account),
        Scenario::ProfileOnly => {
            if let Some(fields) = account.as_object_mut() {
                fields.remove("Summary");
                fields.remove("Transactions");
            }
        }
        Scenario::DayMonthSwapped => each_row(&mut account, swap_day_and_month),
        Scenario::SchemaVersion2 => version_2(&mut account),
        _ => {}
    }
    account
}

fn single_holder(account: &mut Value) {
    if let Some(holder) = account.pointer_mut("/Profile/Holders/Holder")
        && let Some([one]) = holder.as_array().map(Vec::as_slice)
    {
        *holder = one.clone();
    }
}

fn each_row(account: &mut Value, change: impl Fn(usize, &mut Map<String, Value>)) {
    let rows = account.pointer_mut("/Transactions/Transaction").and_then(Value::as_array_mut);
    for (at, row) in rows.into_iter().flatten().enumerate() {
        if let Some(fields) = row.as_object_mut() {
            change(at, fields);
        }
    }
}

/// Every seventh balance went through a float, the others lose trailing zeros as numbers do.
fn noisy(at: usize, row: &mut Map<String, Value>) {
    for name in ["currentBalance", "balance"] {
        if let Some(value) = row.get(name).and_then(Value::as_str).and_then(|text| text.parse::<f64>().ok()) {
            let shown = if at.is_multiple_of(7) { value.next_down() } else { value };
            row.insert(name.to_owned(), json!(shown.to_string()));
        }
    }
}

fn drop_sections(account: &mut Value, place: usize) {
    let Some(fields) = account.as_object_mut() else { return };
    match place {
        0 => drop(fields.insert("Profile".to_owned(), json!({}))),
        1 => drop(fields.remove("Summary")),
        2 => drop(fields.insert("Transactions".to_owned(), json!({}))),
        3 => drop(fields.insert("Summary".to_owned(), json!({}))),
        _ => drop(fields.remove("Profile")),
    }
}

fn blank_out(account: &mut Value) {
    let holders = account.pointer_mut("/Profile/Holders/Holder").and_then(Value::as_array_mut);
    for holder in holders.into_iter().flatten() {
        holder["pan"] = Value::Null;
        holder["dob"] = json!("XXXX-04-19");
        holder["email"] = json!("NA");
        holder["landline"] = json!(" ");
    }
    if let Some(summary) = account.get_mut("Summary") {
        for (name, value) in
            [("openingDate", Value::Null), ("micrCode", json!("")), ("currency", json!(" ")), ("maturityDate", Value::Null)]
        {
            if summary.get(name).is_some() {
                summary[name] = value;
            }
        }
    }
    each_row(account, |at, row| {
        if at % 3 == 0 {
            row.insert("reference".to_owned(), json!("NA"));
            row.insert("valueDate".to_owned(), Value::Null);
        }
        if at % 11 == 0 {
            row.insert("narration".to_owned(), json!(" "));
        }
    });
}

/// Where both can be read as a month, the timestamp's day and month change places; the value date stays right.
fn swap_day_and_month(at: usize, row: &mut Map<String, Value>) {
    if !at.is_multiple_of(9) {
        return;
    }
    let Some(Value::String(text)) = row.get_mut("transactionTimestamp") else { return };
    let (Some(month), Some(day)) = (text.get(5..7), text.get(8..10)) else { return };
    if day <= "12" && day != month {
        let swapped = format!("{}{day}-{month}{}", text.get(..5).unwrap_or_default(), text.get(10..).unwrap_or_default());
        *text = swapped;
    }
}

fn version_2(account: &mut Value) {
    let holders = account.pointer_mut("/Profile/Holders/Holder").and_then(Value::as_array_mut);
    for holder in holders.into_iter().flatten() {
        rename(holder, "ckycCompliance", "ckycRegistered");
    }
    let deposit = account.get("fiType") == Some(&json!("DEPOSIT"));
    if let Some(summary) = account.get_mut("Summary") {
        rename(summary, "type", "accountType");
        rename(summary, "ifscCode", "ifsc");
        if let Some(pending) = summary.as_object_mut().and_then(|fields| fields.remove("Pending")) {
            summary["PendingTxns"] = json!({"PendingTxn": pending});
        }
    }
    if deposit {
        each_row(account, |_, row| {
            if let Some(balance) = row.remove("currentBalance") {
                row.insert("transactionalBalance".to_owned(), balance);
            }
        });
    }
}

fn rename(value: &mut Value, from: &str, to: &str) {
    if let Some(fields) = value.as_object_mut()
        && let Some(old) = fields.remove(from)
    {
        fields.insert(to.to_owned(), old);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::sandbox::{bank::Bank, finpro::render};

    fn spoiled(scenario: Scenario, place: usize) -> Value {
        let now = "2026-11-20T10:00:00Z".parse().unwrap();
        let accounts = Bank::accounts_for(&scenario.mobile(), now);
        let value = render::account(&accounts[place], Source::Consent);
        spoil(value, scenario, Source::Consent, place)
    }

    #[test]
    fn float_noise_is_far_below_a_paisa() {
        let value = spoiled(Scenario::FloatNoise, 0);
        let text = value["Transactions"]["Transaction"][0]["currentBalance"].as_str().unwrap();
        let places = text.split_once('.').map_or(0, |(_, places)| places.len());
        assert!(places >= 8, "{text}");
        let paise = text.parse::<f64>().unwrap() * 100.0;
        assert!((paise - paise.round()).abs() < 1e-6);
    }

    #[test]
    fn the_second_schema_has_other_names_for_the_same_things() {
        let value = spoiled(Scenario::SchemaVersion2, 0);
        assert!(value["Summary"]["accountType"].is_string() && value["Summary"].get("ifscCode").is_none());
        assert!(value["Transactions"]["Transaction"][0]["transactionalBalance"].is_string());
        assert!(value["Profile"]["Holders"]["Holder"][0]["ckycRegistered"].is_string());
    }

    #[test]
    fn some_days_and_months_change_places() {
        let value = spoiled(Scenario::DayMonthSwapped, 0);
        let rows = value["Transactions"]["Transaction"].as_array().unwrap();
        let swapped = rows.iter().filter(|row| {
            let (at, day) = (row["transactionTimestamp"].as_str().unwrap(), row["valueDate"].as_str().unwrap());
            at[5..7] == day[8..10] && at[8..10] == day[5..7] && at[5..10] != day[5..10]
        });
        assert!(swapped.count() > 3);
    }

    #[test]
    fn a_single_holder_is_a_bare_object_and_sections_go_missing() {
        assert!(spoiled(Scenario::HolderAsObject, 0)["Profile"]["Holders"]["Holder"].is_object());
        assert_eq!(spoiled(Scenario::MissingSections, 0)["Profile"], json!({}));
        assert!(spoiled(Scenario::MissingSections, 1).get("Summary").is_none());
        assert!(spoiled(Scenario::ProfileOnly, 0).get("Transactions").is_none());
        assert_eq!(spoiled(Scenario::NullsAndBlanks, 0)["Summary"]["openingDate"], Value::Null);
    }
}
