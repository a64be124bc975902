//! SIGKILL of envloom above children and grandchildren: nobody may be left.

use super::{Random, eventually, figure, kill_all, processes, rounds, timed, wide_project};
use crate::support::{Monorepo, Signal};

/// A project whose own task has grandchildren: in its group, in a session of their own, and one that ignores SIGTERM.
fn project() -> Monorepo {
    let repo = wide_project(6, 20);
    repo.append(
        "tasks.kdl",
        r#"
task "serve" { run "sh" "-c" "trap '' TERM; sleep 600 & setsid sleep 601 & (trap '' TERM HUP INT; sleep 602) & touch [ROOT]/up; wait" }
"#,
    );
    repo.run("lock:dev").success();
    repo
}

#[test]
fn a_killed_envloom_leaves_no_process() {
    let repo = project();
    let duration = timed(|| drop(repo.run("-B lock:dev sync:dev").success()));
    let (mut random, tried, mut orphans) = (Random::new(), rounds(6), 0);
    for round in 0..tried {
        let line = ["-B lock:dev", "-B sync:dev", "serve"][round % 3];
        std::fs::remove_file(repo.root().join("up")).ok();
        let running = repo.spawn(line);
        if line == "serve" && round % 2 == 0 {
            assert!(eventually(|| repo.root().join("up").exists()), "the task did not start");
        } else {
            std::thread::sleep(random.moment(duration));
        }
        if round / 3 % 2 == 0 {
            running.signal(Signal::KILL);
        } else {
            kill_all(&repo, &running);
        }
        running.wait();
        if !eventually(|| processes(&repo).is_empty()) {
            orphans += processes(&repo).len();
            for pid in processes(&repo) {
                rustix::process::kill_process(pid, Signal::KILL).ok();
            }
        }
    }
    figure("F15 SIGKILL of envloom, orphans", tried, orphans);
    assert_eq!(orphans, 0);
}
