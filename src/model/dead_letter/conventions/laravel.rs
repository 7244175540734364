//! laravel-kafka (PHP): `Consumers/Consumer.php`. It tells the exception and nothing of the origin; the dead-letter
//! topic is `<topic>-dlq`.

use super::{Convention, Mark};
use crate::model::dead_letter::fields::last;
use crate::model::dead_letter::story::Story;

const NAME: &str = "laravel-kafka";

pub(super) static CONVENTION: Convention = Convention {
    name: NAME,
    mark: Mark::Header(&["kafka_throwable_class_name"]),
    read: |record| Some(STORY.read(NAME, record)),
    is_diagnostic: |name| name.starts_with("kafka_throwable_"),
};

static STORY: Story = Story {
    exception: last(&["kafka_throwable_class_name"]),
    message: last(&["kafka_throwable_message"]),
    ..Story::SILENT
};
