//! What this machine has that tasks share: NVIDIA devices and memory.
//!
//! Devices are counted where the driver lists them, `/proc/driver/nvidia/gpus`, else by `nvidia-smi -L`, in containers
//! and WSL. A program that fails, hangs or says something else has none to tell of. Memory is the machine's, or what a
//! container's control group allows of it.

use std::fs;
use std::path::Path;

use super::driver::PATIENCE;
use super::run::Query;
use super::surroundings::Surroundings;

/// A directory for each device.
const DEVICES: &str = "/proc/driver/nvidia/gpus";

/// The program that lists them.
const PROGRAM: &str = "nvidia-smi";

/// How many NVIDIA devices are seen.
pub(crate) fn gpus(surroundings: &Surroundings, root: &Path) -> usize {
    let listed = fs::read_dir(DEVICES).map_or(0, Iterator::count);
    if listed > 0 { listed } else { listed_by_program(surroundings, root) }
}

fn listed_by_program(surroundings: &Surroundings, root: &Path) -> usize {
    let Some(program) = surroundings.programs(PROGRAM, root).into_iter().next() else { return 0 };
    let query = Query {
        program: &program,
        arguments: ["-L"].map(Into::into).into(),
        preamble: 0,
        directory: Path::new("/"),
        vars: &surroundings.harmless_vars(root),
        limit: PATIENCE,
    };
    let answer = query.ask().ok().filter(|answer| answer.status.success());
    let lines = answer.map(|answer| String::from_utf8_lossy(&answer.stdout).into_owned()).unwrap_or_default();
    lines.lines().filter(|line| line.starts_with("GPU ")).count()
}

/// The devices that a program may be given: of `count`, those that the caller's own `CUDA_VISIBLE_DEVICES` names. As for
/// CUDA itself, a number that no device has ends the list. A device named by its id is taken at its word.
pub(crate) fn visible(count: u64, inherited: Option<&str>) -> Vec<String> {
    let Some(inherited) = inherited else { return (0..count).map(|number| number.to_string()).collect() };
    let is_there = |entry: &&str| match entry.parse::<i64>() {
        Ok(number) => u64::try_from(number).is_ok_and(|number| number < count),
        Err(_) => !entry.is_empty(),
    };
    let entries = inherited.split(',').map(str::trim).take_while(is_there).map(str::to_owned);
    entries.take(usize::try_from(count).unwrap_or(usize::MAX)).collect()
}

/// The machine's memory in bytes, or what a container may have of it. `None`: this system does not say.
pub(crate) fn memory() -> Option<u64> {
    let machine = total(&fs::read_to_string("/proc/meminfo").ok()?)?;
    let limit = ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        .iter()
        .find_map(|path| fs::read_to_string(path).ok()?.trim().parse::<u64>().ok());
    Some(limit.map_or(machine, |limit| limit.min(machine)))
}

/// `MemTotal:       16384 kB`
fn total(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inherited_list_limits_the_devices() {
        for (count, inherited, expected) in [
            (2, None, "0 1"),
            (0, None, ""),
            (8, Some("3,5"), "3 5"),
            (8, Some(" 7 , 1"), "7 1"),
            (2, Some("1,4,0"), "1"),
            (2, Some("-1"), ""),
            (2, Some(""), ""),
            (2, Some("GPU-8932f937,MIG-1"), "GPU-8932f937 MIG-1"),
            (1, Some("GPU-1,GPU-2"), "GPU-1"),
        ] {
            assert_eq!(visible(count, inherited).join(" "), expected, "{count} {inherited:?}");
        }
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(total("MemFree: 1 kB\n"), None);
        assert_eq!(total("MemTotal:       16 kB\nMemFree: 1 kB\n"), Some(16384));
        assert_eq!(total("MemTotal: lots\n"), None);
        assert!(memory().is_none_or(|bytes| bytes > 1 << 20));
    }
}
