//! Child processes: each in its own group, logged, with a deadline, and gone when we are gone.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use crate::background;
use crate::ui::{self, Step};

/// Groups to end when we are told to end.
static GROUPS: Mutex<Vec<i32>> = Mutex::new(Vec::new());
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Maximum time a process may take to end after it was asked to.
const GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

/// From here on SIGINT, SIGTERM and SIGHUP are only noted: see [`interrupted`]. Whoever waits here then ends what it
/// started, in order; a second signal ends everything at once.
///
/// # Errors
/// When the handler cannot be installed.
pub fn handle_signals() -> Result<()> {
    let note = || {
        if INTERRUPTED.swap(true, Ordering::SeqCst) {
            signal_all(Signal::SIGKILL);
            std::process::exit(130);
        }
    };
    ctrlc::set_handler(note).context("cannot install the signal handler")
}

/// Ends whatever was started and is still running; for the end of the program.
pub fn end_all() {
    signal_all(Signal::SIGTERM);
}

fn signal_all(signal: Signal) {
    for group in GROUPS.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        // Gone already is as good as ended.
        let _ = killpg(Pid::from_raw(*group), signal);
    }
}

/// True if a signal asked us to end.
#[must_use]
pub fn interrupted() -> bool {
    INTERRUPTED.load(Ordering::SeqCst)
}

/// A running process group that is ended, kindly and then by force, when dropped.
pub struct Group {
    child: Child,
    id: i32,
    name: String,
}

