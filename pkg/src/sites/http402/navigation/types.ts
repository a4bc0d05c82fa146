/** HTTP 402 on top-level navigation: what the machine is told, and what it has done. */

import type { Receipt } from '../types.ts';

/** A response that the browser saw (`webRequest.onCompleted`). */
export interface NavigationResponse {
  /** The browser's id of the tab. */
  readonly tabId: number;
  /** The exact URL that answered. */
  readonly url: string;
  /** `GET` and the like. */
  readonly method: string;
  /** The HTTP status. */
  readonly statusCode: number;
  /** `main_frame`, or what else the browser calls it. */
  readonly type: string;
  /** As they came, one entry for each line, with `name` and `value`. */
  readonly headers: readonly { readonly name: string; readonly value?: string | undefined }[];
  /** Loaded ahead of time (`documentLifecycle` is not `active`, or a prefetch): nobody has asked for it yet. */
  readonly ahead?: boolean | undefined;
  /** Another site led the tab here: the user is asked, whatever the budget allows. */
  readonly uninvited?: boolean | undefined;
  /** True when the header of a `reload` was set for this request; without it: whatever was asked of this tab last was done. */
  readonly authorized?: boolean | undefined;
  /** The page is known to hold nothing, whatever its headers say. */
  readonly empty?: boolean | undefined;
}

/** Reason for which a page that costs money is not there. */
export type NavigationProblem =
  /** The challenge makes no sense, or says one thing and its invoice another. No funds were sent. */
  | 'badChallenge'
  /** Over plain HTTP a credential would be seen by everybody on the way. No funds were sent. */
  | 'insecure'
  /** Refused by the budget and the user, or no route found. No funds were sent. */
  | 'notPaid'
  /** The outcome is not known yet. */
  | 'pending'
  /** Paid, and the server did not deliver: the receipt proves it. */
  | 'notDelivered'
  /** A defect of the wallet. */
  | 'failed';

/**
 * The step to take, in the tab with the id `tabId`, about `url`: `header` is the header's name and `authorization` its value;
 * `problem` says what is the matter,
 * and `receipt` what was paid (`null`: nothing).
 */
export type NavigationStep =
  | { readonly do: 'nothing' }
  /**
   * Set this header on the next request for exactly this URL in this tab, then load it again. Take the header away with the
   * response, whatever it is, or with the tab.
   */
  | {
      readonly do: 'reload';
      readonly tabId: number;
      readonly url: string;
      readonly header: string;
      readonly authorization: string;
    }
  /** Show the user what is the matter. */
  | {
      readonly do: 'show';
      readonly tabId: number;
      readonly url: string;
      readonly problem: NavigationProblem;
      /** In English. */
      readonly message: string;
      readonly receipt: Receipt | null;
    };
