//! The tests of killed workers with Postgres, if Debian's package is installed. Each test starts its own
//! cluster, on a socket in a temporary directory.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use distribute_ai::testing::{Fault, Route, Script};
use tempfile::TempDir;

use crate::{
    kills::{kill, kill_waiting_worker, kill_workers_at_random_times},
    support::{Queue, simulator, stderr, wait_until},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_tasks_of_killed_worker_are_collected_by_another_worker() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(1_500).start().await.unwrap();
    kill_waiting_worker(&simulator, &Queue::new(&simulator).with_database(&cluster.url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_workers_killed_at_random_times_lose_no_text_and_submit_none_twice() {
    let Some(cluster) = Cluster::start() else { return };
    let simulator = simulator(30).start().await.unwrap();
    kill_workers_at_random_times(
        &simulator,
        &Queue::new(&simulator).with_database(&cluster.url()),
        "Postgres",
    )
    .await;
}

#[test]
fn postgres_user_without_permission_is_shown_the_grants() {
    let Some(cluster) = Cluster::start() else { return };
    cluster.sql("CREATE ROLE me LOGIN; CREATE DATABASE speeches");
    let queue = Queue::without_key().with_database(&cluster.url_of("me", "speeches"));
    fs::write(queue.directory().join("lines"), "One.\n").unwrap();
    let output = queue.run(&["enqueue", "lines"]);
    let stderr = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("permission denied for "), "{stderr}");
    assert!(stderr.contains("hint: the database user needs the permission to create tables;"), "{stderr}");

    cluster.sql("GRANT CREATE ON DATABASE speeches TO me");
    cluster.sql_in("speeches", "GRANT CREATE ON SCHEMA public TO me");
    queue.enqueue(&["One."]);
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
    assert_eq!(queue.status().counts["done"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_delayed_text_is_listed_and_released() {
    let Some(cluster) = Cluster::start() else { return };
    let busy = Fault::status(429).retry_after(Duration::from_hours(1));
    let simulator = simulator(10).script(Route::Create, Script::nth(1, busy)).start().await.unwrap();
    let queue = Queue::new(&simulator).with_database(&cluster.url());
    queue.enqueue(&["Hello"]);
    let mut worker = queue.work(&[]);
    wait_until("delayed", &queue, || queue.status().delayed.contains_key(&1)).await;
    kill(&mut worker);
    let delayed = queue.status().delayed[&1].clone();
    assert!(delayed.starts_with("queued, next attempt in "), "{delayed}");
    assert!(queue.run(&["again", "1"]).status.success());
    assert_eq!(queue.run_worker(), Some(0), "{}", queue.logged());
}

/// A Postgres cluster in a temporary directory.
struct Cluster {
    directory: TempDir,
    programs: PathBuf,
}

impl Cluster {
    /// Starts a cluster. Returns `None` and prints the reason if Postgres is not installed.
    fn start() -> Option<Self> {
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

    fn url(&self) -> String {
        self.url_of("queue", "postgres")
    }

    fn url_of(&self, user: &str, database: &str) -> String {
        format!("postgres://{user}@localhost/{database}?host={}", self.directory.path().display())
    }

    /// Runs statements as the superuser.
    fn sql(&self, statements: &str) {
        self.sql_in("postgres", statements);
    }

    fn sql_in(&self, database: &str, statements: &str) {
        for statement in statements.split("; ") {
            let url = self.url_of("queue", database);
            let program = self.programs.join("psql");
            let output = Command::new(program).args([&url, "-c", statement]).output().unwrap();
            assert!(output.status.success(), "{}", stderr(&output));
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
