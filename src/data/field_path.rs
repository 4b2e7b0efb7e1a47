//! A field of an encoded message by its path, found by the contract's own descriptors: for the many messages that only one kind of account
//! has. Slow beside a field's own code, and meant for declarations and comparisons only.

use std::{collections::HashMap, sync::LazyLock};

use prost::{
    Message,
    encoding::{self, DecodeContext, WireType},
};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};

use crate::pb;

/// Every message of the contract by its full name.
static MESSAGES: LazyLock<HashMap<String, DescriptorProto>> = LazyLock::new(|| {
    let set = FileDescriptorSet::decode(pb::DESCRIPTOR_SET).unwrap_or_default();
    let messages = set.file.into_iter().flat_map(|file| {
        let package = file.package().to_owned();
        file.message_type.into_iter().map(move |message| (format!(".{package}.{}", message.name()), message))
    });
    messages.collect()
});

type Steps = Vec<&'static FieldDescriptorProto>;

/// The fields that a path such as `sip.holdings.units` leads through from a message of the contract; `None` if there is no such path.
fn steps(message: &str, path: &str) -> Option<Steps> {
    let mut at = MESSAGES.get(&format!(".sangam.v1.{message}"));
    let mut found = Vec::new();
    for name in path.split('.') {
        let field = at?.field.iter().find(|field| field.name() == name)?;
        at = MESSAGES.get(field.type_name());
        found.push(field);
    }
    Some(found)
}

/// Whether a path leads from a message to a field.
pub(super) fn exists(message: &str, path: &str) -> bool {
    steps(message, path).is_some()
}

/// Whether a field of a message is one of its `details`.
pub(super) fn is_detail(message: &str, field: &str) -> bool {
    let found = steps(message, field);
    found.is_some_and(|steps| steps.iter().all(|step| step.oneof_index.is_some() && !step.proto3_optional()))
}

/// What stands at a path of an encoded message; `None` if nothing does. Through lists, all of it.
pub(super) fn shown(message: &str, path: &str, bytes: &[u8]) -> Option<String> {
    let steps = steps(message, path)?;
    let mut found = Vec::new();
    collect(&steps, bytes, &mut found);
    let lists = steps.iter().any(|step| step.label() == Label::Repeated);
    match found.as_mut_slice() {
        [one] if !lists => one.take(),
        all => all.iter().any(Option::is_some).then(|| format!("{all:?}")),
    }
}

/// A value as it stands in the bytes.
enum Value<'b> {
    Number(u64),
    Bytes(&'b [u8]),
}

fn collect(steps: &[&FieldDescriptorProto], bytes: &[u8], out: &mut Vec<Option<String>>) {
    let Some((step, rest)) = steps.split_first() else { return };
    let before = out.len();
    each(bytes, |number, value| match value {
        _ if i64::from(number) != i64::from(step.number()) => {}
        Value::Bytes(inner) if !rest.is_empty() => collect(rest, inner, out),
        value => out.push(Some(show(step, &value))),
    });
    if out.len() == before {
        out.push(None);
    }
}

/// Walks over the fields of a message; what cannot be read ends the walk.
fn each<'b>(mut bytes: &'b [u8], mut visit: impl FnMut(u32, Value<'b>)) {
    while !bytes.is_empty() {
        let Ok((number, wire)) = encoding::decode_key(&mut bytes) else { return };
        let value = match wire {
            WireType::Varint => encoding::decode_varint(&mut bytes).ok().map(Value::Number),
            WireType::LengthDelimited => {
                let len = encoding::decode_varint(&mut bytes).ok().and_then(|len| usize::try_from(len).ok());
                let inner = len.and_then(|len| bytes.split_at_checked(len));
                inner.map(|(inner, rest)| {
                    bytes = rest;
                    Value::Bytes(inner)
                })
            }
            other => match encoding::skip_field(other, number, &mut bytes, DecodeContext::default()) {
                Ok(()) => continue,
                Err(_) => None,
            },
        };
        match value {
            Some(value) => visit(number, value),
            None => return,
        }
    }
}

fn show(field: &FieldDescriptorProto, value: &Value<'_>) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::Bytes(bytes) if field.r#type() == Type::Message => {
            let known = MESSAGES.get(field.type_name()).map(|message| message.field.as_slice()).unwrap_or_default();
            let mut parts = Vec::new();
            each(bytes, |number, value| match known.iter().find(|field| i64::from(field.number()) == i64::from(number)) {
                Some(field) => parts.push(format!("{}: {}", field.name(), show(field, &value))),
                None => parts.push(format!("{number}")),
            });
            format!("{{ {} }}", parts.join(", "))
        }
        Value::Bytes(bytes) => format!("{:?}", String::from_utf8_lossy(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pb::{Account, Money, MutualFundDetails, MutualFundHolding, account::Details};

    fn account() -> Vec<u8> {
        let holding = |isin: &str| MutualFundHolding { isin: isin.to_owned(), ..Default::default() };
        let details = MutualFundDetails {
            current_value: Some(Money { minor_units: 7, currency_code: "INR".to_owned() }),
            holdings: vec![holding("A"), holding(""), holding("C")],
            ..Default::default()
        };
        Account { tampered: Some(true), details: Some(Details::MutualFund(details)), ..Default::default() }.encode_to_vec()
    }

    #[test]
    fn a_path_leads_through_messages_and_lists() {
        let shown = |path| shown("Account", path, &account());
        assert_eq!(shown("mutual_fund.current_value").as_deref(), Some("{ minor_units: 7, currency_code: \"INR\" }"));
        assert_eq!(shown("mutual_fund.holdings.isin").as_deref(), Some("[Some(\"\\\"A\\\"\"), None, Some(\"\\\"C\\\"\")]"));
        assert_eq!(shown("mutual_fund.holdings.units"), None);
        assert_eq!(shown("mutual_fund.cost_value"), None);
        assert_eq!((shown("sip"), shown("no_such"), shown("mutual_fund.holdings.no_such")), (None, None, None));
    }

    #[test]
    fn details_are_told_from_other_fields() {
        assert!(is_detail("Account", "mutual_fund") && is_detail("Transaction", "gst_invoice"));
        assert!(!is_detail("Account", "tampered") && !is_detail("Account", "holders") && !is_detail("Account", "no_such"));
    }

    #[test]
    fn damaged_bytes_end_the_walk() {
        let bytes = account();
        for len in 0..bytes.len() {
            let _ = shown("Account", "mutual_fund.holdings.isin", &bytes[..len]);
        }
    }
}
