use super::*;

const PAGE: &str = "\
# HELP eda_handler_processed_total Records.
# TYPE eda_handler_processed_total counter
eda_handler_processed_total{group=\"pay\\\"ment\"} 40
# HELP eda_handler_failed_attempts_total Failed.
# TYPE eda_handler_failed_attempts_total counter
eda_handler_failed_attempts_total{group=\"pay\\\"ment\"} 10
# HELP eda_handler_duration_seconds Time.
# TYPE eda_handler_duration_seconds histogram
eda_handler_duration_seconds_sum{group=\"pay\\\"ment\"} 5
eda_handler_duration_seconds_count{group=\"pay\\\"ment\"} 50
eda_handler_duration_seconds_bucket{le=\"0.1\",group=\"pay\\\"ment\"} 25
eda_handler_duration_seconds_bucket{le=\"0.2\",group=\"pay\\\"ment\"} 50
eda_handler_duration_seconds_bucket{le=\"+Inf\",group=\"pay\\\"ment\"} 50
# HELP process_cpu Other.
# TYPE process_cpu gauge
process_cpu 3
";

#[test]
fn what_counts_is_read_by_group() {
    let readings = Exposition::read(PAGE).unwrap().readings();
    let reading = &readings["pay\"ment"];
    assert_eq!(
        (reading.processed, reading.failed),
        (Some(40.0), Some(10.0))
    );
    let since = reading.since(&Reading {
        buckets: vec![(0.1, 0.0), (0.2, 0.0), (f64::INFINITY, 0.0)],
        processed: Some(0.0),
        failed: Some(0.0),
        seconds: Some(0.0),
        attempts: Some(0.0),
        ..Reading::default()
    });
    assert_eq!(since.failed_percent(), Some(20.0));
    assert_eq!(since.mean_ms(), Some(100.0));
    assert_eq!(since.percentile_ms(0.5), Some(100.0));
    assert_eq!(since.percentile_ms(0.95), Some(190.0));
    let nothing = reading.since(reading);
    assert_eq!(
        (nothing.mean_ms(), nothing.percentile_ms(0.95)),
        (None, None)
    );
}

#[test]
fn several_are_one_text_with_each_family_once() {
    let page = Exposition::read(PAGE).unwrap();
    let text = merged(&[("a:1".to_owned(), page.clone()), ("b:2".to_owned(), page)]);
    assert_eq!(
        text.matches("# TYPE eda_handler_duration_seconds histogram\n")
            .count(),
        1
    );
    let series = "eda_handler_processed_total{instance=\"b:2\",group=\"pay\\\"ment\"} 40\n";
    assert!(text.contains(series), "{text}");
    assert!(text.contains("le=\"+Inf\""), "{text}");
    assert!(!text.contains("process_cpu"), "{text}");
}

#[test]
fn what_is_none_of_ours_or_no_series_is_left_out() {
    for hostile in [
        "",
        "<html>",
        "kafka_consumergroup_lag{group=\"x\"} 1",
        // Without a type nobody knows what it is.
        "eda_handler_processed_total 1",
        "# TYPE eda_handler_x summary\neda_handler_x 1",
    ] {
        assert!(Exposition::read(hostile).is_err(), "{hostile}");
    }
    let head = "# TYPE eda_handler_x gauge\neda_handler_x{a=\"1\"} 1\n";
    for broken in [
        "eda_handler_x{a=\"1\",a=\"2\"} 1",
        "eda_handler_x{a=\"1} 1",
        "eda_handler_x{a=1} 1",
        "eda_handler_x{1=\"x\"} 1",
        "eda_handler_x one",
        "eda_handler_x{} 1 2",
        "eda_handler_x{a=\"\\q\"} 1",
    ] {
        let read = Exposition::read(&format!("{head}{broken}\n")).unwrap();
        assert_eq!(read.0["eda_handler_x"].samples.len(), 1, "{broken}");
    }
}
