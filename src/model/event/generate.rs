//! Made-up events that could have happened.

use super::{COMMON_FIELDS, EventType, Field, FieldKind, Filling};
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
/// How many users there are: few enough that some come back.
const USERS: u32 = 1000;

const NAMES: [&str; 8] = [
    "Ada", "Minh", "Grace", "Linh", "Edsger", "Barbara", "Niklaus", "Frances",
];
const METHODS: [&str; 3] = ["card", "paypal", "invoice"];
const CARRIERS: [&str; 4] = ["DHL", "UPS", "FedEx", "GLS"];
const CHANNELS: [&str; 3] = ["email", "sms", "push"];
const TEMPLATES: [&str; 3] = ["order-confirmed", "order-shipped", "order-cancelled"];

/// See [`EventType::generate`].
pub(super) fn event(event: &EventType, filling: &mut Filling) -> Map<String, Value> {
    let basket = Basket::random(filling);
    let user = filling.random.u32(1..=USERS);
    let mut made = Map::new();
    for field in COMMON_FIELDS.iter().chain(event.fields) {
        made.insert(
            field.name.to_owned(),
            value(event, field, &basket, user, filling),
        );
    }
    made
}

fn value(
    event: &EventType,
    field: &Field,
    basket: &Basket,
    user: u32,
    filling: &mut Filling,
) -> Value {
    let text = match field.name {
        "eventType" => event.name.to_owned(),
        "eventId" => filling.event_id(),
        "timestamp" => filling.timestamp(),
        "userId" => format!("user-{user}"),
        "email" => format!("user-{user}@example.com"),
        "name" => NAMES[user as usize % NAMES.len()].to_owned(),
        "items" => return basket.items(field),
        "total" | "amount" => return money(basket.total()),
        "method" => pick(&METHODS, filling),
        "carrier" => pick(&CARRIERS, filling),
        "channel" => pick(&CHANNELS, filling),
        "template" => pick(&TEMPLATES, filling),
        "reason" => reason(event, filling),
        "message" => "Thank you for your order".to_owned(),
        "trackingNumber" => filling.id("track"),
        // `orderId`, `paymentId`, …
        name => filling.id(name.strip_suffix("Id").unwrap_or(name)),
    };
    Value::String(text)
}

fn pick(words: &[&str], filling: &mut Filling) -> String {
    words[filling.random.usize(..words.len())].to_owned()
}

fn reason(event: &EventType, filling: &mut Filling) -> String {
    let reasons: &[&str] = match event.name {
        "PaymentFailed" => &["card declined", "insufficient funds", "card expired"],
        "InventoryFailed" | "PaymentRefunded" => &["out of stock", "item discontinued"],
        _ => &["payment failed", "out of stock", "cancelled by customer"],
    };
    pick(reasons, filling)
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

    /// As the field has them: with prices, or as mere stock.
    fn items(&self, field: &Field) -> Value {
        let priced = matches!(field.kind, FieldKind::List(fields) if fields.iter().any(|field| field.name == "price"));
        let item = |(sku, quantity, cents): &(&str, u64, u64)| match priced {
            true => json!({"sku": sku, "quantity": quantity, "price": money(*cents)}),
            false => json!({"sku": sku, "quantity": quantity}),
        };
        self.0.iter().map(item).collect()
    }
}

/// Cents as the JSON number people expect: 1250 is 12.5, and 1200 is 12.
fn money(cents: u64) -> Value {
    if cents.is_multiple_of(100) {
        return Value::from(cents / 100);
    }
    Number::from_f64(cents as f64 / 100.0).map_or(Value::Null, Value::Number)
}
