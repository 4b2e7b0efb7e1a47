//! Reading of JSON objects into records of scalars, in place and without a copy. A provider says which key fills which field; a record
//! is the same for all providers. Lists may come as a bare object and the other way round, keys in any order, several names for one
//! field together, and unknown keys are passed over.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{json, repair::MARK, scalar::Scalar};

/// How one provider names the fields of a record.
pub trait Keys<'de> {
    /// What is filled.
    type Record;
    /// Fills it from an object.
    fn fill<A: MapAccess<'de>>(record: &mut Self::Record, map: A) -> Result<(), A::Error>;
    /// Keeps a scalar that stands in the place of the object, if the record has a place for what is left.
    fn keep_odd(record: &mut Self::Record, odd: Scalar<'de>);
}

/// Where a record keeps what no field of it holds.
pub trait Left<'a> {
    /// Keeps a key with its value, a text that a JSON parser has accepted.
    fn keep(&mut self, key: String, json: &'a str);
    /// Keeps a value that has no key, because it stands where an object belongs.
    fn keep_odd(&mut self, odd: Scalar<'a>);
}

/// The key under which a value is kept that has none.
pub const ODD: &str = "value";

/// What is left, apart from the body.
pub fn owned(left: Vec<(String, Cow<'_, str>)>) -> Vec<(String, Cow<'static, str>)> {
    left.into_iter().map(|(key, json)| (key, Cow::Owned(json.into_owned()))).collect()
}

impl<'a> Left<'a> for Vec<(String, Cow<'a, str>)> {
    fn keep(&mut self, key: String, json: &'a str) {
        self.push((key, Cow::Borrowed(json)));
    }

    fn keep_odd(&mut self, odd: Scalar<'a>) {
        if let Some(text) = odd.text() {
            let json = match odd {
                Scalar::Int(_) | Scalar::Bool(_) => text.into_owned(),
                _ => serde_json::Value::from(text).to_string(),
            };
            self.push((ODD.to_owned(), Cow::Owned(json)));
        }
    }
}

/// Writes a [`Keys`]: `"name" | "other name" => field`, where a field is a scalar, `: digits Scalar` for one that is a number with a fraction
/// as a rule, `: one Keys` for an object, `: many Keys` for a list,
/// `: list Keys` for a list that must be one, `: same Keys` for an object whose keys fill this record too, `: by Seed` for a value that a
/// seed reads into this record. `rest field` at the end keeps unknown keys and their values; without it they are passed over.
macro_rules! keys {
    ($(#[$meta:meta])* $name:ident fills $record:ident {
        $($key:literal $(| $other:literal)* => $field:ident $(: $how:ident $keys:ident)?),+ $(,)?
    } $(rest $rest:ident)?) => {
        $(#[$meta])*
        struct $name;

        impl<'de> $crate::data::record::Keys<'de> for $name {
            type Record = $record<'de>;

            fn fill<A: serde::de::MapAccess<'de>>(
                record: &mut Self::Record,
                mut map: A,
            ) -> Result<(), A::Error> {
                #[allow(non_camel_case_types)]
                enum Field { $($field,)+ Unknown }
                // An unknown key's text, where it is kept.
                struct Name<'n>(&'n mut String);
                impl serde::de::Visitor<'_> for Name<'_> {
                    type Value = Field;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a key")
                    }
                    #[inline]
                    fn visit_str<E>(self, key: &str) -> Result<Field, E> {
                        Ok(match key {
                            $($key $(| $other)* => Field::$field,)+
                            _ => {
                                let _kept = self.0;
                                $(
                                    let _ = stringify!($rest);
                                    _kept.push_str(key);
                                )?
                                Field::Unknown
                            }
                        })
                    }
                }
                impl<'k> serde::de::DeserializeSeed<'k> for Name<'_> {
                    type Value = Field;
                    #[inline]
                    fn deserialize<D: serde::Deserializer<'k>>(self, d: D) -> Result<Field, D::Error> {
                        d.deserialize_identifier(self)
                    }
                }
                let mut unknown = String::new();
                while let Some(field) = map.next_key_seed(Name(&mut unknown))? {
                    match field {
                        $(Field::$field => {
                            $crate::data::record::keys!(@read record, map, $field $(, $how $keys)?)
                        })+
                        Field::Unknown => {
                            $crate::data::record::keys!(@unknown record, map, unknown $(, $rest)?);
                        }
                    }
                }
                Ok(())
            }

            fn keep_odd(_record: &mut Self::Record, _odd: $crate::data::scalar::Scalar<'de>) {
                $($crate::data::record::Left::keep_odd(&mut _record.$rest, _odd);)?
            }
        }
    };
    (@unknown $record:ident, $map:ident, $name:ident) => {
        $map.next_value::<$crate::data::record::Skip>()?
    };
    (@unknown $record:ident, $map:ident, $name:ident, $rest:ident) => {
        let value = $map.next_value::<$crate::data::record::Raw<'de>>()?;
        $crate::data::record::Left::keep(&mut $record.$rest, std::mem::take(&mut $name), value.0)
    };
    (@read $record:ident, $map:ident, $field:ident, by $seed:ident) => {
        $map.next_value_seed($seed(&mut *$record))?
    };
    (@read $record:ident, $map:ident, $field:ident) => {
        $record.$field.take($map.next_value()?)
    };
    (@read $record:ident, $map:ident, $field:ident, digits $scalar:ident) => {
        $record.$field.take($map.next_value::<$crate::data::record::Digits<'de>>()?.0)
    };
    (@read $record:ident, $map:ident, $field:ident, one $keys:ident) => {
        $map.next_value_seed($crate::data::record::One::<$keys>::new(&mut $record.$field))?
    };
    (@read $record:ident, $map:ident, $field:ident, many $keys:ident) => {
        $map.next_value_seed($crate::data::record::Many::<$keys>::new(&mut $record.$field))?
    };
    (@read $record:ident, $map:ident, $field:ident, list $keys:ident) => {
        $map.next_value_seed($crate::data::record::List::<$keys>::new(&mut $record.$field))?
    };
    (@read $record:ident, $map:ident, $field:ident, same $keys:ident) => {
        $map.next_value_seed($crate::data::record::One::<$keys>::new(&mut *$record))?
    };
}
pub(crate) use keys;

