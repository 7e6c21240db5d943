//! Chromium and what steers it.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::session::Session;
use crate::shop::Shop;
use crate::window::Window;

/// How long a driver may take to start, with others doing the same.
const PATIENCE: Duration = Duration::from_mins(2);

/// Browsers of one test, which end with it.
pub(crate) struct Chromium {
    driver: Child,
    address: SocketAddr,
    /// Kept open: a driver that can't say anything any more ends.
    _says: BufReader<ChildStdout>,
}

/// How a window looks, and what its visitor allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) size: Size,
    pub(crate) is_dark: bool,
    pub(crate) runs_scripts: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Desktop,
    Phone,
}

impl Look {
    pub(crate) const DESKTOP: Self =
        Self { size: Size::Desktop, is_dark: false, runs_scripts: true };
    pub(crate) const PHONE: Self = Self { size: Size::Phone, ..Self::DESKTOP };

    pub(crate) fn without_script(self) -> Self {
        Self { runs_scripts: false, ..self }
    }

    pub(crate) fn dark(self, is_dark: bool) -> Self {
        Self { is_dark, ..self }
    }
}

impl Size {
    /// In pixels of the page, and how many of the screen each is wide.
    pub(crate) fn metrics(self) -> (u32, u32, u32) {
        match self {
            Self::Desktop => (1280, 900, 1),
            Self::Phone => (360, 740, 2),
        }
    }
}

impl Chromium {
    pub(crate) async fn start() -> Self {
        let mut driver = Command::new(program("TICKETING_TEST_CHROMEDRIVER"))
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("the driver starts");
        let mut says = BufReader::new(driver.stdout.take().unwrap());
        let port = tokio::time::timeout(PATIENCE, port_of(&mut says)).await;
        let port = port.expect("the driver did not start");
        Self { driver, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), _says: says }
    }

    /// A browser with a profile of its own: somebody else's.
    pub(crate) async fn window(&self, shop: &Shop, look: Look) -> Window {
        let profile = tempfile::tempdir().unwrap();
        let session = Session::begin(self.address, wishes(&profile, look)).await;
        let home = format!("http://{}", shop.server.address());
        let window = Window::new(session, home, profile);
        window.wears(look.is_dark).await;
        window
    }
}

/// Ends the browsers too, also those of a test that fails.
impl Drop for Chromium {
    fn drop(&mut self) {
        let asked = TcpStream::connect(self.address).and_then(|mut stream| {
            stream.set_read_timeout(Some(Duration::from_secs(10)))?;
            stream.write_all(b"GET /shutdown HTTP/1.1\r\nHost: localhost\r\n\r\n")?;
            stream.read(&mut [0; 64])
        });
        if asked.is_err() {
            drop(self.driver.start_kill());
        }
    }
}

/// Where something is that tests need; they fail where there is none.
pub(crate) fn program(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: eval \"$(scripts/services env browser)\" sets it")
    })
}

async fn port_of(says: &mut BufReader<ChildStdout>) -> u16 {
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(says.read_line(&mut line).await.unwrap(), 0, "the driver ended");
        if let Some(port) = line.split("started successfully on port ").nth(1) {
            return port.trim_end().trim_end_matches('.').parse().unwrap();
        }
    }
}

fn wishes(profile: &TempDir, look: Look) -> Value {
    let (width, height, ratio) = look.size.metrics();
    let folder = format!("--user-data-dir={}", profile.path().display());
    let size = format!("--window-size={width},{height}");
    let flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        &folder,
        &size,
    ];
    let mut chrome = json!({
        "binary": program("TICKETING_TEST_CHROMIUM"),
        "args": flags,
        "prefs": {
            "intl.accept_languages": "en-US,en",
            "profile.managed_default_content_settings.javascript": if look.runs_scripts { 1 } else { 2 },
        },
    });
    if look.size == Size::Phone {
        let metrics = json!({
            "width": width, "height": height, "pixelRatio": ratio, "mobile": true, "touch": true,
        });
        chrome["mobileEmulation"] = json!({ "deviceMetrics": metrics });
    }
    json!({
        "browserName": "chrome",
        "goog:chromeOptions": chrome,
        "goog:loggingPrefs": { "browser": "ALL" },
        // A dialog that a page opens stays, so that a test sees it.
        "unhandledPromptBehavior": "ignore",
        "timeouts": { "script": 60_000 },
    })
}
