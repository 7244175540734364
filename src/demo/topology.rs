//! Who reads and writes what: the seven services, their groups and topics.

use crate::model::dead_letter::topic_for;

/// Partitions of every topic of a run. The same everywhere, so that an order is in the same partition of each.
pub(super) const PARTITIONS: i32 = 3;

/// Where a service's dead letters go.
pub(super) const DLQ_TEMPLATE: &str = "{topic}.dlq";

/// One service, which is one consumer group.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) name: &'static str,
    pub(super) reads: &'static [&'static str],
    /// Whether the fate of orders depends on it: an order that it dead-letters is parked. The others pass over what they
    /// cannot read, since the one who parks it has said all there is to say.
    pub(super) in_saga: bool,
}

/// All topics of the pipeline.
pub(super) const TOPICS: [&str; 9] = [
    "order-created",
    "payment-processed",
    "payment-failed",
    "payment-refunded",
    "inventory-reserved",
    "inventory-failed",
    "order-shipped",
    "order-cancelled",
    "notification-requested",
];

/// The services, in the order in which an order meets them.
pub(super) static SERVICES: [Service; 7] = [
    Service {
        name: "order",
        reads: &["payment-failed", "payment-refunded"],
        in_saga: true,
    },
    Service {
        name: "payment",
        reads: &["order-created", "inventory-failed"],
        in_saga: true,
    },
    Service {
        name: "inventory",
        reads: &["payment-processed"],
        in_saga: true,
    },
    Service {
        name: "shipping",
        reads: &["inventory-reserved"],
        in_saga: true,
    },
    Service {
        name: "notification",
        reads: &["order-created", "order-shipped", "order-cancelled"],
        in_saga: false,
    },
    Service {
        name: "analytics",
        reads: &TOPICS,
        in_saga: false,
    },
    Service {
        name: AUDIT,
        reads: &TOPICS,
        in_saga: false,
    },
];

/// The service that reads the dead-letter topics too, and tells what it saw.
pub(super) const AUDIT: &str = "audit";

/// What topics and groups are called in this run.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Names {
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn topic(&self, topic: &str) -> String {
        format!("{}{topic}", self.prefix)
    }

    pub(super) fn topics(&self) -> Vec<String> {
        TOPICS.iter().map(|topic| self.topic(topic)).collect()
    }

    pub(super) fn group(&self, service: &Service) -> String {
        format!("{}{}-service", self.prefix, service.name)
    }

    /// What the service subscribes to.
    pub(super) fn subscription(&self, service: &Service) -> Vec<String> {
        if service.name != AUDIT {
            return service
                .reads
                .iter()
                .map(|topic| self.topic(topic))
                .collect();
        }
        // A pattern, for the dead-letter topics appear when the first record dies. It matches the others too, because
        // librdkafka reports one that matches nothing.
        let prefix = self.prefix.replace('.', "\\.");
        vec![format!("^{prefix}({})(\\.dlq)?$", service.reads.join("|"))]
    }

    /// Whether a topic is one of the dead-letter topics of this run.
    pub(super) fn is_dead_letters(&self, topic: &str) -> bool {
        TOPICS
            .iter()
            .any(|source| topic_for(DLQ_TEMPLATE, &self.topic(source), "") == topic)
    }

    /// Whether the service reads this topic, which is one of the run's.
    pub(super) fn reads(&self, service: &Service, topic: &str) -> bool {
        service.reads.iter().any(|read| self.topic(read) == topic)
            || service.name == AUDIT && self.is_dead_letters(topic)
    }

    /// Whether a dead letter of this group parks its order.
    pub(super) fn parks(&self, group: &str) -> bool {
        SERVICES
            .iter()
            .any(|service| service.in_saga && self.group(service) == group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::event::Catalog;

    #[test]
    fn the_topics_are_those_of_the_catalog() {
        let catalog = Catalog::built_in();
        assert!(TOPICS.iter().all(|topic| catalog.find(topic).is_some()));
    }

    #[test]
    fn every_topic_is_read_by_someone_besides_those_who_count() {
        for topic in TOPICS {
            let acting = SERVICES
                .iter()
                .filter(|service| service.reads.len() < TOPICS.len());
            let read = acting
                .flat_map(|service| service.reads)
                .any(|read| *read == topic);
            assert_eq!(read, topic != "notification-requested", "{topic}");
        }
    }

    #[test]
    fn a_prefix_keeps_runs_apart() {
        let names = Names::new("demo-1.a-");
        assert_eq!(names.group(&SERVICES[1]), "demo-1.a-payment-service");
        assert!(names.is_dead_letters("demo-1.a-order-created.dlq"));
        assert!(!names.is_dead_letters("order-created.dlq"));
        assert!(names.parks("demo-1.a-payment-service"));
        assert!(!names.parks("payment-service"));
        assert!(!names.parks("demo-1.a-notification-service"));
        let audit = names.subscription(&SERVICES[6]);
        assert_eq!(audit.len(), 1);
        assert!(
            audit[0].starts_with("^demo-1\\.a-(order-created|payment-processed|"),
            "{audit:?}"
        );
        assert!(
            audit[0].ends_with("|notification-requested)(\\.dlq)?$"),
            "{audit:?}"
        );
    }
}
