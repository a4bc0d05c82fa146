/** The badge of the extension's button: questions that wait, or else a budget or money that is used up, or that a stream runs. */

import type { RunTask } from './wallet-host.ts';

/** Beside the button's picture: money flows. */
const RUNS = '▶';
/** A site gets nothing more: its budget or the balance is used up, and the popup has what can be done. */
const USED_UP = '!';

export class Badge {
  readonly #runTask: RunTask;
  #prompts = 0;
  #runs = false;
  #stalls = false;
  #stopped = false;
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

  /** `runs`: a stream does; `stalls`: one stands still because its budget or the balance is used up. */
  streams({ runs, stalls }: { runs: boolean; stalls: boolean }): void {
    this.#runs = runs;
    this.#stalls = stalls;
    this.#show();
  }

  /** True if the user lets a site wait whose budget is used up. */
  stopped(is: boolean): void {
    this.#stopped = is;
    this.#show();
  }

  #show(): void {
    const rest = this.#stalls || this.#stopped ? USED_UP : this.#runs ? RUNS : '';
    const text = this.#prompts > 0 ? String(this.#prompts) : rest;
    if (text === this.#text) return;
    this.#text = text;
    void this.#runTask({ to: 'browser', ask: 'badge', text });
  }
}
