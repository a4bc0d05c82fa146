import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { WebLNProvider } from '@webbtc/webln-types';
import { build } from 'esbuild';
import { requestProvider } from 'webln';
import {
  type PageTransport,
  type ProviderDetail,
  type SiteCall,
  type Webln,
  installWebln,
  relay,
  windowTransport,
} from '../../src/provider.ts';

const INFO = { name: 'Amplet', icon: 'data:image/svg+xml,', rdns: 'org.amplet' };

/** As much of a page's window as the provider needs. */
class FakeWindow extends EventTarget {
  readonly document: EventTarget = new EventTarget();
  readonly origin: string = 'https://shop.example';
  /** To whom messages were posted. */
  readonly audiences: string[] = [];
  webln?: unknown;

  constructor() {
    super();
    delete this.webln;
    // Events of the document bubble to the window.
    for (const name of ['webln:ready', 'webln:enabled']) {
      this.document.addEventListener(name, ({ type, bubbles }) => bubbles && this.dispatchEvent(new Event(type)));
    }
  }

  postMessage(data: unknown, origin: string): void {
    this.audiences.push(origin);
    this.deliver(data, this);
  }

  deliver(data: unknown, source: unknown): void {
    queueMicrotask(() =>
      this.dispatchEvent(Object.assign(new Event('message'), { data: structuredClone(data), source })),
    );
  }
}

/** A page whose calls are kept; answers are given by hand. */
function page({ other }: { other?: unknown } = {}) {
  const target = new FakeWindow();
  if (other !== undefined) target.webln = other;
  const heard: string[] = [];
  const announced: ProviderDetail[] = [];
  for (const name of ['webln:ready', 'webln:enabled']) target.addEventListener(name, () => heard.push(name));
  target.addEventListener('webln:announceProvider', (event) =>
    announced.push((event as CustomEvent<ProviderDetail>).detail),
  );
  const calls: SiteCall[] = [];
  let receive: Parameters<PageTransport['listen']>[0] = () => {};
  const transport: PageTransport = {
    post: (call) => void calls.push(call),
    listen: (listener) => (receive = listener),
  };
  const webln = installWebln({ transport, info: INFO, target: target as unknown as Window });
  const answer = (id: number, result: unknown) => receive({ amplet: 1, id, ok: true, result: result as never });
  return { target, heard, announced, calls, webln, answer, receive: (message: unknown) => receive(message as never) };
}

