// Options by name: one that is unknown is refused, and never ignored.

import { WalletError } from './error.ts';
import { isObject, must, type Kind } from './kinds.ts';

/** Names that a caller may give, each with the kind of its value; `true`: whoever reads it looks. */
export type Names<T> = Record<keyof T, Kind | true>;

/**
 * What a caller gives by name, as it is, if it holds nothing but these names, of these kinds: a limit that is misspelled or misplaced is
 * none, and an amount is any. `what` takes it, such as `pay`. Left out it is empty. `required`: what has to be there.
 * @throws {WalletError} `invalidInput`, which says what is unknown or wrong
 */
export function named<T extends object>(
  what: string,
  given: T | undefined,
  names: Names<T>,
  required: readonly (keyof T & string)[] = [],
): T {
  if (given === undefined && required.length === 0) return {} as T;
  const wrong = misnamed(what, given ?? (given === undefined ? {} : null), Object.keys(names));
  if (wrong !== null) throw new WalletError('invalidInput', wrong);
  for (const [name, kind] of Object.entries(names) as [keyof T & string, Kind | true][]) {
    const value = given?.[name];
    if (kind !== true && (value !== undefined || required.includes(name))) must(within(what, name), value, kind);
  }
  return given ?? ({} as T);
}

/** A part's name: that of an option alone, of what lies deeper with where it lies. */
const within = (what: string, name: string): string => (what.includes('.') ? `${what}.${name}` : name);

/** Says what is wrong with options that know these names, of `what`; `null`: nothing is. A name without a value is none. */
function misnamed(what: string, given: unknown, names: readonly string[]): string | null {
  const known = names.map((name) => `\`${name}\``).join(', ');
  if (!isObject(given)) return `\`${what}\` takes its options by name, as in { ${names[0]}: … }: ${known}.`;
  const unknown = Object.entries(given).find(([name, value]) => value !== undefined && !names.includes(name));
  if (unknown === undefined) return null;
  const near = nearest(unknown[0], names);
  const meant = near === null ? '' : ` (is \`${near}\` meant?)`;
  return `\`${what}\` knows no \`${unknown[0].slice(0, 64)}\`, and would ignore it${meant}; it knows ${known}.`;
}

/** The name that is spelled likest; `null`: none is alike. */
function nearest(given: string, names: readonly string[]): string | null {
  const word = given.slice(0, 64).toLowerCase();
  const ranked = names
    .map((name) => ({ name, distance: distance(word, name.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  const [best] = ranked;
  return best !== undefined && best.distance <= Math.max(2, best.name.length / 2) ? best.name : null;
}

/** Letters to be inserted, removed or changed (Levenshtein), row by row. */
function distance(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, at) => at);
  for (const [at, letter] of [...one].entries()) {
    const next = [at + 1];
    for (let to = 0; to < other.length; to++) {
      const changed = row[to]! + (letter === other[to] ? 0 : 1);
      next.push(Math.min(changed, row[to + 1]! + 1, next[to]! + 1));
    }
    row = next;
  }
  return row[other.length]!;
}
