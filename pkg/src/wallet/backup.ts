import { bindMethods } from '../base/bound.ts';
import { FLAG, FUNCTION, must, oneOf, TEXT } from '../base/kinds.ts';
import type { Names } from '../base/named.ts';
import type { BackupMode, BackupOptions as EngineOptions, BackupStatus, Request } from '../base/protocol.ts';
import { named, text } from './arguments.ts';
import { notify } from './notify.ts';

/** A remote backup. */
export interface BackupOptions {
  /** Base URL (http or https) of the server, which speaks VSS: a gateway's is its own URL with `/vss`. */
  url: string;
  /**
   * `required`, the default: nothing goes to a peer before the backup has what it rests on, so a restored wallet goes on where this one
   * stopped. `lagging`: nothing waits; a restored wallet finds the money and the history, and its channels rest.
   */
  mode?: BackupMode | undefined;
  /** Name of this device, as the user's other devices show it: 1 to 64 bytes; by default `Unnamed device`. */
  deviceName?: string | undefined;
}

/** Names of {@link BackupOptions}. */
const BACKUP: Names<BackupOptions> = { url: TEXT, mode: oneOf('required', 'lagging'), deviceName: TEXT };

/**
 * The remote backup of an open wallet: how it stands, and how it is changed. A store: `subscribe` is all that Svelte, RxJS and others ask
 * of one.
 */
export class Backup {
  readonly #ask: (request: Request) => Promise<unknown>;
  readonly #listeners = new Set<(status: BackupStatus | null) => void>();
  #status: BackupStatus | null = null;

  /** A wallet has one; `ask` asks its engine. */
  constructor(ask: (request: Request) => Promise<unknown>) {
    this.#ask = ask;
    bindMethods(this);
  }

  /** How it stands: `state`, and since when; `null`: there is none, or none is known yet. */
  get status(): BackupStatus | null {
    return this.#status;
  }

  /** Calls `listener` with how it stands, now and at each change. Returns a function that ends that. */
  subscribe(listener: (status: BackupStatus | null) => void): () => void {
    this.#listeners.add(must('listener', listener, FUNCTION));
    listener(this.#status);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Sets a backup up, or moves it to another server or mode, and resolves when everything is there.
   * @throws {WalletError} `invalidInput`, `backupUnreachable`, `backupRefused`, `backupExists` (another device made one with these words)
   */
  async set(options: BackupOptions): Promise<BackupStatus> {
    const status = (await this.#ask({ method: 'setBackup', ...toBackup(options) })) as BackupStatus;
    this.change(status);
    return status;
  }

  /**
   * Ends the backup, and removes it from its server.
   * @param options `abandon`: ends it also when the server cannot be reached. Only for a user who says that no other device has used
   * the wallet since: otherwise this one continues with an old state, which can cost the money in its channels
   * @throws {WalletError} `invalidInput`, `backupUnreachable`
   */
  async end(options?: { abandon?: boolean | undefined }): Promise<void> {
    const { abandon = false } = named('end', options, { abandon: FLAG });
    await this.#ask({ method: 'endBackup', abandon });
    this.change(null);
  }

  /**
   * The whole wallet as a file, which its mnemonic opens (`Wallet.restore` with `file`): for money and history. It cannot carry
   * channels on, as it is old with the next payment.
   * @throws {WalletError} `storage`
   */
  async export(): Promise<Uint8Array> {
    return (await this.#ask({ method: 'exportBackup' })) as Uint8Array;
  }

  /** The engine's word. For the wallet alone. @internal */
  change(status: BackupStatus | null): void {
    if (JSON.stringify(status, plain) === JSON.stringify(this.#status, plain)) return;
    this.#status = status;
    notify(this.#listeners, status);
  }
}

/** JSON knows no bigint. */
const plain = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value);

/**
 * A backup as the engine takes it.
 * @throws {WalletError} `invalidInput`
 */
export function toBackup(given: BackupOptions): EngineOptions {
  const { url, mode, deviceName = 'Unnamed device' } = named('backup', given, BACKUP);
  return { url: text('backup.url', url), deviceName, ...(mode === undefined ? {} : { mode }) };
}
