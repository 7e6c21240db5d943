//! Pictures of every page, for people to look at: `scripts/screenshots`.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::chromium::{Chromium, Look, program};
use crate::gallery::Gallery;

#[tokio::test]
#[ignore = "makes pictures for people to look at: scripts/screenshots"]
async fn screenshots() {
    let folder = PathBuf::from(program("TICKETING_SCREENSHOTS"));
    std::fs::create_dir_all(&folder).unwrap();
    let (gallery, chromium) = (Gallery::open().await, Chromium::start().await);
    for (size, look) in [("desktop", Look::DESKTOP), ("phone", Look::PHONE)] {
        let window = chromium.window(&gallery.shop, look).await;
        window.open("/").await;
        for view in gallery.views() {
            gallery.show(&window, &view).await;
            for (theme, is_dark) in [("light", false), ("dark", true)] {
                window.wears(is_dark).await;
                let file = folder.join(format!("{}-{size}-{theme}.png", view.name));
                std::fs::write(file, STANDARD.decode(window.picture().await).unwrap()).unwrap();
            }
        }
    }
    gallery.close().await;
}
