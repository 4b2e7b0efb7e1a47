//! Every attribute of every kind's official schema, planted with a value of its own, is found again in FULL: in a typed field, in a flag that
//! quotes it, or in `extensions`. In ReBIT's own names, and in those that FinPro gives to the account.
//!
//! `fixtures/rebit/schemas.txt` lists the schemas: one element a line, indented below its parent, its attributes in braces.

use sangam::pb::FetchDataResponse;
use serde_json::{Map, Value};

use super::{BODIES, file};

/// An element of a schema, and its children.
struct Element {
    name: String,
    attributes: Vec<(String, String)>,
    children: Vec<Element>,
    list: bool,
}

/// The schemas by name.
fn schemas() -> Vec<(String, Element)> {
    let text = file("fixtures/rebit/schemas.txt");
    let parts = text.split("===== ").skip(1);
    parts
        .map(|part| {
            let (name, rest) = part.split_once('\n').unwrap();
            let lines: Vec<&str> = rest.lines().filter(|line| !line.trim().is_empty()).collect();
            let mut at = 0;
            (name.to_owned(), element(&lines, &mut at, 0))
        })
        .collect()
}

fn element(lines: &[&str], at: &mut usize, depth: usize) -> Element {
    let line = lines[*at].trim();
    *at += 1;
    let (name, attributes) = line.split_once(" {").map_or((line, ""), |(name, rest)| (name, rest.strip_suffix('}').unwrap()));
    let attributes = attributes.split(", ").filter(|text| !text.is_empty()).map(|text| {
        let (name, kind) = text.split_once(':').unwrap();
        (name.trim_end_matches('?').to_owned(), kind.to_owned())
    });
    let mut found = Element {
        name: name.trim_end_matches('?').trim_end_matches("[]").trim_end_matches('?').to_owned(),
        attributes: attributes.collect(),
        children: Vec::new(),
        list: name.contains("[]"),
    };
    let indent = |line: &str| line.len() - line.trim_start().len();
    while *at < lines.len() && indent(lines[*at]) > depth {
        let below = indent(lines[*at]);
        found.children.push(element(lines, at, below));
    }
    found
}

/// What was planted: where, and what shows that it was found.
struct Planted {
    path: String,
    shown: Vec<String>,
}

/// A value for an attribute, and how it may show.
fn value(name: &str, kind: &str, number: usize) -> (String, Vec<String>) {
    let digits = (1_000_000 + number * 7).to_string();
    let day = jiff::civil::date(2000, 1, 1).saturating_add(jiff::Span::new().days(number as i64));
    let shown_day = format!("year: {}, month: {}, day: {} ", day.year(), day.month(), day.day());
    match kind {
        // Answers of a closed list.
        _ if name == "nominee" => ("REGISTERED".to_owned(), vec!["nominee_registered: Yes".to_owned()]),
        _ if name == "ckycCompliance" => ("true".to_owned(), vec!["ckyc_registered: Yes".to_owned()]),
        _ if name == "transactionType" => ("DEBIT".to_owned(), vec!["type: Debit".to_owned()]),
        _ if name.starts_with("masked") => (format!("XXXX{:04}", 1000 + number), vec![format!("XXXX{:04}", 1000 + number)]),
        "date" => (day.to_string(), vec![shown_day, day.to_string()]),
        "dateTime" => {
            let text = format!("{day}T04:30:00.000Z");
            let seconds = text.parse::<jiff::Timestamp>().unwrap().as_second();
            (text.clone(), vec![format!("seconds: {seconds},"), shown_day, text])
        }
        "float" => (format!("{digits}.25"), vec![format!("minor_units: {digits}25,"), format!("\"{digits}.25\"")]),
        "positiveInteger" | "integer" => {
            (digits.clone(), vec![format!("\"{digits}\""), format!(": {digits}"), format!("minor_units: {digits}00,")])
        }
        "boolean" => (format!("ODD {number}"), vec![format!("\"ODD {number}\"")]),
        _ if kind.contains('[') && !kind.contains('~') => (format!("ODD {number}"), vec![format!("\"ODD {number}\"")]),
        _ => {
            // Some texts are read as amounts or days: a number passes for either, and otherwise comes back as it is.
            (format!("{digits}.25"), vec![format!("\"{digits}.25\""), format!("minor_units: {digits}25,")])
        }
    }
}

