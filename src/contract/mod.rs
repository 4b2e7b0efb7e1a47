//! The contract as data: what its own descriptor says of fields and methods by the options of `options.proto`. What is decided by them is
//! decided from here, so that it cannot differ from what callers read in the contract.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;

use crate::pb::{DESCRIPTOR_SET, FieldClass};

mod raw;

/// Messages and methods of the contract and of what it imports.
#[derive(Debug)]
pub struct Contract {
    /// The messages. A message is named by its place here.
    pub messages: Vec<Message>,
    /// The methods of all services.
    pub methods: Vec<Method>,
    places: HashMap<String, usize>,
}

/// A message.
#[derive(Debug)]
pub struct Message {
    /// Its full name, such as `sangam.v1.Money`.
    pub name: String,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field of a message.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its number.
    pub number: u32,
    /// What it tells of a person; UNSPECIFIED where the contract does not say.
    pub class: FieldClass,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is one of several of which a message has at most one, or has presence of its own.
    pub in_oneof: bool,
    /// Whether it is a list.
    pub repeated: bool,
}

/// What a field holds, or each item of a repeated one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number, a truth or an enum.
    Number,
    /// A text.
    Text,
    /// Bytes.
    Bytes,
    /// A message, by its place.
    Message(usize),
}

/// A method of a service.
#[derive(Debug)]
pub struct Method {
    /// Its path, such as `/sangam.v1.JourneyService/GetStatus`.
    pub path: String,
    /// The scope that it names; empty if none.
    pub required_scope: String,
}

/// The contract that was compiled in.
pub static CONTRACT: LazyLock<Contract> = LazyLock::new(|| {
    // It was written by the compiler of the contract itself. Were it ever damaged, nothing would have a class and nothing would be shown.
    Contract::new(raw::Files::decode(DESCRIPTOR_SET).unwrap_or_default())
});

impl Contract {
    /// The place of a message, by its full name.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// The fields of a message.
    pub fn fields(&self, place: usize) -> &[Field] {
        self.messages.get(place).map_or(&[], |message| &message.fields)
    }

    fn new(files: raw::Files) -> Self {
        let mut named = Vec::new();
        let mut methods = Vec::new();
        for file in files.file {
            for message in file.message_type {
                gather(&file.package, message, &mut named);
            }
            for service in file.service {
                methods.extend(service.method.into_iter().map(|method| Method {
                    path: format!("/{}.{}/{}", file.package, service.name, method.name),
                    required_scope: method.options.unwrap_or_default().required_scope,
                }));
            }
        }
        let places: HashMap<String, usize> = named.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        let field = |field: raw::Field| Field {
            kind: field.kind(&places),
            class: field.options.unwrap_or_default().field_class(),
            in_oneof: field.oneof_index.is_some(),
            repeated: field.label == REPEATED,
            name: field.name,
            number: field.number.unsigned_abs(),
        };
        let message =
            |(name, fields): (String, Vec<raw::Field>)| Message { name, fields: fields.into_iter().map(field).collect() };
        Self { messages: named.into_iter().map(message).collect(), methods, places }
    }
}

/// `FieldDescriptorProto.Label.LABEL_REPEATED`.
const REPEATED: i32 = 3;

/// A message and those that are declared inside it.
fn gather(scope: &str, message: raw::Message, into: &mut Vec<(String, Vec<raw::Field>)>) {
    let name = format!("{scope}.{}", message.name);
    for inner in message.nested_type {
        gather(&name, inner, into);
    }
    into.push((name, message.field));
}

#[cfg(test)]
mod tests;
