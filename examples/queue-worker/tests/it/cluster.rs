//! A Postgres cluster for a test, if Debian's package is installed.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A Postgres cluster in a temporary directory.
pub(crate) struct Cluster {
    pub(crate) directory: TempDir,
    programs: PathBuf,
}

impl Cluster {
    /// Starts a cluster. Returns `None` and prints the reason if Postgres is not installed.
    pub(crate) fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            println!("skipped: /usr/lib/postgresql/*/bin/initdb not found (apt install postgresql)");
            return None;
        };
        let directory = tempfile::tempdir().unwrap();
        if is_root() {
            let (user, group) = unprivileged();
            chown(directory.path(), Some(user), Some(group)).unwrap();
        }
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let cluster = Self { directory, programs };
        cluster.run("initdb", &["--username=queue", "--auth=trust", "--no-sync"]);
        let socket = cluster.directory.path().display();
        let options = format!("-k {socket} -c listen_addresses= -c fsync=off");
        cluster.run("pg_ctl", &["--wait", "--log=log", "--options", &options, "start"]);
        Some(cluster)
    }

    pub(crate) fn url(&self) -> String {
        self.url_of("queue", "postgres")
    }

    pub(crate) fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.directory.path().display())
    }

    /// Runs statements as the superuser.
    pub(crate) fn sql(&self, statements: &str) {
        self.sql_in("postgres", statements);
    }

    pub(crate) fn sql_in(&self, database: &str, statements: &str) {
        for statement in statements.split("; ") {
            let url = self.url_of("queue", database);
            let program = self.programs.join("psql");
            let output = Command::new(program).args([&url, "-c", statement]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }

    /// Suspends all processes of the server with `STOP`, or resumes them with `CONT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = fs::read_to_string(self.directory.path().join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        assert!(Command::new("kill").args(["-s", name, pid]).status().unwrap().success());
        let children = Command::new("ps").args(["-o", "pid=", "--ppid", pid]).output().unwrap().stdout;
        for child in String::from_utf8(children).unwrap().split_whitespace() {
            // Ignore a failure: the connection of a command may have ended.
            let _ = Command::new("kill").args(["-s", name, child]).status().unwrap();
        }
    }

    fn run(&self, program: &str, args: &[&str]) {
        let program = self.programs.join(program);
        let mut command = Command::new(&program);
        if is_root() {
            // Postgres refuses to run as root.
            let (user, group) = unprivileged();
            command = Command::new("setpriv");
            command
                .args([format!("--reuid={user}"), format!("--regid={group}"), "--clear-groups".into()])
                .arg(&program);
        }
        let data = self.directory.path().join("data");
        command.arg("-D").arg(data).args(args).current_dir(self.directory.path());
        // Use no pipes: the server would inherit them and keep them open.
        let status =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
        assert!(status.success(), "{}", program.display());
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.run("pg_ctl", &["--mode=immediate", "stop"]);
    }
}

/// Returns the directory of the programs of the newest installed version.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    let programs = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    programs.filter(|programs| programs.join("initdb").exists()).max()
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Returns the user id of `nobody` and the group id of `nogroup`. Every Debian system has both.
fn unprivileged() -> (u32, u32) {
    let account = |file: &str| {
        let text = fs::read_to_string(Path::new("/etc").join(file)).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("nobody:") || line.starts_with("nogroup:"))
            .map(str::to_owned);
        line.unwrap().split(':').nth(2).unwrap().parse().unwrap()
    };
    (account("passwd"), account("group"))
}
