//! Measures the throughput and memory of saving a large audio file, compared with plain reqwest and curl.
//!
//! ```sh
//! cargo bench --bench download
//! cargo bench --bench download -- --directory /dev/shm
//! ```
//!
//! Each download runs in its own process, so that its peak memory and CPU time can be measured. The
//! contenders take turns. The best turn counts; the median shows the influence of the machine.
//!
//! "By hand" is a loop over `chunk` into `tokio::fs::File`, without a temporary file and without resuming. By
//! default, this crate syncs the file to disk before renaming it into place. curl does not sync. "By hand" is
//! measured with and without syncing.

use std::{
    env, fs,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use distribute_ai::Client;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const SIZE: usize = 1 << 30;
const TURNS: usize = 12;
const ID: &str = "1b671a64-40d5-491e-99b0-da01ff1f3341";
const CONTENDERS: [&str; 5] = [
    "this crate",
    "reqwest by hand, waiting for the disk",
    "this crate, `sync(false)`",
    "reqwest by hand",
    "curl",
];

#[tokio::main]
async fn main() {
    let args: Vec<_> = env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("--serve") => serve().await,
        Some("--download") => download(&args[2], &args[3], Path::new(&args[4])).await,
        _ => compare(&args),
    }
}

fn compare(args: &[String]) {
    let directory = args.iter().skip_while(|arg| *arg != "--directory").nth(1);
    let directory = directory.map_or_else(env::temp_dir, PathBuf::from);
    let program = env::current_exe().expect("the path of this program");
    let mut server = Command::new(&program)
        .arg("--serve")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut url = String::new();
    let mut output = BufReader::new(server.stdout.take().expect("stdout is piped"));
    output.read_line(&mut url).expect("the server prints its URL");

    println!("1 GiB from loopback into a file, {TURNS} turns\n");
    println!("| by | throughput, best | median | CPU time, best | peak memory |\n|---|---:|---:|---:|---:|");
    let mut costs = CONTENDERS.map(|_| Vec::new());
    for turn in 0..TURNS {
        // Rotate the order, because going first may be an advantage or a disadvantage.
        for index in (0..CONTENDERS.len()).map(|index| (index + turn) % CONTENDERS.len()) {
            let path = directory.join(format!("distribute-ai-bench-{}", std::process::id()));
            costs[index].push(run(&program, CONTENDERS[index], url.trim(), &path));
            assert_eq!(fs::metadata(&path).expect("the file exists").len(), SIZE as u64);
            fs::remove_file(&path).expect("the file can be removed");
        }
    }
    let best = costs.map(|costs| {
        let sorted = |metric: fn(&Cost) -> f64| {
            let mut values: Vec<_> = costs.iter().map(metric).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let (seconds, cpu) = (sorted(|cost| cost.seconds), sorted(|cost| cost.cpu));
        let memory = costs.iter().filter_map(|cost| cost.memory).max();
        (seconds[0], seconds[TURNS / 2], cpu[0], memory)
    });
    for (name, (seconds, median, cpu, memory)) in CONTENDERS.iter().zip(best) {
        let memory = memory.map_or("not measured".to_owned(), |memory| format!("{} MiB", memory / 1024));
        let [best, median] = [seconds, median].map(|seconds| 1024.0 / seconds);
        println!("| {name} | {best:.0} MiB/s | {median:.0} MiB/s | {cpu:.2} s | {memory} |");
    }
    let rival = best[3].0.min(best[4].0);
    println!("\n- waiting for the disk, against by hand that waits, too: {:.2}", best[1].0 / best[0].0);
    println!("- `sync(false)`, against the best of the two others that don't wait: {:.2}", rival / best[2].0);
    println!(
        "- waiting for the disk, against the best of the two others that don't: {:.2}",
        rival / best[0].0
    );
    let _ = server.kill();
    let _ = server.wait();
}

struct Cost {
    seconds: f64,
    /// The CPU time of the whole process, in seconds.
    cpu: f64,
    /// The peak memory in KiB.
    memory: Option<u64>,
}

fn run(program: &Path, contender: &str, url: &str, path: &Path) -> Cost {
    let before = cpu_of_children();
    let (seconds, memory) = if contender == "curl" {
        let start = Instant::now();
        let curl = Command::new("curl")
            .args(["--silent", "--output"])
            .arg(path)
            .arg(format!("{url}/audio"))
            .status();
        assert!(curl.expect("curl is installed").success());
        (start.elapsed().as_secs_f64(), None)
    } else {
        let output = Command::new(program)
            .args(["--download", contender, url])
            .arg(path)
            .output()
            .expect("a download");
        let stdout = String::from_utf8_lossy(&output.stdout);
        let (seconds, memory) = stdout.trim().split_once(' ').unwrap_or_else(|| panic!("{output:?}"));
        (seconds.parse().expect("seconds"), memory.parse().ok().filter(|memory| *memory > 0))
    };
    Cost { seconds, cpu: cpu_of_children() - before, memory }
}

/// Returns the CPU seconds of all awaited child processes. Linux counts them in hundredths of a second.
fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The program name may contain spaces and ends at the last parenthesis. The text after it starts with
    // field 3.
    let fields = stat.rsplit_once(") ").map_or("", |(_, fields)| fields).split(' ');
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Runs one download. Prints its duration in seconds and the peak memory of this process in KiB.
async fn download(contender: &str, url: &str, path: &Path) {
    let start = match CONTENDERS.iter().position(|name| *name == contender) {
        Some(0) => with_this_crate(url, path, true).await,
        Some(2) => with_this_crate(url, path, false).await,
        which => by_hand(url, path, which == Some(1)).await,
    };
    let seconds = start.elapsed().as_secs_f64();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.trim().parse().ok());
    println!("{seconds} {}", peak.unwrap_or(0_u64));
}

