/** What can spend works only after half a second in front, undisturbed, with the same content. */

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Attention, type AttentionOptions } from '../src/base/attention.svelte.ts';

/** A document that the test moves about. */
class Stage extends EventTarget {
  visibilityState: 'visible' | 'hidden' = 'visible';
  focused = true;
  hasFocus = (): boolean => this.focused;

  tell(name: string, target: EventTarget = window): void {
    target.dispatchEvent(new Event(name));
  }
}

let stage: Stage;
let window: EventTarget;
let end = (): void => {};

beforeEach(() => {
  vi.useFakeTimers();
  stage = new Stage();
  window = new EventTarget();
  const globals = { screenX: 0, screenY: 0, innerWidth: 400, innerHeight: 700, outerWidth: 400, outerHeight: 760 };
  for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value);
  vi.stubGlobal('document', stage);
  vi.stubGlobal('addEventListener', window.addEventListener.bind(window));
  vi.stubGlobal('removeEventListener', window.removeEventListener.bind(window));
});

afterEach(() => {
  end();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function attended(options: AttentionOptions = {}): Attention {
  const attention = new Attention(options);
  end = attention.watch();
  return attention;
}

test('not before half a second has gone by, and then', () => {
  const attention = attended();
  vi.advanceTimersByTime(400);
  expect(attention.given).toBe(false);
  vi.advanceTimersByTime(200);
  expect(attention.given).toBe(true);
});

test.each(['blur', 'focus', 'resize', 'hashchange', 'pageshow'])('anew with %s', (name) => {
  const attention = attended();
  vi.advanceTimersByTime(1_000);
  stage.tell(name);
  expect(attention.given).toBe(false);
  vi.advanceTimersByTime(400);
  expect(attention.given).toBe(false);
  vi.advanceTimersByTime(200);
  expect(attention.given).toBe(true);
});

test('a tab that a page brings to the front begins anew, however long it was open', () => {
  const attention = attended();
  vi.advanceTimersByTime(1_000);
  stage.visibilityState = 'hidden';
  stage.tell('visibilitychange', stage);
  vi.advanceTimersByTime(60_000);
  expect(attention.given).toBe(false);
  stage.visibilityState = 'visible';
  stage.tell('visibilitychange', stage);
  vi.advanceTimersByTime(400);
  expect(attention.given).toBe(false);
  vi.advanceTimersByTime(200);
  expect(attention.given).toBe(true);
});

test('anew also when it was away between two looks', () => {
  const attention = attended();
  vi.advanceTimersByTime(1_000);
  for (const state of ['hidden', 'visible'] as const) {
    stage.visibilityState = state;
    stage.tell('visibilitychange', stage);
  }
  expect(attention.given).toBe(false);
});

test('anew with other content, and in another place', () => {
  const attention = attended();
  vi.advanceTimersByTime(1_000);
  attention.again();
  expect(attention.given).toBe(false);
  vi.advanceTimersByTime(600);
  expect(attention.given).toBe(true);
  vi.stubGlobal('screenX', 10);
  vi.advanceTimersByTime(100);
  expect(attention.given).toBe(false);
});

test('a window too small to show all, or without the focus, has none; a panel needs no focus', () => {
  const small = attended({ least: { width: 300, height: 1_000 } });
  vi.advanceTimersByTime(5_000);
  expect(small.given).toBe(false);
  end();
  stage.focused = false;
  const unfocused = attended();
  vi.advanceTimersByTime(5_000);
  expect(unfocused.given).toBe(false);
  end();
  const panel = attended({ focus: false });
  vi.advanceTimersByTime(600);
  expect(panel.given).toBe(true);
  stage.tell('focus'); // the click that is meant for it brings it
  expect(panel.given).toBe(true);
});
