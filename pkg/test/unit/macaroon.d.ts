/** What the tests use of the npm package macaroon, which has no types. */
declare module 'macaroon' {
  export function newMacaroon(fields: {
    version: 1 | 2;
    rootKey: string;
    identifier: string;
    location: string;
  }): import('lsat-js').MacaroonClass;
}
