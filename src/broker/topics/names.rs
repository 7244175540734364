//! Kafka's rules for the names of topics.

/// Longest topic name Kafka takes.
const NAME_LIMIT: usize = 249;

/// Metric names cannot tell `.` from `_`, so Kafka refuses two topics that differ in nothing else.
pub(super) fn folded(name: &str) -> String {
    name.replace('.', "_")
}

/// Kafka's rules for topic names (`org.apache.kafka.common.internals.Topic`).
pub(crate) fn check_name(name: &str) -> Result<(), String> {
    let legal =
        |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if name.is_empty() {
        Err("Topic name is invalid: the empty string is not allowed".to_owned())
    } else if name == "." || name == ".." {
        Err("Topic name is invalid: '.' or '..' is not allowed".to_owned())
    } else if name.len() > NAME_LIMIT {
        Err(format!(
            "Topic name is invalid: the length of '{name}' is longer than the max allowed length {NAME_LIMIT}"
        ))
    } else if !name.chars().all(legal) {
        Err(format!(
            "Topic name is invalid: '{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'"
        ))
    } else {
        Ok(())
    }
}
