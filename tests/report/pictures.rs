//! The page as a picture, compared with kept ones (`tests/report/pictures/`).
//!
//! Fonts and their rendering differ between machines, so that no pixel is compared. A screenshot is shrunk to strips of
//! cells, and the strips of both pictures are laid beside each other as texts are by a diff: a line that wraps elsewhere costs
//! the strips of that line, not all below it. What counts is the share of strips that have no counterpart, in the whole and in
//! the worst place.
//! `CASEBOOK_RENEW_PICTURES=1 cargo test --test report pictures` takes new ones; look at them before they are committed.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::browser::{Browser, SCREENS, Screen, base64, recorded};
use crate::render_plainly;
use crate::support::need::require;

/// Pixels of the screen, each way, that become one of the kept picture.
const SHRUNK: usize = 4;
/// Pixels of the kept picture, side by side, that become one cell of a strip.
const CELL: usize = 4;
/// Two cells differ when a channel (0 to 255) differs by more: ink of text is grey at this size, a lost ground or plot is not.
const TOLERANCE: i32 = 34;
/// What a strip without a counterpart costs, against 1 for two strips without a cell in common.
const LONELY: f32 = 0.5;
/// Strips that a part of the page may stand higher or lower than in the kept picture.
const DRIFT: usize = 120;
/// A lost plot is as much as a few lines that wrap elsewhere, but it is lost in one place of so many strips.
const STRETCH: usize = 60;
/// Other fonts differ by less, in the whole and in the worst stretch; one of both is more where a layout broke.
const WHOLE: f32 = 0.10;
const WORST: f32 = 0.25;

/// By day, where the light does not matter.
const DESKTOP: Screen = SCREENS[0];
const PHONE: Screen = SCREENS[2];

/// Rows of red, green and blue.
struct Picture {
    width: usize,
    pixels: Vec<[u8; 3]>,
}

impl Picture {
    fn read(encoded: impl std::io::BufRead + std::io::Seek) -> Self {
        let mut decoder = png::Decoder::new(encoded);
        decoder.set_transformations(png::Transformations::normalize_to_color8());
        let mut reader = decoder.read_info().unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut bytes).unwrap();
        let channels = frame.color_type.samples();
        assert!(channels >= 3, "a picture in {:?}", frame.color_type);
        let pixels = bytes[..frame.buffer_size()].chunks_exact(channels).map(|p| [p[0], p[1], p[2]]).collect();
        Picture { width: frame.width as usize, pixels }
    }

    fn write(&self, path: &Path) {
        let height = self.pixels.len() / self.width;
        let mut encoder = png::Encoder::new(File::create(path).unwrap(), self.width as u32, height as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::High);
        encoder.write_header().unwrap().write_image_data(self.pixels.as_flattened()).unwrap();
    }

    /// The mean of the pixels from the given corner, as far as they are there.
    fn mean(&self, left: usize, top: usize, width: usize, height: usize) -> [i32; 3] {
        let (right, bottom) = ((left + width).min(self.width), (top + height).min(self.pixels.len() / self.width));
        let (mut sum, mut count) = ([0; 3], 0);
        for y in top..bottom {
            for pixel in &self.pixels[y * self.width + left..y * self.width + right] {
                for (sum, channel) in sum.iter_mut().zip(pixel) {
                    *sum += i32::from(*channel);
                }
                count += 1;
            }
        }
        sum.map(|channel| channel / count)
    }

    fn shrunk(&self) -> Self {
        let (width, height) = (self.width.div_ceil(SHRUNK), (self.pixels.len() / self.width).div_ceil(SHRUNK));
        let at = |y, x| self.mean(x * SHRUNK, y * SHRUNK, SHRUNK, SHRUNK).map(|channel| channel as u8);
        Picture { width, pixels: (0..height).flat_map(|y| (0..width).map(move |x| at(y, x))).collect() }
    }

    fn strips(&self) -> Vec<Vec<[i32; 3]>> {
        let cells = |y| (0..self.width).step_by(CELL).map(move |x| self.mean(x, y, CELL, 1)).collect();
        (0..self.pixels.len() / self.width).map(cells).collect()
    }
}

/// The share of the cells of two strips that differ.
fn unlike(a: &[[i32; 3]], b: &[[i32; 3]]) -> f32 {
    let mut differing = 0;
    for (a, b) in a.iter().zip(b) {
        let [red, green, blue] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
        differing += i32::from(red.abs() > TOLERANCE || green.abs() > TOLERANCE || blue.abs() > TOLERANCE);
    }
    differing as f32 / a.len() as f32
}

/// How much of one picture has no counterpart in the other, as shares of its strips.
#[derive(Debug, Clone, Copy)]
struct Difference {
    whole: f32,
    /// In the stretch of [`STRETCH`] strips where it is most.
    worst: f32,
}

impl Difference {
    const ALL: Self = Difference { whole: 1.0, worst: 1.0 };

    fn is_broken(self) -> bool {
        self.whole > WHOLE || self.worst > WORST
    }
}

