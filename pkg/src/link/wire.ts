// Messages between page and engine host over their MessagePort.
//
// The page speaks first (`hello`); the host answers `welcome` or `refused`. Then the page sends calls, each answered by `ok` or
// `err` with its id (after `begun`, when it began a payment, or `progress`), and the host sends notices once a wallet is open.
// `ended` is the host's last word on an open wallet. Both sides check what arrives; a message that is none of these is refused or,
// on the page, dropped.

import { isErrorData } from '../base/error.ts';
import type { Notice, OpenOptions, Request, RestoreProgress, WalletError as ErrorData } from '../base/protocol.ts';
import { isInput, type WasmInput } from './wasm-source.ts';

/** Encoded parameters of the key derivation, opaque here. Not secret. */
export type KdfParams = Uint8Array;

/** Encoded source of a key: {@link KdfParams}, or a passkey (first byte 3). Not secret. */
export type KeySource = Uint8Array;

/** A key derived from a passphrase, or given by a passkey: 32 bytes. */
export type Key = Uint8Array;

/** A call of a page. */
export type Call =
  /** Returns the {@link KeySource} of each key that opens the wallet, or `null` when there is no such wallet. */
  | { method: 'keySources' }
  /** Returns {@link Opened}. `source` is set to create the wallet; `log` is what a crashed engine said last. */
  | { method: 'open'; options: OpenOptions; key: Key; source: KeySource | null; takeOver: boolean; log: string[] }
  /** Returns what the request's own documentation says. */
  | { method: 'request'; request: Request }
  /** One more key opens the wallet, in place of an older one of that source, or of any passphrase. `proof` opens it now. Returns nothing. */
  | { method: 'putKey'; proof: Key; source: KeySource; key: Key }
  /** The key of that source opens the wallet no more. `proof` opens it now. Returns nothing. */
  | { method: 'removeKey'; proof: Key; source: KeySource }
  /** Returns the mnemonic, for the key only. */
  | { method: 'words'; key: Key }
  /** Deletes the wallet permanently, whoever has it open. Returns nothing. */
  | { method: 'destroy'; takeOver: boolean };

/** The answer to `open`: done, or the generation of the worker where the engine runs already. */
export type Opened = { opened: true } | { elsewhere: number };

/** From page to host. */
export type ToHost =
  /** `wasm`: where the engine comes from, unless from beside the host's script; the first page's word counts. */
  | { kind: 'hello'; version: number; release: string; life: string; wasm?: WasmInput | null }
  | { kind: 'call'; id: number; call: Call }
  | { kind: 'bye' };

/** From host to page. */
export type ToPage =
  | { kind: 'welcome'; version: number; release: string; life: string }
  /** `retry`: the older host makes room; connect to the next generation. */
  | { kind: 'refused'; error: ErrorData; retry: boolean }
  /** The call began a payment, which has not left yet; its answer follows. */
  | { kind: 'begun'; id: number; paymentId: string }
  /** Of `open`: how much of a backup was read; its answer follows. */
  | { kind: 'progress'; id: number; progress: RestoreProgress }
  | { kind: 'ok'; id: number; value: unknown }
  | { kind: 'err'; id: number; error: ErrorData }
  | { kind: 'notice'; notice: Notice }
  | { kind: 'ended'; error: ErrorData; log: string[]; next: number };

/** Reads what a page sent; a text says what is wrong with it. */
export function readToHost(data: unknown): ToHost | string {
  if (!isRecord(data)) return 'a message is an object';
  switch (data['kind']) {
    case 'hello':
      if (typeof data['version'] !== 'number') return '`hello` needs a number `version`';
      if (!isShortText(data['release']) || !isShortText(data['life']))
        return '`hello` needs texts `release` and `life`';
      if (data['wasm'] !== undefined && data['wasm'] !== null && !isInput(data['wasm']))
        return '`hello` needs a URL, bytes or a module as `wasm`';
      return data as ToHost;
    case 'call': {
      if (!isId(data['id'])) return 'a call needs a whole number `id`';
      const wrong = wrongCall(data['call']);
      return wrong ?? (data as ToHost);
    }
    case 'bye':
      return data as ToHost;
    default:
      return 'unknown kind of message';
  }
}

/** Reads what the host sent; `null` for anything else. */
export function readToPage(data: unknown): ToPage | null {
  if (!isRecord(data)) return null;
  const known: Record<ToPage['kind'], boolean> = {
    welcome: typeof data['version'] === 'number' && isShortText(data['release']) && isShortText(data['life']),
    refused: isErrorData(data['error']) && typeof data['retry'] === 'boolean',
    begun: isId(data['id']) && isShortText(data['paymentId']),
    progress: isId(data['id']) && isRecord(data['progress']),
    ok: isId(data['id']),
    err: isId(data['id']) && isErrorData(data['error']),
    notice: isRecord(data['notice']) && typeof data['notice']['notice'] === 'string',
    ended: isErrorData(data['error']) && isTexts(data['log']) && isId(data['next']),
  };
  const kind = data['kind'];
  return typeof kind === 'string' && Object.hasOwn(known, kind) && known[kind as ToPage['kind']]
    ? (data as ToPage)
    : null;
}

function wrongCall(call: unknown): string | null {
  if (!isRecord(call)) return 'a call needs an object `call`';
  switch (call['method']) {
    case 'keySources':
      return null;
    case 'open':
      if (!isRecord(call['options']) || !isShallow(call['options']))
        return '`open` needs an object `options` of little depth';
      if (!isKey(call['key'])) return '`open` needs a `key` of 32 bytes';
      if (call['source'] !== null && !isBytes(call['source'])) return '`open` needs bytes or null as `source`';
      if (typeof call['takeOver'] !== 'boolean') return '`open` needs a boolean `takeOver`';
      return isTexts(call['log']) ? null : '`open` needs a list of texts `log`';
    case 'request':
      if (!isRecord(call['request']) || !isShallow(call['request']))
        return '`request` needs an object `request` of little depth';
      return typeof call['request']['method'] === 'string' ? null : 'a request needs a text `method`';
    case 'putKey':
      if (!isKey(call['key'])) return '`putKey` needs a `key` of 32 bytes';
      return wrongProof(call);
    case 'removeKey':
      return wrongProof(call);
    case 'words':
      return isKey(call['key']) ? null : '`words` needs a `key` of 32 bytes';
    case 'destroy':
      return typeof call['takeOver'] === 'boolean' ? null : '`destroy` needs a boolean `takeOver`';
    default:
      return 'unknown method';
  }
}

function wrongProof(call: Record<string, unknown>): string | null {
  if (!isKey(call['proof'])) return 'a change of what opens the wallet needs a `proof` of 32 bytes';
  return isBytes(call['source']) ? null : 'a change of what opens the wallet needs bytes as `source`';
}

/** Returns whether `value` nests little enough to be read by recursion: the engine's stack is small, and overflowing it ends it. */
function isShallow(value: unknown, depth = 8): boolean {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  return depth > 0 && Object.values(value).every((part) => isShallow(part, depth - 1));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isId = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isShortText = (value: unknown): boolean => typeof value === 'string' && value.length <= 100;
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((text) => typeof text === 'string');
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array && value.length <= 4096;
const isKey = (value: unknown): boolean => isBytes(value) && value.length === 32;
