// Reasons for which a page's worker did not start. A browser hardly says: the policy's own event and the files' answers do.

import { describe, WalletError } from '../base/error.ts';
import { fileFault } from '../link/load-failure.ts';

/** A policy that forbade a script to be run as a worker, and the address of that. */
interface Blocked {
  readonly directive: string;
  readonly uri: string;
}

const DIRECTIVES = ['worker-src', 'child-src', 'script-src', 'script-src-elem', 'default-src'];

/** Listens, from before a worker is started, for a reason why it cannot be. */
export class WorkerWatch {
  #blocked: Blocked | null = null;
  readonly #stop = new AbortController();
  readonly #script: string | null;

  /** `script` is the worker's, which lies beside the module of this address; `null`: it has no address that lasts. */
  constructor(script: string | null, beside = '') {
    this.#script = script === null || !beside.startsWith('http') ? null : new URL(script, beside).href;
    const heard = ({ effectiveDirective, blockedURI }: SecurityPolicyViolationEvent): void => {
      if (DIRECTIVES.includes(effectiveDirective)) this.#blocked = { directive: effectiveDirective, uri: blockedURI };
    };
    globalThis.document?.addEventListener('securitypolicyviolation', heard, { signal: this.#stop.signal });
  }

  /** The worker has started, or is not wanted any more. */
  end(): void {
    this.#stop.abort();
  }

  /** The error of a constructor that threw. */
  refused(error: unknown): WalletError {
    this.end();
    return new WalletError('notAllowedHere', why(describe(error)), [describe(error)]);
  }

  /** The error of a worker that told the page of one, which says nothing when its script did not load. */
  async failed(event: Event): Promise<WalletError> {
    const said = event instanceof ErrorEvent ? event.message : '';
    if (said !== '') return new WalletError('internal', 'A worker of the wallet has failed: reload the page.', [said]);
    // The policy's event comes with the worker's, in either order.
    await new Promise((done) => setTimeout(done));
    this.end();
    const causes = ['its script could not be loaded'];
    if (this.#blocked !== null) {
      const { uri } = this.#blocked;
      const source = uri.startsWith('blob') ? 'blob:' : "'self'";
      const message = `This page's Content-Security-Policy does not allow the wallet's worker: add worker-src ${source}.`;
      return new WalletError('notAllowedHere', message, [...causes, `${this.#blocked.directive} blocks ${uri}`]);
    }
    const fault = this.#script === null ? null : await fileFault(this.#script, 'script');
    const hint =
      "serve the package's *.worker.js beside its script or import `amplet/inline`, and allow worker-src 'self'";
    return new WalletError('internal', `A worker of the wallet did not start: ${fault ?? hint}.`, causes);
  }
}

function why(said: string): string {
  if (said.includes('TrustedScriptURL'))
    return "This page's policy wants Trusted Types (require-trusted-types-for 'script'), which the wallet's workers have not: drop it for this page.";
  if (/^SecurityError/.test(said) && /origin/i.test(said))
    return "A worker cannot come from another origin than the page: serve the package from the page's own, or import `amplet/inline`.";
  if (/content security policy|worker-src/i.test(said))
    return "This page's Content-Security-Policy does not allow the wallet's worker: add worker-src 'self' (for `amplet/inline`: blob:).";
  return "The browser does not let this page start a worker: allow this site's data, or open the wallet in a tab of its own.";
}
