/**
 * A wallet in Node.js: call {@link init} with what it is made of, then `Wallet.open`. The engine runs in the importing
 * thread. Nothing happens at import.
 * @module amplet/node
 */

export type * from '../index.ts';
export { init, type InitOptions } from './init.ts';
export { fileStorage } from './file-storage.ts';
export { memoryStorage, type WalletStorage, type WalletStore, type WalletWrite } from './storage.ts';
export type { HeldLock, WalletLocks } from './locks.ts';
export type { WebSocketConstructor, WebSocketLike } from './globals.ts';
export { WalletError } from '../error.ts';
export { Wallet } from '../page/wallet.ts';
export { unlockKey } from '../page/open.ts';
export { checkMnemonic, generateMnemonic, suggestWords } from '../page/words.ts';
