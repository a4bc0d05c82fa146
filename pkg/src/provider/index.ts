/** Paying sites: WebLN and HTTP 402, for pages, for extensions and for programs. Nothing happens at import. @module amplet/provider */

export type { InvoiceFacts } from './agreement.ts';
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
  type Doubt,
  type Outcome,
  type Payer,
  type PayingFetchOptions,
  type SessionKeeper,
} from './fetch.ts';
export { SiteHost, type SiteHostOptions } from './host/host.ts';
export { siteOf } from './host/types.ts';
export { payingSites, type Notes, type Grant, type InvoiceUse } from './host/notes.ts';
export type { Payments, PaymentOrder } from './host/pay.ts';
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
} from './host/types.ts';
export { TopLevel402, type TopLevel402Options } from './navigation/machine.ts';
export type { NavigationProblem, NavigationResponse, NavigationStep } from './navigation/types.ts';
export { Receipts, type Receipt } from './purchases.ts';
export {
  installWebln,
  type InstallOptions,
  type PageTransport,
  type ProviderDetail,
  type ProviderInfo,
  type Webln,
} from './page/webln.ts';
export { relay, windowTransport, type Relay } from './page/window.ts';
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
} from './wire.ts';
export { siteWallet, walletPayer, type SiteWalletOptions, type WalletLike, type WalletPayerOptions } from './wallet.ts';
export {
  readSessionChallenge,
  sessionCredential,
  type SessionAction,
  type SessionChallenge,
} from './session/challenge.ts';
export {
  PaymentSessions,
  type Closed,
  type Deposit,
  type PaymentSessionsOptions,
  type Session,
  type SessionStore,
} from './session/sessions.ts';
export { openStream, type SiteStream, type StreamMeter, type StreamTerms } from './page/stream.ts';
export {
  WalletStreams,
  type OpenStream,
  type StreamLike,
  type StreamStarter,
  type StreamStateLike,
  type WalletStreamsOptions,
} from './streams.ts';
