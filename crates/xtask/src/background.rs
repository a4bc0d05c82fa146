//! Work in the background: commands of the lowest priority.

use std::cell::Cell;
use std::process::Command;

thread_local! {
    static BACKGROUND: Cell<bool> = const { Cell::new(false) };
}

/// Processes that this thread starts meanwhile yield the processor to everything else: tests beside it, which watch clocks, run as if
/// they were alone.
pub fn work<T>(task: impl FnOnce() -> T) -> T {
    let before = BACKGROUND.replace(true);
    let result = task();
    BACKGROUND.set(before);
    result
}

/// True if this thread works in the background.
#[must_use]
pub fn is_here() -> bool {
    BACKGROUND.get()
}

/// The same command with the lowest priority.
#[must_use]
pub fn yielding(command: &Command) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", "19"]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => nice.env(name, value),
            None => nice.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        nice.current_dir(folder);
    }
    nice
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_command_yields_and_keeps_its_arguments_folder_and_environment() {
        let mut command = Command::new("sh");
        command.args(["-c", "nice; pwd; echo $ROOM"]).current_dir("/").env("ROOM", "a b");
        let output = yielding(&command).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "19\n/\na b\n");
        assert!(work(is_here) && !is_here());
    }
}
