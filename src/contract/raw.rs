//! As much of `google/protobuf/descriptor.proto` as is needed, with the options of the contract: the usual types lose options that they do
//! not know.

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
    #[prost(int32, tag = "4")]
    pub label: i32,
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
