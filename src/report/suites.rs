//! JUnit's XML, which most build servers read: suites of tests, whatever they tested.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesEnd, BytesStart, BytesText, Event};

/// Several suites.
pub struct Suites {
    /// What they are of.
    pub name: String,
    /// How long all took, in seconds.
    pub seconds: f64,
    /// The suites.
    pub suites: Vec<Suite>,
}

/// Tests that belong together.
pub struct Suite {
    /// Its name.
    pub name: String,
    /// When it began, as RFC 3339 has it.
    pub timestamp: Option<String>,
    /// Where.
    pub hostname: Option<String>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What else is to be known of it: name and value.
    pub properties: Vec<(String, String)>,
    /// Its tests.
    pub tests: Vec<Test>,
    /// What it has to say as a whole.
    pub output: String,
}

/// One test.
pub struct Test {
    /// The class that it is filed under.
    pub class: String,
    /// Its name.
    pub name: String,
    /// The file that it stands in, and the line.
    pub place: Option<(String, Option<usize>)>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What came of it.
    pub end: End,
    /// What it has to say.
    pub output: String,
}

/// What came of a test.
pub enum End {
    /// All well.
    Passed,
    /// It did not apply.
    Skipped {
        /// Why.
        message: String,
    },
    /// It looked, and what it found is wrong.
    Failed(Trouble),
    /// It could not look.
    Errored(Trouble),
}

/// What is wrong.
pub struct Trouble {
    /// In one line.
    pub message: String,
    /// Its kind.
    pub kind: String,
    /// In full.
    pub text: String,
}

impl Suite {
    fn count(&self, counts: fn(&End) -> bool) -> usize {
        self.tests.iter().filter(|test| counts(&test.end)).count()
    }
}

impl Suites {
    /// Writes the XML.
    pub fn write(&self, out: &mut dyn io::Write) -> io::Result<()> {
        let mut xml = Writer::new_with_indent(out, b' ', 2);
        xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        let sum = |counts: fn(&End) -> bool| self.suites.iter().map(|suite| suite.count(counts)).sum::<usize>();
        let start = element(
            "testsuites",
            [
                ("name", self.name.clone()),
                ("tests", sum(|_| true).to_string()),
                ("failures", sum(|end| matches!(end, End::Failed(_))).to_string()),
                ("errors", sum(|end| matches!(end, End::Errored(_))).to_string()),
                ("time", time(self.seconds)),
            ],
        );
        xml.write_event(Event::Start(start))?;
        for suite in &self.suites {
            write_suite(&mut xml, suite)?;
        }
        xml.write_event(Event::End(BytesEnd::new("testsuites")))?;
        xml.into_inner().write_all(b"\n")
    }

    /// The XML as text.
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        // Writing to memory cannot fail.
        let _ = self.write(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }
}

type Xml<'a> = Writer<&'a mut dyn io::Write>;

fn write_suite(xml: &mut Xml, suite: &Suite) -> io::Result<()> {
    let mut attributes = vec![
        ("name", suite.name.clone()),
        ("tests", suite.count(|_| true).to_string()),
        ("failures", suite.count(|end| matches!(end, End::Failed(_))).to_string()),
        ("errors", suite.count(|end| matches!(end, End::Errored(_))).to_string()),
        ("skipped", suite.count(|end| matches!(end, End::Skipped { .. })).to_string()),
        ("time", time(suite.seconds)),
    ];
    attributes.extend(suite.timestamp.clone().map(|timestamp| ("timestamp", timestamp)));
    attributes.extend(suite.hostname.clone().map(|hostname| ("hostname", hostname)));
    xml.write_event(Event::Start(element("testsuite", attributes)))?;
    if !suite.properties.is_empty() {
        xml.write_event(Event::Start(BytesStart::new("properties")))?;
        for (name, value) in &suite.properties {
            let property = element("property", [("name", name.clone()), ("value", value.clone())]);
            xml.write_event(Event::Empty(property))?;
        }
        xml.write_event(Event::End(BytesEnd::new("properties")))?;
    }
    for test in &suite.tests {
        write_test(xml, test)?;
    }
    write_text(xml, "system-out", &suite.output)?;
    xml.write_event(Event::End(BytesEnd::new("testsuite")))
}

