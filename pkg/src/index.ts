/** A Lightning wallet that runs in the page. Nothing happens at import; start with {@link Wallet.open}. @module amplet */

export { init, type InitOptions } from './platform/init.ts';
export type { WasmSource } from './link/wasm-source.ts';
export { WalletError } from './base/error.ts';
export { Wallet, type Snapshot } from './wallet/wallet.ts';
export type { Stream } from './wallet/stream/stream.ts';
export type { StreamEnd, StreamOptions, StreamPause, StreamState } from './wallet/stream/options.ts';
export type { BumpOptions, CloseLostOptions } from './wallet/onchain.ts';
export { unlockKey, type OpenOptions } from './wallet/open.ts';
export type { WalletEvent } from './wallet/events.ts';
export {
  checkMnemonic,
  generateMnemonic,
  suggestWords,
  type MnemonicCheck,
  type MnemonicProblem,
} from './wallet/mnemonic.ts';
export { checkGateway, loadSettings, saveSettings, type LoadedSettings, type Settings } from './wallet/settings.ts';
export type {
  Balance,
  BumpMethod,
  ChainStatus,
  Channel,
  ChannelState,
  ChannelTerms,
  Connection,
  CurrencyPrice,
  CustomRecord,
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
  PartHop,
  PartState,
  Payment,
  PaymentKind,
  PaymentPart,
  PaymentRequest,
  PaymentStatus,
  ReplacedTx,
  Preview,
  Budget,
  BudgetReason,
  BudgetRefusal,
  BudgetRule,
  Rules,
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
