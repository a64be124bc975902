//! What can go wrong while a plan is made, or right after a task whose result the plan must vouch for.

use miette::Diagnostic;
use thiserror::Error;

use super::records::Damage;
use crate::base::FileError;

/// Every code of this room and what it means, for the reference.
pub(crate) const CODES: &[(&str, &str)] = &[
    (
        "envloom::plan::refused_variables",
        "a variable that changes resolution or trust is set for a tags environment",
    ),
    (
        "envloom::plan::venv_damaged",
        "a file of an installed package is missing or cut short right after a sync",
    ),
];

/// Why no plan could be made, or why a result is not believed.
#[derive(Debug, Error, Diagnostic)]
pub(crate) enum PlanError {
    /// A file that a decision rests on cannot be read, or a record cannot be written.
    #[error(transparent)]
    #[diagnostic(transparent)]
    File(#[from] FileError),
    /// uv would resolve otherwise than what was tested.
    #[error("{names} would change what `{environment}` resolves to, or how far it is believed")]
    #[diagnostic(
        code(envloom::plan::refused_variables),
        help(
            "`{environment}` takes its packages from tags, so its manifest alone decides; run it without: \
             env {unset} envloom …"
        )
    )]
    RefusedVariables {
        /// The environment.
        environment: String,
        /// The variables, listed.
        names: String,
        /// Options of `env` that take them out.
        unset: String,
    },
    /// The files behind a RECORD are not as it says.
    #[error("the venv `{venv}` is damaged: {damage}")]
    #[diagnostic(
        code(envloom::plan::venv_damaged),
        help("run the sync again: the venv is rebuilt. Should it recur, `uv cache clean` may be needed")
    )]
    VenvDamaged {
        /// The venv, relative to the root.
        venv: String,
        /// What was found.
        damage: Damage,
    },
}

impl PlanError {
    /// The refusal of `names` for an environment that takes its packages from tags; `None` if there are none.
    #[must_use]
    pub(crate) fn refused_variables(environment: &str, names: &[&str]) -> Option<Self> {
        let unset: Vec<String> = names.iter().map(|name| format!("-u {name}")).collect();
        (!names.is_empty()).then(|| Self::RefusedVariables {
            environment: environment.to_owned(),
            names: names.join(", "),
            unset: unset.join(" "),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::testing::told;

    #[test]
    fn every_code_is_in_the_table() {
        let refused = PlanError::refused_variables("prod", &["UV_INDEX", "UV_PRERELEASE"]).unwrap();
        let damage = Damage { file: "torch-2.6.0.dist-info/RECORD".into(), found: "is missing".into() };
        let damaged = PlanError::VenvDamaged { venv: ".venv".into(), damage };
        for (error, (code, _)) in [refused, damaged].iter().zip(CODES) {
            assert_eq!(error.code().unwrap().to_string(), *code);
            assert!(error.help().is_some());
        }
        assert!(PlanError::refused_variables("prod", &[]).is_none());
    }

    #[test]
    fn messages_name_what_to_type() {
        let refused = PlanError::refused_variables("prod", &["UV_INDEX", "UV_PRERELEASE"]).unwrap();
        insta::assert_snapshot!(told(&refused), @r"
        envloom::plan::refused_variables
            UV_INDEX, UV_PRERELEASE would change what `prod` resolves to, or how far it is believed
            help: `prod` takes its packages from tags, so its manifest alone decides; run it without: env -u UV_INDEX -u UV_PRERELEASE envloom …
        ");
        let damage = Damage { file: "torch/lib.so".into(), found: "has 3 bytes, its RECORD says 5".into() };
        let damaged = PlanError::VenvDamaged { venv: ".venv".into(), damage };
        insta::assert_snapshot!(told(&damaged), @r"
        envloom::plan::venv_damaged
            the venv `.venv` is damaged: torch/lib.so has 3 bytes, its RECORD says 5
            help: run the sync again: the venv is rebuilt. Should it recur, `uv cache clean` may be needed
        ");
    }
}
