// What an argument must be, in words: whoever gives another thing is told which argument it was, and what it is.

import { WalletError } from './error.ts';

/** A kind of value. */
export interface Kind {
  /** Returns whether a value is of it. */
  readonly is: (value: unknown) => boolean;
  /** What such a value is, as a sentence goes on after "`name` is". */
  readonly what: string;
}

/** Maximum amount that crosses to the engine (u64). */
const MAX_AMOUNT = 0xffff_ffff_ffff_ffffn;

/** An amount. */
export const AMOUNT: Kind = {
  is: (value) => typeof value === 'bigint' && value >= 0n && value <= MAX_AMOUNT,
  what: 'a bigint from 0 to 2^64 - 1, such as 1000n',
};
/** A text. */
export const TEXT: Kind = { is: (value) => typeof value === 'string', what: 'a text' };
/** A text that says something. */
export const FILLED: Kind = { is: (value) => typeof value === 'string' && value !== '', what: 'a text, and not empty' };
/** A boolean. */
export const FLAG: Kind = { is: (value) => typeof value === 'boolean', what: 'true or false' };
/** A function. */
export const FUNCTION: Kind = { is: (value) => typeof value === 'function', what: 'a function' };
/** An array. */
export const LIST: Kind = { is: (value) => Array.isArray(value), what: 'a list' };
/** An array of texts. */
export const TEXTS: Kind = {
  is: (value) => Array.isArray(value) && value.every((one) => typeof one === 'string'),
  what: 'a list of texts',
};
/** Texts by name. */
export const NAMED_TEXTS: Kind = {
  is: (value) => isObject(value) && Object.values(value).every((one) => typeof one === 'string'),
  what: "an object whose values are texts, such as { order: '17' }",
};
/** Something by name. */
export const OBJECT: Kind = { is: (value) => isObject(value), what: 'an object' };
/** Bytes. */
export const BYTES: Kind = { is: (value) => value instanceof Uint8Array, what: 'a Uint8Array' };
/** An AbortSignal, also another realm's. */
export const SIGNAL: Kind = {
  is: (value) => isObject(value) && 'aborted' in value && typeof value['addEventListener'] === 'function',
  what: 'an AbortSignal',
};
/** What `fetch` takes. */
export const ADDRESS: Kind = {
  is: (value) => typeof value === 'string' || (isObject(value) && ('url' in value || 'href' in value)),
  what: 'an address or a Request',
};
/** A `Request` of the Fetch standard. */
export const REQUEST: Kind = {
  is: (value) => isObject(value) && typeof value['url'] === 'string' && isObject(value['headers']),
  what: 'a Request',
};

// A bundler drops what these make where it is not used.

/** A whole number. */
export const whole = /* @__NO_SIDE_EFFECTS__ */ (from: number, to: number): Kind => ({
  is: (value) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to,
  what: `a whole number from ${from} to ${to === 0xffff_ffff ? '2^32 - 1' : to}`,
});

/** One of several texts. */
export const oneOf = /* @__NO_SIDE_EFFECTS__ */ (...texts: readonly string[]): Kind => ({
  is: (value) => texts.includes(value as string),
  what: `one of ${texts.map((text) => `'${text}'`).join(', ')}`,
});

/** This kind, or null. */
export const orNull = /* @__NO_SIDE_EFFECTS__ */ ({ is, what }: Kind): Kind => ({
  is: (value) => value === null || is(value),
  what: `${what}, or null`,
});

/** An object with these methods. `what` says how one is had. */
export const having = /* @__NO_SIDE_EFFECTS__ */ (what: string, ...methods: readonly string[]): Kind => ({
  is: (value) => isObject(value) && methods.every((method) => typeof value[method] === 'function'),
  what,
});

/**
 * The value, if it is of this kind.
 * @throws {WalletError} `invalidInput`, which names the argument
 */
export function must<T>(name: string, value: T, { is, what }: Kind): T {
  if (!is(value)) throw new WalletError('invalidInput', `\`${name}\` is ${what}.`);
  return value;
}

/** Returns whether it is an object that has something by name. */
export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
