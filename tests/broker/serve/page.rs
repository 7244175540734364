//! The page, in a real browser.

use super::super::{PATIENCE, create};
use super::serve_on;
use crate::support::browser::{Browser, ENTER, ESCAPE, is_missing};
use crate::support::{Broker, eda};
use std::path::Path;

/// Text of the cell under a heading in the row of that name; nothing where there is no such row.
fn cell(section: &str, name: &str, column: usize) -> String {
    let name = serde_json::to_string(name).unwrap();
    format!(
        "const row = [...document.querySelectorAll('#{section} > .scroll > table > tbody > tr')]\
         .find((row) => row.cells[0].textContent === {name});\
         return row ? row.cells[{column}].textContent : '';"
    )
}

fn is(script: &str, expected: &str) -> String {
    format!("return (() => {{ {script} }})() === {expected:?}")
}

/// The rows of a section that are seen, by name.
const NAMES: &str = "return [...document.querySelectorAll('#groups > .scroll > table > tbody > tr > th')]\
                     .map((cell) => cell.textContent).join(' ')";

fn own(names: &[(&str, u32)]) -> Broker {
    let broker = Broker::embedded(&[]);
    create(&broker, "order-created", 2);
    produce(&broker, 10);
    for (group, count) in names {
        eda(&[
            "consume",
            "order-created",
            "--group",
            group,
            "-n",
            &count.to_string(),
        ])
        .on(&broker)
        .run()
        .succeeds();
    }
    broker
}

fn produce(broker: &Broker, count: u32) {
    let lines: String = (0..count)
        .map(|n| format!("{{\"partition\":{},\"value\":{n}}}\n", n % 2))
        .collect();
    eda(&["produce", "order-created", "--records"])
        .stdin(lines)
        .on(broker)
        .run()
        .succeeds();
}

#[track_caller]
fn no_complaints(browser: &Browser) {
    let log = browser.log();
    assert!(log.is_empty(), "{log:#?}");
}

#[test]
fn the_lag_changes_while_the_page_is_open() {
    if is_missing("the_lag_changes_while_the_page_is_open") {
        return;
    }
    let broker = own(&[("payment-service", 6), ("audit", 9)]);
    let served = serve_on(&broker, &[]);
    let browser = Browser::start(1280, 800);
    browser.go(&format!("http://{}/", served.address));
    let lag = |group: &str| cell("groups", group, 2);
    browser.wait_until("the lag", &is(&lag("payment-service"), "4"));
    assert_eq!(browser.script(&lag("audit")), "1");
    produce(&broker, 20);
    browser.wait_until("the new lag", &is(&lag("payment-service"), "24"));
    let pictures = tempfile::tempdir().unwrap();
    for (scheme, ground) in [("light", "rgb(246, 247, 248)"), ("dark", "rgb(18, 22, 26)")] {
        browser.prefers(scheme);
        for (width, height) in [(1280, 800), (360, 740)] {
            browser.resize(width, height);
            let seen = "return getComputedStyle(document.body).backgroundColor";
            assert_eq!(browser.script(seen), ground);
            let fits = "return document.documentElement.scrollWidth <= innerWidth";
            assert_eq!(browser.script(fits), true, "{width} wide");
            let path = pictures.path().join(format!("{scheme}-{width}.png"));
            browser.screenshot(&path);
        }
    }
    keep(pictures.path());
    no_complaints(&browser);
    served.ends();
}

/// For one who wants to look at them: `EDA_TEST_PICTURES=FOLDER`.
fn keep(pictures: &Path) {
    let Some(folder) = std::env::var_os("EDA_TEST_PICTURES") else {
        return;
    };
    for picture in std::fs::read_dir(pictures).unwrap() {
        let picture = picture.unwrap();
        std::fs::copy(picture.path(), Path::new(&folder).join(picture.file_name())).unwrap();
    }
}

