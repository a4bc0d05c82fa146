/** What the extension's button says without being opened: questions that wait, or else that a stream runs. */

import type { Chores } from './keeper.ts';

/** Beside the button's picture: money flows. */
const RUNS = '▶';

export class Badge {
  readonly #chores: Chores;
  #questions = 0;
  #runs = false;
  #text = '';

  constructor(chores: Chores) {
    this.#chores = chores;
    void this.#chores({ to: 'desk', ask: 'badge', text: '' }); // what an earlier keeper left
  }

  /** So many questions wait. */
  questions(count: number): void {
    this.#questions = count;
    this.#show();
  }

  /** Whether a stream runs. */
  streams(runs: boolean): void {
    this.#runs = runs;
    this.#show();
  }

  #show(): void {
    const text = this.#questions > 0 ? String(this.#questions) : this.#runs ? RUNS : '';
    if (text === this.#text) return;
    this.#text = text;
    void this.#chores({ to: 'desk', ask: 'badge', text });
  }
}
