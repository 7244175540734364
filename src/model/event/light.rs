//! A JSON document that borrows from its text, for the hot path: most events that are sent from a file lack nothing
//! and are right, and to find that out nothing needs to be copied, hashed or written again.

use jsonschema::JsonType;
use jsonschema::json::{Array, Json, Node, NodeIdentity, Object};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::borrow::Cow;
use std::fmt;

/// Looked up one after the other: an object of more members is for those who hash.
const MOST_MEMBERS: usize = 64;

/// A document, good for asking whether it is right; what is wrong with it is told from a [`Value`].
#[derive(Clone, Debug)]
pub enum Document<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    List(Vec<Document<'a>>),
    Object(Vec<Member<'a>>),
}

type Member<'a> = (Cow<'a, str>, Document<'a>);

impl<'a> Document<'a> {
    /// The document; `None` also when it is larger than is worth it.
    pub fn read(text: &'a [u8]) -> Option<Document<'a>> {
        serde_json::from_slice(text).ok()
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Document<'a>> {
        let Document::Object(members) = self else {
            return None;
        };
        let member = members.iter().find(|(known, _)| known == name);
        member.map(|(_, value)| value)
    }

    /// Puts in members that it has not.
    pub fn extend(&mut self, more: Document<'a>) {
        if let (Document::Object(members), Document::Object(more)) = (self, more) {
            members.extend(more);
        }
    }

    /// The member of this name, when it is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name)? {
            Document::Text(text) => Some(text),
            _ => None,
        }
    }

    fn to_value(&self) -> Value {
        match self {
            Document::Null => Value::Null,
            Document::Bool(value) => Value::Bool(*value),
            Document::Number(number) => Value::Number(number.clone()),
            Document::Text(text) => Value::String(text.clone().into_owned()),
            Document::List(items) => items.iter().map(Document::to_value).collect(),
            Document::Object(members) => {
                let members = members.iter();
                let pairs =
                    members.map(|(name, value)| (name.clone().into_owned(), value.to_value()));
                Value::Object(pairs.collect::<Map<_, _>>())
            }
        }
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Document<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Document::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Document::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Document::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Self::Value, E> {
        let number = Number::from_f64(value);
        number
            .map(Document::Number)
            .ok_or_else(|| E::custom("no number"))
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
        Ok(Document::Text(Cow::Borrowed(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Document::Text(Cow::Owned(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Document::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut object: Vec<Member<'de>> = Vec::with_capacity(8);
        while let Some(Name(name)) = members.next_key()? {
            let value = members.next_value()?;
            // Of two members of one name the later counts, as everywhere.
            let is_full = object.len() == MOST_MEMBERS;
            match object.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None if is_full => return Err(A::Error::custom("too many")),
                None => object.push((name, value)),
            }
        }
        Ok(Document::Object(object))
    }
}

/// A member's name. `Cow` by itself would always be owned.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct NameVisitor;
        impl<'de> Visitor<'de> for NameVisitor {
            type Value = Name<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a name")
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
                Ok(Name(Cow::Owned(value.to_owned())))
            }
        }
        deserializer.deserialize_str(NameVisitor)
    }
}

/// The validator's view of a [`Document`].
pub(super) struct Light;

impl Json for Light {
    type Node<'a> = &'a Document<'a>;
    type PreparedKey = String;
    type StringBuffer = ();

    const ACYCLIC: bool = true;

    fn prepare_key(key: &str) -> String {
        key.to_owned()
    }

    fn with_string_node<T>((): &mut (), string: &str, f: impl FnOnce(Self::Node<'_>) -> T) -> T {
        f(&Document::Text(Cow::Borrowed(string)))
    }
}

impl<'a> Node<'a, Light> for &'a Document<'a> {
    type Object = &'a [Member<'a>];
    type Array = &'a [Document<'a>];
    type Number = &'a Number;

    fn as_object(&self) -> Option<Self::Object> {
        match self {
            Document::Object(members) => Some(members),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Self::Array> {
        match self {
            Document::List(items) => Some(items),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Document::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Self::Number> {
        match self {
            Document::Number(number) => Some(number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Document::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Document::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Document::Null => JsonType::Null,
            Document::Bool(_) => JsonType::Boolean,
            Document::Number(_) => JsonType::Number,
            Document::Text(_) => JsonType::String,
            Document::List(_) => JsonType::Array,
            Document::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Value) -> bool {
        match (self, expected) {
            (Document::Text(text), Value::String(expected)) => text == expected,
            _ => jsonschema::json::cmp::equal(&Document::to_value(self), expected),
        }
    }

    fn to_value(&self) -> Cow<'a, Value> {
        Cow::Owned(Document::to_value(self))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(
            std::ptr::from_ref::<Document<'a>>(self) as usize
        ))
    }
}

impl<'a> Object<'a, Light> for &'a [Member<'a>] {
    type Node = &'a Document<'a>;
    type MemberName = &'a str;
    type MembersIter = std::iter::Map<
        std::slice::Iter<'a, Member<'a>>,
        fn(&'a Member<'a>) -> (&'a str, &'a Document<'a>),
    >;

    fn len(&self) -> usize {
        <[Member<'a>]>::len(self)
    }

    fn get(&self, key: &String) -> Option<Self::Node> {
        let member = self.iter().find(|(name, _)| *name == key.as_str());
        member.map(|(_, value)| value)
    }

    fn members(&self) -> Self::MembersIter {
        self.iter().map(|(name, value)| (name.as_ref(), value))
    }
}

impl<'a> Array<'a, Light> for &'a [Document<'a>] {
    type Node = &'a Document<'a>;
    type ElementsIter = std::slice::Iter<'a, Document<'a>>;

    fn len(&self) -> usize {
        <[Document<'a>]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::{Catalog, Field, Filling};
    use crate::model::tests::cases;
    use proptest::prelude::*;

    #[test]
    fn of_two_members_of_one_name_the_later_counts_and_many_are_not_read() {
        let document = Document::read(br#"{"a":1,"b":[null,true,"\u00e9"],"a":"x"}"#).unwrap();
        assert_eq!(document.text("a"), Some("x"));
        assert_eq!(
            document.to_value(),
            serde_json::json!({"a": "x", "b": [null, true, "é"]})
        );
        let many: Map<String, Value> = (0..=MOST_MEMBERS)
            .map(|n| (n.to_string(), Value::Null))
            .collect();
        assert!(Document::read(&serde_json::to_vec(&many).unwrap()).is_none());
    }

    proptest! {
        #![proptest_config(cases(2000))]

        /// Whatever is done to an event: who reads it quickly and who reads it thoroughly agree.
        #[test]
        fn both_readers_agree(
            kind in 0usize..10, seed: u64, field in "(orderId|eventId|timestamp|eventType|items|total|userId|amount|x)",
            value in "(null|1|-1\\.5|1\\.0|true|\"\"|\"a\"|\"OrderCreated\"|\"2026-01-02T03:04:05Z\"|\\[\\]|\\[1\\]|\\[\\{\\}\\]|\\{\\})",
            remove: bool,
        ) {
            let event = &Catalog::built_in().events()[kind];
            let mut filling = Filling { now_ms: 1, random: fastrand::Rng::with_seed(seed) };
            let mut map = event.generate(&mut filling);
            match remove {
                true => { map.shift_remove(&field); }
                false => { map.insert(field, serde_json::from_str(&value).unwrap()); }
            }
            let text = serde_json::to_vec(&map).unwrap();
            let document = Document::read(&text).unwrap();
            let right = event.validate(&Value::Object(map.clone())).is_ok();
            prop_assert_eq!(event.accepts(&document), right);
            prop_assert_eq!(event.key_of(&document).map(Cow::into_owned), event.key(&map));
        }

        /// They fill in the same.
        #[test]
        fn both_ways_to_complete_agree(kind in 0usize..10, seed: u64, removed in any::<u16>()) {
            let event = &Catalog::built_in().events()[kind];
            let filling = || Filling { now_ms: 1_767_323_045_006, random: fastrand::Rng::with_seed(seed) };
            let mut map = event.generate(&mut filling());
            for (index, field) in event.fields.iter().enumerate() {
                if removed >> index & 1 == 1 {
                    map.shift_remove(&field.name);
                }
            }
            let text = serde_json::to_vec(&map).unwrap();
            let mut members = b"left over".to_vec();
            let complete = event.fill_in(&Document::read(&text).unwrap(), &mut filling(), &mut members);
            let missing: Map<String, Value> = event.missing(&map, &mut filling()).into_iter().collect();
            let lacks = |field: &Field| field.required && !map.contains_key(&field.name) && !missing.contains_key(&field.name);
            prop_assert_eq!(complete, !event.fields.iter().any(lacks));
            if complete {
                prop_assert_eq!(String::from_utf8(members).unwrap(), serde_json::to_string(&missing).unwrap());
            }
        }
    }
}
