//! Running other programs.

use std::{
    env, io,
    process::{Command, Output, Stdio},
    time::Duration,
};

use tokio::{io::AsyncWriteExt as _, time::timeout};

/// Returns a command for the cargo that runs this program.
pub(crate) fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or("cargo".into()))
}

/// Runs a program with an input, and returns its output. Returns `None` if it has not ended after the limit. Then it and all
/// programs that it has started are killed.
pub(crate) fn output(mut command: Command, input: &[u8], limit: Duration) -> io::Result<Option<Output>> {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn()?;
        let (id, stdin) = (child.id(), child.stdin.take());
        let write = async {
            if let Some(mut stdin) = stdin {
                // A program that ends before it has read everything tells the reason itself.
                let _ = stdin.write_all(input).await;
            }
        };
        let ended = async { tokio::join!(write, child.wait_with_output()).1 };
        // The programs have a group of their own, so Ctrl-C does not reach them.
        let ended = tokio::select! {
            biased;
            ended = timeout(limit, ended) => ended.ok().transpose(),
            _ = tokio::signal::ctrl_c() => Err(io::ErrorKind::Interrupted.into()),
        };
        if !matches!(ended, Ok(Some(_))) {
            kill_group(id);
        }
        ended
    })
}

#[cfg(unix)]
fn kill_group(id: Option<u32>) {
    use nix::{
        sys::signal::{Signal, killpg},
        unistd::Pid,
    };
    if let Some(id) = id.and_then(|id| i32::try_from(id).ok()) {
        // The group is gone if all of its programs have ended.
        let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
    }
}

#[cfg(not(unix))]
fn kill_group(_id: Option<u32>) {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn output_has_what_the_program_wrote_and_how_it_ended() {
        // More than a pipe holds, in both directions.
        let input = vec![b'x'; 1_000_000];
        let limit = Duration::from_secs(60);
        let ended = output(shell("cat; echo e >&2; exit 3"), &input, limit).unwrap().unwrap();
        assert_eq!((&ended.stdout, ended.stderr), (&input, b"e\n".to_vec()));
        assert_eq!(ended.status.code(), Some(3));
        let early = output(shell("exec 0<&-; echo done"), &input, limit).unwrap().unwrap();
        assert_eq!(early.stdout, b"done\n");
    }

    #[test]
    fn program_that_does_not_end_is_killed_with_those_that_it_has_started() {
        let directory = tempfile::tempdir().unwrap();
        let script =
            format!("sleep 600 & echo $! > {0}/id; mv {0}/id {0}/pid; wait", directory.path().display());
        let ended = output(shell(&script), b"", Duration::from_secs(2)).unwrap();
        assert!(ended.is_none());
        let id = std::fs::read_to_string(directory.path().join("pid")).unwrap();
        let is_running = || {
            // A killed program stays as a zombie until its parent notices.
            let status = std::fs::read_to_string(format!("/proc/{}/stat", id.trim())).unwrap_or_default();
            status.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim().starts_with('Z'))
        };
        let until = std::time::Instant::now() + Duration::from_secs(30);
        while is_running() && std::time::Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!is_running());
    }
}
