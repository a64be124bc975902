//! Layer 8: [`Event`](crate::event::Event)s -> a terminal, plain lines, JSON.
//!
//! Comes in: events, by [`Reporter::spawn`]'s channel or one by one, and time. Goes out: text on writers
//! that the caller gives, so that tests compare bytes. Besides: every diagnostic a user sees is rendered
//! here ([`diagnostic`], [`diagnostic_json`]), because `cli` and a failed task must show it alike.
//!
//! It must **not** know `exec`: who runs what is none of its business. It reads no environment variable and
//! asks no terminal; [`color`], [`unicode`] and [`Mode::choose`] are pure functions over what `cli` read.
//!
//! # Which stream
//! Standard output carries data: JSON, and the lines that the maintainer's own tasks print, without the
//! separator or mark of ours, so that `envloom -s version | …` works as with make. All else is standard
//! error. Both are flushed in the order of events, so that a log which joins them reads well.
//!
//! # Whose lines when
//! A task is *voiced* when it is the maintainer's own, or with `-v`. While one voiced task runs, its lines
//! pass at once; while several run, each one's are held and come as a block when it ends, or when it is
//! the only one left. A line `> task: command` stands before each change of speaker. uv's output is dropped
//! when its task succeeds and shown when it fails. What is held is bounded (`held.rs`); the log has all.
//!
//! Without a terminal there is no line when a task starts: it would double every CI log and say nothing for
//! the usual run of fast tasks. Instead, when nothing has been printed for 30 s, one line names all that
//! runs and since when. A log is thus never silent for long (some CI systems end such jobs), and a task that
//! hangs is named, which a start line alone does not do.
//!
//! # What is filtered
//! Names, messages and paths go through [`printable`](crate::base::printable); lines that a program printed
//! keep colours only. In GitHub Actions no line becomes a workflow command by what somebody else wrote into it; the
//! groups, annotations and notices there are in `github.rs`.

mod diagnostic;
mod excerpt;
mod finding;
mod github;
mod held;
mod json;
mod lines;
mod outlet;
mod page;
mod plain;
mod progress;
mod reporter;
mod style;
mod summary;
mod terminal;
mod text;

pub(crate) use diagnostic::{diagnostic, diagnostic_json};
pub(crate) use json::{json_answer, json_answer_line};

pub(crate) use github::{annotations, no_commands};
pub(crate) use outlet::{Broken, Outlet};
pub(crate) use reporter::{Mode, Options, Reporter, Sinks, Verbosity};
pub(crate) use style::{ColorChoice, Style, color, in_github, unicode};
