/** Who may have a window raised: pages that the user sees, and what they have enabled. */

import type { Decision, PromptRequest, SiteReply } from 'amplet/provider';
import { beforeEach, expect, test, vi } from 'vitest';
import { Sites } from '../../src/wallet-host/sites.ts';
import type { Said } from '../../src/wallet-host/prompt-queue.ts';
import type { Shown } from '../../src/lib/messages.ts';
import type { FakePort } from './fake-port.ts';
import { framePort, settle } from './fake-chrome.ts';

/** The wallet host around {@link Sites}: a session that is locked until the user says yes. */
class World {
  locked = true;
  moved = false;
  readonly asked: { request: Shown; decide: (decision: Decision) => void; signal: AbortSignal }[] = [];
  /** Signals of the frames whose calls arrived. */
  readonly signals: AbortSignal[] = [];
  enabled = new Set<string>();
  readonly sites: Sites;

  constructor() {
    const { asked, signals } = this;
    const session = { changed: () => {}, wallet: null, open: async () => (this.locked ? null : {}) };
    Object.defineProperty(session, 'moved', { get: () => this.moved });
    Object.defineProperty(session, 'wallet', { get: () => (this.locked ? null : {}) });
    const prompts = {
      ask: (request: Shown, signal: AbortSignal) =>
        new Promise<Said>((resolve) => {
          const decide = (decision: Decision): void => resolve({ decision, stop: false });
          asked.push({ request, decide, signal });
          signal.addEventListener('abort', () => decide({ allowed: false }));
        }),
    };
    const host = {
      seen: () => {},
      handle: async (
        sender: { origin: string },
        { id, method }: { id: number; method: string },
        signal?: AbortSignal,
      ): Promise<SiteReply> => {
        if (signal !== undefined) signals.push(signal);
        const result = method === 'isEnabled' ? this.enabled.has(sender.origin) : {};
        return { amplet: 1, id, ok: true, result };
      },
    };
    this.sites = new Sites(host as never, session as never, prompts as never);
  }

  attach(port: FakePort): FakePort {
    this.sites.attach(port.port);
    return port;
  }

  /** Says yes to the question to unlock. */
  unlock(): void {
    this.locked = false;
    this.asked.at(-1)?.decide({ allowed: true });
  }
}

let world: World;
let next = 1;
beforeEach(() => {
  world = new World();
  vi.restoreAllMocks();
});

const call = (method: string, params: unknown = {}) => ({ amplet: 1, id: next++, method, params });
const replies = (port: FakePort) => port.posted.filter((message) => 'id' in (message as object)) as SiteReply[];
const seen = { visible: true, touched: false };

test('locked: what was not enabled raises no window, whatever it calls', async () => {
  const port = world.attach(framePort());
  port.receive(seen);
  for (const method of ['getInfo', 'sendPayment', 'isEnabled', 'nonsense']) port.receive(call(method));
  await settle();
  expect(world.asked).toEqual([]);
  expect(replies(port).map((reply) => (reply.ok ? reply.result : reply.error.name))).toEqual([
    'ConnectionError',
    'ConnectionError',
    false,
    'ConnectionError',
  ]);
});

test('on another device: a site is told with a code of its own, and no window is raised', async () => {
  world.moved = true;
  const port = world.attach(framePort());
  port.receive(seen);
  for (const method of ['enable', 'sendPayment', 'isEnabled']) port.receive(call(method));
  await settle();
  expect(world.asked).toEqual([]);
  expect(replies(port).map((reply) => (reply.ok ? reply.result : [reply.error.name, reply.error.code]))).toEqual([
    ['ConnectionError', 'moved'],
    ['ConnectionError', 'moved'],
    false,
  ]);
});

test('locked: a page that asks to be enabled has the wallet opened, and so has one that was enabled', async () => {
  const port = world.attach(framePort());
  port.receive(call('enable'));
  await settle();
  expect(world.asked.map(({ request }) => request)).toEqual([
    { kind: 'unlock', site: { origin: 'https://a.example', topLevel: 'https://a.example' } },
  ]);
  world.unlock();
  await settle();
  expect(replies(port)).toHaveLength(1);
  world.locked = true;
  port.receive(call('sendPayment'));
  await settle();
  expect(world.asked).toHaveLength(2);
});