/// A value not read yet, of bounded depth: it is walked without recursion here, but not everywhere.
pub struct Raw<'a>(pub &'a str);

impl<'de> Deserialize<'de> for Raw<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        if !json::nests_within(text, json::MAX_DEPTH) {
            return Err(D::Error::custom("nests too deep"));
        }
        // A value that is passed over may hold half a surrogate pair, which no text can; read now, it ends the reading as it does elsewhere.
        if text.contains(r"\ud") || text.contains(r"\uD") {
            serde_json::from_str::<Skip>(text).map_err(D::Error::custom)?;
        }
        Ok(Self(text))
    }
}

/// A scalar read from its text: no parser puts a number through a double on the way. Slower than [`Scalar`]'s own reading for strings.
pub struct Digits<'a>(pub Scalar<'a>);

impl<'de> Deserialize<'de> for Digits<'de> {
    #[inline]
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <&RawValue>::deserialize(deserializer)?.get();
        match text.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => Ok(Self(Scalar::Text(text))),
            Some(b'[' | b'{') if !json::nests_within(text, json::MAX_DEPTH) => Err(D::Error::custom("nests too deep")),
            _ => serde_json::from_str(text).map(Self).map_err(D::Error::custom),
        }
    }
}

/// Passes over a value. Unlike serde's `IgnoredAny` it keeps to the depth limit, so that hostile nesting is an error everywhere.
pub struct Skip;

impl<'de> Deserialize<'de> for Skip {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SkipVisitor)
    }
}

struct SkipVisitor;

/// Hands a scalar that stands in the place of an object to [`Keys::keep_odd`].
macro_rules! keeps_scalars {
    ($keep:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or a list")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(())
        }
        fn visit_bool<E>(self, truth: bool) -> Result<Self::Value, E> {
            $keep(self, Scalar::Bool(truth));
            Ok(())
        }
        fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
            $keep(self, Scalar::Int(number));
            Ok(())
        }
        fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
            $keep(self, Scalar::Owned(number.to_string().into()));
            Ok(())
        }
        fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Self::Value, E> {
            Err(E::custom("a number that is not whole"))
        }
        fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
            $keep(self, Scalar::Text(text.strip_prefix(MARK).unwrap_or(text)));
            Ok(())
        }
        fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
            $keep(self, Scalar::Owned(text.into()));
            Ok(())
        }
    };
}

macro_rules! passes_over_scalars {
    ($value:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object or a list")
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }
        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

impl<'de> Visitor<'de> for SkipVisitor {
    type Value = Skip;

    passes_over_scalars!(Skip);

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Skip, A::Error> {
        while items.next_element::<Skip>()?.is_some() {}
        Ok(Skip)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skip, A::Error> {
        while map.next_entry::<Skip, Skip>()?.is_some() {}
        Ok(Skip)
    }
}

/// Fills one record from an object, or from each object of a list; a scalar is kept beside what is left.
pub struct One<'r, 'de, K: Keys<'de>>(&'r mut K::Record, PhantomData<&'de ()>);

impl<'r, 'de, K: Keys<'de>> One<'r, 'de, K> {
    /// Fills `record`.
    pub fn new(record: &'r mut K::Record) -> Self {
        Self(record, PhantomData)
    }
}

impl<'de, K: Keys<'de>> DeserializeSeed<'de> for One<'_, 'de, K> {
    type Value = ();

    #[inline]
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Keys<'de>> Visitor<'de> for One<'_, 'de, K> {
    type Value = ();

    keeps_scalars!(|one: Self, odd| K::keep_odd(one.0, odd));

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(One::<K>::new(&mut *self.0))?.is_some() {}
        Ok(())
    }

    #[inline]
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        K::fill(self.0, map)
    }
}

