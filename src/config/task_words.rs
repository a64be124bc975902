//! The part of the language's table for `task`: what a maintainer may say of a task.

use super::schema::{ArgumentSpec, Block, Kind, NodeSpec, PropertySpec, Rest, argument, property};
use super::table::{NAME, TEXT};

/// A program and its arguments.
const ARGV: &[ArgumentSpec] = &[argument("program", Kind::Text)];
const FURTHER: Rest = Rest::Any(argument("argument", Kind::Free));
const SET: Rest = Rest::Optional(argument("flag", Kind::Flag));

const RUN: NodeSpec = NodeSpec::new(
    "run",
    "run \"pytest\" \"-q\"",
    "a program and its arguments; several run one after the other",
)
.takes(ARGV)
.then(FURTHER)
.repeats();
const SHELL: NodeSpec = NodeSpec::new("shell", "shell \"a | b\"", "a line for `sh -c`, among the `run`s")
    .takes(&[argument("line", Kind::Free)])
    .repeats();
const VARIABLE: NodeSpec = NodeSpec::new(
    "env",
    "env \"HF_HUB_OFFLINE\" \"1\"",
    "a variable; without a value: passed on from the caller. Part of the key: set, changed and unset differ",
)
.takes(&[argument("name", Kind::Text)])
.then(Rest::Optional(argument("value", Kind::Free)))
.repeats();
const TIMEOUT: NodeSpec =
    NodeSpec::new("timeout", "timeout \"30m\"", "how long it may run; then SIGTERM, and SIGKILL after 10 s")
        .takes(&[argument("duration", Kind::Text)]);
const RETRIES: NodeSpec =
    NodeSpec::new("retries", "retries 2", "how often it is tried again after a failure")
        .takes(&[argument("number", Kind::Count)]);
pub(super) const AMOUNT: PropertySpec =
    property("NAME", Kind::Version, "how much of that pool: a number, or bytes such as `16GiB`");
const RESOURCES: NodeSpec = NodeSpec::new(
    "resources",
    "resources gpu=1 memory=\"16GiB\"",
    "what it needs of the pools while it runs; `gpu`: the NVIDIA devices there are",
)
.with_any(AMOUNT);

const AXIS_VALUES: Rest = Rest::Any(argument("value", Kind::Version));
const COORDINATE: PropertySpec = property("AXIS", Kind::Version, "its value on that axis");

const MATRIX: Block = Block {
    nodes: &[&[
        NodeSpec::new(
            "include",
            "include environment=\"dev\" cuda=\"cpu\"",
            "one more cell, with a value on every axis",
        )
        .with_any(COORDINATE)
        .repeats(),
        NodeSpec::new(
            "exclude",
            "exclude cuda=\"cu128\" python=\"3.10\"",
            "leaves out the cells with these values",
        )
        .with_any(COORDINATE)
        .repeats(),
    ]],
    reserved: &[],
    other: Some(&AXIS),
};

const AXIS: NodeSpec = NodeSpec::new(
    "AXIS",
    "cuda \"cu124\" \"cpu\"",
    "an axis and its values: `environment`, an axis of variants, `python`, or any name of yours; `*`: all that are declared",
)
.takes(&[argument("value", Kind::Version)])
.then(AXIS_VALUES);

const SERVICE: Block = Block {
    nodes: &[&[
        NodeSpec::new("start", "start \"postgres\" \"-D\" \"data\"", "the program that goes on running")
            .takes(ARGV)
            .then(FURTHER)
            .required(),
        NodeSpec::new(
            "ready",
            "ready \"pg_isready\"",
            "succeeds once the service can be used; asked again until then",
        )
        .takes(ARGV)
        .then(FURTHER),
        NodeSpec::new("stop", "stop \"pg_ctl\" \"stop\"", "ends it; default: SIGTERM")
            .takes(ARGV)
            .then(FURTHER),
    ]],
    reserved: &[],
    other: None,
};

/// What may differ in some cells of a task.
const PER_CELL: &[NodeSpec] = &[RUN, SHELL, VARIABLE, TIMEOUT, RETRIES, RESOURCES];

const IN_CELL: Block = Block { nodes: &[PER_CELL], reserved: &[], other: None };

pub(super) const TASK: Block = Block {
    nodes: &[
        &[
            NodeSpec::new("description", "description \"…\"", "one line for `list`").takes(TEXT),
            NodeSpec::new(
                "matrix",
                "matrix { environment \"dev\"; cuda \"*\" }",
                "the task runs once for each cell",
            )
            .holds(&MATRIX),
            NodeSpec::new(
                "after",
                "after \"sync\" \"build\"",
                "targets that must have succeeded before; of a task with the same axes, the same cell",
            )
            .takes(&[argument("target", Kind::Text)])
            .then(Rest::Any(argument("target", Kind::Text)))
            .repeats(),
            NodeSpec::new(
                "inputs",
                "inputs \"src/**/*.py\" \"!**/gen.py\" \"@closure\"",
                "the files its result depends on; ignored ones only by their full path; `@closure`: the project and \
                 what it depends on by path",
            )
            .takes(&[argument("pattern", Kind::Text)])
            .then(Rest::Any(argument("pattern", Kind::Text)))
            .repeats(),
            NodeSpec::new(
                "outputs",
                "outputs \"reports/{cell}.xml\"",
                "the files it makes: stored, and restored where nothing changed",
            )
            .takes(&[argument("pattern", Kind::Text)])
            .then(Rest::Any(argument("pattern", Kind::Text)))
            .repeats(),
            NodeSpec::new("pass-env", "pass-env \"EDITOR\"", "variables passed on that change no result")
                .takes(&[argument("name", Kind::Text)])
                .then(Rest::Any(argument("name", Kind::Text)))
                .repeats(),
            NodeSpec::new(
                "secret",
                "secret \"HF_TOKEN\"",
                "variables passed on whose values are masked wherever they would be shown or stored",
            )
            .takes(&[argument("name", Kind::Text)])
            .then(Rest::Any(argument("name", Kind::Text)))
            .repeats(),
            NodeSpec::new("cwd", "cwd \"packages/x\"", "where it runs; default: the root, or the adopted project's directory")
                .takes(&[argument("path", Kind::Text)]),
            NodeSpec::new("parameter", "parameter \"K\" default=\"smoke\"", "`envloom test K=…`; `{K}` in its strings")
                .takes(NAME)
                .with(&[property("default", Kind::Free, "its value where the call gives none; without it the call must")])
                .repeats(),
            NodeSpec::new("finally", "finally \"docker\" \"compose\" \"down\"", "runs at the end, whatever happened")
                .takes(ARGV)
                .then(FURTHER)
                .repeats(),
            NodeSpec::new(
                "service",
                "service { start \"…\"; ready \"…\" }",
                "instead of `run`: goes on while tasks that come after it run, once for all of them",
            )
            .holds(&SERVICE),
            NodeSpec::new("interactive", "interactive", "has the terminal, and runs alone").then(SET),
            NodeSpec::new("cache", "cache", "is up to date where nothing changed, although it has no `outputs`").then(SET),
            NodeSpec::new(
                "check",
                "check",
                "its outputs are committed: under `--locked` it fails if it would change them",
            )
            .then(SET),
            NodeSpec::new("cell", "cell cuda=\"cpu\" { timeout \"1h\" }", "what differs in the cells with these values")
                .with_any(COORDINATE)
                .holds(&IN_CELL)
                .repeats(),
        ],
        PER_CELL,
    ],
    reserved: &[],
    other: None,
};
