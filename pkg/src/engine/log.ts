/** The last log lines, kept outside the wasm so that they survive its end. Nothing secret is logged (see `node`'s log). */
export class LogRing {
  static readonly #CAPACITY = 500;
  static readonly #MAX_LINE = 500;
  readonly #lines: string[] = [];

  /** Adds a line, with the time; the oldest one goes. */
  add(line: string): void {
    this.#push(`${new Date().toISOString()} ${line}`);
  }

  /** Puts the lines of an engine that crashed before those of this one. */
  seed(lines: readonly string[]): void {
    if (lines.length === 0) return;
    const own = this.#lines.splice(0);
    for (const line of [...lines, '--- a fresh engine ---', ...own]) this.#push(line);
  }

  /** The lines, oldest first. */
  lines(): string[] {
    return [...this.#lines];
  }

  #push(line: string): void {
    this.#lines.push(line.length > LogRing.#MAX_LINE ? `${line.slice(0, LogRing.#MAX_LINE)}…` : line);
    if (this.#lines.length > LogRing.#CAPACITY) this.#lines.shift();
  }
}