/// Beyond so many bytes a list grows by a quarter and no longer doubles.
const LARGE: usize = 1024 * 1024;

/// Adds a record for each object of a list, or for one bare object.
pub struct Many<'r, 'de, K: Keys<'de>>(&'r mut Vec<K::Record>, PhantomData<&'de ()>);

impl<'r, 'de, K: Keys<'de>> Many<'r, 'de, K> {
    /// Adds to `records`.
    pub fn new(records: &'r mut Vec<K::Record>) -> Self {
        Self(records, PhantomData)
    }
}

impl<'de, K: Keys<'de, Record: Default>> DeserializeSeed<'de> for Many<'_, 'de, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Keys<'de, Record: Default>> Visitor<'de> for Many<'_, 'de, K> {
    type Value = ();

    keeps_scalars!(|many: Self, odd: Scalar<'de>| {
        if !odd.is_missing() {
            let mut record = K::Record::default();
            K::keep_odd(&mut record, odd);
            many.0.push(record);
        }
    });

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let records = self.0;
        loop {
            if records.len() == records.capacity() && size_of_val(&records[..]) > LARGE {
                // Twice the room for what may be nearly all of it already is the largest single cost of a large body.
                records.reserve_exact(records.len() / 4);
            }
            // Filled where it stays: a row is some two hundred bytes, and moving it through each layer costs more than reading it.
            records.push(K::Record::default());
            let Some(last) = records.last_mut() else {
                return Ok(());
            };
            if items.next_element_seed(One::<K>::new(last))?.is_none() {
                records.pop();
                return Ok(());
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        let mut record = K::Record::default();
        K::fill(&mut record, map)?;
        self.0.push(record);
        Ok(())
    }
}

/// A list without which a body is not what it should be. Each object is handed on as soon as it is read, so that only one of them
/// is in memory.
pub struct Listed<'a, T> {
    /// Whether there was a list, empty or not.
    pub found: bool,
    current: T,
    each: Box<dyn FnMut(&mut T) + 'a>,
}

impl<'a, T: Default> Listed<'a, T> {
    /// Hands each object to `each`, which leaves in its place what the next one is read into.
    pub fn new(each: impl FnMut(&mut T) + 'a) -> Self {
        Self { found: false, current: T::default(), each: Box::new(each) }
    }
}

/// Fills a [`Listed`]; an object in its place is an error, a scalar leaves it not found.
pub struct List<'r, 'de, K: Keys<'de>>(&'r mut Listed<'de, K::Record>);

impl<'r, 'de, K: Keys<'de>> List<'r, 'de, K> {
    /// Fills `listed`.
    pub fn new(listed: &'r mut Listed<'de, K::Record>) -> Self {
        Self(listed)
    }
}

impl<'de, K: Keys<'de>> DeserializeSeed<'de> for List<'_, 'de, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, K: Keys<'de>> Visitor<'de> for List<'_, 'de, K> {
    type Value = ();

    passes_over_scalars!(());

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let listed = self.0;
        listed.found = true;
        while items.next_element_seed(One::<K>::new(&mut listed.current))?.is_some() {
            (listed.each)(&mut listed.current);
        }
        Ok(())
    }
}

/// Reads a whole body into `record`. The bytes are checked for UTF-8 once, not string by string.
pub fn read_body<'de, K: Keys<'de>>(body: &'de [u8], mut record: K::Record) -> Result<K::Record, String> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = std::str::from_utf8(body).map_err(|error| format!("no UTF-8 after byte {}", error.valid_up_to()))?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    Object::<K>(&mut record, PhantomData)
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        // serde's own message may quote the content; class and place do not.
        .map_err(|error| format!("{:?} at line {} column {}", error.classify(), error.line(), error.column()))?;
    Ok(record)
}

struct Object<'r, 'de, K: Keys<'de>>(&'r mut K::Record, PhantomData<&'de ()>);

impl<'de, K: Keys<'de>> DeserializeSeed<'de> for Object<'_, 'de, K> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, K: Keys<'de>> Visitor<'de> for Object<'_, 'de, K> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        K::fill(self.0, map)
    }
}
