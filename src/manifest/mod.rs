//! Layer 3: [`Model`](crate::model::Model) + [`Record`](crate::ledger::Record) + the manifests on disk ->
//! [`ManifestSet`].
//!
//! Ownership is by entry, never by table or array. `dev` and `pinned` say which entries an environment's
//! manifest must have, `carry` adds the resolution settings that a tags environment takes over from the
//! workspace's manifest; [`render`] compares them with the text and the record, and `edit` puts them into
//! the text and leaves every other byte alone. An entry that is no longer what envloom last wrote is a hand
//! edit and stops that environment; an entry beside ours is foreign, stays, and is reported.
//!
//! Texts are edited by splices at the spans that `toml_edit` gives, never by printing a changed document: a
//! byte outside a splice cannot change. Each edit is checked afterwards: all entries hold, and no value that
//! is not ours differs. Refused: `DocumentMut`, which moves comments and turns CRLF into LF.
//!
//! `absorb` goes the other way: what someone changed in a manifest becomes splices of `tasks.kdl`, which are believed
//! only once the new text, resolved and rendered again, asks for what the manifest has.
//!
//! The room is pure: the texts come in, the texts go out. Nothing here reads or writes a file.

mod absorb;
mod carry;
mod derived;
mod dev;
mod edit;
mod entry;
mod error;
mod facts;
mod faithful;
mod foreign;
mod identity;
mod layout;
mod ownership;
mod pinned;
mod project;
mod python;
mod render;
mod request;
mod sequence;
mod settle;
mod supply;
mod view;
mod words;

#[cfg(test)]
pub(crate) use error::ManifestFinding;
pub(crate) use error::{CODES, ManifestError};

pub(crate) use absorb::{
    Left, List, Names, NewPackage, NewPin, NewReference, Settled, absorb, lists_with, members_of,
    project_name, repinned, requirement_name, with_package, with_requirements, without_package,
    without_requirements,
};
pub(crate) use facts::facts;
pub(crate) use render::{render, requirements_of, unlike};
pub(crate) use request::{
    Change, Disposition, ManifestSet, Members, OnDisk, PythonVersionFile, Rendered, Request, Unlike,
};
pub(crate) use words::quoted;

#[cfg(test)]
mod tests;
