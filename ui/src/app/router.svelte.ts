/** The screen in view: `#/pay`, `#/history/<id>`. The hash never reaches a server. */

export const SCREENS = [
  'home',
  'receive',
  'pay',
  'history',
  'channels',
  'budgets',
  'budget',
  'settings',
  'create',
  'restore',
  'pair',
] as const;
export type Screen = (typeof SCREENS)[number];

export interface Route {
  screen: Screen;
  argument: string | null;
}

function read(): Route {
  const [name = '', argument] = location.hash.replace(/^#\/?/, '').split('/');
  const screen = SCREENS.find((known) => known === name) ?? 'home';
  return { screen, argument: argument ? decode(argument) : null };
}

/** Whatever a link brought: what cannot be decoded stays as it is. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

class Router {
  route = $state.raw<Route>(read());

  constructor() {
    addEventListener('hashchange', () => {
      this.route = read();
    });
  }

  go(screen: Screen, argument?: string): void {
    location.hash = href(screen, argument).slice(1);
  }
}

export const href = (screen: Screen, argument?: string): string =>
  `#/${screen}${argument === undefined ? '' : `/${encodeURIComponent(argument)}`}`;

export const router = new Router();