test('locked: a page that another wallet host had answered as enabled has the wallet opened, too', async () => {
  const port = world.attach(framePort());
  port.receive({ visible: true, touched: false, enabled: true });
  port.receive(call('sendPayment'));
  await settle();
  expect(world.asked).toHaveLength(1);
});

test('locked: what a page embeds of another site raises none, nor does what nobody sees or what is loaded ahead', async () => {
  const frame = world.attach(framePort({ origin: 'https://ad.example', topLevel: 'https://a.example' }));
  frame.receive({ visible: true, touched: true });
  frame.receive(call('enable'));
  const hidden = world.attach(framePort({ origin: 'https://b.example' }));
  hidden.receive({ visible: false, touched: false });
  hidden.receive(call('enable'));
  const ahead = world.attach(framePort({ origin: 'https://c.example', documentLifecycle: 'prerender' }));
  await settle();
  expect(world.asked).toEqual([]);
  expect(ahead.disconnected).toBe(true);
  hidden.receive(seen);
  await settle();
  expect(world.asked, 'it is asked about once it is seen').toHaveLength(1);
});

test('a page that asks to unlock first and goes turns nobody else down', async () => {
  const first = world.attach(framePort({ origin: 'https://a.example' }));
  const second = world.attach(framePort({ origin: 'https://b.example' }));
  first.receive(call('enable'));
  second.receive(call('enable'));
  await settle();
  expect(world.asked).toHaveLength(1);
  first.end();
  await settle();
  expect(world.asked.map(({ request }) => request.site.origin)).toEqual(['https://a.example', 'https://b.example']);
  world.unlock();
  await settle();
  expect(replies(second)).toMatchObject([{ ok: true }]);
  // Its next page is not held to a no that nobody said.
  world.locked = true;
  world.attach(framePort({ origin: 'https://a.example' })).receive(call('enable'));
  await settle();
  expect(world.asked).toHaveLength(3);
});

test('a no to unlocking is one for all that wait, and for a while', async () => {
  const ports = ['https://a.example', 'https://b.example'].map((origin) => world.attach(framePort({ origin })));
  for (const port of ports) port.receive(call('enable'));
  await settle();
  world.asked[0]?.decide({ allowed: false });
  await settle();
  expect(ports.map((port) => replies(port)[0]?.ok)).toEqual([false, false]);
  ports[0]?.receive(call('enable'));
  await settle();
  expect(world.asked).toHaveLength(1);
});

const payment = { kind: 'payment', site: { origin: 'https://a.example', topLevel: 'https://a.example' } };

test('open: no question for a page that nobody sees, or for an untouched frame of another site', async () => {
  world.locked = false;
  const page = world.attach(framePort());
  const frame = world.attach(framePort({ origin: 'https://ad.example', topLevel: 'https://a.example' }));
  for (const port of [page, frame]) port.receive(call('getInfo')); // the host is given who calls
  await settle();
  const [ofPage, ofFrame] = world.signals;
  const asks =
    (port: FakePort, request = payment) =>
    () =>
      world.sites.mayAsk(request as PromptRequest, (port === page ? ofPage : ofFrame) as AbortSignal);
  page.receive({ visible: false, touched: false });
  expect(asks(page)).toThrow(/in front/);
  expect(asks(page, { ...payment, kind: 'lnurlSuccess' }), 'what was bought is shown').not.toThrow();
  page.receive(seen);
  expect(asks(page)).not.toThrow();
  frame.receive(seen);
  expect(asks(frame)).toThrow(/click/);
  frame.receive({ visible: true, touched: true });
  expect(asks(frame)).not.toThrow();
});

test('what one frame has waiting is bounded before the wallet is opened', async () => {
  const port = world.attach(framePort());
  port.receive(call('enable', { filler: 'x'.repeat(1_000_000) }));
  await settle();
  expect(replies(port)).toMatchObject([{ ok: false, error: { name: 'RejectionError' } }]);
  expect(world.asked).toEqual([]);
  for (let count = 0; count < 300; count += 1) port.receive(call('enable'));
  await settle();
  expect(replies(port)).toHaveLength(1 + 300 - 256);
});
