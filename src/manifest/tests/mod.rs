//! The room's tests: what is generated, what is kept, what is refused.

mod corpus;
mod fixture;
mod generated;
mod refused;
