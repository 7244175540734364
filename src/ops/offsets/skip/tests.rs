use super::*;

#[test]
fn what_keeps_a_group_from_a_record_is_told_from_having_read_all() {
    let cases = [
        ((5, 5, 5), None),
        ((9, 5, 5), Some("the group is at 9, past the end at 5;")),
        (
            (5, 5, 8),
            Some("a transaction that began at offset 5 is still open"),
        ),
        (
            (6, 5, 8),
            Some("a transaction that began at offset 5 is still open"),
        ),
        ((4, 5, 5), Some("only markers of transactions are left")),
    ];
    for ((position, stable, end), expected) in cases {
        let found = why_nothing(position, stable, end);
        match expected {
            Some(text) => assert!(found.is_some_and(|found| found.starts_with(text)), "{text}"),
            None => assert_eq!(found, None),
        }
    }
}