#[test]
fn everything_is_done_with_the_keyboard() {
    if is_missing("everything_is_done_with_the_keyboard") {
        return;
    }
    let broker = own(&[("payment-service", 6), ("audit", 9), ("analytics", 2)]);
    let served = serve_on(&broker, &[]);
    let browser = Browser::start(1280, 800);
    browser.go(&format!("http://{}/", served.address));
    browser.wait_until(
        "the worst first",
        &is(NAMES, "analytics payment-service audit"),
    );

    browser.press("/");
    assert_eq!(browser.script("return document.activeElement.id"), "filter");
    browser.press("SERV");
    browser.wait_until("the filter", &is(NAMES, "payment-service"));
    browser.press(ESCAPE);
    browser.wait_until("no filter", &is(NAMES, "analytics payment-service audit"));

    browser.tab_to("Group");
    let sorted = "return document.querySelector('#groups thead th').getAttribute('aria-sort')";
    assert_eq!(browser.script(sorted), "none");
    browser.press(ENTER);
    assert_eq!(browser.script(NAMES), "analytics audit payment-service");
    assert_eq!(browser.script(sorted), "ascending");
    browser.press(ENTER);
    assert_eq!(browser.script(NAMES), "payment-service audit analytics");
    let outline = "return getComputedStyle(document.activeElement).outlineStyle";
    assert_eq!(browser.script(outline), "solid", "the focus is seen");

    browser.tab_to("payment-service");
    browser.press(ENTER);
    let partitions = "return [...document.querySelectorAll('.opened tbody th')].map((cell) => cell.textContent).join(' ')";
    browser.wait_until(
        "its partitions",
        &is(partitions, "order-created:0 order-created:1"),
    );
    let expanded = "return document.activeElement.getAttribute('aria-expanded')";
    assert_eq!(browser.script(expanded), "true");
    // The focus stays on the group though its row moves when more is written.
    produce(&broker, 2);
    browser.wait_until(
        "the new lag",
        &is(&cell("groups", "payment-service", 2), "6"),
    );
    assert_eq!(
        browser.script("return document.activeElement.textContent"),
        "payment-service"
    );
    browser.press(ENTER);
    assert_eq!(browser.script(partitions), "");
    let unlabelled = "return [...document.querySelectorAll('table')].filter((table) => !table.caption \
                      || [...table.querySelectorAll('th')].some((cell) => !cell.scope)).length";
    assert_eq!(browser.script(unlabelled), 0);
    no_complaints(&browser);
    served.ends();
}

#[test]
fn names_are_text_whatever_they_are() {
    if is_missing("names_are_text_whatever_they_are") {
        return;
    }
    let hostile = "<img src=x onerror=\"document.title='pwned'\">/../?#'&amp;";
    let broker = own(&[(hostile, 6), ("__proto__", 9)]);
    let served = serve_on(&broker, &[]);
    let browser = Browser::start(1280, 800);
    browser.go(&format!("http://{}/", served.address));
    browser.wait_until("the lag", &is(&cell("groups", hostile, 2), "4"));
    browser.wait_until("the lag", &is(&cell("groups", "__proto__", 2), "1"));
    browser.tab_to(hostile);
    browser.press(ENTER);
    browser.wait_until(
        "its partitions",
        "return document.querySelectorAll('.opened tbody th').length === 2",
    );
    assert_eq!(
        browser.script("return document.querySelectorAll('img').length"),
        0
    );
    let title = browser.script("return document.title");
    assert!(!title.as_str().unwrap().contains("pwned"), "{title}");
    no_complaints(&browser);
    served.ends();
}

#[test]
fn the_page_says_that_the_broker_is_gone_and_goes_on_by_itself() {
    if is_missing("the_page_says_that_the_broker_is_gone_and_goes_on_by_itself") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let first = Broker::embedded_in(folder.path());
    create(&first, "orders", 1);
    let served = serve_on(&first, &["--timeout", "2s"]);
    let browser = Browser::start(1280, 800);
    browser.go(&format!("http://{}/", served.address));
    let says = |text: &str| {
        format!("return document.querySelector('#connection').textContent.includes({text:?})")
    };
    browser.wait_until("a connection", &says("connected"));
    first.kill();
    browser.wait_until("the outage", &says("broker unreachable since"));
    browser.wait_until("what was seen", &says("last seen"));
    let spoken =
        "return document.querySelector('[role=status]').textContent.includes('unreachable')";
    browser.wait_until("that it is spoken", spoken);
    assert_eq!(browser.script(&cell("topics", "orders", 2)), "0");
    let data = ["--data", folder.path().to_str().unwrap()];
    let second = Broker::embedded_at(first.address(), &data);
    browser.wait_until("the recovery", &says("connected"));
    no_complaints(&browser);
    // The server goes, and another comes in its place.
    let address = served.address.clone();
    served.ends();
    browser.wait_until("that the server is gone", &says("is gone since"));
    let again = eda(&["serve", &address, "--every", "200ms"])
        .on(&second)
        .spawn();
    browser.wait_until("the next one", &says("connected"));
    again.terminate();
    again.wait(PATIENCE).succeeds();
}
