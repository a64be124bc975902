//! What can be wrong with the words of a call, or with the graph they select.

use miette::{Diagnostic, NamedSource, SourceSpan};
use thiserror::Error;

use super::own_error::OwnFinding;

/// Every code of this room and what it means, for the README.
pub(crate) const CODES: &[(&str, &str)] = &[
    ("envloom::graph::unknown_task", "a target names no task"),
    ("envloom::graph::unknown_environment", "a target names no environment, manifest or directory"),
    ("envloom::graph::ambiguous_environment", "a target's word names two environments"),
    ("envloom::graph::adopted_manifest", "a manifest that envloom never writes was to be generated"),
    ("envloom::graph::no_environment", "a target needs an environment and nothing says which"),
    (
        "envloom::graph::needless_environment",
        "an own task without a matrix was given an environment or a cell",
    ),
    ("envloom::graph::malformed_target", "a target does not fit TASK[:ENVIRONMENT][@CELL]"),
    ("envloom::graph::needless_cell", "a task of a whole environment was given a cell"),
    ("envloom::graph::unknown_value", "a cell names a value that no axis has"),
    ("envloom::graph::unknown_axis", "a cell names an axis that does not exist"),
    ("envloom::graph::ambiguous_value", "a cell names a value that two axes have"),
    ("envloom::graph::twice_on_axis", "a cell names two values of one axis"),
    ("envloom::graph::variant_required", "a sync of an exactly-one axis names no variant"),
    ("envloom::graph::impossible_cell", "a variant does not exist for this platform"),
    ("envloom::graph::python_not_allowed", "a cell's Python is outside requires-python"),
    ("envloom::graph::no_driver_ranges", "`auto` on an axis none of whose variants has `driver`"),
    ("envloom::graph::driver_unreadable", "the NVIDIA driver that `auto` goes by cannot be told"),
    ("envloom::graph::no_variant_for_driver", "no variant suits the NVIDIA driver that `auto` goes by"),
    ("envloom::graph::unknown_variable", "VAR=VALUE names no axis, ENV or PYTHON"),
    ("envloom::graph::no_project", "a target needs a project and tasks.kdl declares none"),
    ("envloom::graph::nothing_to_do", "no target was given and tasks.kdl has no default"),
    ("envloom::graph::cycle", "tasks wait for one another in a circle"),
    ("envloom::graph::private_task", "a target names a task that only others use"),
    ("envloom::graph::no_such_cell", "a target names values that no cell of a task's matrix has together"),
    ("envloom::graph::no_cell_here", "no cell of a task's matrix exists for this platform"),
    ("envloom::graph::no_agreeing_cell", "a task comes after one that has no cell which agrees with its own"),
    ("envloom::graph::parameter_required", "a parameter without default was given no value"),
    ("envloom::graph::idle_variable", "VAR=VALUE says nothing to the tasks of the call"),
    ("envloom::graph::same_output", "two tasks, or two cells of one, make the same file"),
    ("envloom::graph::spoilt_path", "a value of the call makes a path that leaves the repository"),
];

/// All that is wrong with a call, over the text it came from.
#[derive(Debug, Error, Diagnostic)]
#[error("{}", summary(.findings))]
pub(crate) struct GraphError {
    /// The command line, or `tasks.kdl` for a cycle and for targets of `default`.
    #[source_code]
    pub(crate) source_code: NamedSource<String>,
    /// Each mistake.
    #[related]
    pub(crate) findings: Vec<GraphFinding>,
}

