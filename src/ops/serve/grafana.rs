//! A dashboard for Grafana, of the series that `eda serve` writes.

use serde_json::{Value, json};

/// What a panel shows: title, unit, and PromQL with the legend of its lines.
struct Panel {
    title: &'static str,
    about: &'static str,
    unit: &'static str,
    queries: &'static [(&'static str, &'static str)],
}

const PANELS: [Panel; 10] = [
    Panel {
        title: "Consumer lag by group",
        about: "Records that each group has not read, over all its topics",
        unit: "short",
        queries: &[(
            "sum by (consumergroup) (kafka_consumergroup_lag{consumergroup=~\"$group\"})",
            "{{consumergroup}}",
        )],
    },
    Panel {
        title: "Seconds until each group has caught up",
        about: "At the pace of the last five minutes; nothing where it does not get nearer",
        unit: "s",
        queries: &[(
            "sum by (consumergroup) (kafka_consumergroup_lag{consumergroup=~\"$group\"}) / (-deriv(sum by (consumergroup) (kafka_consumergroup_lag{consumergroup=~\"$group\"})[5m:]) > 0)",
            "{{consumergroup}}",
        )],
    },
    Panel {
        title: "Records read a second",
        about: "By what each group committed",
        unit: "short",
        queries: &[(
            "sum by (consumergroup) (rate(kafka_consumergroup_current_offset{consumergroup=~\"$group\"}[5m]))",
            "{{consumergroup}}",
        )],
    },
    Panel {
        title: "Records written a second",
        about: "By the ends of the topics",
        unit: "short",
        queries: &[(
            "sum by (topic) (rate(kafka_topic_partition_current_offset{topic=~\"$topic\"}[5m]))",
            "{{topic}}",
        )],
    },
    Panel {
        title: "Dead letters",
        about: "Those that lie in each dead-letter topic, and those that no replay has passed",
        unit: "short",
        queries: &[
            ("eda_dlq_messages", "{{topic}}"),
            ("eda_dlq_unreplayed_messages", "{{topic}}, not replayed"),
        ],
    },
    Panel {
        title: "Members of groups",
        about: "A group without members reads nothing",
        unit: "short",
        queries: &[(
            "kafka_consumergroup_members{consumergroup=~\"$group\"}",
            "{{consumergroup}}",
        )],
    },
    Panel {
        title: "Time a handler takes",
        about: "On average, and 95 of a hundred attempts; from handlers that are scraped",
        unit: "s",
        queries: &[
            (
                "sum by (group) (rate(eda_handler_duration_seconds_sum{group=~\"$group\"}[5m])) / sum by (group) (rate(eda_handler_duration_seconds_count{group=~\"$group\"}[5m]))",
                "{{group}}, mean",
            ),
            (
                "histogram_quantile(0.95, sum by (group, le) (rate(eda_handler_duration_seconds_bucket{group=~\"$group\"}[5m])))",
                "{{group}}, 95%",
            ),
        ],
    },
    Panel {
        title: "Attempts that fail",
        about: "The share of a handler's attempts; from handlers that are scraped",
        unit: "percentunit",
        queries: &[(
            "sum by (group) (rate(eda_handler_failed_attempts_total{group=~\"$group\"}[5m])) / sum by (group) (rate(eda_handler_duration_seconds_count{group=~\"$group\"}[5m]))",
            "{{group}}",
        )],
    },
    Panel {
        title: "Records handled a second",
        about: "And those that became dead letters; from handlers that are scraped",
        unit: "short",
        queries: &[
            (
                "sum by (group) (rate(eda_handler_processed_total{group=~\"$group\"}[5m]))",
                "{{group}}",
            ),
            (
                "sum by (group) (rate(eda_handler_dead_lettered_total{group=~\"$group\"}[5m]))",
                "{{group}}, dead letters",
            ),
        ],
    },
    Panel {
        title: "The cluster, and who looks at it",
        about: "Whether Kafka answered, what could not be learnt, and partitions that lack replicas",
        unit: "short",
        queries: &[
            ("eda_exporter_up", "Kafka answers"),
            ("eda_exporter_scrape_faults", "not learnt"),
            (
                "sum(kafka_topic_partition_under_replicated_partition)",
                "partitions that lack replicas",
            ),
            ("eda_serve_handler_up", "{{instance}} answers"),
        ],
    },
];

/// The model that Grafana imports: it asks which Prometheus to use.
pub fn dashboard() -> Value {
    let panels: Vec<Value> = PANELS.iter().enumerate().map(panel).collect();
    json!({
        "__inputs": [{
            "name": "DS_PROMETHEUS",
            "label": "Prometheus",
            "type": "datasource",
            "pluginId": "prometheus",
            "pluginName": "Prometheus",
        }],
        "__requires": [
            {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "10.0.0"},
            {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
            {"type": "panel", "id": "timeseries", "name": "Time series", "version": ""},
        ],
        "id": null,
        "uid": "eda-serve",
        "title": "eda: event-driven services on Kafka",
        "description": "Consumer lag, dead letters, and how handlers are doing; from `eda serve`.",
        "tags": ["kafka", "eda"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "30s",
        "timezone": "browser",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [
            variable("group", "Group", "label_values(kafka_consumergroup_lag, consumergroup)"),
            variable("topic", "Topic", "label_values(kafka_topic_partitions, topic)"),
        ]},
        "annotations": {"list": []},
        "panels": panels,
    })
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${DS_PROMETHEUS}"})
}

fn variable(name: &str, label: &str, query: &str) -> Value {
    json!({
        "name": name,
        "label": label,
        "type": "query",
        "datasource": source(),
        "query": {"query": query, "refId": name},
        "definition": query,
        "refresh": 2,
        "sort": 1,
        "multi": true,
        "includeAll": true,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    })
}

fn panel((at, panel): (usize, &Panel)) -> Value {
    let target = |(number, (query, legend)): (usize, &(&str, &str))| {
        json!({
            "refId": char::from(b'A' + u8::try_from(number).unwrap_or_default()).to_string(),
            "datasource": source(),
            "expr": query,
            "legendFormat": legend,
        })
    };
    let targets: Vec<Value> = panel.queries.iter().enumerate().map(target).collect();
    json!({
        "id": at + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": source(),
        // Two beside each other, on a grid of 24.
        "gridPos": {"x": 12 * (at % 2), "y": 8 * (at / 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": true},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": targets,
    })
}