fn write_test(xml: &mut Xml, test: &Test) -> io::Result<()> {
    let mut attributes = vec![("classname", test.class.clone()), ("name", test.name.clone())];
    if let Some((file, line)) = &test.place {
        attributes.push(("file", file.clone()));
        attributes.extend(line.map(|line| ("line", line.to_string())));
    }
    attributes.push(("time", time(test.seconds)));
    let start = element("testcase", attributes);
    if matches!(test.end, End::Passed) && test.output.is_empty() {
        return xml.write_event(Event::Empty(start));
    }
    xml.write_event(Event::Start(start))?;
    match &test.end {
        End::Passed => {}
        End::Skipped { message } => {
            xml.write_event(Event::Empty(element("skipped", [("message", message.clone())])))?
        }
        End::Failed(trouble) => write_trouble(xml, "failure", trouble)?,
        End::Errored(trouble) => write_trouble(xml, "error", trouble)?,
    }
    write_text(xml, "system-out", &test.output)?;
    xml.write_event(Event::End(BytesEnd::new("testcase")))
}

fn write_trouble(xml: &mut Xml, tag: &'static str, trouble: &Trouble) -> io::Result<()> {
    let start = element(tag, [("message", trouble.message.clone()), ("type", trouble.kind.clone())]);
    xml.write_event(Event::Start(start))?;
    let text = allowed(&trouble.text);
    xml.write_event(Event::Text(BytesText::new(&text)))?;
    xml.write_event(Event::End(BytesEnd::new(tag)))
}

fn write_text(xml: &mut Xml, tag: &'static str, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    xml.write_event(Event::Start(BytesStart::new(tag)))?;
    let text = allowed(text);
    xml.write_event(Event::Text(BytesText::new(&text)))?;
    xml.write_event(Event::End(BytesEnd::new(tag)))
}

fn element(tag: &'static str, attributes: impl IntoIterator<Item = (&'static str, String)>) -> BytesStart<'static> {
    let mut start = BytesStart::new(tag);
    for (name, value) in attributes {
        start.push_attribute((name, allowed(&value).as_str()));
    }
    start
}

/// A span in seconds as JUnit writes it.
fn time(seconds: f64) -> String {
    format!("{seconds:.3}")
}

/// The text without what cannot stand in XML at all, however it is written.
fn allowed(text: &str) -> String {
    text.chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn suites(text: &str) -> Suites {
        let trouble = || Trouble { message: text.to_owned(), kind: text.to_owned(), text: text.to_owned() };
        let test = |end| Test {
            class: text.to_owned(),
            name: text.to_owned(),
            place: Some((text.to_owned(), Some(7))),
            seconds: 0.25,
            end,
            output: text.to_owned(),
        };
        Suites {
            name: text.to_owned(),
            seconds: 1.0,
            suites: vec![Suite {
                name: text.to_owned(),
                timestamp: Some(text.to_owned()),
                hostname: Some(text.to_owned()),
                seconds: 0.5,
                properties: vec![(text.to_owned(), text.to_owned())],
                tests: vec![
                    test(End::Passed),
                    test(End::Skipped { message: text.to_owned() }),
                    test(End::Failed(trouble())),
                    test(End::Errored(trouble())),
                ],
                output: text.to_owned(),
            }],
        }
    }

    #[test]
    fn what_has_a_meaning_in_xml_is_written_otherwise() {
        let xml = suites("a < \"b\" & c]]>\u{1b}[1m").text();
        assert!(xml.contains("name=\"a &lt; &quot;b&quot; &amp; c]]&gt;[1m\""), "{xml}");
        assert!(xml.contains("tests=\"4\" failures=\"1\" errors=\"1\" skipped=\"1\""), "{xml}");
    }

    proptest::proptest! {
        #[test]
        fn no_text_leaves_its_place(text in "\\PC{0,40}|[\\x00-\\x9f<>&\"']{0,40}") {
            let xml = suites(&text).text();
            let mut reader = quick_xml::Reader::from_str(&xml);
            let mut elements = 0;
            loop {
                match reader.read_event() {
                    Ok(Event::Eof) => break,
                    Ok(Event::Start(start) | Event::Empty(start)) => {
                        elements += 1;
                        for attribute in start.attributes() {
                            proptest::prop_assert!(attribute.is_ok());
                        }
                    }
                    Ok(_) => {}
                    Err(error) => proptest::prop_assert!(false, "{error}: {xml}"),
                }
            }
            proptest::prop_assert!((10..=16).contains(&elements), "{elements}: {xml}");
        }
    }
}
