/** Stand-ins for tests of what is built on a wallet: no wasm, no network, no money. Nothing happens at import. @module amplet/testing */

export { fakeWallet, type FakeWallet, type FakeWalletOptions } from './sites/testing/fake-wallet.ts';
