/** Who began the loading of a page. */

import { expect, test } from 'vitest';
import { Journeys } from '../../src/background/journeys.ts';

const NEWS = 'https://news.example';
const page = { requestId: '1', tabId: 7, url: `${NEWS}/paid` };

function after(...requests: Parameters<Journeys['begun']>[0][]): Journeys {
  const journeys = new Journeys();
  for (const request of requests) journeys.begun(request);
  return journeys;
}

test('the user, and the site itself, may spend its budget', () => {
  expect(after(page).isOwn(page)).toBe(true);
  expect(after({ ...page, initiator: NEWS }).isOwn(page)).toBe(true);
  expect(after({ ...page, originUrl: `${NEWS}/front` }).isOwn(page)).toBe(true);
  expect(after({ ...page, url: `${NEWS}/first` }, page).isOwn(page), 'sent on by itself').toBe(true);
});

test('another site may not: by a link, from a frame without an origin, by sending the tab on', () => {
  expect(after({ ...page, initiator: 'https://evil.example' }).isOwn(page)).toBe(false);
  expect(after({ ...page, initiator: 'null' }).isOwn(page)).toBe(false);
  expect(after({ ...page, originUrl: 'https://evil.example/x' }).isOwn(page)).toBe(false);
  expect(after({ ...page, url: 'https://evil.example/go' }, page).isOwn(page)).toBe(false);
  expect(after({ ...page, url: 'http://news.example/' }, page).isOwn(page), 'plain http is another').toBe(false);
});

test('what nobody saw begin is not theirs', () => {
  expect(after().isOwn(page)).toBe(false);
  const journeys = after(page);
  journeys.ended(page);
  expect(journeys.isOwn(page)).toBe(false);
});

test('a tab that has asked for something else has left', () => {
  const journeys = after(page);
  expect(journeys.isLeft(page)).toBe(false);
  journeys.begun({ ...page, requestId: '2', url: `${NEWS}/free` });
  expect(journeys.isLeft(page)).toBe(true);
  expect(journeys.isLeft({ requestId: '9', tabId: 8 }), 'of another tab nothing is known').toBe(false);
});
