// Answers of the engine in JSON: amounts and times are bigint, which `JSON.stringify` refuses.

function toJSON(this: object): object {
  return Object.fromEntries(
    Object.entries(this).map(([name, value]) => [
      name,
      typeof value === 'bigint' ? value.toString() : (value as unknown),
    ]),
  );
}

/**
 * The same value, whose objects have a `toJSON` (not enumerable) where they hold a bigint: it is written as a decimal text, as the
 * gateway's API has it. A copy by spreading is without it.
 */
export function speakJson<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  const parts: unknown[] = Object.values(value);
  for (const part of parts) speakJson(part);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype === Object.prototype && parts.some((part) => typeof part === 'bigint'))
    Object.defineProperty(value, 'toJSON', { value: toJSON, configurable: true, writable: true });
  return value;
}
