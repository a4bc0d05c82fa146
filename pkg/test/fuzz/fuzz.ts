/**
 * Random and damaged input, as `crates/fuzz` has it for Rust: a target is a function of a seed. `AMPLET_FUZZ_SECONDS` says for how
 * long each runs (1 by default), `AMPLET_FUZZ_SEED` replays one seed.
 */

import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isLoopback } from '../../src/sites/origin.ts';

/** Far beyond what any input takes of a processor, in ms: work that is not bounded by the input. */
const ENDLESS_MS = 5_000;

/** Choices that follow from a seed alone. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** The next 32 bits (mulberry32). */
  roll(): number {
    this.#state = (this.#state + 0x6d2b_79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** A number below `limit`; 0 if that is 0. */
  below(limit: number): number {
    return this.roll() % Math.max(limit, 1);
  }

  /** One of a list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }
}

/** Characters that formats treat apart. */
const TELLING = [...'"\\,;=:/?#@+-._~ \t\r\n\0%[]{}0aA¿é\u202e\u200b\ud800\uffff', '0x', 'null', '1e999', '"="'];

/** Damages a text: characters changed, put in, cut off or repeated, or a stretch of `other` put in. */
export function damaged(dice: Dice, text: string, other = text): string {
  let all = text;
  for (let times = dice.below(6); times >= 0; times -= 1) {
    const at = dice.below(all.length + 1);
    const [before, after] = [all.slice(0, at), all.slice(at)];
    switch (dice.below(6)) {
      case 0:
        all = before;
        break;
      case 1: {
        const from = dice.below(other.length);
        all = before + other.slice(from, from + dice.below(60)) + after;
        break;
      }
      case 2:
        all = before + after.slice(dice.below(20));
        break;
      case 3:
        all = before + dice.pick(TELLING).repeat(dice.below(4) === 0 ? dice.below(3_000) : 1) + after;
        break;
      default:
        all = before + dice.pick(TELLING) + after.slice(1);
    }
  }
  return all;
}

/** Any JSON, most of it of the kinds and at the bounds that readers look for. */
export function anything(dice: Dice, depth = 3): unknown {
  switch (dice.below(depth > 0 ? 9 : 6)) {
    case 0:
      return null;
    case 1:
      return dice.below(2) === 0;
    case 2:
      return dice.pick([0, 1, -1, 0.5, 1_000, 2 ** 53, -(2 ** 53), Number.MAX_SAFE_INTEGER, 1e21]);
    case 3:
      return damaged(
        dice,
        dice.pick(['https://a.example/x?y=1', 'lnbc1', '00'.repeat(32), 'text/plain', '[["text/plain","x"]]']),
      );
    case 4:
      return String(dice.roll());
    case 5:
      return '';
    case 6:
      return Array.from({ length: dice.below(4) }, () => anything(dice, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: dice.below(4) }, () => [
          damaged(dice, dice.pick(['tag', 'name', 'auth', 'k1', '__proto__', 'constructor', 'message'])),
          dice.below(3) === 0 ? { mandatory: true } : anything(dice, depth - 1),
        ]),
      );
  }
}

/** Seconds that a target runs, and a seed to replay. */
const { AMPLET_FUZZ_SECONDS = '1', AMPLET_FUZZ_SEED } = process.env;

/** Runs a target for its time, from seeds that no run had before. What it throws fails the test, with the seed that replays it. */
export function fuzz(name: string, target: (dice: Dice) => void | Promise<void>): void {
  const ms = Number(AMPLET_FUZZ_SECONDS) * 1_000;
  test(
    name,
    async () => {
      const first = AMPLET_FUZZ_SEED === undefined ? Date.now() : Number(AMPLET_FUZZ_SEED);
      const until = performance.now() + (AMPLET_FUZZ_SEED === undefined ? ms : 0);
      let [seed, slowest] = [first, 0];
      do {
        const began = process.cpuUsage();
        try {
          await target(new Dice(seed));
        } catch (cause) {
          throw new Error(`${name}: AMPLET_FUZZ_SEED=${seed} fails`, { cause });
        }
        const { user, system } = process.cpuUsage(began);
        slowest = Math.max(slowest, (user + system) / 1_000);
        assert.ok(slowest < ENDLESS_MS, `${name}: AMPLET_FUZZ_SEED=${seed} takes ${slowest} ms`);
        seed += 1;
      } while (performance.now() < until);
      console.log(
        `${name}: ${seed - first} seeds from ${first}, none failed; the slowest took ${slowest.toFixed(1)} ms`,
      );
    },
    ms + 60_000,
  );
}

/** Runs `read`; `null` when it throws an error of the kind `refusal` whose message can be shown. Whatever else it throws is passed on. */
export function refusedOr<T>(refusal: new (...args: never[]) => Error, read: () => T): T | null {
  try {
    return read();
  } catch (error) {
    refused(refusal, error);
    return null;
  }
}

/** The same for what is awaited. */
export async function rejectedOr<T>(refusal: new (...args: never[]) => Error, read: Promise<T>): Promise<T | null> {
  try {
    return await read;
  } catch (error) {
    refused(refusal, error);
    return null;
  }
}

function refused(refusal: new (...args: never[]) => Error, error: unknown): void {
  if (!(error instanceof refusal)) throw error;
  assert.ok(error.message.length < 1_000, `too long to be shown: ${error.message.length} characters`);
  assert.doesNotMatch(error.message, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u, 'what turns a message around or breaks it');
}

/** Fails unless a wallet may ask there. */
export const isAskable = ({ protocol, hostname, username, password }: URL): void => {
  assert.ok(protocol === 'https:' || (protocol === 'http:' && (hostname.endsWith('.onion') || isLoopback(hostname))));
  assert.equal(username + password, '');
};
