//! JSON as a tree that keeps every number's digits and every object's order, borrowed from the body; and the same as a
//! `google.protobuf.Value`, where a number that a double does not hold exactly becomes a string, so that no digit is lost.

use std::{
    borrow::Cow,
    collections::{BTreeMap, btree_map::Entry},
};

use prost_types::{ListValue, Struct, Value, value::Kind};

use super::{
    repair::{self, MARK},
    scalar::Scalar,
    time::{self, When, Zoneless},
    values,
};

/// How deep a tree may nest; what nests deeper would overflow the parser of a client.
pub const MAX_DEPTH: usize = 64;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum Node<'a> {
    /// null.
    Null,
    /// true or false.
    Bool(bool),
    /// A number as it was written.
    Number(&'a str),
    /// A string.
    Text(Cow<'a, str>),
    /// A list.
    List(Vec<Node<'a>>),
    /// An object.
    Object(Object<'a>),
}

/// An object, its keys in the order they came.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Object<'a> {
    /// Keys and values.
    pub fields: Vec<(Cow<'a, str>, Node<'a>)>,
}

impl<'a> Node<'a> {
    /// Reads a text that a JSON parser has accepted; `None` if it nests too deep (or is no JSON after all).
    pub fn parse(text: &'a str) -> Option<Self> {
        let mut scan = Scan { text, at: 0 };
        let node = scan.value(MAX_DEPTH)?;
        scan.blanks();
        (scan.at == text.len()).then_some(node)
    }

    /// Whether it is null, a word for nothing, or an empty list or object.
    pub fn says_nothing(&self) -> bool {
        match self {
            Node::List(items) => items.is_empty(),
            Node::Object(object) => object.fields.is_empty(),
            other => other.scalar().is_some_and(|scalar| scalar.is_missing()),
        }
    }

    /// As a scalar; a list or an object is none.
    pub fn scalar(&self) -> Option<Scalar<'_>> {
        Some(match self {
            Node::Null => Scalar::Missing,
            Node::Bool(truth) => Scalar::Bool(*truth),
            Node::Number(text) => Scalar::Text(text),
            Node::Text(text) => Scalar::Text(text),
            Node::List(_) | Node::Object(_) => return None,
        })
    }

    /// As protobuf has it.
    pub fn into_value(self) -> Value {
        let kind = match self {
            Node::Null => Kind::NullValue(0),
            Node::Bool(truth) => Kind::BoolValue(truth),
            Node::Number(text) => number(text),
            Node::Text(text) => Kind::StringValue(text.into_owned()),
            Node::List(items) => Kind::ListValue(ListValue { values: items.into_iter().map(Node::into_value).collect() }),
            Node::Object(object) => Kind::StructValue(object.into_struct()),
        };
        Value { kind: Some(kind) }
    }

    /// Appends a text that is the same for the same values, whatever the order of keys and the spelling. What says nothing is left out. `key`
    /// is the name under which the value stands; `zoneless` the zone of times that name none.
    pub fn write_canonical(&self, key: &str, zoneless: Zoneless, out: &mut String) {
        match self {
            Node::Null => {}
            Node::Bool(truth) => sized(out, if *truth { "true" } else { "false" }),
            Node::Number(text) => sized(out, &canonical(key, text, zoneless)),
            Node::Text(text) => sized(out, &canonical(key, text, zoneless)),
            Node::List(items) => {
                out.push('[');
                items.iter().for_each(|item| item.write_canonical(key, zoneless, out));
                out.push(']');
            }
            Node::Object(object) => {
                let mut fields: Vec<&(Cow<'_, str>, Node<'_>)> =
                    object.fields.iter().filter(|(_, value)| !value.says_nothing()).collect();
                fields.sort_by(|one, other| one.0.cmp(&other.0));
                out.push('{');
                for (key, value) in fields {
                    sized(out, key);
                    value.write_canonical(key, zoneless, out);
                }
                out.push('}');
            }
        }
    }
}

/// How the names of members end that hold a word of a list, whose case does not count.
const WORDS: [&str; 8] = ["type", "mode", "category", "plan", "option", "exchange", "status", "flag"];

fn canonical(key: &str, text: &str, zoneless: Zoneless) -> String {
    match time::parse(text, zoneless) {
        Some(When::Instant { seconds, nanos, .. }) => format!("@{seconds}.{nanos:09}"),
        Some(When::Day(day)) => format!("@{}", day.number()),
        None => {
            let key = key.to_ascii_lowercase();
            values::canonical(text, WORDS.iter().any(|ending| key.ends_with(ending)))
        }
    }
}

/// With its length in front, so that different values never write the same.
fn sized(out: &mut String, text: &str) {
    out.push_str(&text.len().to_string());
    out.push(':');
    out.push_str(text);
}

impl<'a> Object<'a> {
    /// Of keys and texts that a JSON parser has accepted.
    pub fn of(fields: &'a [(String, Cow<'_, str>)]) -> Self {
        let read = |(key, text): &'a (String, Cow<'_, str>)| Some((Cow::Borrowed(key.as_str()), Node::parse(text)?));
        Self { fields: fields.iter().filter_map(read).collect() }
    }

    /// Takes the value of a key out.
    pub fn take(&mut self, key: &str) -> Option<Node<'a>> {
        let at = self.fields.iter().position(|(name, _)| name == key)?;
        Some(self.fields.remove(at).1)
    }

    /// Puts a value in.
    pub fn put(&mut self, key: impl Into<Cow<'a, str>>, node: Node<'a>) {
        self.fields.push((key.into(), node));
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Node<'a>> {
        self.fields.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Takes the objects at a key out: a list of objects, or one. What is none stays. An entry of a list that says nothing is an empty
    /// object; what says nothing in place of a list is an empty list.
    pub fn take_objects(&mut self, key: &str) -> Vec<Object<'a>> {
        let items = match self.take(key) {
            Some(Node::List(items)) => items,
            Some(nothing) if nothing.says_nothing() => return Vec::new(),
            Some(node) => vec![node],
            None => return Vec::new(),
        };
        let (mut objects, mut others) = (Vec::with_capacity(items.len()), Vec::new());
        for item in items {
            match item {
                Node::Object(object) => objects.push(object),
                nothing if nothing.says_nothing() => objects.push(Object::default()),
                other => others.push(other),
            }
        }
        match others.len() {
            0 => {}
            1 => self.fields.extend(others.pop().map(|other| (key.to_owned().into(), other))),
            _ => self.put(key.to_owned(), Node::List(others)),
        }
        objects
    }

    /// The object at a path of keys such as "Investment.Holdings"; the first one where a list stands.
    pub fn at_mut(&mut self, path: &str) -> Option<&mut Object<'a>> {
        path.split('.').try_fold(self, |object, key| {
            let (_, node) = object.fields.iter_mut().find(|(name, _)| name == key)?;
            match node {
                Node::Object(object) => Some(object),
                Node::List(items) => items.iter_mut().find_map(|item| match item {
                    Node::Object(object) => Some(object),
                    _ => None,
                }),
                _ => None,
            }
        })
    }

    /// Takes the objects at a path of keys out, through lists too; what the path leads through goes with them if nothing else is in it.
    pub fn take_path(&mut self, path: &str) -> Vec<Object<'a>> {
        let Some((key, rest)) = path.split_once('.') else {
            return self.take_objects(path);
        };
        let mut outer = self.take_objects(key);
        let found = outer.iter_mut().flat_map(|object| object.take_path(rest)).collect();
        outer.retain(|object| !object.fields.is_empty());
        match outer.len() {
            0 => {}
            1 => self.fields.extend(outer.pop().map(|object| (key.to_owned().into(), Node::Object(object)))),
            _ => self.put(key.to_owned(), Node::List(outer.into_iter().map(Node::Object).collect())),
        }
        found
    }

    /// As protobuf has it. Values of a key that stands there twice become a list.
    pub fn into_struct(self) -> Struct {
        let mut fields = BTreeMap::new();
        for (key, node) in self.fields {
            match fields.entry(key.into_owned()) {
                Entry::Vacant(place) => drop(place.insert(vec![node.into_value()])),
                Entry::Occupied(mut place) => place.get_mut().push(node.into_value()),
            }
        }
        let one_or_all = |mut values: Vec<Value>| match values.len() {
            1 => values.pop().unwrap_or_default(),
            _ => Value { kind: Some(Kind::ListValue(ListValue { values })) },
        };
        Struct { fields: fields.into_iter().map(|(key, values)| (key, one_or_all(values))).collect() }
    }

    /// What is left and says something, as protobuf has it; `None` if nothing does.
    pub fn into_extensions(mut self) -> Option<Struct> {
        self.fields.retain(|(_, node)| !node.says_nothing());
        (!self.fields.is_empty()).then(|| self.into_struct())
    }
}

