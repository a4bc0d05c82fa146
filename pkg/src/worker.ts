/**
 * A wallet in a worker that the app has already (also an extension's service worker): the engine runs in the importing thread.
 * The wallet is the one of `amplet`, in the same storage. Nothing happens at import.
 * @module amplet/worker
 */

export type * from './index.ts';
export { init, type InitOptions } from './platform/init.ts';
export { WalletError } from './base/error.ts';
export { Wallet } from './wallet/wallet.ts';
export { unlockKey } from './wallet/open.ts';
export { checkMnemonic, generateMnemonic, suggestWords } from './wallet/mnemonic.ts';
export { checkGateway } from './wallet/settings.ts';
