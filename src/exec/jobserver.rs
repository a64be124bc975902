//! The GNU make jobserver: a pipe that holds one byte for every job that may run beside the first.
//!
//! Comes in: the address of one that a make above has made, or how many jobs there are to be. Goes out: a [`Jobserver`]
//! whose tokens can be tried for, waited for and counted; a [`Token`] goes back when it is dropped, so also when a task
//! fails or the coordinator panics.
//!
//! # Inherited
//! Descriptors are opened anew through `/dev/fd`: on Linux that is another open file on the same pipe, so that it can be
//! made non-blocking for envloom alone (a make before 4.3 that shares a non-blocking one stops with "Resource
//! temporarily unavailable"), and it needs no unsafe code. What is opened must be the two ends of one pipe: a recipe
//! without `+` passes numbers behind which there is nothing, or some other file. Where the new open file cannot be made
//! non-blocking (macOS hands out the same one), it is refused: the coordinator must never block.
//!
//! # Served
//! A named pipe in `.envloom/`, removed at the end; what a killed run left is removed by the next one, which tells by the
//! lock that every live one holds. A make before 4.4 stops at a fifo's name, so that where one is found it is handed two
//! open descriptors of the same pipe instead. The name is better where it is understood: Python closes descriptors
//! between a task and the make or ninja that it starts.
//!
//! A child that is killed takes its tokens with it. Whenever no task runs and no service, nobody but envloom may hold one, so
//! [`Jobserver::mend`] makes the pipe hold then what it should: lost tokens cost width until that moment, and never a
//! deadlock, since the first job needs none. Of an inherited jobserver nobody knows how many tokens it has.
//!
//! Refused: the crate `jobserver` (it makes children inherit by `pre_exec`, opens the inherited one by unsafe code, and
//! its waiting thread holds the token it has read, so that none could be counted); a fifo for each task (a child's loss
//! could then be told at once, but every token would pass through a thread).
//!
//! It must not know tasks.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags, fcntl_getfl};
use rustix::io::{FdFlags, fcntl_setfd};

use crate::tool::make::Address;

/// What make puts into the pipe.
const TOKEN: u8 = b'+';

/// More tokens than this are of no use to anybody, and a pipe holds only so many.
const MOST: usize = 4096;

/// How the name of a pipe begins.
const PREFIX: &str = "jobserver.";

/// Held while one is made.
const GATE: &str = "jobserver.lock";

/// A jobserver.
#[derive(Debug)]
pub(crate) struct Jobserver {
    /// Never blocks.
    read: File,
    write: File,
    /// What is ours to keep; `None`: inherited.
    served: Option<Served>,
}

/// A jobserver of our own.
#[derive(Debug)]
struct Served {
    path: PathBuf,
    /// How many tokens there are in all.
    tokens: usize,
    /// What children inherit: one to read, one to write. They block, as an old make expects.
    inherited: Option<(File, File)>,
}

/// The right to run one task more.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    of: &'a Jobserver,
    byte: u8,
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        // Both ends are open here, so there is a reader, and room for what was taken from the pipe.
        let _ = (&self.of.write).write_all(&[self.byte]);
    }
}

impl Jobserver {
    /// The one that a make above has made.
    ///
    /// # Errors
    /// Why it cannot be used, in a few words.
    pub(crate) fn inherit(address: &Address) -> Result<Self, String> {
        let (read, write) = match address {
            Address::Descriptors(read, write) if *read < 0 || *write < 0 => {
                return Err("it was not passed on".to_owned());
            }
            Address::Descriptors(read, write) => (descriptor(*read), descriptor(*write)),
            Address::Fifo(path) => (path.clone(), path.clone()),
            Address::Unknown(_) => return Err("it is of an unknown kind".to_owned()),
        };
        let look = |path: &Path| fs::metadata(path).map_err(|cause| cause.to_string());
        let (one, other) = (look(&read)?, look(&write)?);
        let same = (one.dev(), one.ino()) == (other.dev(), other.ino());
        if !one.file_type().is_fifo() || !same {
            return Err("it is no pipe".to_owned());
        }
        let server = Self::open(&read, &write).map_err(|cause| cause.to_string())?;
        let flags = fcntl_getfl(&server.read).map_err(|cause| cause.to_string())?;
        if flags.contains(OFlags::NONBLOCK) {
            Ok(server)
        } else {
            Err("it can only be waited for".to_owned())
        }
    }

