/** Numbers of a seed: the same ones each time (splitmix64). */

const MASK = (1n << 64n) - 1n;

export class Dice {
  #state;

  /** @param {bigint} seed */
  constructor(seed) {
    this.#state = seed & MASK;
  }

  /** 64 random bits. */
  bits() {
    this.#state = (this.#state + 0x9e3779b97f4a7c15n) & MASK;
    let mixed = this.#state;
    mixed = ((mixed ^ (mixed >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK;
    mixed = ((mixed ^ (mixed >> 27n)) * 0x94d049bb133111ebn) & MASK;
    return mixed ^ (mixed >> 31n);
  }

  /** From `least` to `most`, both included. @param {number} least @param {number} most */
  number(least, most) {
    return least + Number(this.bits() % BigInt(most - least + 1));
  }

  /** One of them. @template T @param {readonly T[]} list @returns {T} */
  of(list) {
    const chosen = list[this.number(0, list.length - 1)];
    if (chosen === undefined) throw new Error('nothing to choose from');
    return chosen;
  }

  /** Dice of their own: however many of their numbers are used, these go on alike. */
  fork() {
    return new Dice(this.bits());
  }
}
