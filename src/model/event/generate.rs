//! Made-up events that could have happened: what a field's schema allows, as its name suggests.

use super::{EventType, Field, FieldKind, Filling, build, words};
use serde_json::{Map, Number, Value, json};

/// What the shop sells, with prices in cents.
const SHELF: [(&str, u64); 12] = [
    ("sku-notebook", 395),
    ("sku-pencil-set", 850),
    ("sku-desk-lamp", 3490),
    ("sku-coffee-mug", 1290),
    ("sku-backpack", 5995),
    ("sku-headphones", 8900),
    ("sku-keyboard", 7450),
    ("sku-water-bottle", 1799),
    ("sku-umbrella", 2250),
    ("sku-board-game", 3999),
    ("sku-usb-cable", 699),
    ("sku-office-chair", 18900),
];

/// Whose ids come back, for they do many things; an order or a payment is a new one each time.
const ACTORS: [&str; 12] = [
    "account",
    "customer",
    "device",
    "member",
    "merchant",
    "product",
    "seller",
    "store",
    "tenant",
    "user",
    "vehicle",
    "warehouse",
];
/// How many of each there are, unless `x-distinct` says otherwise.
const DISTINCT: u64 = 1000;

const NAMES: [&str; 8] = [
    "Ada", "Minh", "Grace", "Linh", "Edsger", "Barbara", "Niklaus", "Frances",
];

/// See [`EventType::generate`].
pub(super) fn event(event: &EventType, filling: &mut Filling) -> Map<String, Value> {
    let mut maker = Maker {
        basket: Basket::random(filling),
        user: often_the_same(DISTINCT, filling),
        event,
        filling,
    };
    maker.object(&event.fields, true)
}

/// From 1 to `count`, the low numbers more often: half of what happens is about a quarter of those there are.
fn often_the_same(count: u64, filling: &mut Filling) -> u64 {
    let chance = filling.random.f64();
    1 + (chance * chance * count as f64) as u64
}

/// One event in the making: its parts tell of the same user and the same basket.
struct Maker<'a> {
    event: &'a EventType,
    basket: Basket,
    user: u64,
    filling: &'a mut Filling,
}

