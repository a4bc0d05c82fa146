/** Budgets of sites that are used up: asked about once, and not again after a no that was meant to last. */

import type { Budget } from 'amplet';
import { ProviderError, type PromptRequest, type Site } from 'amplet/provider';
import { tightest } from '../lib/budgets.ts';
import type { Badge } from './badge.ts';

/** A no that lasts: as long as the rules stay as they are, and time alone has not freed anything. */
interface Stop {
  rules: string;
  /** Seconds since the UNIX epoch; `null`: time does not help. */
  until: bigint | null;
}

const keyOf = ({ origin, topLevel }: Site): string => `${origin} ${topLevel}`;
const nameOf = ({ rules }: Budget): string =>
  JSON.stringify(rules, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));

/** See the head of this file. */
export class UsedUp {
  readonly #budgetOf: (site: Site) => Promise<Budget | null>;
  readonly #badge: Badge;
  readonly #now: () => number;
  readonly #stops = new Map<string, Stop>();

  /** `budgetOf` returns the site's budget; `now` in milliseconds since the UNIX epoch. */
  constructor(budgetOf: (site: Site) => Promise<Budget | null>, badge: Badge, now: () => number = Date.now) {
    this.#budgetOf = budgetOf;
    this.#badge = badge;
    this.#now = now;
  }

  /** The user wants no more of this site before its budget allows something again. */
  async stop(site: Site): Promise<void> {
    const budget = await this.#budgetOf(site);
    if (budget === null) return;
    this.#stops.set(keyOf(site), { rules: nameOf(budget), until: tightest(budget)?.until ?? null });
    this.#badge.stopped(true);
  }

  /**
   * Checks that a question may be put.
   * @throws {ProviderError} `RejectionError`: it is about a used-up budget, and the user said no for as long as that lasts
   */
  async mayAsk(request: PromptRequest): Promise<void> {
    if (!('refusal' in request) || request.refusal?.code !== 'budgetRefused') return;
    if (await this.#isStopped(request.site))
      throw new ProviderError('RejectionError', 'The budget of this site does not allow it; no funds were sent.');
  }

  /** True if the user can do something about a stream that the site's budget holds up: a rate frees itself. */
  async isForUser(site: Site): Promise<boolean> {
    const budget = await this.#budgetOf(site);
    return budget !== null && tightest(budget)?.rule !== 'rate' && !(await this.#isStopped(site));
  }

  async #isStopped(site: Site): Promise<boolean> {
    const stop = this.#stops.get(keyOf(site));
    if (stop === undefined) return false;
    const budget = await this.#budgetOf(site);
    const lasts = stop.until === null || BigInt(Math.floor(this.#now() / 1000)) < stop.until;
    if (budget !== null && lasts && nameOf(budget) === stop.rules) return true;
    this.#stops.delete(keyOf(site));
    this.#badge.stopped(this.#stops.size > 0);
    return false;
  }
}
