/**
 * Binds an object's methods to it: taken out of it (`const { balance } = wallet`) or handed on as they are, they work. They are not
 * enumerable, as those of its class are not.
 */
export function bindMethods(object: object): void {
  for (let from: unknown = Object.getPrototypeOf(object); from !== Object.prototype; from = Object.getPrototypeOf(from))
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(from as object)))
      if (typeof value === 'function' && name !== 'constructor' && !Object.hasOwn(object, name))
        Object.defineProperty(object, name, {
          value: (value as (...args: unknown[]) => unknown).bind(object),
          configurable: true,
          writable: true,
        });
}
