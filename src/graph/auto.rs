//! `auto`: the variant by this machine's NVIDIA driver.
//!
//! # Design note
//! A variant says with `driver` which drivers it runs on. Several ranges may hold the driver of this machine, since
//! a new driver runs old builds: then the variant with the highest lower bound wins, which is the newest build that
//! the driver can run; among equal ones the first declared. Where none holds it, or there is no driver, the one
//! variant without `driver` is taken (`cpu`), or the empty choice of an at-most-one axis. Where that is not exactly
//! one, nothing is guessed.
//!
//! The room is pure: the driver is asked for through [`AskDriver`], and only by a call that means `auto`.

use std::fmt;

use miette::SourceSpan;
use pep440_rs::{Operator, Version, VersionSpecifiers};

use super::cell::words_of;
use super::error::GraphFinding;
use super::target::Scope;
use crate::config::AxisChoice;
use crate::model::{Axis, Variant};
use crate::tool::driver::{Driver, Seen};

/// Looks for the machine's NVIDIA driver when it is called.
#[derive(Clone, Copy)]
pub(crate) struct AskDriver<'a>(pub(crate) &'a dyn Fn() -> Seen);

impl fmt::Debug for AskDriver<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskDriver")
    }
}

/// The axis that a bare `auto` means: the only one that goes by drivers.
pub(super) fn axis_of_auto(axes: &[Axis], span: SourceSpan) -> Result<usize, GraphFinding> {
    let hits: Vec<usize> = (0..axes.len()).filter(|&at| axes[at].knows_drivers()).collect();
    match hits.as_slice() {
        [at] => Ok(*at),
        [] => {
            let choices = axes.iter().flat_map(words_of).collect::<Vec<_>>().join(", ");
            Err(GraphFinding::NoDriverRanges { of_axis: String::new(), choices, span })
        }
        several => {
            let names: Vec<&str> = several.iter().map(|&at| axes[at].name.value.as_str()).collect();
            Err(GraphFinding::AmbiguousValue {
                value: "auto".to_owned(),
                axes: names.join(" and "),
                example: format!("`{}=auto`", names[0]),
                span,
            })
        }
    }
}

/// What is wrong with `auto` on this axis.
pub(super) fn no_drivers(axis: &Axis, span: SourceSpan) -> Option<GraphFinding> {
    (!axis.knows_drivers()).then(|| GraphFinding::NoDriverRanges {
        of_axis: format!(" of `{}`", axis.name.value),
        choices: words_of(axis).collect::<Vec<_>>().join(", "),
        span,
    })
}

/// The choice on the axis, and why it is that one.
pub(super) fn choose(
    axis: &Axis,
    scope: &Scope<'_>,
    span: SourceSpan,
) -> Result<(Option<usize>, String), GraphFinding> {
    let driver = (scope.words.driver.0)().map_err(|unreadable| GraphFinding::DriverUnreadable {
        from: unreadable.from,
        said: unreadable.said,
        choices: words_of(axis).collect::<Vec<_>>().join(", "),
        span,
    })?;
    let fits = driver.as_ref().and_then(|driver| Some((driver, fitting(axis, driver)?)));
    let (value, why) = if let Some((driver, (at, range))) = fits {
        (Some(at), format!("{} suits `{range}`", shown(driver)))
    } else {
        let value = without_driver(axis).map_err(|()| unsuited(axis, driver.as_ref(), scope, span))?;
        let no_other = driver.as_ref().map(|driver| format!("{} suits no other", shown(driver)));
        (value, no_other.unwrap_or_else(|| "no NVIDIA driver was found".to_owned()))
    };
    let word = value.map_or("none", |at| axis.variants[at].name.value.as_str());
    Ok((value, format!("{}=auto is {word}: {why}", axis.name.value)))
}

/// `NVIDIA driver 550.144.03 (nvidia-smi)`
fn shown(driver: &Driver) -> String {
    format!("NVIDIA driver {} ({})", driver.text, driver.from)
}

/// Of the variants that run on the driver the one with the highest lower bound.
fn fitting<'a>(axis: &'a Axis, driver: &Driver) -> Option<(usize, &'a VersionSpecifiers)> {
    let mut best: Option<(usize, &VersionSpecifiers)> = None;
    for (at, variant) in axis.variants.iter().enumerate().filter(|(_, variant)| variant.is_possible_here()) {
        let Some(range) = variant.driver.as_ref().map(|range| &range.value) else { continue };
        let higher = best.is_none_or(|(_, other)| lower_bound(range) > lower_bound(other));
        if range.contains(&driver.version) && higher {
            best = Some((at, range));
        }
    }
    best
}

