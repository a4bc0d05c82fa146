import { createSubscriber } from 'svelte/reactivity';
import { nowSeconds } from '../text/time.ts';

/** The time in whole seconds; whatever reads it in a template is drawn again each second. */
const subscribe = createSubscriber((update) => {
  const timer = setInterval(update, 1000);
  return () => clearInterval(timer);
});

export const clock = {
  get seconds(): number {
    subscribe();
    return nowSeconds();
  },
};
