//! Long texts of the `speak` example: interrupted, in doubt, and large.

use super::*;

/// Starts the `speak` example, which speaks the file `text` with this simulator and saves it at `path`.
fn start_speak(simulator: &Simulator, text: &Path, path: &Path, args: &[&str]) -> Child {
    Command::new(example_path("speak"))
        .args(["--file".as_ref(), text.as_os_str(), "--out".as_ref(), path.as_os_str()])
        .args(args)
        .env("DISTRIBUTE_AI_API_KEY", simulator.api_key())
        .env("DISTRIBUTE_AI_BASE_URL", simulator.base_url())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_for_exit(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().unwrap();
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

/// On Ctrl-C, a terminal sends this signal.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_interrupted_continues_when_run_again() {
    let simulator = quick().running(Duration::from_secs(2)).start().await.unwrap();
    let (directory, path) = temp_path();
    let file = directory.path().join("book.txt");
    let lines: Vec<_> = (0..800).map(|number| format!("It was the best of times number {number}.")).collect();
    let text = lines.join(" ");
    fs::write(&file, &text).unwrap();
    let child = start_speak(&simulator, &file, &path, &[]);
    while simulator.creates() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (code, stderr) = wait_for_exit(child);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("error: interrupted; run the same command again to continue"), "{stderr}");
    assert_eq!(file_names(directory.path()), ["book.txt", "book.wav.store"]);

    let (code, stderr) = wait_for_exit(start_speak(&simulator, &file, &path, &[]));
    assert_eq!(code, Some(0), "{stderr}");
    let mut spoken = simulator.spoken();
    spoken.sort_unstable();
    let mut expected: Vec<&str> = split(&text).map(|(_, piece)| piece).collect();
    expected.sort_unstable();
    assert_eq!(spoken, expected);
    assert_eq!(file_names(directory.path()), ["book.txt", "book.wav"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn speak_example_in_doubt_resubmits_only_if_allowed() {
    let lost = Script::nth(1, Fault::reset().after_accepting());
    let simulator = quick().script(Route::Create, lost).start().await.unwrap();
    let (directory, path) = temp_path();
    let text = directory.path().join("book.txt");
    fs::write(&text, BOOK).unwrap();
    for _run in 0..2 {
        let (code, stderr) = wait_for_exit(start_speak(&simulator, &text, &path, &[]));
        assert_eq!((code, simulator.creates()), (Some(1), 1), "{stderr}");
        assert!(stderr.contains("error: piece 1, bytes 0..") && stderr.contains(": in doubt: "), "{stderr}");
        assert!(stderr.contains("hint: the piece starts at line 1\nhint: run with --resubmit"), "{stderr}");
    }
    let (code, stderr) = wait_for_exit(start_speak(&simulator, &text, &path, &["--resubmit"]));
    assert_eq!((code, simulator.creates()), (Some(0), 2), "{stderr}");
}

/// The text is short by default; `LONG_TEXT=1000000` makes it a book of 17 hours.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_text_memory_does_not_grow_with_audio() {
    let characters = env_or("LONG_TEXT", 20_000);
    let simulator = quick().start().await.unwrap();
    let (directory, path) = temp_path();
    let (text, sentence) =
        (directory.path().join("book.txt"), "It was the best of times and the worst of them. ");
    fs::write(&text, sentence.repeat(characters.div_ceil(sentence.len()))).unwrap();
    let mut child = start_speak(&simulator, &text, &path, &[]);
    let mut peak = 0;
    let status = loop {
        let memory = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = memory.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        peak = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).unwrap_or(peak);
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let length = fs::metadata(&path).unwrap().len();
    eprintln!(
        "{} requests, a file of {} MB, at most {peak} kB of memory",
        simulator.creates(),
        length / 1_000_000
    );
    assert!(status.success() && length > 2_800 * characters as u64);
    assert!((1..64 * 1024).contains(&peak), "{peak} kB");
}
