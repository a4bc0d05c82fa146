// Web Locks, as the host uses them.

/** A lock that is held. */
export interface HeldLock {
  /** Gives it back. */
  release(): void;
  /** Resolves when another took it by force; never otherwise. */
  readonly lost: Promise<void>;
}

/** A request for a lock. */
export interface LockRequest {
  /** Ms to wait; 0: take it only if it is free. */
  timeout: number;
  /** Take it from whoever has it, at once. */
  steal?: boolean;
}

/** The browser's locks; the tests have their own. */
export interface Locks {
  /** The lock, or `null` when it could not be had in time. */
  acquire(name: string, request: LockRequest): Promise<HeldLock | null>;
  /** Resolves when the lock is free: its holder has died or let go. */
  whenFree(name: string, signal: AbortSignal): Promise<void>;
}
