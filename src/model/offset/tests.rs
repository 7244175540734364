use super::Position::{AfterBeginning, At, BeforeEnd, Beginning, End, Stored, Time};
use super::*;
use crate::model::tests::cases;
use proptest::prelude::*;

/// 2026-01-02T03:04:05Z
const T1: i64 = 1_767_323_045_000;
const HOUR: i64 = 3_600_000;

fn ago(minutes: u64) -> Position {
    Time(Moment::Ago(Duration::from_secs(60 * minutes)))
}

fn at(milliseconds: i64) -> Position {
    Time(Moment::At(milliseconds))
}

#[test]
fn ranges_are_read_as_documented() {
    let day = 24 * HOUR;
    let midnight = T1 - T1 % day;
    let cases = [
        ("beginning", Beginning, None),
        ("start", Beginning, None),
        ("earliest", Beginning, None),
        ("oldest", Beginning, None),
        ("end", End, None),
        ("latest", End, None),
        ("newest", End, None),
        ("stored", Stored, None),
        ("-5", BeforeEnd(5), None),
        ("+5", AfterBeginning(5), None),
        ("5", At(5), None),
        ("5:10", At(5), Some(At(10))),
        ("5:5", At(5), Some(At(5))),
        ("+5:+10", AfterBeginning(5), Some(AfterBeginning(10))),
        ("-10:-5", BeforeEnd(10), Some(BeforeEnd(5))),
        ("5:end", At(5), Some(End)),
        (":end", Beginning, Some(End)),
        (":10", Beginning, Some(At(10))),
        (":@-1h", Beginning, Some(ago(60))),
        ("5:@2026-01-02T03:04:05Z", At(5), Some(at(T1))),
        ("@1764000000000", at(1_764_000_000_000), None),
        (
            "@1764000000000:1764000000001",
            at(1_764_000_000_000),
            Some(at(1_764_000_000_001)),
        ),
        ("@-1h", ago(60), None),
        ("@-1h30m", ago(90), None),
        ("@-1h:-30m", ago(60), Some(ago(30))),
        ("@-1h:@-30m", ago(60), Some(ago(30))),
        ("@-1h:end", ago(60), Some(End)),
        ("@-1h:-5", ago(60), Some(BeforeEnd(5))),
        ("@2026-01-02", at(midnight), None),
        (
            "@2026-01-02:2026-01-03",
            at(midnight),
            Some(at(midnight + day)),
        ),
        ("@2026-01-02T03:04:05Z", at(T1), None),
        ("@2026-01-02T03:04:05.250Z", at(T1 + 250), None),
        (
            "@2026-01-02T03:04:05Z:2026-01-02T04:04:05Z",
            at(T1),
            Some(at(T1 + HOUR)),
        ),
        (
            "@2026-01-02T03:04:05Z:@2026-01-02T04:04:05Z",
            at(T1),
            Some(at(T1 + HOUR)),
        ),
        ("@2026-01-02T03:04:05Z:-30m", at(T1), Some(ago(30))),
        ("@2026-01-02T04:04:05+01:00", at(T1), None),
        (
            "@2026-01-02T04:04:05+01:00:2026-01-02T05:04:05+01:00",
            at(T1),
            Some(at(T1 + HOUR)),
        ),
        ("@2026-01-02T04:04:05+01:00:end", at(T1), Some(End)),
        (
            "@2026-01-02T04:04:05+01:00:1767326645000",
            at(T1),
            Some(at(T1 + HOUR)),
        ),
        (
            "@2026-01-02:2026-01-02T04:04:05Z",
            at(midnight),
            Some(at(T1 + HOUR)),
        ),
    ];
    for (text, start, end) in cases {
        assert_eq!(text.parse(), Ok(Range { start, end }), "{text}");
    }
}

#[test]
fn what_cannot_be_read_says_what_could() {
    let offset = "write `beginning`, `end`, `stored`, N, `+N`, `-N`, `@TIME` or `@-1h`";
    let time = "write `2026-01-02T03:04:05Z`, `2026-01-02` (midnight UTC), milliseconds since 1970 or `-1h`";
    let cases = [
        ("json", "`json` is not an offset: to choose how output looks, write `--output json`".to_owned()),
        ("", format!("`` is not an offset: {offset}")),
        (":", format!("`` is not an offset: {offset}")),
        ("begining", format!("`begining` is not an offset: {offset}")),
        ("5:x", format!("`x` is not an offset: {offset}")),
        ("--5", format!("`--5` is not an offset: {offset}")),
        ("99999999999999999999", format!("`99999999999999999999` is not an offset: {offset}")),
        ("-1h", "`-1h` is a time, not an offset: write `@-1h`".to_owned()),
        ("2026-01-02", "`2026-01-02` is a time, not an offset: write `@2026-01-02`".to_owned()),
        ("@1h", "`1h` is a time to come: write `-1h` for that long ago".to_owned()),
        ("@noon", format!("`noon` is not a time: {time}")),
        (
            "@2026-01-02T03:04:05",
            "`2026-01-02T03:04:05` does not say its time zone: add `Z` for UTC, or an offset such as `+01:00`".to_owned(),
        ),
        ("5:", "`5:` ends with `:` and says no end: leave the `:` out to go on to the end".to_owned()),
        ("10:5", "`10:5` ends before it starts".to_owned()),
        ("-5:-10", "`-5:-10` ends before it starts".to_owned()),
        ("@-1h:-2h", "`@-1h:-2h` ends before it starts".to_owned()),
        ("5:stored", "`stored` cannot be where `5:stored` ends: a commit is where reading starts".to_owned()),
    ];
    for (text, expected) in cases {
        assert_eq!(
            text.parse::<Range>().unwrap_err().to_string(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn moments_resolve_against_the_given_now() {
    assert_eq!(Moment::At(5).resolve(T1), 5);
    assert_eq!("-1h".parse::<Moment>().unwrap().resolve(T1), T1 - HOUR);
    assert_eq!(Moment::Ago(Duration::MAX).resolve(i64::MIN), i64::MIN);
}

proptest! {
    #![proptest_config(cases(1000))]

    #[test]
    fn nothing_typed_panics(text in "[-+@:0-9TZhmd.]{0,40}|.*") {
        let _ = text.parse::<Range>();
    }

    #[test]
    fn a_range_is_read_as_it_is_shown(start in position(), end in proptest::option::of(position())) {
        // Behind a time a bare number is a time as well.
        if matches!((start, end), (Time(_), Some(At(_)))) {
            return Ok(());
        }
        if let Some(end) = end && checked("", start, end).is_err() {
            return Ok(());
        }
        let range = Range { start, end };
        prop_assert_eq!(range.to_string().parse(), Ok(range));
    }
}

fn position() -> impl Strategy<Value = Position> {
    prop_oneof![
        Just(Beginning),
        Just(End),
        Just(Stored),
        (0..i64::MAX).prop_map(At),
        (0..i64::MAX).prop_map(BeforeEnd),
        (0..i64::MAX).prop_map(AfterBeginning),
        (-10_000_000_000_000..100_000_000_000_000_i64).prop_map(at),
        (0..10_000_000_u64).prop_map(ago),
    ]
}