/// A number whose shortest writing is the text itself is exact; any other keeps its text.
fn number(text: &str) -> Kind {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && writes_as(number, text) => Kind::NumberValue(number),
        _ => Kind::StringValue(text.to_owned()),
    }
}

fn writes_as(number: f64, text: &str) -> bool {
    let plain = match text.split_once('.') {
        // 1.50 and 1.5 are one number.
        Some((whole, fraction)) => match fraction.trim_end_matches('0') {
            "" => whole.to_owned(),
            fraction => format!("{whole}.{fraction}"),
        },
        None => text.to_owned(),
    };
    number.to_string() == plain && number.abs() <= 9_007_199_254_740_992.0
}

/// Whether no bracket of a JSON text lies deeper than `depth`, without recursion.
pub fn nests_within(text: &str, depth: usize) -> bool {
    let (mut open, mut deepest) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => {
                open += 1;
                deepest = deepest.max(open);
            }
            b'}' | b']' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest <= depth
}

/// A string, unless it is a number that was put into quotes for its digits' sake.
fn text_or_number(text: Cow<'_, str>) -> Node<'_> {
    match text {
        Cow::Borrowed(text) => text.strip_prefix(MARK).map_or(Node::Text(Cow::Borrowed(text)), Node::Number),
        Cow::Owned(text) => Node::Text(Cow::Owned(text)),
    }
}

/// Reads JSON that is known to be valid, so that it need not be checked twice.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes over a byte if it is the next one.
    fn eat(&mut self, byte: u8) -> bool {
        self.blanks();
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.blanks();
        match self.peek()? {
            b'{' => self.object(depth.checked_sub(1)?).map(Node::Object),
            b'[' => self.list(depth.checked_sub(1)?).map(Node::List),
            b'"' => self.string().map(text_or_number),
            _ => self.word(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<Object<'a>> {
        let mut object = Object::default();
        self.at += 1;
        if self.eat(b'}') {
            return Some(object);
        }
        loop {
            self.blanks();
            let key = self.string()?;
            if !self.eat(b':') {
                return None;
            }
            object.put(key, self.value(depth)?);
            if !self.eat(b',') {
                return self.eat(b'}').then_some(object);
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Vec<Node<'a>>> {
        let mut items = Vec::new();
        self.at += 1;
        if self.eat(b']') {
            return Some(items);
        }
        loop {
            items.push(self.value(depth)?);
            if !self.eat(b',') {
                return self.eat(b']').then_some(items);
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        if self.peek() != Some(b'"') {
            return None;
        }
        let rest = self.text.get(self.at + 1..)?;
        let mut escapes = false;
        let mut end = 0;
        loop {
            match rest.as_bytes().get(end)? {
                b'"' => break,
                b'\\' => {
                    escapes = true;
                    end += 2;
                }
                _ => end += 1,
            }
        }
        let inside = rest.get(..end)?;
        let quoted = self.text.get(self.at..self.at + end + 2)?;
        self.at += end + 2;
        if !escapes {
            return Some(Cow::Borrowed(inside));
        }
        // Half of a surrogate pair is no text.
        Some(repair::text_of(quoted).map_or(Cow::Borrowed(inside), Cow::Owned))
    }

    /// A number, true, false or null.
    fn word(&mut self) -> Option<Node<'a>> {
        let rest = self.text.get(self.at..)?;
        let end = rest.find([',', '}', ']', ' ', '\n', '\r', '\t']).unwrap_or(rest.len());
        let word = rest.get(..end).filter(|word| !word.is_empty())?;
        self.at += end;
        Some(match word {
            "null" => Node::Null,
            "true" => Node::Bool(true),
            "false" => Node::Bool(false),
            number => Node::Number(number),
        })
    }
}

#[cfg(test)]
mod tests;
