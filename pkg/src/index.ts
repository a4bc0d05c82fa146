/** A Lightning wallet that runs in the page. Nothing happens at import; start with {@link Wallet.open}. @module amplet */

export { init, type InitOptions } from './platform/init.ts';
export type { WasmSource } from './link/wasm-source.ts';
export { WalletError } from './base/error.ts';
export type { Snapshot } from './wallet/types.ts';
export { Wallet } from './wallet/wallet.ts';
export { type Backup, type BackupOptions } from './wallet/backup.ts';
export type { Stream } from './wallet/stream/stream.ts';
export type { StreamEnd, StreamOptions, StreamPause, StreamState } from './wallet/stream/options.ts';
export type { BumpOptions, CloseLostOptions } from './wallet/onchain.ts';
export { unlockKey } from './wallet/open.ts';
export type {
  ByKey,
  ByPasskey,
  ByPassphrase,
  OpenBase,
  OpenCreated,
  OpenOptions,
  OpenRestored,
  OpenStored,
  RestoreOptions,
} from './wallet/open-options.ts';
export { passkeysAvailable, type Passkey } from './wallet/passkeys.ts';
export type { Unlock, Unlocking } from './wallet/unlock.ts';
export type { WalletEvent } from './wallet/events.ts';
export {
  checkMnemonic,
  generateMnemonic,
  suggestWords,
  type MnemonicCheck,
  type MnemonicProblem,
} from './wallet/mnemonic.ts';
export { loadRates, type Rates } from './wallet/rates.ts';
export {
  joinPairing,
  offerPairing,
  type PairedWallet,
  type PairingJoin,
  type PairingOffer,
} from './wallet/pairing/pairing.ts';
export { budgetCode } from './wallet/links/code.ts';
export type { ConnectOptions } from './wallet/links/connect.ts';
export type { ConnectedBudget } from './wallet/links/connected.ts';
export type { BudgetInfo, BudgetInvoice, BudgetPayment } from './wallet/links/letters.ts';
export { BudgetLinks, type HandedOut, type LinksWallet } from './sites/links/links.ts';
export type { LinkHolder } from './sites/links/records.ts';
export { serveBudgets, type ServingWallet } from './sites/links/serve.ts';
export { checkGateway, loadSettings, saveSettings, type LoadedSettings, type Settings } from './wallet/settings.ts';
export type {
  BackupMode,
  BackupState,
  BackupStatus,
  Balance,
  BumpMethod,
  ChainStatus,
  Channel,
  ChannelOnDemand,
  ChannelState,
  ChannelTerms,
  Connection,
  CurrencyPrice,
  FiatRate,
  CustomRecord,
  Device,
  Direction,
  ErrorCode,
  ErrorOutcome,
  FeeQuote,
  FeeRates,
  Gateway,
  GatewayStatus,
  Holder,
  HolderKind,
  Inspected,
  PaymentMethod,
  PaymentMethodKind,
  Login,
  Network,
  NoRoute,
  NoRouteReason,
  OfferTerms,
  OnchainBump,
  OnchainSend,
  OtherDevice,
  PartHop,
  PartState,
  Payment,
  PaymentKind,
  PaymentPart,
  PaymentRequest,
  PaymentStatus,
  ReplacedTx,
  RequestedChannel,
  RestoreProgress,
  Preview,
  Budget,
  BudgetReason,
  BudgetRefusal,
  BudgetRule,
  Rules,
  SafeUntil,
  SignedMessage,
  Authorization,
  Spending,
  SpendingRow,
  LimitUsage,
  ListedChannel,
  LostAnswer,
  LostChannel,
  LostChannels,
  LostInstallation,
  LostPeer,
  LostPeerState,
  LostState,
  Status,
  StreamRate,
  StreamTotals,
  Trust,
  VerifiedMessage,
  TipAge,
  Warning,
  WindowKind,
  WindowLimit,
  WindowPeriod,
} from './base/protocol.ts';
