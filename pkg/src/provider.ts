/** Paying sites: WebLN and HTTP 402, for pages, for extensions and for programs. Nothing happens at import. @module amplet/provider */

export type { InvoiceFacts } from './sites/http402/challenge-check.ts';
export {
  authorization,
  chooseChallenge,
  readChallenges,
  type Challenge,
  type ChargeChallenge,
  type L402Challenge,
  type RawChallenge,
} from './sites/http402/challenge.ts';
export { PaidFetchError, type PaidFetchCode } from './sites/http402/errors.ts';
export {
  payingFetch,
  type Doubt,
  type Outcome,
  type Payer,
  type PayingFetchOptions,
  type SessionKeeper,
} from './sites/http402/fetch.ts';
export { SiteHost, type SiteHostOptions } from './sites/webln/host.ts';
export { siteOf } from './sites/types.ts';
export { payingSites, type Notes, type Grant, type InvoiceUse } from './sites/payments/records.ts';
export type { Payments, PaymentOrder } from './sites/payments/pay.ts';
export {
  SiteFault,
  type Answer,
  type Ask,
  type InvoiceDetails,
  type Occasion,
  type PayerField,
  type Question,
  type Range,
  type Site,
  type SiteAuthorization,
  type SiteStreams,
  type SiteWallet,
  type Store,
  type StreamRequest,
  type WalletFailure,
} from './sites/types.ts';
export { TopLevel402, type TopLevel402Options } from './sites/http402/navigation/top-level.ts';
export type { NavigationProblem, NavigationResponse, NavigationStep } from './sites/http402/navigation/types.ts';
export { Receipts, type Receipt } from './sites/http402/purchases.ts';
export {
  installWebln,
  type InstallOptions,
  type PageTransport,
  type ProviderDetail,
  type ProviderInfo,
  type Webln,
} from './sites/webln/page.ts';
export { relay, windowTransport, type Relay } from './sites/webln/window.ts';
export {
  isSiteCall,
  WIRE_VERSION,
  type Json,
  type Sender,
  type SiteCall,
  type SiteError,
  type SiteErrorName,
  type SiteEvent,
  type SiteMethod,
  type SiteParams,
  type SiteReply,
  type StreamReport,
} from './sites/wire.ts';
export {
  siteWallet,
  walletPayer,
  type SiteWalletOptions,
  type WalletLike,
  type WalletPayerOptions,
} from './sites/wallet.ts';
export {
  readSessionChallenge,
  sessionCredential,
  type SessionAction,
  type SessionChallenge,
} from './sites/http402/session/challenge.ts';
export {
  PaymentSessions,
  type Closed,
  type Deposit,
  type PaymentSessionsOptions,
  type Session,
  type SessionStore,
} from './sites/http402/session/sessions.ts';
export { openStream, type SiteStream, type StreamMeter, type StreamTerms } from './sites/streams/page.ts';
export {
  WalletStreams,
  type OpenStream,
  type StreamLike,
  type StreamStarter,
  type StreamStateLike,
  type WalletStreamsOptions,
} from './sites/streams/streams.ts';
