//! Pictures as SVG, to stand inside a page.
//!
//! Each has the colours of a light page as plain attributes; a page that is dark gives them others by its style sheet, which
//! finds them by [`Ink`]. A picture holds no text from outside that plotters has not escaped, and no picture comes of
//! figures that cannot be drawn.

mod columns;
mod grid;
mod ranking;
mod rates;
mod strip;

pub use columns::{columns, minutes};
pub use grid::{Cell, grid};
pub use ranking::ranking;
pub use rates::rates;
pub use strip::strip;

use plotters::coord::Shift;
use plotters::prelude::{DrawingArea, IntoDrawingArea, RGBColor, SVGBackend, TextStyle};
use plotters::style::IntoFont;

/// The width of a picture in its own units; a page stretches it.
const WIDTH: u32 = 480;
/// The height of a picture.
const HEIGHT: u32 = 190;
/// The largest figure that is drawn as it is.
const LARGEST: f64 = 1e15;

/// What a colour stands for: its name in a style sheet, and the colour on a light page and on a dark one. No two have the
/// same light colour: by it the style sheet finds what to paint otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Ink {
    /// Its name in a style sheet.
    pub name: &'static str,
    /// On a light page, and in the picture itself.
    pub light: RGBColor,
    /// On a dark page.
    pub dark: RGBColor,
}

impl Ink {
    const fn new(name: &'static str, light: RGBColor, dark: RGBColor) -> Self {
        Ink { name, light, dark }
    }

    /// What comes in, and what is counted.
    pub const INBOUND: Ink = Ink::new("inbound", RGBColor(0x1F, 0x6F, 0xD6), RGBColor(0x58, 0xA6, 0xFF));
    /// What goes out.
    pub const OUTBOUND: Ink = Ink::new("outbound", RGBColor(0xB3, 0x5C, 0x00), RGBColor(0xF0, 0x9D, 0x51));
    /// Lines behind the figures.
    pub const GRID: Ink = Ink::new("grid", RGBColor(0xDB, 0xE0, 0xE7), RGBColor(0x30, 0x37, 0x41));
    /// Words and numbers.
    pub const TEXT: Ink = Ink::new("figure", RGBColor(0x4D, 0x57, 0x63), RGBColor(0xA9, 0xB4, 0xC0));
    /// What many small ones add up to.
    pub const OTHERS: Ink = Ink::new("others", RGBColor(0x9A, 0xA4, 0xB0), RGBColor(0x6E, 0x78, 0x84));
    /// What nothing explains.
    pub const UNEXPLAINED: Ink = Ink::new("unexplained", RGBColor(0xD1, 0x24, 0x2F), RGBColor(0xF8, 0x51, 0x49));
    /// The parts of a whole, in their order.
    pub const PARTS: [Ink; 8] = [
        Ink::new("part0", RGBColor(0x1F, 0x6F, 0xD7), RGBColor(0x58, 0xA6, 0xFE)),
        Ink::new("part1", RGBColor(0x1A, 0x93, 0x83), RGBColor(0x3F, 0xC1, 0xB0)),
        Ink::new("part2", RGBColor(0xC9, 0x86, 0x0B), RGBColor(0xE3, 0xB3, 0x41)),
        Ink::new("part3", RGBColor(0x7E, 0x57, 0xC2), RGBColor(0xB3, 0x92, 0xF0)),
        Ink::new("part4", RGBColor(0x55, 0x8B, 0x2F), RGBColor(0x8B, 0xC3, 0x5A)),
        Ink::new("part5", RGBColor(0xC2, 0x4E, 0x8A), RGBColor(0xF0, 0x88, 0xBE)),
        Ink::new("part6", RGBColor(0x2E, 0x86, 0xAB), RGBColor(0x66, 0xBF, 0xE0)),
        Ink::new("part7", RGBColor(0x8D, 0x6E, 0x63), RGBColor(0xBC, 0xA1, 0x97)),
    ];

    /// All of them.
    pub fn all() -> impl Iterator<Item = Ink> {
        let named = [Ink::INBOUND, Ink::OUTBOUND, Ink::GRID, Ink::TEXT, Ink::OTHERS, Ink::UNEXPLAINED];
        named.into_iter().chain(Ink::PARTS)
    }
}

/// The colour as the attributes of a picture have it.
pub fn hex(color: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", color.0, color.1, color.2)
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Drawn = Result<(), Box<dyn std::error::Error>>;

/// A picture of this size, or none when it cannot be drawn. `said` is what it shows, for those who cannot see it; `stretch`
/// lets a page change its proportions.
fn picture(size: (u32, u32), said: &str, stretch: bool, draw: impl FnOnce(&Area) -> Drawn) -> Option<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        draw(&area).ok()?;
        area.present().ok()?;
    }
    // The tag that opens it is our own: plotters gives it a fixed size.
    let (_, inside) = svg.split_once("xmlns=\"http://www.w3.org/2000/svg\">")?;
    let said = quick_xml::escape::escape(said);
    let free = if stretch { " preserveAspectRatio=\"none\"" } else { "" };
    Some(format!("<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{said}\"{free}>{inside}", size.0, size.1))
}

/// The letters of a picture. Plotters makes them a quarter smaller than it is asked for.
fn letters<'a>() -> TextStyle<'a> {
    ("sans-serif", 18).into_font().color(&Ink::TEXT.light)
}

/// A moment after the beginning of a window. Those of one axis have one unit.
fn moment(seconds: f64, end: f64) -> String {
    if end < 600.0 {
        let text = format!("{seconds:.1}");
        format!("{} s", text.trim_end_matches('0').trim_end_matches('.'))
    } else {
        format!("{:.0} min", seconds / 60.0)
    }
}

/// A figure that can be drawn.
fn drawable(figure: f64) -> f64 {
    if figure.is_finite() { figure.clamp(0.0, LARGEST) } else { 0.0 }
}

/// The top of a scale that holds these.
fn top(figures: impl Iterator<Item = f64>) -> f64 {
    let largest = figures.map(drawable).fold(0.0, f64::max);
    if largest > 0.0 { largest * 1.08 } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_inks_are_taken_for_each_other() {
        let mut light: Vec<String> = Ink::all().map(|ink| hex(ink.light)).collect();
        light.sort();
        light.dedup();
        assert_eq!(light.len(), Ink::all().count());
    }

    #[test]
    fn what_a_picture_says_stays_text() {
        let svg = picture((10, 10), "\"><script>", true, |_| Ok(())).unwrap();
        assert!(svg.contains("aria-label=\"&quot;&gt;&lt;script&gt;\""), "{svg}");
        assert!(svg.ends_with("</svg>\n"), "{svg}");
    }
}
