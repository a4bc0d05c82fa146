/** Budgets of other wallets that were given to whoever uses this browser: their links, kept by the page itself. */

/** One of them. */
export interface HeldBudget {
  /** The link's code: whoever has it spends the budget. */
  code: string;
  /** Its name when it was last seen; empty: it was not yet. */
  name: string;
}

const KEY = 'amplet.budgets';

function stored(): HeldBudget[] {
  try {
    const found: unknown = JSON.parse(localStorage.getItem(KEY) ?? '[]');
    return Array.isArray(found) ? found.filter(isHeld) : [];
  } catch {
    return []; // no storage, or not ours
  }
}

function isHeld(value: unknown): value is HeldBudget {
  const { code, name } = (value ?? {}) as Partial<HeldBudget>;
  return typeof code === 'string' && typeof name === 'string';
}

class Held {
  /** The one that was opened last first. */
  all = $state.raw<readonly HeldBudget[]>(stored());

  /** Keeps a budget, as the first. */
  open(code: string): void {
    const known = this.all.find((held) => held.code === code);
    this.#keep([known ?? { code, name: '' }, ...this.all.filter((held) => held.code !== code)]);
  }

  /** Notes its name. */
  name(code: string, name: string): void {
    if (this.all.some((held) => held.code === code && held.name !== name))
      this.#keep(this.all.map((held) => (held.code === code ? { code, name } : held)));
  }

  /** Forgets one. */
  remove(code: string): void {
    this.#keep(this.all.filter((held) => held.code !== code));
  }

  #keep(all: readonly HeldBudget[]): void {
    this.all = all;
    try {
      localStorage.setItem(KEY, JSON.stringify(all));
    } catch (thrown) {
      console.warn('budgets', thrown); // they are there until the page is closed
    }
  }
}

export const held = new Held();