impl Maker<'_> {
    fn object(&mut self, fields: &[Field], top: bool) -> Map<String, Value> {
        let mut made = Map::new();
        for field in fields {
            let envelope = match top {
                true => build::envelope(self.event, field, self.filling),
                false => None,
            };
            let value = envelope.unwrap_or_else(|| self.value(field));
            made.insert(field.name.clone(), value);
        }
        made
    }

    fn value(&mut self, field: &Field) -> Value {
        if let Some(value) = field.schema.get("const") {
            return value.clone();
        }
        for word in ["enum", "examples"] {
            let values = field.schema.get(word).and_then(Value::as_array);
            if let Some(values) = values.filter(|values| !values.is_empty()) {
                return values[self.filling.random.usize(..values.len())].clone();
            }
        }
        match &field.kind {
            FieldKind::Text => Value::String(self.text(field)),
            FieldKind::Number => self.number(field),
            FieldKind::Integer => self.integer(field),
            FieldKind::Boolean => Value::Bool(self.filling.random.bool()),
            FieldKind::List(item) => self.list(field, item),
            FieldKind::Object { fields, .. } => Value::Object(self.object(fields, false)),
            FieldKind::Any => field.schema.get("default").cloned().unwrap_or(Value::Null),
        }
    }

    fn text(&mut self, field: &Field) -> String {
        let format = field.schema.get("format").and_then(Value::as_str);
        let text = match (format, field.name.as_str()) {
            (Some("uuid"), _) => self.filling.event_id(),
            (Some("date-time"), _) => self.filling.timestamp(),
            (Some("date"), _) => self.filling.timestamp()[..10].to_owned(),
            (Some("email"), _) | (None, "email") => format!("user-{}@example.com", self.user),
            (Some("uri" | "uri-reference" | "iri"), _) => {
                format!("https://example.com/{}", words::kebab(&field.name))
            }
            (Some("ipv4"), _) => format!("192.0.2.{}", self.filling.random.u8(1..=254)),
            (_, "name") => NAMES[self.user as usize % NAMES.len()].to_owned(),
            (_, "currency") => "EUR".to_owned(),
            _ => self.id(field),
        };
        let limit = |word: &str| field.schema.get(word).and_then(Value::as_u64);
        let length = text.chars().count() as u64;
        match (limit("minLength"), limit("maxLength")) {
            (Some(least), _) if length < least => {
                let more = usize::try_from(least - length).unwrap_or(0);
                text + &"x".repeat(more.min(10_000))
            }
            (_, Some(most)) if length > most => text
                .chars()
                .take(usize::try_from(most).unwrap_or(0))
                .collect(),
            _ => text,
        }
    }

    /// `orderId` is `order-` and something new, `userId` is `user-` and a number that comes back, `trackingNumber`
    /// begins with its `x-id`.
    fn id(&mut self, field: &Field) -> String {
        let prefix = field.schema.get("x-id").and_then(Value::as_str);
        let own_name = || words::kebab(field.name.strip_suffix("Id").unwrap_or(&field.name));
        let prefix = prefix.map_or_else(own_name, str::to_owned);
        let distinct = field.schema.get("x-distinct").and_then(Value::as_u64);
        match distinct {
            Some(count) => format!("{prefix}-{}", often_the_same(count, self.filling)),
            None if prefix == "user" => format!("user-{}", self.user),
            None if ACTORS.contains(&prefix.as_str()) => {
                format!("{prefix}-{}", often_the_same(DISTINCT, self.filling))
            }
            None => self.filling.id(&prefix),
        }
    }

    fn number(&mut self, field: &Field) -> Value {
        let is_total = matches!(field.name.as_str(), "total" | "amount");
        if is_total
            && !field
                .schema
                .keys()
                .any(|word| word.ends_with("imum") || word == "multipleOf")
        {
            return money(self.basket.total());
        }
        let bound = |word: &str| field.schema.get(word).and_then(Value::as_f64);
        let least = bound("minimum")
            .or(bound("exclusiveMinimum"))
            .unwrap_or(1.0);
        let most = bound("maximum")
            .or(bound("exclusiveMaximum"))
            .unwrap_or(least + 999.0);
        let made = least + (most - least) * (0.001 + 0.998 * self.filling.random.f64());
        let made = match bound("multipleOf") {
            Some(step) if step > 0.0 => (made / step).round() * step,
            // In cents where the range has room for them.
            _ if most - least >= 1.0 => (made * 100.0).round() / 100.0,
            _ => made,
        };
        Number::from_f64(made).map_or(Value::Null, Value::Number)
    }

    fn integer(&mut self, field: &Field) -> Value {
        let bound = |word: &str| field.schema.get(word).and_then(Value::as_i64);
        let above = bound("exclusiveMinimum").map(|limit| limit.saturating_add(1));
        let below = bound("exclusiveMaximum").map(|limit| limit.saturating_sub(1));
        let least = bound("minimum").or(above).unwrap_or(1);
        let room = if field.name == "quantity" { 2 } else { 99 };
        let most = bound("maximum")
            .or(below)
            .unwrap_or(least.saturating_add(room))
            .max(least);
        let made = self.filling.random.i64(least..=most);
        match bound("multipleOf") {
            Some(step) if step > 0 => {
                // Down to a multiple, or up to the first in the range.
                let down = made - made.rem_euclid(step);
                Value::from(if down < least {
                    down.saturating_add(step)
                } else {
                    down
                })
            }
            _ => Value::from(made),
        }
    }

    fn list(&mut self, field: &Field, item: &Field) -> Value {
        let limit = |word: &str| field.schema.get(word).and_then(Value::as_u64);
        if let FieldKind::Object { fields, .. } = &item.kind
            && field.name == "items"
            && limit("minItems").unwrap_or(0) <= 1
            && limit("maxItems").unwrap_or(4) >= 4
            && let Some(items) = self.basket.items(fields)
        {
            return items;
        }
        let least = limit("minItems").unwrap_or(1).min(10_000);
        let most = limit("maxItems")
            .unwrap_or(least.saturating_add(2))
            .clamp(least, least + 2);
        let count = self.filling.random.u64(least..=most);
        (0..count).map(|_| self.value(item)).collect()
    }
}

/// One to four different things, each a few times.
struct Basket(Vec<(&'static str, u64, u64)>);

impl Basket {
    fn random(filling: &mut Filling) -> Self {
        let count = filling.random.usize(1..=4);
        let chosen = filling.random.choose_multiple(SHELF, count);
        let lines = chosen
            .into_iter()
            .map(|(sku, cents)| (sku, filling.random.u64(1..=3), cents));
        Basket(lines.collect())
    }

    /// In cents.
    fn total(&self) -> u64 {
        self.0
            .iter()
            .map(|(_, quantity, cents)| quantity * cents)
            .sum()
    }

    /// As the fields have them: with prices, or as mere stock; `None` when it is something else that they list.
    fn items(&self, fields: &[Field]) -> Option<Value> {
        let mut names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        names.sort_unstable();
        let priced = match names.as_slice() {
            ["price", "quantity", "sku"] => true,
            ["quantity", "sku"] => false,
            _ => return None,
        };
        let item = |(sku, quantity, cents): &(&str, u64, u64)| match priced {
            true => json!({"sku": sku, "quantity": quantity, "price": money(*cents)}),
            false => json!({"sku": sku, "quantity": quantity}),
        };
        Some(self.0.iter().map(item).collect())
    }
}

/// Cents as the JSON number people expect: 1250 is 12.5, and 1200 is 12.
fn money(cents: u64) -> Value {
    if cents.is_multiple_of(100) {
        return Value::from(cents / 100);
    }
    Number::from_f64(cents as f64 / 100.0).map_or(Value::Null, Value::Number)
}
