//! One event, one line of JSON, in the form that the header of `event` describes.
//!
//! The line is safe on a terminal and in a CI log without losing anything: what JSON leaves raw although a
//! terminal obeys it (C1 controls, bidirectional overrides), and the `##[` that GitHub's runner looks for
//! anywhere in a line, are written as `\u` escapes, which every reader of JSON undoes.

use std::fmt::Write as _;

use crate::base::printable;
use crate::event::{Event, Fact, Failure};

use super::diagnostic::diagnostic_json;

/// The event without a line end.
///
/// # Panics
/// Never: an event has nothing that JSON lacks.
#[must_use]
pub(crate) fn json_line(event: &Event) -> String {
    let written = match &event.fact {
        Fact::Finished { failure: Some(Failure { diagnostic: Some(found), .. }), .. } => {
            serde_json::to_value(event).and_then(|mut value| {
                value["failure"]["diagnostic"] = diagnostic_json(found.as_ref());
                serde_json::to_string(&value)
            })
        }
        _ => serde_json::to_string(event),
    };
    escaped(&written.expect("events hold texts, numbers and lists of them: nothing that JSON lacks"))
}

/// An answer in lines for people, as safe as an event.
#[must_use]
pub(crate) fn json_answer(value: &serde_json::Value) -> String {
    // A line end stands between strings alone.
    format!("{value:#}").lines().map(|line| escaped(line) + "\n").collect()
}

/// The same in one line, without its end.
#[must_use]
pub(crate) fn json_answer_line(value: &serde_json::Value) -> String {
    escaped(&value.to_string())
}

/// JSON text in which nothing stands raw that a terminal or a log reader would obey.
fn escaped(json: &str) -> String {
    // Outside of strings JSON has neither `#` nor a character that is not printable.
    let json = json.replace("##[", r"#\u0023[");
    if printable(&json) == json {
        return json;
    }
    let mut safe = String::with_capacity(json.len() + 16);
    for character in json.chars() {
        if printable(character.encode_utf8(&mut [0; 4])).len() == character.len_utf8() {
            safe.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing to a String cannot fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::TaskResult;
    use crate::plan::RunReason;

    #[test]
    fn an_answer_says_the_same_in_characters_that_no_terminal_obeys() {
        let value =
            serde_json::json!({ "version": "v1\u{202e}2\u{9b}31m\n##[x", "list": ["\u{e0001}", "é"] });
        for text in [json_answer(&value), json_answer_line(&value)] {
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
            assert!(text.lines().all(|line| printable(line) == line && !line.contains("##[")), "{text}");
        }
        assert_eq!(json_answer(&serde_json::json!({ "a": 1 })), "{\n  \"a\": 1\n}\n");
    }

    #[test]
    fn a_line_is_one_object() {
        let fact = Fact::Started {
            task: "lock:prod".to_owned(),
            reason: RunReason::NoRecord,
            own: false,
            command: Some("uv lock --project prod".to_owned()),
            expected_ms: None,
            restored: false,
        };
        insta::assert_snapshot!(json_line(&Event { at_ms: 3, fact }), @r#"{"at_ms":3,"event":"started","task":"lock:prod","reason":{"kind":"no_record"},"own":false,"command":"uv lock --project prod","expected_ms":null,"restored":false}"#);
    }

    #[test]
    fn nothing_raw_and_nothing_lost() {
        let line = "a\u{1b}[2J\u{9b}2J\u{202e}\u{7f} ##[add-path]x".to_owned();
        let written =
            json_line(&Event { at_ms: 0, fact: Fact::Output { task: "t".to_owned(), line: line.clone() } });
        assert!(printable(&written) == written && !written.contains("##["), "{written}");
        let read: serde_json::Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read["line"], line);
    }

    #[test]
    fn a_path_that_is_not_unicode_does_not_break_the_line() {
        use std::os::unix::ffi::OsStrExt as _;
        let log = std::path::Path::new(std::ffi::OsStr::from_bytes(b"l\xffg")).to_owned();
        let fact = Fact::Finished {
            task: "t".to_owned(),
            result: TaskResult::Ran,
            reason: None,
            duration_ms: 1,
            note: None,
            log: Some(log),
            failure: None,
        };
        assert!(json_line(&Event { at_ms: 0, fact }).contains("\"log\":\"l\u{fffd}g\""));
    }
}
