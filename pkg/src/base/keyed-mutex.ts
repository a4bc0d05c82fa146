/** One thing after the other. */

/** Runs what has to do with one key, such as an origin, one after the other. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Runs `work` when everything of this key that came before is done, however it ended. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#last.set(key, turn);
    const done = () => {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    };
    turn.then(done, done);
    return turn;
  }
}
