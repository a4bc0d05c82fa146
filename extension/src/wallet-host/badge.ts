/** The badge of the extension's button: questions that wait, or else that a stream runs. */

import type { RunTask } from './wallet-host.ts';

/** Beside the button's picture: money flows. */
const RUNS = '▶';

export class Badge {
  readonly #runTask: RunTask;
  #prompts = 0;
  #runs = false;
  #text = '';

  constructor(runTask: RunTask) {
    this.#runTask = runTask;
    void this.#runTask({ to: 'browser', ask: 'badge', text: '' }); // what an earlier wallet host left
  }

  /** So many questions wait. */
  prompts(count: number): void {
    this.#prompts = count;
    this.#show();
  }

  /** True if a stream runs. */
  streams(runs: boolean): void {
    this.#runs = runs;
    this.#show();
  }

  #show(): void {
    const text = this.#prompts > 0 ? String(this.#prompts) : this.#runs ? RUNS : '';
    if (text === this.#text) return;
    this.#text = text;
    void this.#runTask({ to: 'browser', ask: 'badge', text });
  }
}