fn summary(findings: &[GraphFinding]) -> String {
    match findings {
        [_] => "the call cannot be carried out".to_owned(),
        more => format!("the call cannot be carried out, for {} reasons", more.len()),
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, Error, Diagnostic)]
pub(crate) enum GraphFinding {
    /// A mistake about own tasks.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Own(OwnFinding),
    /// No such task.
    #[error("unknown task `{name}`")]
    #[diagnostic(code(envloom::graph::unknown_task), help("{help}"))]
    UnknownTask {
        /// The word.
        name: String,
        /// The nearest name, or all of them.
        help: String,
        /// The word.
        #[label("no such task")]
        span: SourceSpan,
    },
    /// No such environment.
    #[error("unknown environment `{name}`")]
    #[diagnostic(code(envloom::graph::unknown_environment), help("{help}"))]
    UnknownEnvironment {
        /// The word.
        name: String,
        /// The nearest name, or all of them.
        help: String,
        /// The word.
        #[label("no environment, manifest or directory of that name")]
        span: SourceSpan,
    },
    /// A directory or manifest of two environments, or the name of one and the directory of another.
    #[error("`{name}` names two environments: {hits}")]
    #[diagnostic(code(envloom::graph::ambiguous_environment), help("write the environment's name: {hits}"))]
    AmbiguousEnvironment {
        /// The word.
        name: String,
        /// The names it could mean.
        hits: String,
        /// The word.
        #[label("which one?")]
        span: SourceSpan,
    },
    /// `generate` of a manifest that nobody but its authors writes.
    #[error("there is nothing to generate for `{name}`: its manifest is adopted")]
    #[diagnostic(
        code(envloom::graph::adopted_manifest),
        help(
            "edit the manifest itself; `lock:{name}` locks it, `check:{name}` compares it with its lockfile"
        )
    )]
    AdoptedManifest {
        /// The environment.
        name: String,
        /// The target.
        #[label("never written by envloom")]
        span: SourceSpan,
    },
    /// Nothing says which environment.
    #[error("`{task}` needs an environment")]
    #[diagnostic(
        code(envloom::graph::no_environment),
        help("write {example}, or declare `default-environment` in tasks.kdl")
    )]
    NoEnvironment {
        /// The task's word.
        task: String,
        /// What could be typed.
        example: String,
        /// The target.
        #[label("of which environment?")]
        span: SourceSpan,
    },
    /// An own task has no environment.
    #[error("`{task}` has no matrix, so it takes no environment and no cell")]
    #[diagnostic(code(envloom::graph::needless_environment), help("write `{task}` alone"))]
    NeedlessEnvironment {
        /// The task's word.
        task: String,
        /// What is too much.
        #[label("not needed")]
        span: SourceSpan,
    },
    /// Does not fit the grammar.
    #[error("`{target}` is no target")]
    #[diagnostic(
        code(envloom::graph::malformed_target),
        help("a target is TASK[:ENVIRONMENT][@CELL], for example lock:prod or sync:dev@cu124")
    )]
    MalformedTarget {
        /// The word.
        target: String,
        /// The word.
        #[label("{problem}")]
        span: SourceSpan,
        /// What does not fit.
        problem: String,
    },
    /// Only syncs have cells.
    #[error("`{task}` is of a whole environment and takes no cell")]
    #[diagnostic(code(envloom::graph::needless_cell), help("write `{instead}`"))]
    NeedlessCell {
        /// The task's word.
        task: String,
        /// What to type.
        instead: String,
        /// The cell.
        #[label("not needed")]
        span: SourceSpan,
    },
    /// No axis has the value.
    #[error("no axis has the value `{value}`")]
    #[diagnostic(code(envloom::graph::unknown_value), help("{help}"))]
    UnknownValue {
        /// The word.
        value: String,
        /// The nearest value, or all of them.
        help: String,
        /// The word.
        #[label("unknown value")]
        span: SourceSpan,
    },
    /// No such axis.
    #[error("unknown axis `{axis}`")]
    #[diagnostic(code(envloom::graph::unknown_axis), help("{help}"))]
    UnknownAxis {
        /// The word.
        axis: String,
        /// The nearest axis, or all of them.
        help: String,
        /// The word.
        #[label("unknown axis")]
        span: SourceSpan,
    },
    /// Two axes have the value.
    #[error("`{value}` is a value of the axes {axes}")]
    #[diagnostic(code(envloom::graph::ambiguous_value), help("write {example}"))]
    AmbiguousValue {
        /// The word.
        value: String,
        /// The axes.
        axes: String,
        /// What could be typed.
        example: String,
        /// The word.
        #[label("of which axis?")]
        span: SourceSpan,
    },
    /// Two values on one axis.
    #[error("two values for the axis `{axis}`")]
    #[diagnostic(
        code(envloom::graph::twice_on_axis),
        help("a venv holds one of them; write two targets to sync both")
    )]
    TwiceOnAxis {
        /// The axis.
        axis: String,
        /// The second value.
        #[label("the second one")]
        span: SourceSpan,
    },
    /// The promise that uv does not make: no sync without its variant.
    #[error("`{target}` does not say which variant of `{axis}`")]
    #[diagnostic(
        code(envloom::graph::variant_required),
        help(
            "type {example}; the choices are {choices}. A sync without one would remove what the variants supply. \
             {declared}"
        )
    )]
    VariantRequired {
        /// The target.
        target: String,
        /// The axis.
        axis: String,
        /// The values.
        choices: String,
        /// What could be typed.
        example: String,
        /// Where the axis is declared, and what else could choose on it.
        declared: String,
        /// The target.
        #[label("no variant chosen")]
        span: SourceSpan,
    },
    /// Not for this platform.
    #[error("variant `{variant}` does not exist for this platform")]
    #[diagnostic(
        code(envloom::graph::impossible_cell),
        help("it is declared `on=\"{platforms}\"`; possible here: {possible}")
    )]
    ImpossibleCell {
        /// The variant.
        variant: String,
        /// Where it exists.
        platforms: String,
        /// The variants that exist here.
        possible: String,
        /// The word.
        #[label("not for this platform")]
        span: SourceSpan,
    },
    /// Outside requires-python.
    #[error("Python {python} is outside `requires-python \"{requires}\"` of {environment}")]
    #[diagnostic(code(envloom::graph::python_not_allowed), help("choose a Python within the range"))]
    PythonNotAllowed {
        /// The version asked for.
        python: String,
        /// The range.
        requires: String,
        /// The environment.
        environment: String,
        /// The word.
        #[label("not allowed")]
        span: SourceSpan,
    },
    /// Nothing on the axis goes by drivers.
    #[error("`auto` goes by NVIDIA drivers, and no variant{of_axis} says which ones it runs on")]
    #[diagnostic(
        code(envloom::graph::no_driver_ranges),
        help("name the variant: {choices}; or declare its drivers: `variant \"…\" driver=\">=550.54\"`")
    )]
    NoDriverRanges {
        /// ` of the axis`, where one was named.
        of_axis: String,
        /// The values.
        choices: String,
        /// The word.
        #[label("what should it go by?")]
        span: SourceSpan,
    },
    /// A source of the driver's version that gives none.
    #[error("the NVIDIA driver is unknown: {from} gives {said}")]
    #[diagnostic(
        code(envloom::graph::driver_unreadable),
        help(
            "set UV_CUDA_DRIVER_VERSION to the driver's version, for example 550.144.03, or name the variant: {choices}"
        )
    )]
    DriverUnreadable {
        /// The variable, file or program.
        from: &'static str,
        /// What it gives.
        said: String,
        /// The values.
        choices: String,
        /// The word, or the target.
        #[label("goes by the driver")]
        span: SourceSpan,
    },
    /// No range holds the driver, and nothing stands for machines without one.
    #[error("no variant of `{axis}` suits {driver}")]
    #[diagnostic(
        code(envloom::graph::no_variant_for_driver),
        help("{ranges}. Name the variant{fallback}. The axis is declared at {declared}")
    )]
    NoVariantForDriver {
        /// The axis.
        axis: String,
        /// The driver, or that there is none.
        driver: String,
        /// Each variant with its range.
        ranges: String,
        /// What else could be done.
        fallback: String,
        /// Line and column of the axis in `tasks.kdl`.
        declared: String,
        /// The word, or the target.
        #[label("none suits")]
        span: SourceSpan,
    },
    /// No such variable.
    #[error("unknown variable `{name}`")]
    #[diagnostic(code(envloom::graph::unknown_variable), help("{help}"))]
    UnknownVariable {
        /// The word before `=`.
        name: String,
        /// The nearest name, or all of them.
        help: String,
        /// The word.
        #[label("no axis, ENV or PYTHON")]
        span: SourceSpan,
    },
    /// A file of tasks only.
    #[error("`{task}` needs a project, and {file} declares none")]
    #[diagnostic(
        code(envloom::graph::no_project),
        help("declare `project \"name\" {{ … }}` and an `environment`, or run one of its tasks: {tasks}")
    )]
    NoProject {
        /// The task's word.
        task: String,
        /// The file.
        file: String,
        /// Its own tasks.
        tasks: String,
        /// The word.
        #[label("needs a project")]
        span: SourceSpan,
    },
    /// No target, no default.
    #[error("nothing to do: no target was given and {file} has no `default`")]
    #[diagnostic(
        code(envloom::graph::nothing_to_do),
        help(
            "name a target, for example {example}, or declare `default \"check\"`; `envloom list` shows all"
        )
    )]
    NothingToDo {
        /// The file.
        file: String,
        /// What could be typed.
        example: String,
    },
    /// The tasks of a strongly connected component, in order.
    #[error("tasks wait for one another: {path}")]
    #[diagnostic(code(envloom::graph::cycle), help("remove one of these dependencies"))]
    Cycle {
        /// `a -> b -> a`
        path: String,
        /// Where each is declared.
        #[label(collection, "in the circle")]
        spans: Vec<SourceSpan>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_is_shown_whole() {
        let text = "task \"a\" { after \"b\" }\ntask \"b\" { after \"a\" }\n";
        let spans = vec![SourceSpan::from((5, 3)), SourceSpan::from((28, 3))];
        let error = GraphError {
            source_code: NamedSource::new("tasks.kdl", text.to_owned()),
            findings: vec![GraphFinding::Cycle { path: "a -> b -> a".to_owned(), spans }],
        };
        insta::assert_snapshot!(crate::base::testing::rendered(&error), @r#"
          × the call cannot be carried out

        Error: envloom::graph::cycle

          × tasks wait for one another: a -> b -> a
           ╭─[tasks.kdl:1:6]
         1 │ task "a" { after "b" }
           ·      ─┬─
           ·       ╰── in the circle
         2 │ task "b" { after "a" }
           ·      ─┬─
           ·       ╰── in the circle
           ╰────
          help: remove one of these dependencies
        "#);
    }
}
