//! The main job on two machines: one locks and commits, the other clones, checks and syncs.
//!
//! Real uv, real git, an HTTP index that lives as long as the test; nothing is shared between the
//! machines but what git and the index give.

mod by_hand;
mod changes;
mod moved_pin;
mod second_clone;
mod shop;
mod sources;