    fn open(read: &Path, write: &Path) -> io::Result<Self> {
        Ok(Self {
            read: open_to_read(read)?,
            write: OpenOptions::new().write(true).open(write)?,
            served: None,
        })
    }

    /// Makes one for `jobs` jobs, in the state directory. `descriptors`: children are handed open descriptors.
    ///
    /// # Errors
    /// When the file system has no named pipes, or no locks.
    pub(crate) fn serve(state: &Path, jobs: usize, descriptors: bool) -> io::Result<Self> {
        // Between making one and locking it, nobody may take it for a dead one.
        let gate = File::create(state.join(GATE))?;
        gate.lock()?;
        sweep(state)?;
        let path = make_fifo(state)?;
        let mut server = Self::open(&path, &path)?;
        server.read.lock()?;
        drop(gate);
        let tokens = jobs.saturating_sub(1).min(MOST);
        server.write.write_all(&vec![TOKEN; tokens])?;
        let inherited = if descriptors { Some(for_children(&path)?) } else { None };
        server.served = Some(Served { path, tokens, inherited });
        Ok(server)
    }

    /// What children are told; `None`: what envloom was told itself.
    pub(crate) fn address(&self) -> Option<Address> {
        let served = self.served.as_ref()?;
        Some(match &served.inherited {
            Some((read, write)) => Address::Descriptors(read.as_raw_fd(), write.as_raw_fd()),
            None => Address::Fifo(served.path.clone()),
        })
    }

    /// Takes a token if there is one.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub(crate) fn try_take(&self) -> io::Result<Option<Token<'_>>> {
        let mut byte = [0];
        loop {
            match (&self.read).read(&mut byte) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) => return Ok(Some(Token { of: self, byte: byte[0] })),
                Err(cause) if cause.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
            }
        }
    }

    /// The end that becomes readable with every token, for whoever waits.
    ///
    /// # Errors
    /// When no more files can be opened.
    pub(crate) fn readable(&self) -> io::Result<File> {
        self.read.try_clone()
    }

    /// Puts right what dead children took, or gave too much. Called when `held` tokens are envloom's and no child runs.
    ///
    /// # Errors
    /// When the pipe cannot be read or written.
    pub(crate) fn mend(&self, held: usize) -> io::Result<()> {
        let Some(served) = &self.served else { return Ok(()) };
        let should = served.tokens.saturating_sub(held);
        let there = usize::try_from(rustix::io::ioctl_fionread(&self.read)?).unwrap_or(usize::MAX);
        if there < should {
            (&self.write).write_all(&vec![TOKEN; should - there])?;
        }
        for _ in should..there {
            // Whoever has left the group may be quicker; there is nothing too much then.
            if let Some(token) = self.try_take()? {
                std::mem::forget(token);
            }
        }
        Ok(())
    }
}

impl Drop for Jobserver {
    fn drop(&mut self) {
        if let Some(served) = &self.served {
            // What stays is removed by the next run.
            let _ = fs::remove_file(&served.path);
        }
    }
}

/// The path behind which an inherited descriptor is opened once more.
fn descriptor(number: i32) -> PathBuf {
    PathBuf::from(format!("/dev/fd/{number}"))
}

fn open_to_read(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).expect("a flag of open(2) is an int");
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Two ends that every child inherits.
fn for_children(path: &Path) -> io::Result<(File, File)> {
    let (read, write) = (File::open(path)?, OpenOptions::new().write(true).open(path)?);
    fcntl_setfd(&read, FdFlags::empty())?;
    fcntl_setfd(&write, FdFlags::empty())?;
    Ok((read, write))
}

/// Removes the pipes of runs that are dead: nobody holds their lock.
fn sweep(state: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state)? {
        let entry = entry?;
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if !is_ours || !entry.file_type()?.is_fifo() {
            continue;
        }
        match open_to_read(&entry.path())?.try_lock() {
            Ok(()) => fs::remove_file(entry.path())?,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
    }
    Ok(())
}

