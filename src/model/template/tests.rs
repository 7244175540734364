use super::*;
use crate::model::record::{Header, Record, RecordRef, TimestampType};
use crate::model::tests::cases;
use proptest::collection::vec;
use proptest::prelude::*;

fn record() -> Record {
    Record {
        topic: "order-created".to_owned(),
        partition: 1,
        offset: 42,
        timestamp: Some((1_764_000_000_123, TimestampType::Create)),
        key: Some(b"order-7".to_vec()),
        value: Some(b"{\"a\":1}".to_vec()),
        headers: vec![
            Header::text("trace", "00-1"),
            Header {
                name: "flag".to_owned(),
                value: None,
            },
        ],
    }
}

fn written(template: &str, record: &Record) -> String {
    let template: Template = template.parse().unwrap();
    let mut out = Vec::new();
    template.write(&RecordRef::from(record), &mut out);
    String::from_utf8(out).unwrap()
}

fn refusal(template: &str) -> String {
    template.parse::<Template>().unwrap_err().to_string()
}

#[test]
fn every_verb_writes_its_part() {
    let cases = [
        (r"%k\t%v\n", "order-7\t{\"a\":1}\n"),
        (r"%t[%p]@%o", "order-created[1]@42"),
        ("%T %K %V %H", "13 7 7 2"),
        ("%h{%k=%v;}", "trace=00-1;flag=;"),
        ("%h{%K%{%V%}}", "5{4}4{0}"),
        ("%d", "1764000000123"),
        ("%d{rfc3339}", "2025-11-24T16:00:00.123Z"),
        ("%d{strftime[%F %T]}", "2025-11-24 16:00:00"),
        (r"%%%{%}{}\\\x41\0", "%{}{}\\A\0"),
        (
            "%k{hex} %k{base64} %k{base64raw}",
            "6f726465722d37 b3JkZXItNw== b3JkZXItNw",
        ),
        (
            "%o{hex} %o{hex64} %o{hex4} %o{bool}",
            "2a 000000000000002a a true",
        ),
        ("%o{big32}%o{little16}%o{byte}", "\0\0\0**\0*"),
        (r#"{"key":"%k"}é"#, r#"{"key":"order-7"}é"#),
    ];
    for (template, expected) in cases {
        assert_eq!(written(template, &record()), expected, "{template}");
    }
}

#[test]
fn what_a_record_lacks_is_written_as_nothing() {
    let bare = Record {
        timestamp: None,
        key: None,
        value: None,
        headers: Vec::new(),
        ..record()
    };
    assert_eq!(
        written("<%k|%v|%K|%H|%h{x}|%d|%d{rfc3339}>", &bare),
        "<||0|0||-1|>"
    );
    let number = |number| Record {
        offset: number,
        ..record()
    };
    assert_eq!(written("%o", &number(i64::MIN)), i64::MIN.to_string());
    assert_eq!(written("%o", &number(0)), "0");
}

#[test]
fn a_wrong_template_says_where_and_what_is_known() {
    let cases = [
        ("a%q", "position 2: `%q` is not known; known are %t %k %v"),
        (
            "%h{%p}",
            "position 4: `%p` is not known within `%h{…}`; known are %k %v %K %V %%",
        ),
        ("%h %v", "position 1: `%h` takes a pattern in braces"),
        ("%h{%k", "position 3: `{` is never closed"),
        ("%k{hex", "position 3: `{` is never closed"),
        (
            "%k{xml}",
            "position 4: `xml` is not a form of `%k`; known are hex, base64",
        ),
        (
            "%p{roman}",
            "position 4: `roman` is not a form of `%p`; known are ascii,",
        ),
        (
            "%d{go[2006]}",
            "position 4: `go[2006]` is not a form of `%d`; known are rfc3339,",
        ),
        ("%d{strftime[%!]}", "position 4: `%!` is no form of time"),
        (r"é\q", r"position 2: `\q` is not known; known are \t"),
        (r"\x4", r"position 1: `\x` takes two hexadecimal digits"),
        ("100%", "position 4: a lone `%` at the end"),
        ("\\", "position 1: a lone `\\` at the end"),
    ];
    for (template, expected) in cases {
        let refusal = refusal(template);
        assert!(refusal.starts_with(expected), "{template}: {refusal}");
    }
}

fn reader(template: &str) -> Reader {
    template.parse::<Template>().unwrap().reader().unwrap()
}

/// Keys and values, the input given at once.
fn all(template: &str, input: &[u8]) -> Result<Vec<(String, String)>, ReadError> {
    let reader = reader(template);
    let text = |part: &Option<std::borrow::Cow<'_, [u8]>>| match part {
        Some(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        None => "null".to_owned(),
    };
    let (mut at, mut found) = (0, Vec::new());
    while let Some((parts, taken)) = reader.read(&input[at..], true)? {
        found.push((text(&parts.key), text(&parts.value)));
        at += taken;
    }
    Ok(found)
}

/// Keys and values.
type Pairs<'a> = &'a [(&'a str, &'a str)];

fn pairs(pairs: Pairs<'_>) -> Vec<(String, String)> {
    let owned = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    pairs.iter().map(owned).collect()
}

#[test]
fn texts_end_at_their_delimiters() {
    let cases: [(&str, &str, Pairs<'_>); 8] = [
        (
            r"%k\t%v\n",
            "a\tb\tc\n\t\nd\te",
            &[("a", "b\tc"), ("", ""), ("d", "e")],
        ),
        (
            r"%v\n",
            "a\n\nb\n",
            &[("null", "a"), ("null", ""), ("null", "b")],
        ),
        (r"%k\n%v\n", "a\nb\nc\nd", &[("a", "b"), ("c", "d")]),
        ("%k==%v;;", "a=b==c;d;;e==;;", &[("a=b", "c;d"), ("e", "")]),
        ("%v", "a\nb\n", &[("null", "a\nb\n")]),
        ("<%v|%k>", "<a|b><c|d>", &[("b", "a"), ("d", "c")]),
        (r"%v{hex}\t%k{base64}\n", "6162\tYw==\n", &[("c", "ab")]),
        (r"%t %p %o %k %v\n", "orders 1 7 a b\n", &[("a", "b")]),
    ];
    for (template, input, expected) in cases {
        assert_eq!(
            all(template, input.as_bytes()).unwrap(),
            pairs(expected),
            "{template}"
        );
    }
}

#[test]
fn lengths_go_before_what_they_measure() {
    let sized = all("%K{big16}%k%V %v", b"\0\x02\n\n3 a\nb\0\x001 c").unwrap();
    assert_eq!(sized, pairs(&[("\n\n", "a\nb"), ("", "c")]));
    let reader = reader(r"%k %H %h{%k=%v,}%d\n");
    let (parts, taken) = reader.read(b"a 2 x=1,y=,17\nb", false).unwrap().unwrap();
    assert_eq!(taken, 14);
    assert_eq!(parts.timestamp, Some(17));
    let headers: Vec<(&[u8], &[u8])> = parts.headers.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(headers, [(b"x".as_slice(), b"1".as_slice()), (b"y", b"")]);
}

#[test]
fn a_record_that_is_not_as_the_template_says_is_named() {
    let cases = [
        (r"%k\t%v\n", "ab\nc\td\n", r"`\t` is missing after `%k`"),
        (r"%k\n%v\n", "ab", r"`\n` is missing after `%k`"),
        (
            r"%p %v\n",
            "one a\n",
            "`%p` is not a number of the template's form",
        ),
        (r"%v{hex}\n", "6\n", "`%v` is not hexadecimal"),
        (r"%v{base64}\n", "Y\n", "`%v` is not base64"),
        ("<%v>", "a>", "`<` is missing"),
        (
            r"%v %p\n",
            "a 1b\n",
            "the record goes on after what the template says",
        ),
        ("%V %v", "5 abc", "the input ends within the record"),
        ("%K{big32}%k", "\0\0", "the input ends within the record"),
        (
            "%K %k",
            "-1 a",
            "`%K` is not a number of the template's form",
        ),
    ];
    for (template, input, expected) in cases {
        let error = all(template, input.as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), expected, "{template}");
    }
}

#[test]
fn a_template_that_cannot_be_read_says_why() {
    let cases = [
        ("%k%v", "nothing says where `%k` ends"),
        (r"%t\n", "it holds neither `%k` nor `%v`"),
        ("%v %v", "it holds `%v` twice"),
        ("%d{rfc3339} %v", "`%d` is read in milliseconds"),
        (
            "%h{%k=%v }%v",
            "`%h{…}` needs the number of headers, `%H`, before it",
        ),
    ];
    for (template, expected) in cases {
        let refused = template.parse::<Template>().unwrap().reader().unwrap_err();
        assert!(refused.reason.ends_with(expected), "{template}: {refused}");
    }
}

proptest! {
    #![proptest_config(cases(256))]

    /// However the input is cut into blocks, and whatever the bytes, sized records come back as they were.
    #[test]
    fn what_is_written_with_lengths_is_read_back(
        records in vec((vec(any::<u8>(), 0..40), vec(any::<u8>(), 0..40), vec(("[a-z]{0,5}", vec(any::<u8>(), 0..9)), 0..3)), 1..9),
        block in 1_usize..50,
    ) {
        let template: Template = "%K{big32}%k%V:%v%H{hex8}%h{%K{byte}%k%V{little16}%v}%d{big64}".parse().unwrap();
        let mut input = Vec::new();
        for (key, value, headers) in &records {
            let headers = headers.iter().map(|(name, value)| Header::new(name.as_str(), value.as_slice())).collect();
            let record = Record { key: Some(key.clone()), value: Some(value.clone()), headers, ..record() };
            template.write(&RecordRef::from(&record), &mut input);
        }
        let reader = template.reader().unwrap();
        let (mut at, mut end) = (0, 0);
        let mut found = Vec::new();
        loop {
            match reader.read(&input[at..end], end == input.len()).unwrap() {
                Some((parts, taken)) => {
                    at += taken;
                    prop_assert_eq!(parts.timestamp, Some(1_764_000_000_123));
                    let headers: Vec<_> = parts.headers.iter().map(|(n, v)| (String::from_utf8(n.to_vec()).unwrap(), v.to_vec())).collect();
                    found.push((parts.key.unwrap().into_owned(), parts.value.unwrap().into_owned(), headers));
                }
                None if end == input.len() => break,
                None => end = (end + block).min(input.len()),
            }
        }
        prop_assert_eq!(found, records);
    }

    #[test]
    fn no_text_and_no_input_makes_it_panic(text in "\\PC{0,20}", verbs in "(%[a-zA-Z%](\\{[a-z0-9]{0,8}\\})?|[\\\\a-z ]){0,6}", input in vec(any::<u8>(), 0..60)) {
        for text in [text, verbs] {
            let Ok(template) = text.parse::<Template>() else { continue };
            template.write(&RecordRef::from(&record()), &mut Vec::new());
            if let Ok(reader) = template.reader() {
                let _ = reader.read(&input, false);
                let _ = reader.read(&input, true);
            }
        }
    }
}