fn plant(element: &Element, path: &str, planted: &mut Vec<Planted>) -> Value {
    let mut object = Map::new();
    for (name, kind) in &element.attributes {
        let fixed = path.is_empty() && matches!(name.as_str(), "type" | "version" | "linkedAccRef");
        let (text, shown) = if fixed { (format!("fixed {name}"), Vec::new()) } else { value(name, kind, planted.len()) };
        if !fixed {
            planted.push(Planted { path: format!("{path}@{name}"), shown });
        }
        object.insert(name.clone(), text.into());
    }
    for child in &element.children {
        let inner = plant(child, &format!("{path}/{}", child.name), planted);
        object.insert(child.name.clone(), if child.list { Value::Array(vec![inner]) } else { inner });
    }
    Value::Object(object)
}

fn kind_of(schema: &Element) -> String {
    let kind = &schema.attributes.iter().find(|(name, _)| name == "type").unwrap().1;
    kind.split_once('=').unwrap().1.to_owned()
}

fn read(account: Value) -> FetchDataResponse {
    let body = serde_json::json!({"ver": "1.21.0", "status": "success", "data": [account]});
    BODIES[0].page(body.to_string().as_bytes())
}

fn missing(page: &FetchDataResponse, planted: &[Planted]) -> Vec<String> {
    let found = format!("{page:?}");
    let lost = planted.iter().filter(|one| !one.shown.iter().any(|text| found.contains(text.as_str())));
    lost.map(|one| format!("{} {:?}", one.path, one.shown)).collect()
}

#[test]
fn every_attribute_in_rebits_own_names_is_found() {
    let (mut lost, mut count) = (Vec::new(), 0);
    for (name, schema) in schemas() {
        let mut planted = Vec::new();
        let mut account = plant(&schema, "", &mut planted);
        account["type"] = kind_of(&schema).into();
        let page = read(account);
        assert_ne!(page.accounts[0].fi_type(), sangam::pb::FiType::Other, "{name}");
        lost.extend(missing(&page, &planted).into_iter().map(|path| format!("{name} {path}")));
        count += planted.len();
    }
    assert!(lost.is_empty(), "{} of {count}:\n{}", lost.len(), lost.join("\n"));
    assert!(count > 700, "{count}");
}

#[test]
fn every_attribute_in_finpros_names_is_found() {
    let mut lost = Vec::new();
    for (name, schema) in schemas() {
        let mut planted = Vec::new();
        let mut account = plant(&schema, "", &mut planted);
        let fields = account.as_object_mut().unwrap();
        let number = fields.remove("maskedAccNumber").unwrap();
        fields.extend([("maskedAccountNumber".to_owned(), number), ("linkReferenceNumber".to_owned(), "fixed link".into())]);
        fields.retain(|key, _| !matches!(key.as_str(), "type" | "version" | "linkedAccRef"));
        let kind = match kind_of(&schema).as_str() {
            "certificates_deposit" => "CD".to_owned(),
            "insurance" => "INSURANCE_POLICIES".to_owned(),
            "mutualfunds" => "MUTUAL_FUNDS".to_owned(),
            other => other.to_uppercase(),
        };
        fields.insert("fiType".to_owned(), kind.into());
        let page = read(account);
        lost.extend(missing(&page, &planted).into_iter().map(|path| format!("{name} {path}")));
    }
    assert!(lost.is_empty(), "{} lost:\n{}", lost.len(), lost.join("\n"));
}
