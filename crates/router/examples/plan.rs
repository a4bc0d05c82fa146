//! The evaluation's router: JSON lines in, JSON lines out. Options: `--v PPM` sets another V (ppm per nat);
//! `--dump DIR` writes each payment's first problem and the objective found there, for `tests/ortools_check.py`.

use amplet_router::Mode;
use amplet_router::evaluation::{Evaluation, Host};
use cpu_time::ProcessTime;
use std::error::Error;
use std::io::{BufRead, Write};

struct Native {
    started: ProcessTime,
    dump: Option<String>,
}

impl Host for Native {
    fn read(&mut self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))
    }

    fn cpu_ms(&mut self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    fn dumps(&self) -> bool {
        self.dump.is_some()
    }

    fn dump(&mut self, payment: &str, problem: String) {
        if let Some(dir) = &self.dump {
            let path = format!("{dir}/{payment}.min");
            if let Err(error) = std::fs::write(&path, problem) {
                eprintln!("{path}: {error}");
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut host = Native { started: ProcessTime::now(), dump: None };
    let mut mode = Mode::Balanced;
    let mut args = std::env::args().skip(1);
    while let Some(option) = args.next() {
        let value = args.next().ok_or("an option needs a value")?;
        match option.as_str() {
            "--v" => mode = Mode::Custom(value.parse()?),
            "--dump" => host.dump = Some(value),
            other => return Err(format!("{other} is not an option; --v PPM and --dump DIR are").into()),
        }
    }
    let mut evaluation = Evaluation::new(mode);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        writeln!(out, "{}", evaluation.answer(&line?, &mut host))?;
        out.flush()?;
    }
    Ok(())
}
