//! Everything that a caller can say, found in the contract's own descriptor: each text and each bytes of each request, also where nobody
//! expects it.

use bytes::{Buf, BufMut, Bytes};
use prost::{
    Message,
    encoding::{WireType, encode_key, encode_varint},
};
use prost_types::{
    DescriptorProto, FileDescriptorSet,
    field_descriptor_proto::{Label, Type},
};
use sangam::pb::DESCRIPTOR_SET;
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// The messages of the contract and of what it imports, by name.
struct Known(Vec<(String, DescriptorProto)>);

/// One call.
pub struct Input {
    /// Such as `/sangam.v1.JourneyService/GetStatus`.
    pub path: String,
    /// The request, encoded.
    pub bytes: Bytes,
}

impl Known {
    fn gather(&mut self, scope: &str, message: DescriptorProto) {
        let name = format!("{scope}.{}", message.name());
        for inner in message.nested_type.clone() {
            self.gather(&name, inner);
        }
        self.0.push((name, message));
    }

    fn find(&self, name: &str) -> Option<&DescriptorProto> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, message)| message)
    }

    /// Each of the ways to fill a message: one text alone, and everything at once. `plant` names the place of a text and gives it.
    fn fill(&self, name: &str, depth: usize, plant: &mut dyn FnMut(&str) -> String) -> Vec<Vec<u8>> {
        let Some(message) = self.find(name).filter(|_| depth < 5) else { return Vec::new() };
        let mut alone = Vec::new();
        let mut together = Vec::new();
        for field in &message.field {
            let number = field.number().unsigned_abs();
            let mut values = Vec::new();
            match field.r#type() {
                Type::String | Type::Bytes => values.push(plant(&format!("{name}.{}", field.name())).into_bytes()),
                Type::Message => values = self.fill(field.type_name(), depth + 1, plant),
                _ => continue,
            }
            let encoded: Vec<Vec<u8>> = values.iter().map(|value| delimited(number, value)).collect();
            // The last one is the whole of what is inside.
            together.extend(encoded.last().into_iter().flatten().copied());
            if field.label() == Label::Repeated {
                together.extend(encoded.last().into_iter().flatten().copied());
            }
            alone.extend(encoded);
        }
        alone.push(together);
        alone
    }
}

fn delimited(number: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(number, WireType::LengthDelimited, &mut bytes);
    encode_varint(value.len() as u64, &mut bytes);
    bytes.extend_from_slice(value);
    bytes
}

/// Every call of the contract, with each of its texts planted alone and all of them at once.
pub fn every_call(mut plant: impl FnMut(&str) -> String) -> Vec<Input> {
    let set = FileDescriptorSet::decode(DESCRIPTOR_SET).unwrap();
    let mut known = Known(Vec::new());
    for file in &set.file {
        for message in file.message_type.clone() {
            known.gather(&format!(".{}", file.package()), message);
        }
    }
    let mut inputs = Vec::new();
    for file in &set.file {
        for service in &file.service {
            for method in &service.method {
                let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                let filled = known.fill(method.input_type(), 0, &mut plant);
                inputs.extend(filled.into_iter().map(|bytes| Input { path: path.clone(), bytes: bytes.into() }));
            }
        }
    }
    inputs
}

/// Sends and takes bytes as they are.
#[derive(Clone, Copy, Default)]
pub struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn encode(&mut self, item: Bytes, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let len = from.remaining();
        Ok(Some(from.copy_to_bytes(len)))
    }
}

#[test]
fn every_text_of_every_request_is_found() {
    let mut places = Vec::new();
    let inputs = every_call(|place| {
        places.push(place.to_owned());
        format!("planted-{}", places.len())
    });
    assert!(inputs.len() > 100, "{}", inputs.len());
    for expected in [
        ".sangam.v1.Customer.pan",
        ".sangam.v1.StartJourneyRequest.redirect_url",
        ".sangam.v1.ConsentAsk.template",
        ".sangam.v1.ResolveRedirectRequest.query",
        ".sangam.v1.FetchDataRequest.page_token",
    ] {
        assert!(places.iter().any(|place| place == expected), "{expected} is not among {places:?}");
    }
}
