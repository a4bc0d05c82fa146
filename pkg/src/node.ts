/**
 * A wallet in Node.js: call {@link init} with what it is made of, then `Wallet.open`. The engine runs in the importing
 * thread. Nothing happens at import.
 * @module amplet/node
 */

export type * from './index.ts';
export { init, type InitOptions } from './platform/node/init.ts';
export { fileStorage } from './platform/node/file-storage.ts';
export { memoryStorage, type WalletStorage, type WalletStore, type WalletWrite } from './platform/node/storage.ts';
export type { HeldLock } from './engine/locks.ts';
export type { WalletLocks } from './platform/node/locks.ts';
export type { WebSocketConstructor, WebSocketLike } from './platform/node/globals.ts';
export { WalletError } from './base/error.ts';
export { Wallet } from './wallet/wallet.ts';
export { unlockKey } from './wallet/open.ts';
export { checkMnemonic, generateMnemonic, suggestWords } from './wallet/mnemonic.ts';
export { BudgetLinks } from './sites/links/links.ts';
export { serveBudgets } from './sites/links/serve.ts';
export { fileStore } from './sites/stores/file.ts';
export type { Store } from './sites/types.ts';
export type { Json } from './sites/wire.ts';
