//! Layer 5: the manifests of a repository -> the text of a `tasks.kdl` for it.
//!
//! At most one project of a repository is described in words: the one that several manifests have in several
//! environments, else the one at the root. Everything else is adopted. Whether what was described is what is there, this
//! room does not judge: the caller reads the text as every other `tasks.kdl` is read, renders the manifests, and names
//! those that would not stay as they are; [`Survey::draft`] then adopts these too.
//!
//! Two kinds of entries may be missing in a manifest, or be otherwise, and it counts as described all the same, since the
//! record can say that they were left out ([`must_hold`]): what envloom adds of its own accord, and where a package comes
//! from in the working tree. What the project *is*, its name, version, Pythons, requirements and pins, must hold.
//!
//! Pure: facts come in, text goes out. It must not know where files lie, nor ask git or uv.

mod adopted;
mod draft;
mod family;
mod hints;
mod kdl;
mod leeway;
mod manifest;
mod project;
mod variants;

pub(crate) use draft::{Decision, Draft, Refused, Survey};
pub(crate) use hints::{just_recipes, make_targets};
pub(crate) use leeway::must_hold;
pub(crate) use manifest::{Manifest, Unreadable, locked_versions};
