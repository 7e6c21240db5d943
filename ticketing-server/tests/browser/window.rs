//! A window of a browser, and what a person does in one.

use std::time::Duration;

use axum::http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::Browser;
use crate::habits::PASSWORD;
use crate::session::{Failure, Session};

/// How long to look for what must come to be, on a machine that is busy.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long between two looks.
const A_BLINK: Duration = Duration::from_millis(40);

/// The window of somebody.
#[derive(Debug)]
pub(crate) struct Window {
    session: Session,
    home: String,
    /// Removed when the window is gone.
    _profile: TempDir,
}

impl Window {
    pub(crate) fn new(session: Session, home: String, profile: TempDir) -> Self {
        Self { session, home, _profile: profile }
    }

    /// Light or dark, as its visitor likes it.
    pub(crate) async fn wears(&self, is_dark: bool) {
        let scheme = if is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.tell("Emulation.setEmulatedMedia", json!({ "features": features })).await;
    }

    /// Tells the browser itself.
    pub(crate) async fn tell(&self, command: &str, parameters: Value) -> Value {
        let told = json!({ "cmd": command, "params": parameters });
        self.session.say(Method::POST, "/goog/cdp/execute", told).await
    }

    pub(crate) async fn open(&self, path: &str) {
        let address = json!({ "url": format!("{}{path}", self.home) });
        self.session.say(Method::POST, "/url", address).await;
    }

    /// Whoever that is, is who uses this window.
    pub(crate) async fn is_used_by(&self, who: &Browser) {
        let session = who.cookie("session").expect("somebody who is signed in");
        let cookie = json!({
            "name": "session", "value": session, "url": self.home, "httpOnly": true,
            "sameSite": "Lax",
        });
        self.tell("Network.setCookie", cookie).await;
    }

    /// Nobody is signed in here.
    pub(crate) async fn is_used_by_nobody(&self) {
        self.tell("Network.clearBrowserCookies", json!({})).await;
    }

    /// Path and query.
    pub(crate) async fn path(&self) -> String {
        let url = self.session.say(Method::GET, "/url", json!({})).await;
        let url = url.as_str().unwrap_or_default();
        url.strip_prefix(&self.home).unwrap_or(url).to_owned()
    }

    /// What can be read, with plain spaces. Nothing while a page gives way to another.
    pub(crate) async fn text(&self) -> String {
        let read = async { self.session.find("css selector", "body").await?.text().await };
        let text = passing(read.await).unwrap_or_default();
        text.replace('\u{a0}', " ")
    }

    /// Looks until the page reads so.
    pub(crate) async fn reads(&self, text: &str) {
        self.until(text, async || self.text().await.contains(text)).await;
    }

    /// Looks until the window shows a page whose address begins so.
    pub(crate) async fn is_at(&self, path: &str) {
        self.until(&format!("at {path}"), async || self.path().await.starts_with(path)).await;
    }

