//! Work in the background: commands of a low priority.

use std::cell::Cell;
use std::process::Command;

thread_local! {
    static NICENESS: Cell<u8> = const { Cell::new(0) };
}

/// Processes that this thread starts meanwhile yield the processor to those of less `niceness` (0 to 19, see nice(1)): tests
/// beside it, which watch clocks, run as if they were alone.
pub fn work<T>(niceness: u8, task: impl FnOnce() -> T) -> T {
    let before = NICENESS.replace(niceness);
    let result = task();
    NICENESS.set(before);
    result
}

/// The same command, as nice as this thread's work is.
#[must_use]
pub fn yielding(command: Command) -> Command {
    match NICENESS.get() {
        0 => command,
        niceness => with_niceness(&command, niceness),
    }
}

fn with_niceness(command: &Command, niceness: u8) -> Command {
    let mut nice = Command::new("nice");
    nice.args(["-n", &niceness.to_string()]).arg(command.get_program()).args(command.get_args());
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
        let output = work(19, || yielding(command)).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "19\n/\na b\n");
        assert_eq!(yielding(Command::new("sh")).get_program(), "sh");
    }
}
