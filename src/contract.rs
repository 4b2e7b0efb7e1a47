//! The contract as data: what its own descriptor says of fields and methods by the options of `options.proto`. What is decided by them is
//! decided from here, so that it cannot differ from what callers read in the contract.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;

use crate::pb::{DESCRIPTOR_SET, FieldClass};

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
            name: field.name,
            number: field.number.unsigned_abs(),
        };
        let message =
            |(name, fields): (String, Vec<raw::Field>)| Message { name, fields: fields.into_iter().map(field).collect() };
        Self { messages: named.into_iter().map(message).collect(), methods, places }
    }
}

/// A message and those that are declared inside it.
fn gather(scope: &str, message: raw::Message, into: &mut Vec<(String, Vec<raw::Field>)>) {
    let name = format!("{scope}.{}", message.name);
    for inner in message.nested_type {
        gather(&name, inner, into);
    }
    into.push((name, message.field));
}

/// As much of `google/protobuf/descriptor.proto` as is needed, with the options of the contract: the usual types lose options that they do
/// not know.
mod raw {
    use std::collections::HashMap;

    use super::Kind;
    use crate::pb::FieldClass;

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Files {
        #[prost(message, repeated, tag = "1")]
        pub file: Vec<File>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct File {
        #[prost(string, tag = "2")]
        pub package: String,
        #[prost(message, repeated, tag = "4")]
        pub message_type: Vec<Message>,
        #[prost(message, repeated, tag = "6")]
        pub service: Vec<Service>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Message {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(message, repeated, tag = "2")]
        pub field: Vec<Field>,
        #[prost(message, repeated, tag = "3")]
        pub nested_type: Vec<Message>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Field {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(int32, tag = "3")]
        pub number: i32,
        #[prost(int32, tag = "5")]
        pub kind: i32,
        #[prost(string, tag = "6")]
        pub type_name: String,
        #[prost(message, optional, tag = "8")]
        pub options: Option<FieldOptions>,
        #[prost(int32, optional, tag = "9")]
        pub oneof_index: Option<i32>,
    }

    impl Field {
        /// Types by their numbers in `FieldDescriptorProto.Type`. A message that is not there is as good as bytes.
        pub(super) fn kind(&self, places: &HashMap<String, usize>) -> Kind {
            match self.kind {
                9 => Kind::Text,
                11 => places.get(self.type_name.trim_start_matches('.')).map_or(Kind::Bytes, |place| Kind::Message(*place)),
                12 => Kind::Bytes,
                _ => Kind::Number,
            }
        }
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct FieldOptions {
        #[prost(enumeration = "FieldClass", tag = "72601")]
        pub field_class: i32,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Service {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(message, repeated, tag = "2")]
        pub method: Vec<Method>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Method {
        #[prost(string, tag = "1")]
        pub name: String,
        #[prost(message, optional, tag = "4")]
        pub options: Option<MethodOptions>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct MethodOptions {
        #[prost(string, tag = "72602")]
        pub required_scope: String,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const MONEY: &str = "sangam.v1.Money";
    const STRUCT: &str = "google.protobuf.Struct";
    const DATE: &str = "sangam.v1.Date";

    fn ours() -> impl Iterator<Item = (&'static Message, &'static Field)> {
        let messages = CONTRACT.messages.iter().filter(|message| message.name.starts_with("sangam.v1."));
        messages.flat_map(|message| message.fields.iter().map(move |field| (message, field)))
    }

    fn is(field: &Field, name: &str) -> bool {
        matches!(field.kind, Kind::Message(place) if CONTRACT.messages[place].name == name)
    }

    #[test]
    fn every_field_that_can_tell_something_has_a_class() {
        let tells = |field: &Field| match field.kind {
            Kind::Text | Kind::Bytes => true,
            Kind::Message(_) => is(field, MONEY) || is(field, STRUCT) || is(field, DATE) && field.name.contains("birth"),
            Kind::Number => false,
        };
        let undecided: Vec<String> = ours()
            .filter(|(_, field)| tells(field) && field.class == FieldClass::Unspecified)
            .map(|(message, field)| format!("{}.{}", message.name, field.name))
            .collect();
        assert_eq!(undecided, [""; 0], "no (field_class)");
        assert!(ours().filter(|(_, field)| tells(field)).count() > 600, "the descriptor is not what it was");
    }

    #[test]
    fn a_class_stands_on_what_it_is_made_for() {
        for (message, field) in ours() {
            let named = format!("{}.{}", message.name, field.name);
            match field.class {
                FieldClass::Amount => assert!(is(field, MONEY) || field.kind == Kind::Text, "{named}"),
                FieldClass::Anything => assert!(is(field, STRUCT) || field.kind == Kind::Bytes, "{named}"),
                FieldClass::DateOfBirth => assert!(is(field, DATE), "{named}"),
                FieldClass::Unspecified => assert!(!is(field, STRUCT) && field.kind != Kind::Text, "{named}"),
                FieldClass::Impersonal => assert!(matches!(field.kind, Kind::Text | Kind::Bytes), "{named}"),
                FieldClass::Quoted => assert!(message.fields.iter().any(|beside| beside.name == "field_path"), "{named}"),
                // The others name a text, of which a part may stay.
                _ => assert_eq!(field.kind, Kind::Text, "{named}"),
            }
        }
    }

    #[test]
    fn every_method_names_a_scope_that_the_contract_documents() {
        let said = include_str!("../proto/sangam/v1/options.proto");
        assert!(CONTRACT.methods.len() > 9, "the descriptor is not what it was");
        for method in &CONTRACT.methods {
            let scope = &method.required_scope;
            let parts: Vec<&str> = scope.split('.').collect();
            assert!(matches!(parts[..], [of, what] if !of.is_empty() && !what.is_empty()), "{}: {scope:?}", method.path);
            assert!(said.contains(&format!("\"{scope}\"")), "{}: options.proto does not name {scope}", method.path);
        }
    }
}
