/** What the user's own budget says of a payment before it is made. */

import type { Preview } from 'amplet';
import type { App } from '../app/app.svelte.ts';

/** A payment as far as budgets look at it; in msat, the fee at most. */
export interface Cost {
  amountMsat: bigint;
  maxFeeMsat: bigint;
}

/** See the head of this file. To be made while a component is. */
export class OwnLimit {
  /** Why it would be refused; `null`: it would not, or nobody knows. */
  refusal = $state.raw<Preview['problem']>(null);

  /** `cost`: of the payment that is on the screen; `null`: there is none yet. */
  constructor(app: App, cost: () => Cost | null) {
    $effect(() => {
      const asked = cost();
      void app.payments; // what is paid changes what is left
      let current = true;
      const say = (refusal: Preview['problem']): void => {
        if (current) this.refusal = refusal;
      };
      if (asked === null) say(null);
      else {
        const approvedMsat = asked.amountMsat + asked.maxFeeMsat; // pressing the button is the approval
        app.open.preview({ ...asked, authorization: { holder: { kind: 'user' }, approvedMsat } }).then(
          ({ problem }) => say(problem?.code === 'budgetRefused' ? problem : null),
          () => say(null), // the payment itself says what is wrong
        );
      }
      return () => (current = false);
    });
  }
}