/// Returns the start time of the download, after the audio URL is known.
async fn with_this_crate(url: &str, path: &Path, sync: bool) -> Instant {
    let client = Client::builder().api_key("key").base_url(url).build().expect("a client");
    let speech = client.task(ID.parse().expect("a task id")).wait().await.expect("a speech");
    let audio = speech.audio().expect("an audio URL").max_bytes(u64::MAX).sync(sync);
    let start = Instant::now();
    audio.save(path).await.expect("a file");
    start
}

async fn by_hand(url: &str, path: &Path, sync: bool) -> Instant {
    let http = reqwest::Client::new();
    let start = Instant::now();
    let mut response = http.get(format!("{url}/audio")).send().await.expect("a response");
    let mut file = tokio::fs::File::create(path).await.expect("a file");
    while let Some(chunk) = response.chunk().await.expect("a chunk") {
        file.write_all(&chunk).await.expect("room on the disk");
    }
    file.flush().await.expect("room on the disk");
    if sync {
        file.sync_all().await.expect("room on the disk");
    }
    start
}

/// Serves one completed task and its audio of 1 GiB.
async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a loopback socket");
    let url = format!("http://{}", listener.local_addr().expect("a local address"));
    println!("{url}");
    tokio::task::spawn_blocking(|| {
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        // Ignore connection errors: the client has closed the connection.
        tokio::spawn(respond(stream, url.clone()));
    }
}

async fn respond(mut stream: TcpStream, url: String) -> io::Result<()> {
    let mut request = vec![0; 64 * 1024];
    let length = stream.read(&mut request).await?;
    if request[..length].starts_with(b"POST") {
        // The body is ignored, but may arrive after the head. Wait for it before closing the connection.
        tokio::time::sleep(Duration::from_millis(20)).await;
        let body = format!(
            r#"{{"id":"{ID}","status":"COMPLETED","created":1,"finished":2,"model":"m","results":[{{"url":"{url}/audio"}}]}}"#
        );
        let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        return stream.write_all((head + &body).as_bytes()).await;
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: audio/wav\r\ncontent-length: {SIZE}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let block = vec![7; 256 * 1024];
    for _ in 0..SIZE / block.len() {
        stream.write_all(&block).await?;
    }
    Ok(())
}
