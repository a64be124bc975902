//! What each kind of task does. Only these have effects outside `.envloom/`, and only `generate` and `lock` on
//! tracked files.

mod child;
mod committed;
mod lock;
mod manifest;
mod outputs;
mod own;
mod sync;
mod verify;

pub(super) use committed::{begin as begin_check, end as end_check};
pub(super) use lock::{check, lock};
pub(super) use manifest::generate;
pub(super) use outputs::{clear, forget, keep as keep_outputs, restore, touch};
pub(super) use own::own;
pub(super) use sync::sync;
pub(super) use verify::verify;
