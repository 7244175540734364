//! The flags that say in which order letters are put back, and what becomes of those that newer records lie behind.

use crate::ops::dlq::{Order, SameKey};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// In which order.
#[derive(Debug, Clone, Copy, clap::Args)]
#[command(next_help_heading = "In which order")]
pub struct OrderArgs {
    /// partition: each partition of the dead-letter topic in its own; key: by origin topic, partition and offset, so that
    /// the records of a key go in the order they were produced in; timestamp: by the time of the record that died. The
    /// last two keep everything in memory: 100,000 letters at most, or 64 MiB of them
    #[arg(long, value_name = "ORDER", default_value = Order::Partition.name(),
        value_parser = PossibleValuesParser::new(Order::NAMES).try_map(|name| name.parse::<Order>()))]
    pub order: Order,

    /// What becomes of a letter when newer records of its key were written where it came from: force puts it back all the
    /// same, and does not look; block leaves it, as failed; skip-older parks it. It is looked once, for the plan, from the
    /// oldest failure on; a letter that stays for another reason does not hold later ones of its key back. Each dead letter
    /// of the topic takes 48 bytes of memory
    #[arg(long, value_name = "WAY", default_value = SameKey::Force.name(),
        value_parser = PossibleValuesParser::new(SameKey::NAMES).try_map(|name| name.parse::<SameKey>()))]
    pub same_key: SameKey,
}
