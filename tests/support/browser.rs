//! A real browser without a window: Chromium, driven by WebDriver (W3C), which chromedriver speaks on the loopback address.

use super::excuses::excuse;
use super::http::Client;
use super::keeper::Keeper;
use super::wait::wait_for;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Longer than a page takes on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys that have no letter, as WebDriver writes them.
pub const TAB: &str = "\u{e004}";
pub const ENTER: &str = "\u{e007}";
pub const ESCAPE: &str = "\u{e00c}";

/// Whether the test goes without a browser: said and counted, and in CI a failure.
#[track_caller]
pub fn is_missing(test: &str) -> bool {
    let has = |program: &str| {
        let version = Command::new(program).arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    };
    if has("chromedriver") && has("chromium") {
        return false;
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "chromium and chromedriver are not installed, and CI is to have them"
    );
    excuse(
        test,
        "needs Chromium and chromedriver, which are not installed",
    );
    true
}

/// A window, and the browser it belongs to; both end when this is dropped.
#[derive(Debug)]
pub struct Browser {
    driver: Keeper,
    address: String,
    session: String,
}

impl Browser {
    /// Opens a window of this size.
    #[track_caller]
    pub fn start(width: u32, height: u32) -> Browser {
        let folder = tempfile::tempdir().unwrap().keep();
        let profile = folder.join("profile");
        let (driver, lines) =
            Keeper::start_ended_by("TERM", "chromedriver", &["--port=0".into()], folder).unwrap();
        let port = loop {
            let line = lines.next(PATIENCE).unwrap_or_else(|reason| {
                panic!("chromedriver: {reason}\n{}", driver.log());
            });
            if let Some((_, port)) = line.split_once("started successfully on port ") {
                break port.trim_end_matches('.').to_owned();
            }
        };
        let mut browser = Browser {
            driver,
            address: format!("127.0.0.1:{port}"),
            session: String::new(),
        };
        let profile = format!("--user-data-dir={}", profile.display());
        let arguments = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            profile.as_str(),
        ];
        let capabilities = json!({"alwaysMatch": {
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"args": arguments},
        }});
        let opened = browser.command("POST", "/session", &json!({"capabilities": capabilities}));
        let session = opened["sessionId"].as_str().expect("a session has an id");
        browser.session = format!("/session/{session}");
        browser.resize(width, height);
        browser
    }

    /// The page is seen at this size from now on.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        let size =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", size);
    }

    /// What the person has set: `light` or `dark`.
    #[track_caller]
    pub fn prefers(&self, scheme: &str) {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.devtools("Emulation.setEmulatedMedia", json!({"features": features}));
    }

    #[track_caller]
    fn devtools(&self, command: &str, parameters: Value) {
        let body = json!({"cmd": command, "params": parameters});
        self.ask("/goog/cdp/execute", &body);
    }

    #[track_caller]
    pub fn go(&self, url: &str) {
        self.ask("/url", &json!({"url": url}));
    }

    /// What a script returns that is run in the page.
    #[track_caller]
    pub fn script(&self, script: &str) -> Value {
        self.ask("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Waits until the script returns true, and fails with what the page shows when it does not.
    #[track_caller]
    pub fn wait_until(&self, what: &str, script: &str) {
        let come = || (self.script(script) == true).then_some(());
        if wait_for(PATIENCE, come).is_none() {
            let text = self.script("return document.body.innerText");
            panic!(
                "waited {PATIENCE:?} for {what} in\n{}",
                text.as_str().unwrap_or_default()
            );
        }
    }

    /// Presses keys, one after the other.
    #[track_caller]
    pub fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let keyboard =
            json!({"type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>()});
        self.ask("/actions", &json!({"actions": [keyboard]}));
    }

    /// Goes on with Tab until what has the focus shows this text.
    #[track_caller]
    pub fn tab_to(&self, text: &str) {
        for _ in 0..100 {
            self.press(TAB);
            if self.script("return document.activeElement.textContent") == text {
                return;
            }
        }
        panic!("`{text}` cannot be reached with Tab");
    }

    /// What the page's console was told, and what the browser had to say of the page.
    #[track_caller]
    pub fn log(&self) -> Vec<String> {
        let entries = self.ask("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        entries.iter().map(Value::to_string).collect()
    }

    /// Keeps a picture of what is seen.
    #[track_caller]
    pub fn screenshot(&self, path: &Path) {
        let picture = self.command("GET", &format!("{}/screenshot", self.session), &Value::Null);
        let picture = STANDARD.decode(picture.as_str().unwrap()).unwrap();
        assert!(picture.starts_with(b"\x89PNG"));
        std::fs::write(path, picture).unwrap();
    }

    #[track_caller]
    fn ask(&self, path: &str, body: &Value) -> Value {
        self.command("POST", &format!("{}{path}", self.session), body)
    }

    #[track_caller]
    fn command(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        let mut client = Client::connect(&self.address);
        client.send(
            format!(
                "{method} {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
                self.address,
                body.len()
            )
            .as_bytes(),
        );
        let answer = client.answer(true);
        let answer = answer.unwrap_or_else(|| {
            panic!("chromedriver does not answer {path}\n{}", self.driver.log());
        });
        let value: Value = serde_json::from_str(&answer.body).expect("chromedriver speaks JSON");
        assert_eq!(answer.status, 200, "{path}: {}", value["value"]["message"]);
        value["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser goes with its session; the driver goes with its keeper.
        if !self.session.is_empty() {
            let path = self.session.clone();
            let close = || self.command("DELETE", &path, &Value::Null);
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(close));
        }
    }
}