/// Makes a named pipe for this user, of a name that no other run has.
fn make_fifo(state: &Path) -> io::Result<PathBuf> {
    let mut attempt = 0_u32;
    loop {
        // Process ids are one machine's and one container's; the directory may be several's.
        let path = state.join(format!("{PREFIX}{}.{attempt}", std::process::id()));
        match named_pipe(&path) {
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => attempt += 1,
            result => return result.map(|()| path),
        }
    }
}

#[cfg(not(target_vendor = "apple"))]
fn named_pipe(path: &Path) -> io::Result<()> {
    rustix::fs::mkfifoat(rustix::fs::CWD, path, Mode::RUSR | Mode::WUSR).map_err(io::Error::from)
}

/// The call has no safe wrapper there.
#[cfg(target_vendor = "apple")]
fn named_pipe(path: &Path) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let status = std::process::Command::new("/usr/bin/mkfifo").args(["-m", "600"]).arg(path).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other("mkfifo failed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(server: &Jobserver) -> Vec<Token<'_>> {
        std::iter::from_fn(|| server.try_take().unwrap()).collect()
    }

    #[test]
    fn one_token_less_than_jobs_and_each_goes_back() {
        let state = tempfile::tempdir().unwrap();
        for descriptors in [false, true] {
            let server = Jobserver::serve(state.path(), 4, descriptors).unwrap();
            let tokens = all(&server);
            assert_eq!(tokens.len(), 3);
            // Whoever follows the address finds the same pipe.
            let child = Jobserver::inherit(&server.address().unwrap()).unwrap();
            assert!(child.try_take().unwrap().is_none());
            drop(tokens);
            assert_eq!(all(&child).len(), 3);
            assert_eq!(all(&server).len(), 3);
        }
        assert_eq!(names(state.path()), [GATE]);
    }

    fn names(state: &Path) -> Vec<String> {
        let names = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn what_dead_children_took_comes_back() {
        let state = tempfile::tempdir().unwrap();
        let server = Jobserver::serve(state.path(), 4, false).unwrap();
        let ours = server.try_take().unwrap().unwrap();
        std::mem::forget(server.try_take().unwrap().unwrap());
        server.mend(1).unwrap();
        assert_eq!(all(&server).len(), 2);
        (&server.write).write_all(b"+++++").unwrap();
        server.mend(1).unwrap();
        assert_eq!(all(&server).len(), 2);
        drop(ours);
        assert_eq!(all(&server).len(), 3);
    }

    #[test]
    fn the_pipe_of_a_dead_run_is_removed_and_that_of_a_live_one_stays() {
        let state = tempfile::tempdir().unwrap();
        let dead = state.path().join("jobserver.1.0");
        named_pipe(&dead).unwrap();
        let live = Jobserver::serve(state.path(), 2, false).unwrap();
        assert!(!dead.exists());
        let other = Jobserver::serve(state.path(), 2, false).unwrap();
        assert_ne!(live.address(), other.address());
        assert_eq!(names(state.path()).len(), 3);
    }

    #[test]
    fn what_is_no_jobserver_is_refused() {
        let state = tempfile::tempdir().unwrap();
        let (file, missing) = (state.path().join("file"), state.path().join("missing"));
        fs::write(&file, "++").unwrap();
        let (one, other) = (io::pipe().unwrap(), io::pipe().unwrap());
        let mixed = Address::Descriptors(one.0.as_raw_fd(), other.1.as_raw_fd());
        for (address, problem) in [
            (Address::Descriptors(-2, -2), "it was not passed on"),
            (Address::Unknown("sem:x".into()), "it is of an unknown kind"),
            (Address::Fifo(file), "it is no pipe"),
            (Address::Fifo(missing), "No such file or directory (os error 2)"),
            (mixed, "it is no pipe"),
        ] {
            assert_eq!(Jobserver::inherit(&address).unwrap_err(), problem);
        }
        let pair = Address::Descriptors(one.0.as_raw_fd(), one.1.as_raw_fd());
        let inherited = Jobserver::inherit(&pair).unwrap();
        assert!(inherited.try_take().unwrap().is_none() && inherited.address().is_none());
    }
}
