//! Which order is followed.

use crate::demo::chance::Dice;
use crate::demo::orders;
use crate::error::{Error, Result};
use std::str::FromStr;

/// How an order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    Shipped,
    Cancelled,
    Parked,
}

impl End {
    pub(super) fn word(self) -> &'static str {
        match self {
            End::Shipped => "shipped",
            End::Cancelled => "cancelled",
            End::Parked => "parked",
        }
    }
}

/// The order that is followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// The one of this number, from 1.
    Order(u64),
    /// The first that ends so.
    First(End),
}

impl FromStr for Follow {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        for end in [End::Shipped, End::Cancelled, End::Parked] {
            if end.word() == text {
                return Ok(Follow::First(end));
            }
        }
        let number = text.strip_prefix("order-").unwrap_or(text);
        // `+3` would be a number, too.
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        match number.parse() {
            Ok(number) if is_number => Ok(Follow::Order(number)),
            _ => Err(format!(
                "`{text}` is no order: it is one such as order-3, or shipped, cancelled or parked for the first such"
            )),
        }
    }
}

impl Follow {
    /// Whether there is such an order among so many, as far as that is known before the seed is.
    ///
    /// # Errors
    /// A usage error when there is not.
    pub(in crate::demo) fn check(self, count: u64) -> Result<()> {
        match self {
            Follow::Order(number) if number == 0 || number > count => Err(Error::usage(format!(
                "there is no order `{}` in this run",
                orders::id(number)
            ))
            .hint(format!(
                "the orders are `{}` to `{}`",
                orders::id(1),
                orders::id(count)
            ))),
            _ => Ok(()),
        }
    }

    /// The order's id.
    ///
    /// # Errors
    /// A usage error when no order will end so.
    pub(in crate::demo) fn choose(self, count: u64, dice: &Dice) -> Result<String> {
        self.check(count)?;
        match self {
            Follow::Order(number) => Ok(orders::id(number)),
            Follow::First(end) => {
                let mut ids = (1..=count).map(orders::id);
                let first = ids.find(|order| fate(order, dice) == end);
                first.ok_or_else(|| {
                    let (end, seed) = (end.word(), dice.seed);
                    Error::usage(format!("with seed {seed} no order of this run is {end}"))
                        .hint("more orders, another seed or higher rates of failures have one")
                })
            }
        }
    }
}

/// How the order will end, as the seed has it.
fn fate(order: &str, dice: &Dice) -> End {
    if dice.is_malformed(order) {
        End::Parked
    } else if dice.payment_fails(order) || dice.inventory_fails(order) {
        End::Cancelled
    } else {
        End::Shipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::chance::Rates;

    #[test]
    fn an_order_is_named_by_its_number_or_by_its_end() {
        for (text, follow) in [
            ("order-3", Follow::Order(3)),
            ("order-000003", Follow::Order(3)),
            ("3", Follow::Order(3)),
            ("parked", Follow::First(End::Parked)),
        ] {
            assert_eq!(text.parse(), Ok(follow));
        }
        for text in ["", "order-", "order-x", "-3", "+3", "lost"] {
            assert!(text.parse::<Follow>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_in_the_run_is_a_usage_error() {
        let dice = |malformed| Dice {
            seed: 7,
            rates: Rates {
                malformed,
                ..Rates::default()
            },
        };
        let choose = |follow: Follow, malformed| {
            let chosen = follow.choose(5, &dice(malformed));
            chosen.map_err(|error| error.message().to_owned())
        };
        assert_eq!(choose(Follow::Order(5), 0.0).unwrap(), "order-000005");
        assert_eq!(
            choose(Follow::Order(6), 0.0).unwrap_err(),
            "there is no order `order-000006` in this run"
        );
        let parked = Follow::First(End::Parked);
        assert_eq!(choose(parked, 1.0).unwrap(), "order-000001");
        assert_eq!(
            choose(parked, 0.0).unwrap_err(),
            "with seed 7 no order of this run is parked"
        );
    }
}
