//! One task on a worker thread.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::spec::{Context, Decision, Finish, Work};
use crate::exec::error::ExecError;

/// Decides and runs one task. A panic is this task's failure and nobody else's.
pub(super) fn carry_out<W: Work>(work: &W, context: &Context<'_, W>) -> Finish<W::Success, W::Failure> {
    let result = catch_unwind(AssertUnwindSafe(|| match work.decide(context.task)? {
        Decision::Fresh => Ok(Finish::Fresh),
        Decision::Run => work.run(context.task, context).map(Finish::Ran),
    }));
    match result {
        Ok(Ok(finish)) => finish,
        Ok(Err(failure)) => Finish::Failed(failure),
        Err(panic) => Finish::Failed(ExecError::Panicked { message: panic_message(&*panic) }.into()),
    }
}

/// What a panic said.
fn panic_message(panic: &(dyn Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "a task panicked".to_owned(),
    }
}
