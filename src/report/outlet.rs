//! Writers that may break without breaking the run.
//!
//! `envloom | head` closes standard output, a terminal goes away, a disk is full: the locks and syncs that
//! run are worth more than the text about them. The first failure of a writer is remembered and returned
//! at the end, the writer is not used again.

use std::io::{self, Write};
use std::thread;
use std::time::Duration;

/// Where text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlet {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
    /// The file that `ENVLOOM_EVENTS` names.
    Events,
}

/// A writer that could not be written to.
#[derive(Debug)]
pub(crate) struct Broken {
    /// Which.
    pub(crate) outlet: Outlet,
    /// What the system said.
    pub(crate) cause: io::Error,
}

/// A writer, until it breaks.
pub(super) struct Pipe {
    outlet: Outlet,
    writer: Option<Box<dyn Write + Send>>,
    broken: Option<Broken>,
}

impl Pipe {
    pub(super) fn new(outlet: Outlet, writer: Option<Box<dyn Write + Send>>) -> Self {
        Self { outlet, writer, broken: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.writer.is_some()
    }

    /// Writes all of it and flushes, or breaks.
    pub(super) fn put(&mut self, text: &str) {
        let Some(writer) = &mut self.writer else { return };
        if let Err(cause) = write_patiently(writer.as_mut(), text.as_bytes()) {
            self.writer = None;
            self.broken = Some(Broken { outlet: self.outlet, cause });
        }
    }

    pub(super) fn into_broken(self) -> Option<Broken> {
        self.broken
    }
}

/// A child may have made the shared terminal non-blocking; then a full buffer is an error that passes.
fn write_patiently(writer: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    let mut patience = 5000;
    let mut again = |cause: io::Error| match cause.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        io::ErrorKind::WouldBlock if patience > 0 => {
            patience -= 1;
            thread::sleep(Duration::from_millis(2));
            Ok(())
        }
        _ => Err(cause),
    };
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(cause) => again(cause)?,
        }
    }
    while let Err(cause) = writer.flush() {
        again(cause)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one byte at a time, refuses every second call, and breaks after `left` bytes.
    struct Moody {
        left: usize,
        refuse: bool,
    }

    impl Write for Moody {
        fn write(&mut self, _bytes: &[u8]) -> io::Result<usize> {
            self.refuse = !self.refuse;
            if self.refuse {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            self.left = self.left.checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_buffer_passes_and_a_closed_pipe_is_told_once() {
        let mut pipe = Pipe::new(Outlet::Out, Some(Box::new(Moody { left: 3, refuse: false })));
        pipe.put("abc");
        assert!(pipe.is_open());
        pipe.put("d");
        pipe.put("e");
        assert!(!pipe.is_open());
        assert_eq!(pipe.into_broken().unwrap().cause.kind(), io::ErrorKind::BrokenPipe);
    }
}