impl Group {
    /// Starts `command` in its own process group.
    ///
    /// # Errors
    /// When the program cannot be started.
    pub fn spawn(mut command: Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let child = command
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{name}`: is it installed and executable?"))?;
        let id = i32::try_from(child.id()).context("process id out of range")?;
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).push(id);
        Ok(Self { child, id, name })
    }

    /// The id of its process and group.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// The exit status, if the process has ended.
    ///
    /// # Errors
    /// When the process cannot be queried.
    pub fn try_wait(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().with_context(|| format!("cannot wait for `{}`", self.name))
    }

    /// Asks the process to end (SIGTERM) and ends it by force after a grace period.
    /// Returns whether it ended by itself in time.
    pub fn stop(&mut self) -> bool {
        let kind = self.signal_until(Signal::SIGTERM, GRACE);
        self.kill();
        kind
    }

    /// Ends the whole group at once (SIGKILL), as a power cut would.
    pub fn kill(&mut self) {
        self.signal_until(Signal::SIGKILL, GRACE);
        GROUPS.lock().unwrap_or_else(PoisonError::into_inner).retain(|g| *g != self.id);
    }

    fn signal_until(&mut self, signal: Signal, limit: Duration) -> bool {
        let _ = killpg(Pid::from_raw(self.id), signal);
        let began = Instant::now();
        while began.elapsed() < limit {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(POLL),
                Ok(Some(_)) | Err(_) => return true,
            }
        }
        false
    }

    /// Waits for its end, `None` if that does not come within `limit`; then ends what is left of the group.
    ///
    /// # Errors
    /// When it cannot be queried, or we were interrupted.
    pub fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>> {
        let began = Instant::now();
        let mut ended = None;
        while ended.is_none() && !interrupted() && began.elapsed() <= limit {
            ended = self.try_wait()?;
            if ended.is_none() {
                std::thread::sleep(POLL);
            }
        }
        self.stop();
        if interrupted() {
            bail!("interrupted");
        }
        Ok(ended)
    }

    /// The first line that the process prints, for one whose standard output is piped. Later ones are not read.
    ///
    /// # Errors
    /// When it ends without one.
    pub fn first_line(&mut self) -> Result<String> {
        let output = self.child.stdout.as_mut().with_context(|| format!("`{}` is not piped", self.name))?;
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .with_context(|| format!("cannot read from `{}`", self.name))?;
        if line.is_empty() {
            bail!("`{}` ended at once", self.name);
        }
        Ok(line.trim().to_owned())
    }

    fn pipes(&mut self) -> Vec<Box<dyn Read + Send>> {
        let mut pipes: Vec<Box<dyn Read + Send>> = Vec::new();
        if let Some(out) = self.child.stdout.take() {
            pipes.push(Box::new(out));
        }
        if let Some(err) = self.child.stderr.take() {
            pipes.push(Box::new(err));
        }
        pipes
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Outcome of a logged command.
pub struct Outcome {
    /// It exited with status 0 before its deadline.
    pub success: bool,
    /// It was ended because its deadline had passed.
    pub timed_out: bool,
    /// File with everything it printed.
    pub log: PathBuf,
}

impl Outcome {
    /// The whole log; undecodable bytes are replaced.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn text(&self) -> Result<String> {
        let bytes =
            std::fs::read(&self.log).with_context(|| format!("cannot read {}", self.log.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// Runs `command` to its end with what it prints in `log`; `show` echoes it too.
/// Progress counters (`[12/297]`, cargo's `12/297:`) are shown on the step.
///
/// # Errors
/// When it cannot be started or logged, or when we were interrupted. An unsuccessful end is no error
/// here: see [`run`].
pub fn watch(command: Command, step: &Step, log: &Path, limit: Duration, show: bool) -> Result<Outcome> {
    let seen = |text: &str| progress(text).or_else(|| test_name(text));
    watch_lines(command, step, log, limit, (show, &seen))
}

/// Reads from a line what it says about progress, if anything.
type Seen<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// As [`watch`], with `seen` telling progress from what is printed.
///
/// # Errors
/// As [`watch`].
pub fn watch_lines(
    command: Command,
    step: &Step,
    log: &Path,
    limit: Duration,
    (show, seen): (bool, Seen<'_>),
) -> Result<Outcome> {
    if let Some(dir) = log.parent() {
        std::fs::create_dir_all(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    let file = File::create(log).with_context(|| format!("cannot write {}", log.display()))?;
    let file = Arc::new(Mutex::new(file));
    let mut command = background::yielding(command);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::spawn(command)?;
    let ended = std::thread::scope(|scope| -> Result<Option<ExitStatus>> {
        for pipe in group.pipes() {
            let file = Arc::clone(&file);
            scope.spawn(move || follow(pipe, &file, step, (show, seen)));
        }
        // Whatever it left behind would keep the pipes open: ended with it.
        group.wait(limit)
    })?;
    Ok(Outcome {
        success: ended.is_some_and(|s| s.success()),
        timed_out: ended.is_none(),
        log: log.to_owned(),
    })
}

/// Runs a filter: `input` is its standard input, `output` becomes its standard output.
///
/// # Errors
/// When a file cannot be opened, the command cannot be started, fails, or takes longer than `limit`.
pub fn filter(mut command: Command, input: &Path, output: &Path, limit: Duration) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    let from = File::open(input).with_context(|| format!("cannot read {}", input.display()))?;
    let to = File::create(output).with_context(|| format!("cannot write {}", output.display()))?;
    command.stdin(from).stdout(to).stderr(Stdio::inherit());
    match Group::spawn(command)?.wait(limit)? {
        Some(status) if status.success() => Ok(()),
        Some(status) => bail!("`{shown}` failed ({status}), see above"),
        None => bail!("`{shown}` took longer than {} and was ended", ui::human(limit)),
    }
}

/// Like [`watch`], quietly, and anything but success is an error that shows the end of the log.
///
/// # Errors
/// When the command cannot be started, fails, or takes longer than `limit`.
pub fn run(command: Command, step: &Step, log: &Path, limit: Duration) -> Result<()> {
    let shown = format!("{command:?}").replace('"', "");
    let outcome = watch(command, step, log, limit, false)?;
    if outcome.success {
        return Ok(());
    }
    let text = outcome.text()?;
    let lines: Vec<&str> = text.lines().collect();
    let tail = lines.get(lines.len().saturating_sub(40)..).unwrap_or_default().join("\n    ");
    let how = if outcome.timed_out {
        format!("took longer than {} and was ended", ui::human(limit))
    } else {
        "failed".to_owned()
    };
    bail!("`{shown}` {how}; the end of {}:\n    {tail}", log.display())
}

/// Runs a short command and returns its standard output, trimmed.
///
/// # Errors
/// When it cannot be started or fails.
pub fn output(command: &mut Command) -> Result<String> {
    let shown = format!("{command:?}").replace('"', "");
    let out = command.stdin(Stdio::null()).output().with_context(|| format!("cannot start `{shown}`"))?;
    if !out.status.success() {
        bail!("`{shown}` failed: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

/// The path of a program in `PATH`.
#[must_use]
pub fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

fn follow(mut pipe: Box<dyn Read + Send>, file: &Mutex<File>, step: &Step, how: (bool, Seen<'_>)) {
    let mut buffer = [0_u8; 8192];
    let mut pending = Vec::new();
    while let Ok(count) = pipe.read(&mut buffer) {
        if count == 0 {
            break;
        }
        for byte in buffer.iter().take(count) {
            if matches!(byte, b'\n' | b'\r') {
                emit(&std::mem::take(&mut pending), *byte == b'\n', file, step, how);
            } else {
                pending.push(*byte);
            }
        }
    }
    if !pending.is_empty() {
        emit(&pending, true, file, step, how);
    }
}

fn emit(bytes: &[u8], whole_line: bool, file: &Mutex<File>, step: &Step, (show, seen): (bool, Seen<'_>)) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(progress) = seen(&text) {
        step.note(&progress);
    }
    if !whole_line || text.trim_start().starts_with("Building [") {
        return;
    }
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    // A full disk shows itself in the command's own failure.
    let _ = writeln!(file, "{text}");
    drop(file);
    if show {
        ui::line(&format!("    {text}"));
    }
}

/// `done/total` of ninja's `[12/297] ..` or cargo's `Building [===>  ] 12/297: ..`.
fn progress(text: &str) -> Option<String> {
    let text = text.trim_start();
    let counter = if let Some(rest) = text.strip_prefix("Building [") {
        rest.split_once("] ")?.1.split(':').next()?
    } else {
        text.strip_prefix('[')?.split(']').next()?
    };
    let (done, total) = counter.trim().split_once('/')?;
    let (done, total): (u32, u32) = (done.parse().ok()?, total.parse().ok()?);
    Some(format!("{done}/{total}"))
}

/// The test that a line of Rust's test harness is about.
#[must_use]
pub fn test_name(text: &str) -> Option<String> {
    let (name, _) = text.strip_prefix("test ")?.split_once(" ... ")?;
    Some(name.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counters_of_ninja_and_cargo_are_seen() {
        assert_eq!(progress("[12/297] Building CXX").as_deref(), Some("12/297"));
        assert_eq!(progress("    Building [====>    ] 7/120: serde").as_deref(), Some("7/120"));
        assert_eq!(progress("[INFO] hello 1/2"), None);
        assert_eq!(progress("running 3 tests"), None);
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let dir = std::env::temp_dir().join(format!("xtask-proc-{}", std::process::id()));
        let step = Step::begin("hang", Duration::from_secs(1));
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo started; sleep 1000"]);
        let outcome = watch(command, &step, &dir.join("log"), Duration::from_millis(300), false).unwrap();
        assert!(outcome.timed_out && !outcome.success);
        assert_eq!(outcome.text().unwrap().trim(), "started");
        std::fs::remove_dir_all(dir).unwrap();
    }

    #[test]
    fn a_failing_command_shows_the_end_of_its_log() {
        let dir = std::env::temp_dir().join(format!("xtask-fail-{}", std::process::id()));
        let step = Step::begin("fail", Duration::from_secs(1));
        let mut command = Command::new("sh");
        command.args(["-c", "echo the reason >&2; exit 3"]);
        let error = run(command, &step, &dir.join("log"), Duration::from_secs(10)).unwrap_err();
        assert!(error.to_string().contains("the reason"), "{error}");
        std::fs::remove_dir_all(dir).unwrap();
    }
}
