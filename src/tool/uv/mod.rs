//! uv: which one is used, and fetching the wanted one.
//!
//! In: [`Surroundings`](super::Surroundings) and what `tasks.kdl` wants. Out: [`Uv`], an absolute
//! program that printed its version. The order: `ENVLOOM_UV`; programs on `PATH` past shims, the
//! newest that suits; one fetched earlier; for an exact version, fetching it.
//!
//! uv is fetched with the machine's own pip and not by an HTTP client of ours, so that the index,
//! the proxy and the certificates the machine is set up for apply. The wheel is unpacked without
//! pip's installer: nothing of it runs before each file was compared with its RECORD.

mod find;
mod provision;
mod wheel;

pub(crate) use find::{Uv, Wanted, find, watched};
