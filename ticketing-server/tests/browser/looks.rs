//! What keeps people out of a page: a page that is wider than their phone, colours that can't be told
//! apart, fields that nobody names. axe-core looks for the latter.

use crate::chromium::{Chromium, Look, program};
use crate::gallery::Gallery;
use crate::window::Window;

/// How much wider a page is than the window, and what is so wide.
const TOO_WIDE: &str = "const most = document.documentElement.clientWidth; \
     const wide = [...document.querySelectorAll('body *')].filter((it) => \
         it.getBoundingClientRect().right > most + 1 && getComputedStyle(it).position !== 'absolute'); \
     return [most, document.documentElement.scrollWidth, wide.map((it) => it.outerHTML.slice(0, 120))]";

#[tokio::test]
async fn no_page_is_wider_than_a_phone() {
    let (gallery, chromium) = (Gallery::open().await, Chromium::start().await);
    let window = chromium.window(&gallery.shop, Look::PHONE).await;
    window.open("/").await;
    for view in gallery.views() {
        gallery.show(&window, &view).await;
        let (most, width, wide): (u32, u32, Vec<String>) = window.asks(TOO_WIDE).await;
        assert_eq!(most, 360, "{}", view.name);
        assert!(width <= most, "{} is {width} wide: {wide:#?}", view.name);
    }
    gallery.close().await;
}

/// Has axe-core look at the page, and note what is serious or critical.
const LOOK: &str = "const done = (found) => { window.found = found; }; \
     const told = (it) => it.id + ': ' + it.nodes.map((node) => node.html + ' ' + node.failureSummary).join('; '); \
     axe.run(document, { resultTypes: ['violations'] }).then( \
         (found) => done(found.violations.filter((it) => ['serious', 'critical'].includes(it.impact)).map(told)), \
         (error) => done(['axe: ' + error])); return null";
const FOUND: &str = "return window.found ?? null";

async fn keeps_out(window: &Window, axe: &str) -> Vec<String> {
    let _nothing: Option<()> = window.asks(&format!("delete window.found; {axe};{LOOK}")).await;
    let noted = async || window.asks::<Option<Vec<String>>>(FOUND).await;
    window.until("looked at by axe", async || noted().await.is_some()).await;
    noted().await.unwrap_or_default()
}

async fn nobody_is_kept_out(look: Look) {
    let (gallery, chromium) = (Gallery::open().await, Chromium::start().await);
    let axe = std::fs::read_to_string(program("TICKETING_TEST_AXE")).unwrap();
    let window = chromium.window(&gallery.shop, look).await;
    window.open("/").await;
    let mut found = Vec::new();
    for view in gallery.views() {
        gallery.show(&window, &view).await;
        for problem in keeps_out(&window, &axe).await {
            found.push(format!("{}: {problem}", view.name));
        }
    }
    assert!(found.is_empty(), "{found:#?}");
    // It does find what is there to be found.
    let _nothing: Option<()> =
        window.asks("document.querySelector('main').innerHTML = '<input>'; return null").await;
    let planted = keeps_out(&window, &axe).await;
    assert!(planted.iter().any(|it| it.starts_with("label")), "{planted:?}");
    gallery.close().await;
}

#[tokio::test]
async fn nobody_is_kept_out_of_a_light_page() {
    Box::pin(nobody_is_kept_out(Look::DESKTOP)).await;
}

#[tokio::test]
async fn nobody_is_kept_out_of_a_dark_page() {
    Box::pin(nobody_is_kept_out(Look::PHONE.dark(true))).await;
}
