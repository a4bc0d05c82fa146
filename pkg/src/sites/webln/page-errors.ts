/** The errors of WebLN as a page sees them. */

import type { SiteError, SiteErrorName } from '../wire.ts';

type ErrorClass = new (message: string) => Error;

/** A class whose name survives minification: pages compare `error.name` and `error.constructor.name`. */
function errorClass(name: SiteErrorName): ErrorClass {
  return class extends Error {
    static {
      Object.defineProperty(this, 'name', { value: name });
      Object.defineProperty(this.prototype, 'name', { value: name });
    }
  };
}

const NAMES: readonly SiteErrorName[] = [
  'RejectionError',
  'ConnectionError',
  'UnsupportedMethodError',
  'RoutingError',
  'InvalidDataError',
  'InternalError',
];

/** The error to throw for one that came over the wire. */
export function toSiteError(classes: ReadonlyMap<string, ErrorClass>, { name, message, code }: SiteError): Error {
  const Class = classes.get(name) ?? Error;
  return Object.assign(new Class(message), code === undefined ? {} : { code });
}

/** The classes, one set for each provider. */
export const errorClasses = (): ReadonlyMap<string, ErrorClass> =>
  new Map(NAMES.map((name) => [name, errorClass(name)]));
