//! Layer 1: KDL text -> [`Config`].
//!
//! Holding a [`Config`] proves that the KDL is well formed and that every node, argument and property is
//! known, of the right kind and written once. It says nothing about whether names resolve or versions
//! parse: that is the next room, `model`.
//!
//! [`parse`] reads `tasks.kdl`, [`parse_local`] reads `tasks.local.kdl`. Both report every mistake of
//! their text in one error. [`from_bytes`] makes a text of a file's bytes; a file larger than [`MAX_BYTES`]
//! is not to be read at all. [`outline`] says where everything stands, for who edits the text.

mod between;
mod check;
mod codes;
mod declaration;
mod decode;
mod document;
mod error;
mod lexeme;
mod lower;
mod outline;
mod prescan;
mod scanner;
mod schema;
mod table;
mod task;
mod task_document;
mod task_words;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use codes::CODES;
pub(crate) use declaration::{Declaration, declarations};
pub(crate) use decode::{from_bytes, parse, parse_local};
pub(crate) use document::{
    AxisChoice, CacheNode, Channel, Config, EnvironmentNode, FORM, GroupNode, IndexNode, Install, KeptNode,
    LocalConfig, PackageNode, PinNode, PreferNode, ProjectNode, ProjectsNode, Requirements, Role,
    SettingsNode, SourcesNode, UvNode, VariantNode, VariantsNode,
};
pub(crate) use task_document::{CellWords, CommandNode, CoordinatesNode, MatrixNode, StepNode, TaskNode};

pub(crate) use error::ConfigError;
#[cfg(test)]
pub(crate) use error::ConfigFinding;
pub(crate) use outline::{Outline, OutlineNode, outline};
pub(crate) use prescan::MAX_BYTES;
pub(crate) use schema::reference;
