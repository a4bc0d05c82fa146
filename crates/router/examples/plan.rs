//! The evaluation's router: JSON lines in, JSON lines out. Options: `--v PPM` sets another V (ppm per nat);
//! `--dump DIR` writes each payment's first problem and the objective found there, for `tests/ortools_check.py`;
//! `--record DIR` converses with itself over `DIR/graph.csv` (made up if it is not there) and writes
//! `DIR/questions.jsonl` and `DIR/answers.jsonl`, for the same program in wasm to repeat.

use amplet_router::Mode;
use amplet_router::csv;
use amplet_router::evaluation::{self, Evaluation, Host, Line};
use cpu_time::ProcessTime;
use std::error::Error;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// As large as mainnet was in February 2026.
const MADE_UP: (u32, u32) = (17_324, 50_808);
const SEED: u64 = 1;
const PAIRS: usize = 100;
const AMOUNTS_SAT: [u64; 3] = [10_000, 1_000_000, 10_000_000];

struct Native {
    started: ProcessTime,
    /// The base of relative paths.
    folder: PathBuf,
    dump: Option<PathBuf>,
}

impl Host for Native {
    fn read(&mut self, path: &str) -> Result<String, String> {
        std::fs::read_to_string(self.folder.join(path)).map_err(|error| format!("{path}: {error}"))
    }

    fn cpu_ms(&mut self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1000.0
    }

    fn dumps(&self) -> bool {
        self.dump.is_some()
    }

    fn dump(&mut self, payment: &str, problem: String) {
        if let Some(dir) = &self.dump {
            let path = dir.join(format!("{payment}.min"));
            if let Err(error) = std::fs::write(&path, problem) {
                eprintln!("{}: {error}", path.display());
            }
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut host = Native { started: ProcessTime::now(), folder: PathBuf::new(), dump: None };
    let mut mode = Mode::Balanced;
    let mut args = std::env::args().skip(1);
    while let Some(option) = args.next() {
        let value = args.next().ok_or("an option needs a value")?;
        match option.as_str() {
            "--v" => mode = Mode::Custom(value.parse()?),
            "--dump" => host.dump = Some(value.into()),
            "--record" => return record(host, Path::new(&value)),
            other => {
                return Err(format!("{other} is not an option; --v, --dump and --record are").into());
            }
        }
    }
    let mut evaluation = Evaluation::new(mode);
    let mut out = std::io::stdout().lock();
    // Lines of bytes: one that is not UTF-8 gets its response too.
    for line in std::io::stdin().lock().split(b'\n') {
        writeln!(out, "{}", evaluation.respond(&String::from_utf8_lossy(&line?), &mut host))?;
        out.flush()?;
    }
    Ok(())
}

fn record(mut host: Native, folder: &Path) -> Result<(), Box<dyn Error>> {
    let path = folder.join("graph.csv");
    if !path.is_file() {
        std::fs::write(&path, evaluation::csv(MADE_UP.0, MADE_UP.1, SEED))?;
    }
    let graph = csv::read(&std::fs::read_to_string(&path)?)?.graph;
    let pairs = evaluation::pairs(&graph, PAIRS, SEED);
    host.folder = folder.to_owned();
    let lines = evaluation::converse(&mut host, "graph.csv", &pairs, &AMOUNTS_SAT);
    let write = |name, of: fn(&Line) -> &str| {
        let text: String = lines.iter().flat_map(|line| [of(line), "\n"]).collect();
        std::fs::write(folder.join(name), text)
    };
    write("questions.jsonl", |line| &line.question)?;
    write("answers.jsonl", |line| &line.answer)?;
    Ok(())
}
