/** Paying sites: HTTP 402. Nothing happens at import. @module amplet/provider */

export {
  authorization,
  chooseChallenge,
  readChallenges,
  type Challenge,
  type ChargeChallenge,
  type L402Challenge,
  type RawChallenge,
} from './challenge.ts';
export { PaidFetchError, type PaidFetchCode } from './errors.ts';
export {
  payingFetch,
  type Credential,
  type CredentialStore,
  type InvoiceFacts,
  type Outcome,
  type Payer,
  type PayingFetchOptions,
} from './fetch.ts';
