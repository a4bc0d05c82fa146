/** A decision belongs to the question that it was made about. */

import { expect, test, vi } from 'vitest';
import { Prompt } from '../../src/approve/prompt.svelte.ts';
import { FakePort } from './fake-port.ts';

const site = { origin: 'https://a.example', topLevel: 'https://a.example' };
const question = (id: number) => ({ id, request: { kind: 'enable', site }, waiting: 1 });

function connected(): { prompt: Prompt; port: FakePort } {
  const port = new FakePort();
  vi.stubGlobal('chrome', { runtime: { connect: () => port } });
  const prompt = new Prompt();
  prompt.connect();
  return { prompt, port };
}

test('a yes that takes its time is not one to the question that came meanwhile', () => {
  const { prompt, port } = connected();
  port.receive(question(1));
  const asked = prompt.id;
  port.receive(question(2)); // the first was withdrawn while its budget was being given
  prompt.decide(asked, { allowed: true });
  expect(port.posted).toEqual([]);
  expect(prompt.request, 'the second is still asked').not.toBeNull();
  prompt.decide(prompt.id, { allowed: false });
  expect(port.posted).toEqual([{ id: 2, decision: { allowed: false } }]);
});

test('a second click says nothing more', () => {
  const { prompt, port } = connected();
  port.receive(question(1));
  prompt.decide(1, { allowed: true });
  prompt.decide(1, { allowed: true });
  expect(port.posted).toEqual([{ id: 1, decision: { allowed: true } }]);
});
