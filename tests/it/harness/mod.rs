//! The harness held against real uv and real git: what it fakes must pass for the real thing.

mod programs;
mod repository;
mod resolution;