    /// Looks until it is so.
    #[expect(clippy::future_not_send, reason = "whoever looks does so on one thread")]
    pub(crate) async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        let looking = async {
            while !is_so().await {
                tokio::time::sleep(A_BLINK).await;
            }
        };
        if tokio::time::timeout(PATIENCE, looking).await.is_err() {
            let (path, text) = (self.path().await, self.text().await);
            panic!("it never came to be: {what}\nThe page at {path} reads:\n{text}");
        }
    }

    /// Presses a button, or follows a link, with this text on it.
    pub(crate) async fn press(&self, label: &str) {
        let with_label = format!(
            "//*[self::button or self::a][normalize-space(translate(., '\u{a0}', ' '))='{label}']"
        );
        self.until(&format!("pressed {label}"), async || self.pressed(&with_label).await).await;
    }

    /// Chooses what stands in the label of a field.
    pub(crate) async fn choose(&self, label: &str) {
        let with_label = format!("//label[normalize-space()='{label}']/input");
        self.until(&format!("chosen {label}"), async || self.pressed(&with_label).await).await;
    }

    /// Whether it was there to be pressed, and was. A page may just give way to another.
    async fn pressed(&self, path: &str) -> bool {
        let pressed = async { self.session.find("xpath", path).await?.click().await };
        passing(pressed.await).is_some()
    }

    /// Types into the field with that id, in the place of what was there.
    pub(crate) async fn fill(&self, id: &str, text: &str) {
        let field = format!("#{id}");
        self.until(&format!("filled in {id}"), async || {
            let filled = async {
                let field = self.session.find("css selector", &field).await?;
                field.clear().await?;
                field.type_in(text).await
            };
            passing(filled.await).is_some()
        })
        .await;
    }

    /// What stands in the field with that id.
    pub(crate) async fn value(&self, id: &str) -> String {
        let field = self.session.find("css selector", &format!("#{id}")).await.unwrap();
        field.value().await.unwrap()
    }

    /// Presses keys one after the other, wherever the focus is.
    pub(crate) async fn types(&self, keys: &str) {
        let pressed = |key: char| {
            [json!({ "type": "keyDown", "value": key }), json!({ "type": "keyUp", "value": key })]
        };
        let actions: Vec<Value> = keys.chars().flat_map(pressed).collect();
        let keyboard = json!({ "type": "key", "id": "keyboard", "actions": actions });
        self.session.say(Method::POST, "/actions", json!({ "actions": [keyboard] })).await;
    }

    /// What a script in the page answers.
    pub(crate) async fn asks<T: DeserializeOwned>(&self, script: &str) -> T {
        let asked = json!({ "script": script, "args": [] });
        let answer = self.session.say(Method::POST, "/execute/sync", asked).await;
        serde_json::from_value(answer).unwrap()
    }

    /// Errors that the browser noted since it was asked last.
    pub(crate) async fn errors(&self) -> Vec<String> {
        let log = self.session.say(Method::POST, "/se/log", json!({ "type": "browser" })).await;
        let entries = log.as_array().expect("a log").iter();
        // A form that is refused is noted as a failure of the network.
        let errors = entries.filter(|it| it["level"] == "SEVERE" && it["source"] != "network");
        errors.map(|entry| entry["message"].to_string()).collect()
    }

    /// Whether a page has opened a dialog.
    pub(crate) async fn has_dialog(&self) -> bool {
        self.session.try_to(Method::GET, "/alert/text", json!({})).await.is_ok()
    }

    /// Opens another tab of the same browser, which is used from now on. Answers the one before.
    pub(crate) async fn opens_tab(&self) -> Value {
        let first = self.session.say(Method::GET, "/window", json!({})).await;
        let tab = self.session.say(Method::POST, "/window/new", json!({ "type": "tab" })).await;
        self.turns_to(&tab["handle"]).await;
        first
    }

    /// Uses another tab from now on.
    pub(crate) async fn turns_to(&self, tab: &Value) {
        self.session.say(Method::POST, "/window", json!({ "handle": tab })).await;
    }

    /// Sends a form from this page, as it was filled in by somebody who does not care for its fields.
    pub(crate) async fn sends(&self, path: &str, fields: &[(&str, &str)]) {
        const SEND: &str = "const form = document.createElement('form'); \
             [form.method, form.action] = ['post', arguments[0]]; \
             for (const [name, value] of arguments[1]) { \
                 const field = document.createElement('textarea'); \
                 [field.name, field.value] = [name, value]; form.append(field); } \
             document.body.append(form); setTimeout(() => form.submit());";
        let asked = json!({ "script": SEND, "args": [path, fields] });
        self.session.say(Method::POST, "/execute/sync", asked).await;
    }

    /// Whether there is such a thing on the page.
    pub(crate) async fn has(&self, selector: &str) -> bool {
        passing(self.session.find("css selector", selector).await).is_some()
    }

    /// A picture of all of the page, as PNG in base64.
    pub(crate) async fn picture(&self) -> String {
        let page = self.tell("Page.getLayoutMetrics", json!({})).await["cssContentSize"].clone();
        let clip = json!({
            "x": 0, "y": 0, "width": page["width"], "height": page["height"], "scale": 1,
        });
        let wanted = json!({ "format": "png", "captureBeyondViewport": true, "clip": clip });
        let picture = self.tell("Page.captureScreenshot", wanted).await;
        picture["data"].as_str().expect("a picture").to_owned()
    }

    pub(crate) async fn signs_up(&self, email: &str) {
        self.fill("email", email).await;
        self.fill("password", PASSWORD).await;
        self.press_the("main form button").await;
    }

    /// Presses what this selector finds first.
    pub(crate) async fn press_the(&self, selector: &str) {
        self.until(&format!("pressed {selector}"), async || {
            let pressed =
                async { self.session.find("css selector", selector).await?.click().await };
            passing(pressed.await).is_some()
        })
        .await;
    }
}

/// What a command answered; nothing while a page gives way to another.
fn passing<T>(answer: Result<T, Failure>) -> Option<T> {
    match answer {
        Ok(answer) => Some(answer),
        Err(failure) if failure.is_passing() => None,
        Err(failure) => panic!("{failure:?}"),
    }
}