/// Both are laid beside each other as well as can be.
fn difference(kept: &Picture, seen: &Picture) -> Difference {
    if kept.width != seen.width {
        return Difference::ALL;
    }
    let (kept, seen) = (kept.strips(), seen.strips());
    if kept.len().abs_diff(seen.len()) >= DRIFT {
        return Difference::ALL;
    }
    // The least that the first i and j strips differ by.
    let mut costs = vec![vec![f32::INFINITY; seen.len() + 1]; kept.len() + 1];
    for i in 0..=kept.len() {
        for j in i.saturating_sub(DRIFT)..=(i + DRIFT).min(seen.len()) {
            let lonely = |i: usize, j: usize| costs[i][j] + LONELY;
            costs[i][j] = match (i, j) {
                (0, 0) => 0.0,
                (0, j) => lonely(0, j - 1),
                (i, 0) => lonely(i - 1, 0),
                (i, j) => {
                    let both = costs[i - 1][j - 1] + unlike(&kept[i - 1], &seen[j - 1]);
                    both.min(lonely(i - 1, j)).min(lonely(i, j - 1))
                }
            };
        }
    }
    // Back along the cheapest way: what was paid up to each kept strip.
    let (mut i, mut j) = (kept.len(), seen.len());
    let mut paid = vec![0.0; kept.len() + 1];
    while i > 0 {
        paid[i] = f32::max(paid[i], costs[i][j]);
        let at = costs[i][j];
        if j > 0 && at == costs[i][j - 1] + LONELY {
            j -= 1;
        } else {
            let together = j > 0 && at != costs[i - 1][j] + LONELY;
            i -= 1;
            j -= usize::from(together);
        }
    }
    let stretch = STRETCH.min(kept.len());
    let worst = (stretch..=kept.len()).map(|end| paid[end] - paid[end - stretch]).fold(0.0, f32::max);
    Difference { whole: costs[kept.len()][seen.len()] / kept.len() as f32, worst: worst / stretch as f32 }
}

fn kept(screen: Screen) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/report/pictures");
    folder.join(format!("{}.png", screen.name))
}

fn take(browser: &mut Browser, html: &str, screen: Screen) -> Picture {
    let page = browser.page(html);
    let session = browser.open(&page, screen);
    let shot = json!({"format": "png", "captureBeyondViewport": true});
    let shot = browser.ask(&session, "Page.captureScreenshot", shot);
    browser.close(&session);
    Picture::read(std::io::Cursor::new(base64(shot["data"].as_str().unwrap()))).shrunk()
}

fn compare(browser: &mut Browser, html: &str, screen: Screen) -> (Difference, Picture) {
    let seen = take(browser, html, screen);
    let file = File::open(kept(screen)).unwrap_or_else(|error| panic!("{}: {error}", kept(screen).display()));
    (difference(&Picture::read(BufReader::new(file)), &seen), seen)
}

/// A recorded flood: what is drawn changes with the page's design alone.
fn page() -> String {
    render_plainly(&recorded("udp-flood-beside-download"), "html")
}

fn with_style(style: &str) -> String {
    page().replace("</style>", &format!("{style}</style>"))
}

#[test]
fn pictures_of_the_page_are_like_the_kept_ones() {
    let mut browser = require!(Browser::start());
    for screen in SCREENS {
        if std::env::var_os("CASEBOOK_RENEW_PICTURES").is_some() {
            fs::create_dir_all(kept(screen).parent().unwrap()).unwrap();
            take(&mut browser, &page(), screen).write(&kept(screen));
            println!("renewed: {}", kept(screen).display());
            continue;
        }
        let (differs, seen) = compare(&mut browser, &page(), screen);
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("seen-{}.png", screen.name));
        seen.write(&file);
        assert!(
            !differs.is_broken(),
            "the page on {} differs from the kept picture ({differs:?}): compare {} with {}; when it is meant so, renew it with \
            CASEBOOK_RENEW_PICTURES=1 cargo test --test report pictures",
            screen.name,
            file.display(),
            kept(screen).display()
        );
    }
}

/// What breaks a page, and that a picture shows it on every screen that it concerns.
#[test]
fn pictures_of_a_broken_page_are_noticed() {
    let mut browser = require!(Browser::start());
    let both = [DESKTOP, PHONE];
    let broken = [
        ("plots are gone", "figure svg { display: none !important; }", &both[..]),
        ("the dark colours are gone", ":root { --page: #f4f6f8 !important; --sheet: #fff !important; }", &[SCREENS[1]]),
        ("a verdict's colour covers all", "section { background: var(--critical) !important; }", &both),
        ("parts over one another", "section { margin-top: -6rem !important; }", &both),
        ("text over text", "main * { line-height: .4 !important; }", &both),
        ("too wide", "main { width: 1800px !important; max-width: none !important; }", &both),
    ];
    for (fault, style, screens) in broken {
        for screen in screens {
            let (differs, _) = compare(&mut browser, &with_style(style), *screen);
            println!("{fault} on {}: {differs:?}", screen.name);
            assert!(differs.is_broken(), "{fault} on {} went unnoticed: {differs:?}", screen.name);
        }
    }
}

/// As another machine would draw it: other letters, other widths, no smoothing.
#[test]
fn pictures_with_other_fonts_are_like_the_kept_ones() {
    let mut browser = require!(Browser::start());
    let fonts = [
        "* { font-family: serif !important; }",
        "* { font-family: 'DejaVu Sans Condensed', 'Arial Narrow' !important; }",
        "body { letter-spacing: .02em; line-height: 1.58 !important; -webkit-font-smoothing: none; }",
    ];
    for style in fonts {
        // Letters are the same by night.
        for screen in [DESKTOP, PHONE] {
            let (differs, _) = compare(&mut browser, &with_style(style), screen);
            println!("{style} on {}: {differs:?}", screen.name);
            assert!(!differs.is_broken(), "{style} on {} counts as broken: {differs:?}", screen.name);
        }
    }
}