test('the provider is there, announced and ready, and stays as it is', () => {
  const { target, heard, announced, webln } = page();
  assert.equal(target.webln, webln);
  assert.deepEqual(heard, ['webln:ready']);
  target.dispatchEvent(new Event('webln:requestProvider'));
  assert.equal(announced.length, 2);
  assert.equal(announced[1]!.provider, webln);
  assert.match(announced[0]!.info.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(announced[0]!.info.uuid, announced[1]!.info.uuid);
  assert.throws(() => ((webln as { sendPayment: unknown }).sendPayment = () => {}), TypeError);
  assert.throws(() => ((announced[0] as { provider: unknown }).provider = {}), TypeError);
  target.webln = "another library's";
  assert.equal(target.webln, "another library's");
});

test('another wallet that is there already stays, and both are announced', () => {
  const other = {};
  const { target, heard, announced } = page({ other });
  assert.equal(target.webln, other);
  assert.deepEqual(heard, []);
  assert.equal(announced.length, 1);
});

test('every method of WebLN goes out with its arguments by name', async () => {
  const { webln, calls } = page();
  const typed: WebLNProvider = webln as unknown as WebLNProvider;
  const args: [string, unknown, Promise<unknown> | undefined][] = [
    ['enable', {}, typed.enable()],
    ['isEnabled', {}, typed.isEnabled?.()],
    ['getInfo', {}, typed.getInfo()],
    ['getBalance', {}, typed.getBalance?.()],
    ['makeInvoice', { amount: 5 }, typed.makeInvoice(5)],
    ['makeInvoice', { amount: '5' }, typed.makeInvoice('5')],
    ['makeInvoice', { minimumAmount: 1, defaultMemo: 'm' }, typed.makeInvoice({ minimumAmount: 1, defaultMemo: 'm' })],
    ['sendPayment', { paymentRequest: 'lnbc1' }, typed.sendPayment('lnbc1')],
    ['sendPaymentAsync', { paymentRequest: 'lnbc1' }, webln.sendPaymentAsync('lnbc1')],
    ['keysend', { destination: '02', amount: '7' }, typed.keysend?.({ destination: '02', amount: 7n as never })],
    ['signMessage', { message: 'x' }, typed.signMessage?.('x')],
    ['verifyMessage', { signature: 's', message: 'x' }, typed.verifyMessage?.('s', 'x')],
    ['lnurl', { lnurl: 'lnurl1' }, typed.lnurl?.('lnurl1')],
    ['lookupInvoice', { paymentHash: 'ab' }, typed.lookupInvoice?.({ paymentHash: 'ab' })],
    [
      'request',
      { method: 'stream.stop', params: { streamId: 's' } },
      typed.request?.('stream.stop', { streamId: 's' }),
    ],
  ];
  assert.deepEqual(
    calls.map(({ method, params }) => [method, params]),
    args.map(([method, params]) => [method, params]),
  );
  assert.equal(new Set(calls.map(({ id }) => id)).size, calls.length);
});

test('answers find their calls, in whatever order; errors have the names of the npm package', async () => {
  const { webln, answer, receive } = page();
  const first = webln.sendPayment('one');
  const second = webln.sendPayment('two');
  const third = webln.sendPayment('three');
  answer(2, { preimage: 'b' });
  answer(9, 'nobody asked');
  receive(undefined);
  receive({ amplet: 2, id: 1, ok: true, result: 'another version' });
  answer(1, { preimage: 'a' });
  receive({ amplet: 1, id: 3, ok: false, error: { name: 'RejectionError', message: 'The user said no.' } });
  assert.deepEqual([await first, await second], [{ preimage: 'a' }, { preimage: 'b' }]);
  await assert.rejects(third, (error: Error) => {
    assert.deepEqual(
      [error.name, error.constructor.name, error.message],
      ['RejectionError', 'RejectionError', 'The user said no.'],
    );
    return error instanceof Error;
  });
});

test('when the host goes away nothing waits for ever', async () => {
  const { webln, receive } = page();
  const paying = webln.sendPayment('one');
  receive({ amplet: 1, event: 'lost', detail: null });
  await assert.rejects(paying, { name: 'ConnectionError' });
});

test('accountChanged is told to those who listen', async () => {
  const { webln, receive } = page();
  const heard: string[] = [];
  const listener = () => void heard.push('one');
  webln.on('accountChanged', listener);
  webln.on('accountChanged', () => void heard.push('two'));
  receive({ amplet: 1, event: 'accountChanged', detail: null });
  await new Promise(setImmediate);
  webln.off('accountChanged', listener);
  receive({ amplet: 1, event: 'accountChanged', detail: null });
  await new Promise(setImmediate);
  assert.deepEqual(heard, ['one', 'two', 'two']);
});

test('the npm client finds the provider, and webln:enabled is told once', async () => {
  const { target, webln, answer, heard } = page();
  const before = Object.getOwnPropertyDescriptor(globalThis, 'window');
  Object.defineProperty(globalThis, 'window', { value: target, configurable: true });
  try {
    for (const id of [1, 2]) {
      const provider = requestProvider();
      answer(id, { enabled: true });
      assert.equal(await provider, webln);
    }
  } finally {
    if (before) Object.defineProperty(globalThis, 'window', before);
    else Reflect.deleteProperty(globalThis, 'window');
  }
  assert.deepEqual(heard, ['webln:ready', 'webln:enabled']);
});

test('through the window: only this window is heard, and a call reaches the content script as it is', async () => {
  const target = new FakeWindow();
  const window = target as unknown as Window;
  const forwarded: SiteCall[] = [];
  const back = relay((call) => forwarded.push(call), window);
  const webln: Webln = installWebln({ transport: windowTransport(window), info: INFO, target: window });
  const info = webln.getInfo();
  target.deliver({ 'amplet:call': { amplet: 1, id: 5, method: 'sendPayment', params: {} } }, {});
  target.deliver({ 'amplet:call': { amplet: 1, id: 'x', method: 'sendPayment' } }, target);
  target.deliver('noise', target);
  await new Promise(setImmediate);
  assert.deepEqual(forwarded, [{ amplet: 1, id: 1, method: 'getInfo', params: {} }]);
  target.deliver({ 'amplet:answer': { amplet: 1, id: 1, ok: true, result: 'forged by a frame' } }, {});
  back.answer({ amplet: 1, id: 1, ok: true, result: { methods: [] } });
  assert.deepEqual(await info, { methods: [] });
  assert.deepEqual(new Set(target.audiences), new Set(['https://shop.example']));
  const lost = webln.getInfo();
  await new Promise(setImmediate);
  back.lost();
  await assert.rejects(lost, { name: 'ConnectionError' });
});

test('a frame without an origin speaks with its own window', async () => {
  const target = Object.assign(new FakeWindow(), { origin: 'null' });
  const window = target as unknown as Window;
  const back = relay(({ id }) => back.answer({ amplet: 1, id, ok: true, result: true }), window);
  const webln = installWebln({ transport: windowTransport(window), info: INFO, target: window });
  assert.equal(await webln.isEnabled(), true);
  assert.deepEqual(target.audiences, ['*', '*']);
});

test('pages that no wallet serves do not see that there is one', () => {
  for (const [origin, seen] of [
    ['https://shop.example', true],
    ['http://127.0.0.1:8080', true],
    ['http://localhost:3000', true],
    ['http://shop.example', false],
    ['null', false],
  ] as const) {
    const target = Object.defineProperty(new FakeWindow(), 'origin', { value: origin });
    let announced = 0;
    target.addEventListener('webln:announceProvider', () => (announced += 1));
    const transport = { post: () => {}, listen: () => {} };
    installWebln({ transport, info: INFO, target: target as unknown as Window });
    target.dispatchEvent(new Event('webln:requestProvider'));
    assert.deepEqual(['webln' in target, announced], [seen, seen ? 2 : 0], origin);
  }
});

test('what a page loads stays small', async () => {
  const bundle = async (contents: string): Promise<number> => {
    const stdin = { contents, resolveDir: process.cwd(), loader: 'ts' as const };
    const { outputFiles } = await build({ stdin, bundle: true, minify: true, format: 'iife', write: false });
    return outputFiles[0]!.contents.length;
  };
  const from = 'from "./src/provider.ts"';
  const inpage = await bundle(
    `import { installWebln, windowTransport } ${from}; installWebln({ transport: windowTransport(), info: ${JSON.stringify(INFO)} });`,
  );
  assert.ok(inpage < 6_000, `inpage: ${inpage} B`);
  const content = await bundle(`import { relay } ${from}; relay((call) => console.log(call));`);
  assert.ok(content < 2_200, `content: ${content} B`);
});
