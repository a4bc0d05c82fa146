/** Paying sites: WebLN and HTTP 402, for pages, for extensions and for programs. Nothing happens at import. @module amplet/provider */

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
  receiptFor,
  type UntrustedOrigin,
  type PayingFetchOptions,
  type SessionKeeper,
} from './sites/http402/fetch.ts';
export type { Payer, Receipt, InvoiceFacts } from './sites/http402/types.ts';
export { ProviderError } from './sites/errors.ts';
export type {
  OpenStream,
  StreamLike,
  StreamStarter,
  StreamStateLike,
  WalletStreamsOptions,
} from './sites/streams/types.ts';
export { SiteHost, type SiteHostOptions } from './sites/webln/host.ts';
export { siteOf, type Outcome } from './sites/types.ts';
export { payingSites, type SiteRecords, type Grant, type InvoiceUse } from './sites/payments/records.ts';
export type { Payments, PaymentOrder } from './sites/payments/pay.ts';
export {
  type Decision,
  type Ask,
  type InvoiceDetails,
  type PaymentContext,
  type PayerField,
  type PromptRequest,
  type Quote,
  type Range,
  type Site,
  type SiteAuthorization,
  type SiteStreams,
  type SiteWallet,
  type Store,
  type StoreChange,
  type StreamRequest,
  type WalletFailure,
} from './sites/types.ts';
export { TopLevel402, type TopLevel402Options } from './sites/http402/navigation/top-level.ts';
export type { NavigationProblem, NavigationResponse, NavigationStep } from './sites/http402/navigation/types.ts';
export { Receipts } from './sites/http402/purchases.ts';
export {
  installWebln,
  type InstallOptions,
  type PageTransport,
  type ProviderDetail,
  type ProviderInfo,
} from './sites/webln/page.ts';
export type {
  Enabled,
  FoundInvoice,
  InvoiceArgs,
  KeysendArgs,
  LnurlAnswer,
  LookupArgs,
  MadeInvoice,
  NodeInfo,
  Sat,
  SentPayment,
  SignedText,
  SiteBalance,
  Webln,
} from './sites/webln/types.ts';
export { relay, windowTransport, type Relay } from './sites/webln/window.ts';
export {
  isSiteCall,
  WIRE_VERSION,
  type Json,
  type Sender,
  type SiteCall,
  type SiteError,
  type SiteErrorCode,
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
export { PaymentSessions, type Closed } from './sites/http402/session/sessions.ts';
export type { DoubtedOrigin, PaymentSessionsOptions } from './sites/http402/session/options.ts';
export type { Deposit, Session, SessionAccount, SessionStore } from './sites/http402/session/account.ts';
export { openStream, type SiteStream, type StreamMeter, type StreamTerms } from './sites/streams/page.ts';
export { WalletStreams } from './sites/streams/streams.ts';
export { WalletStore, type RecordKeeper } from './sites/wallet-store.ts';
export { localStore, memoryStore } from './sites/stores/memory.ts';
export { budgetPayer } from './sites/links/payer.ts';
export { weblnPayer, type WeblnLike } from './sites/webln/payer.ts';
