//! Single words: names, versions, paths, URLs and lists of words.

use std::str::FromStr as _;

use miette::SourceSpan;
use pep440_rs::{Version, VersionSpecifiers};

use super::super::error::ModelFinding;
use super::super::name::PackageName;
use super::super::url::UrlFault;
use super::Resolver;
use crate::base::{RelPath, Spanned, brief};

/// The form of names that become part of targets.
pub(super) const WORD_FORM: &str = "use lower-case letters, digits, `-` and `_`, a letter or digit first";
/// The form of names of packages, extras, groups and indexes.
pub(super) const NAME_FORM: &str =
    "use letters, digits, `-`, `_` and `.`, with a letter or digit at both ends";

impl Resolver {
    /// A name of PEP 503.
    pub(super) fn package_name(&mut self, what: &'static str, text: &Spanned<String>) -> Option<PackageName> {
        PackageName::parse(&text.value).ok().or_else(|| {
            self.invalid_name(what, text, NAME_FORM);
            None
        })
    }

    /// A name that targets use as it is.
    pub(super) fn word(&mut self, what: &'static str, text: &Spanned<String>) -> bool {
        let bytes = text.value.as_bytes();
        let inner =
            |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_');
        let fits = bytes.len() <= 60
            && bytes.first().is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            && bytes.iter().all(inner);
        if !fits {
            self.invalid_name(what, text, WORD_FORM);
        }
        fits
    }

    pub(super) fn invalid_name(&mut self, what: &'static str, text: &Spanned<String>, form: &'static str) {
        self.report(ModelFinding::InvalidName { what, name: brief(&text.value), form, span: text.span });
    }

    pub(super) fn reserved(&mut self, what: &'static str, name: &Spanned<String>, words: &[&str]) -> bool {
        let reserved = words.contains(&name.value.to_ascii_lowercase().as_str());
        if reserved {
            self.report(ModelFinding::ReservedName {
                what,
                name: brief(&name.value),
                by: "a word of envloom",
                span: name.span,
            });
        }
        reserved
    }

    pub(super) fn version(
        &mut self,
        what: &'static str,
        text: &Spanned<String>,
        help: &str,
    ) -> Option<Version> {
        Version::from_str(&text.value).ok().or_else(|| {
            let (text, help, span) = (brief(&text.value), help.to_owned(), text.span);
            self.report(ModelFinding::InvalidVersion { what, text, help, span });
            None
        })
    }

    pub(super) fn range(&mut self, text: &Spanned<String>) -> Option<VersionSpecifiers> {
        VersionSpecifiers::from_str(&text.value).ok().filter(|range| !range.is_empty()).or_else(|| {
            let bare = Version::from_str(&text.value).is_ok();
            let help = if bare {
                format!("write \">={}\"", text.value)
            } else {
                "write it like \">=3.10, <3.13\"".to_owned()
            };
            self.report(ModelFinding::InvalidRange { text: brief(&text.value), help, span: text.span });
            None
        })
    }

    pub(super) fn path(&mut self, text: &Spanned<String>) -> Option<Spanned<RelPath>> {
        if text.value.contains("://") {
            self.invalid_path(text, "it is a URL".to_owned());
            return None;
        }
        match RelPath::parse(&text.value) {
            Ok(path) => Some(Spanned::new(path, text.span)),
            Err(fault) => {
                self.invalid_path(text, fault.to_string());
                None
            }
        }
    }

    pub(super) fn invalid_path(&mut self, text: &Spanned<String>, reason: String) {
        self.report(ModelFinding::InvalidPath { path: brief(&text.value), reason, span: text.span });
    }

    pub(super) fn url_fault(&mut self, what: &'static str, url: &Spanned<String>, fault: UrlFault) {
        let (text, span) = (brief(&url.value), url.span);
        self.report(match fault {
            UrlFault::Credentials => ModelFinding::Credentials { what, span },
            UrlFault::Insecure => ModelFinding::InsecureUrl { url: text, span },
            UrlFault::Form(reason, help) => ModelFinding::InvalidUrl { what, url: text, reason, help, span },
        });
    }

    /// The words of a list that is one text, separated by blanks or commas, each with its own place where the
    /// text stands in the file as it is. There must be one.
    pub(super) fn list(&mut self, text: &Spanned<String>) -> Vec<Spanned<String>> {
        let (offset, length) = (text.span.offset(), text.span.len());
        let written = self.source.text().get(offset..offset + length).unwrap_or_default();
        let quotes = (length.saturating_sub(text.value.len())) / 2;
        let plain = written.get(quotes..quotes + text.value.len()) == Some(text.value.as_str());
        let words = text.value.split([' ', ',', '\t']).scan(0, |next, word| {
            let at = *next;
            *next += word.len() + 1;
            Some((at, word))
        });
        let place = |at: usize, word: &str| -> SourceSpan {
            if plain { (offset + quotes + at, word.len()).into() } else { text.span }
        };
        let words: Vec<_> = words
            .filter(|(_, word)| !word.is_empty())
            .map(|(at, word)| Spanned::new(word.to_owned(), place(at, word)))
            .collect();
        if words.is_empty() {
            self.report(ModelFinding::EmptyList { span: text.span });
        }
        words
    }
}