/// The lowest version that a range may hold; `None` where it reaches down for ever.
fn lower_bound(range: &VersionSpecifiers) -> Option<&Version> {
    let bounds = range.iter().filter(|part| {
        matches!(
            part.operator(),
            Operator::GreaterThanEqual
                | Operator::GreaterThan
                | Operator::Equal
                | Operator::EqualStar
                | Operator::ExactEqual
                | Operator::TildeEqual
        )
    });
    bounds.map(pep440_rs::VersionSpecifier::version).max()
}

/// The choice for a machine that no range suits, where there is exactly one; `None` is the empty choice.
fn without_driver(axis: &Axis) -> Result<Option<usize>, ()> {
    let free = |variant: &Variant| variant.driver.is_none() && variant.is_possible_here();
    let free: Vec<usize> = (0..axis.variants.len()).filter(|&at| free(&axis.variants[at])).collect();
    match free.as_slice() {
        [at] => Ok(Some(*at)),
        [] if axis.choose == AxisChoice::AtMostOne => Ok(None),
        _ => Err(()),
    }
}

fn unsuited(axis: &Axis, driver: Option<&Driver>, scope: &Scope<'_>, span: SourceSpan) -> GraphFinding {
    let here = || axis.variants.iter().filter(|variant| variant.is_possible_here());
    let range = |variant: &Variant| {
        let name = &variant.name.value;
        variant
            .driver
            .as_ref()
            .map_or_else(|| format!("{name} does not say"), |range| format!("{name} runs on {}", range.value))
    };
    let several = here().filter(|variant| variant.driver.is_none()).count() > 1;
    let source = &scope.model.source;
    let (line, column) = source.line_column(axis.name.span.offset());
    GraphFinding::NoVariantForDriver {
        axis: axis.name.value.clone(),
        driver: driver.map_or_else(|| "this machine, which has no NVIDIA driver".to_owned(), shown),
        ranges: here().map(range).collect::<Vec<_>>().join(", "),
        fallback: if several {
            "; only where one alone has no `driver` is it the one for every other machine".to_owned()
        } else {
            ", or declare one without `driver` for every other machine".to_owned()
        },
        declared: format!("{}:{line}:{column}", source.name()),
        span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::SourceFile;
    use crate::base::testing::rendered;
    use crate::config;
    use crate::graph::select;
    use crate::graph::testing::{local, words};
    use crate::model::{Found, Model, resolve};
    use crate::tool::driver::Unreadable;

    fn model(axes: &str) -> Model {
        let text = format!(
            "project \"demo\" {{ version \"1\" }}\n{axes}\nenvironment \"dev\" {{ manifest \"pyproject.toml\" }}\n"
        );
        resolve(config::parse(&SourceFile::new("tasks.kdl", text.as_str())).unwrap(), &Found::default())
            .unwrap()
    }

    fn driver(text: &str) -> Seen {
        let version = text.parse().map_err(|_| Unreadable { from: "nvidia-smi", said: text.to_owned() })?;
        Ok(Some(Driver { version, text: text.to_owned(), from: "nvidia-smi" }))
    }

    /// The first task and what is said of it, or how the refusal looks.
    fn auto(axes: &str, line: &str, seen: &Seen) -> String {
        let ask = || seen.clone();
        let call = crate::graph::Words { driver: AskDriver(&ask), ..words(line, ".") };
        let model = model(axes);
        match select(&model, None, &call) {
            Ok(selection) => {
                format!("{} | {}", selection.keys[0].name(&model), selection.notes.autos.join("; "))
            }
            Err(error) => rendered(&error),
        }
    }

    const CUDA: &str = r#"variants "cuda" {
        dependencies "torch"
        variant "cu118" driver=">=450.80"
        variant "cu128" driver=">=570.26"
        variant "cu124" driver=">=550.54"
        variant "cpu"
    }"#;

    #[test]
    fn the_newest_build_that_the_driver_runs_is_taken() {
        let chosen = |text: &str| auto(CUDA, "sync:dev@auto", &driver(text));
        assert_eq!(
            chosen("580.65.06"),
            "sync:dev@cu128 | cuda=auto is cu128: NVIDIA driver 580.65.06 (nvidia-smi) suits `>=570.26`"
        );
        assert!(chosen("550.54").starts_with("sync:dev@cu124 |"));
        assert!(chosen("550.53.99").starts_with("sync:dev@cu118 |"));
        assert_eq!(
            chosen("390.157"),
            "sync:dev@cpu | cuda=auto is cpu: NVIDIA driver 390.157 (nvidia-smi) suits no other"
        );
        assert_eq!(
            auto(CUDA, "sync:dev@auto", &Ok(None)),
            "sync:dev@cpu | cuda=auto is cpu: no NVIDIA driver was found"
        );
    }

    #[test]
    fn it_may_be_said_in_every_place_that_chooses() {
        let seen = driver("550.144.03");
        for line in
            ["sync:dev@auto", "sync:dev@cuda=auto", "sync:dev CUDA=auto", "sync:dev@* CUDA=cpu sync:dev@auto"]
        {
            assert!(auto(CUDA, line, &seen).contains("cuda=auto is cu124"), "{line}");
        }
        let ask = || seen.clone();
        let asking = |torch_backend: Option<&str>| crate::graph::Words {
            driver: AskDriver(&ask),
            torch_backend: torch_backend.map(str::to_owned),
            ..words("sync:dev", ".")
        };
        let chosen = select(&crate::graph::testing::model(), None, &asking(Some("auto"))).unwrap();
        assert_eq!(
            chosen.notes.autos,
            ["cuda=auto is cu124: NVIDIA driver 550.144.03 (nvidia-smi) suits `>=550.54`"]
        );
        let prefers = local("prefer \"cuda\" \"auto\"");
        let chosen = select(&crate::graph::testing::model(), Some(&prefers), &asking(None)).unwrap();
        assert_eq!(chosen.notes.autos.len(), 1);
    }

    #[test]
    fn the_driver_is_asked_for_only_where_auto_is_meant() {
        let ask = || -> Seen { panic!("asked") };
        let prefers = local("prefer \"cuda\" \"auto\"");
        for line in ["check", "lock:dev", "sync:dev@cpu", "sync:dev@*", "sync:dev CUDA=cpu", "lock CUDA=auto"]
        {
            let call = crate::graph::Words { driver: AskDriver(&ask), ..words(line, ".") };
            select(&crate::graph::testing::model(), Some(&prefers), &call).unwrap();
        }
    }

    #[test]
    fn lower_bounds_are_read_out_of_every_form_of_range() {
        for (range, bound) in [
            (">=550.54", Some("550.54")),
            (">=450,<600,>500.1", Some("500.1")),
            ("~=550.54", Some("550.54")),
            ("==550.*", Some("550")),
            ("<600,!=510", None),
        ] {
            let parsed: VersionSpecifiers = range.parse().unwrap();
            assert_eq!(lower_bound(&parsed).map(ToString::to_string).as_deref(), bound, "{range}");
        }
        let axes = r#"variants "cuda" { dependencies "torch"; variant "any" driver="<9000"; variant "new" driver="==550.*" }"#;
        assert!(auto(axes, "sync:dev@auto", &driver("550.1")).starts_with("sync:dev@new |"));
        assert!(auto(axes, "sync:dev@auto", &driver("560.1")).starts_with("sync:dev@any |"));
    }

    #[test]
    fn an_at_most_one_axis_falls_back_to_the_empty_choice() {
        let axes = r#"variants "attention" choose="at-most-one" { variant "flash" driver=">=550" { dependencies "flash-attn" } }"#;
        assert_eq!(
            auto(axes, "sync:dev@auto", &Ok(None)),
            "sync:dev@none | attention=auto is none: no NVIDIA driver was found"
        );
    }

    #[test]
    fn where_nothing_suits_nothing_is_guessed() {
        let gpu = r#"variants "cuda" { dependencies "torch"; variant "cu124" driver=">=550.54"; variant "cu128" driver=">=570.26" }"#;
        insta::assert_snapshot!(auto(gpu, "sync:dev@auto", &driver("470.1")), @r"
          × the call cannot be carried out

        Error: envloom::graph::no_variant_for_driver

          × no variant of `cuda` suits NVIDIA driver 470.1 (nvidia-smi)
           ╭─[command line:1:10]
         1 │ sync:dev@auto
           ·          ──┬─
           ·            ╰── none suits
           ╰────
          help: cu124 runs on >=550.54, cu128 runs on >=570.26. Name the variant, or declare one without
                `driver` for every other machine. The axis is declared at tasks.kdl:2:10
        ");
        insta::assert_snapshot!(auto(gpu, "sync:dev CUDA=auto", &Ok(None)), @r"
          × the call cannot be carried out

        Error: envloom::graph::no_variant_for_driver

          × no variant of `cuda` suits this machine, which has no NVIDIA driver
           ╭─[command line:1:15]
         1 │ sync:dev CUDA=auto
           ·               ──┬─
           ·                 ╰── none suits
           ╰────
          help: cu124 runs on >=550.54, cu128 runs on >=570.26. Name the variant, or declare one without
                `driver` for every other machine. The axis is declared at tasks.kdl:2:10
        ");
        let two = r#"variants "cuda" { dependencies "torch"; variant "cu124" driver=">=550.54"; variant "cpu"; variant "xpu" }"#;
        insta::assert_snapshot!(auto(two, "sync:dev@auto", &Ok(None)), @r"
          × the call cannot be carried out

        Error: envloom::graph::no_variant_for_driver

          × no variant of `cuda` suits this machine, which has no NVIDIA driver
           ╭─[command line:1:10]
         1 │ sync:dev@auto
           ·          ──┬─
           ·            ╰── none suits
           ╰────
          help: cu124 runs on >=550.54, cpu does not say, xpu does not say. Name the variant; only where
                one alone has no `driver` is it the one for every other machine. The axis is declared at
                tasks.kdl:2:10
        ");
    }

    #[test]
    fn auto_needs_one_axis_that_goes_by_drivers() {
        let none = r#"variants "cuda" { dependencies "torch"; variant "cu124"; variant "cpu" }"#;
        insta::assert_snapshot!(auto(none, "sync:dev@auto sync:dev@cuda=auto", &Ok(None)), @r#"
          × the call cannot be carried out, for 2 reasons

        Error: envloom::graph::no_driver_ranges

          × `auto` goes by NVIDIA drivers, and no variant says which ones it runs on
           ╭─[command line:1:10]
         1 │ sync:dev@auto sync:dev@cuda=auto
           ·          ──┬─
           ·            ╰── what should it go by?
           ╰────
          help: name the variant: cu124, cpu; or declare its drivers: `variant "…" driver=">=550.54"`

        Error: envloom::graph::no_driver_ranges

          × `auto` goes by NVIDIA drivers, and no variant of `cuda` says which ones it runs on
           ╭─[command line:1:29]
         1 │ sync:dev@auto sync:dev@cuda=auto
           ·                             ──┬─
           ·                               ╰── what should it go by?
           ╰────
          help: name the variant: cu124, cpu; or declare its drivers: `variant "…" driver=">=550.54"`
        "#);
        let two = r#"
            variants "cuda" { dependencies "torch"; variant "cu124" driver=">=550.54"; variant "cpu" }
            variants "attention" choose="at-most-one" { variant "flash" driver=">=550" { dependencies "flash-attn" } }"#;
        insta::assert_snapshot!(auto(two, "sync:dev@auto", &Ok(None)), @r"
          × the call cannot be carried out

        Error: envloom::graph::ambiguous_value

          × `auto` is a value of the axes cuda and attention
           ╭─[command line:1:10]
         1 │ sync:dev@auto
           ·          ──┬─
           ·            ╰── of which axis?
           ╰────
          help: write `cuda=auto`
        ");
        assert!(
            auto(two, "sync:dev@cuda=auto,attention=auto", &driver("560"))
                .starts_with("sync:dev@cu124,flash |")
        );
        let unknown = Err(Unreadable { from: "nvidia-smi", said: "`[N/A]`".to_owned() });
        insta::assert_snapshot!(auto(CUDA, "sync:dev@auto", &unknown), @r"
          × the call cannot be carried out

        Error: envloom::graph::driver_unreadable

          × the NVIDIA driver is unknown: nvidia-smi gives `[N/A]`
           ╭─[command line:1:10]
         1 │ sync:dev@auto
           ·          ──┬─
           ·            ╰── goes by the driver
           ╰────
          help: set UV_CUDA_DRIVER_VERSION to the driver's version, for example 550.144.03, or name the
                variant: cu118, cu128, cu124, cpu
        ");
    }
}
